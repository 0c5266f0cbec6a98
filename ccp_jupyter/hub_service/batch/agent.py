"""The agent: runs inside the container of a batch, moves its files by connectors, runs its command.

The service copies this one file into the container and starts it as
``python3 /cc/restricted_red_agent.py /cc/restricted_red_file.json``. It runs with whatever Python
the image has, from 3.4 on, and with nothing but its standard library; annotations are in quotes
for that reason. The contract with images and connectors is in ``docs/connectors.md``.

It reads the job and deletes it, receives the inputs, runs the command, sends the outputs, and
leaves ``/cc/result/result.json``. A line ``MARK deploy``, ``MARK execute`` or ``MARK fetch`` on its
stderr says where it is, ``MARK end CODE`` that it ends. Started again it does nothing, because the
job is gone. The exit code is 0 when the batch succeeded, 255 when it was started before, otherwise
1.
"""

import collections
import contextlib
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial

try:
    import ctypes
except ImportError:  # an image may have a Python without it
    ctypes = None  # type: ignore[assignment]

# What takes long to import and is not always needed is imported where it is: batches may be small.

MYPY = False  # the module typing is younger than Python 3.4
if MYPY:
    import concurrent.futures
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

JOB_VERSION = 1
WORKERS = 4
"""Connectors that run at a time."""
DEFAULT_LIMIT = 2**20
"""Bytes of each stream that are shown live and kept, when the job does not say."""
DEBUG_SIZE = 64 * 1024
"""Bytes of ``debugInfo`` in all."""
MESSAGE_SIZE = 8 * 1024
"""Bytes of what one connector says about its failure."""
LONGEST_PIECE = 4096
"""Characters of a line of ``debugInfo``."""
LONGEST_LINE = 16 * 1024
"""Bytes without a line end that are shown live together."""
RESERVE = 256 * 1024
"""Bytes that are kept free on disk for the result, should the command fill it."""
UNMOUNT = 5.0
"""Seconds for each unmount when the container has been asked to end."""
DRAIN = 2.0
"""Seconds that the rest of the pipes may take after a process has ended."""
GRACE = 5.0
"""Seconds that other transfers may go on after one has failed; their errors are reported too."""
SHORTEST_SECRET = 4
MASK = "***"
PROTECTED_KEYS = ("password", "privateKey", "passphrase")
STOPPED = 128 + signal.SIGTERM  # exit code by which the service knows that the engine ended it
AGAIN = 255  # exit code by which the service knows that the container was started before
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class Failure(Exception):
    """The batch fails; `messages` say why, one text for each thing that went wrong."""

    def __init__(self, messages: "Iterable[str]") -> None:
        self.messages = list(messages)
        super().__init__("\n".join(self.messages))


class Stopped(BaseException):
    """Somebody asked the container to end."""


# --- texts -------------------------------------------------------------------------------------


def as_bytes(text: str) -> bytes:
    """Return a text of the job for the operating system, whatever the locale is.

    Python before 3.7 encodes as ASCII where no locale is set, as in most images.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Failure(["the job has a text that is not valid Unicode"]) from None
    if b"\0" in data:
        raise Failure(["the job has a path or an argument with a zero character"])
    return data


def as_text(data: bytes) -> str:
    """Return bytes as a text that is valid everywhere."""
    return data.decode("utf-8", "replace")


def reason(error: OSError) -> str:
    """Return what the operating system says, without the path."""
    return error.strerror or str(error)


def signal_name(number: int) -> str:
    """Return for example ``signal 9 (SIGKILL)``."""
    names = [
        name
        for name in dir(signal)
        if name.startswith("SIG") and "_" not in name and getattr(signal, name) == number
    ]
    return "signal {}{}".format(number, " ({})".format(names[0]) if names else "")


def how_it_ended(code: int) -> str:
    """Describe a return code as `subprocess` gives it."""
    if code < 0:
        return "was killed by {}".format(signal_name(-code))
    return "ended with exit code {}".format(code)


class Capped:
    """Keeps the first and the last half of what comes, at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take what comes next."""
        self._size += len(data)
        missing = self._half - len(self._head)
        if missing > 0:
            self._head += data[:missing]
            data = data[missing:]
        self._tail += data
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def parts(self) -> "tuple[bytes, int, bytes]":
        """Return the beginning, how many bytes are left out after it, and the end."""
        tail = bytes(self._tail[-self._half :])
        return bytes(self._head), self._size - len(self._head) - len(tail), tail

    def data(self) -> bytes:
        """Return all of it, or both halves with a line between them that says what is missing."""
        head, missing, tail = self.parts()
        return head + left_out(missing) + tail if missing else head + tail


def left_out(count: int) -> bytes:
    """Return the line that stands for bytes that are not kept."""
    return "\n[... {} bytes left out ...]\n".format(count).encode("ascii")


class Masks:
    """Replaces every secret that the agent knows, in the forms in which programs print them."""

    def __init__(self, texts: "Iterable[str]" = ()) -> None:
        forms = set()  # type: set[str]
        for text in texts:
            if len(text) >= SHORTEST_SECRET:
                from urllib.parse import quote

                with contextlib.suppress(UnicodeEncodeError):
                    forms.add(quote(text, safe=""))
                forms.update((text, json.dumps(text)[1:-1], repr(text)[1:-1]))
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self.longest = len(self._forms[0]) if self._forms else 0

    def hide(self, text: str) -> str:
        """Return the text with asterisks in place of secrets."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def hide_capped(self, capped: Capped) -> str:
        """Return what was kept; no half of a secret stays where it was cut."""
        head, missing, tail = capped.parts()
        if not missing:
            return self.hide(as_text(head + tail))
        first, last = self.hide(as_text(head)), self.hide(as_text(tail))
        if self.longest:
            first, last = first[: -self.longest], last[self.longest :]
        return first + left_out(missing).decode("ascii") + last


def secrets_below(value: "Any", inside: bool = False) -> "Iterator[str]":
    """Yield the texts and numbers under protected keys of an access object."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from secrets_below(item, inside or key in PROTECTED_KEYS or key[:1] == "_")
    elif isinstance(value, list):
        for item in value:
            yield from secrets_below(item, inside)
    elif inside and value is not None and not isinstance(value, bool):
        yield str(value)


# --- the job -----------------------------------------------------------------------------------


class Transfer:
    """One input or output that a connector moves.

    Attributes
    ----------
    label : str
        What messages call it.
    id : str
        Its key in the result.
    is_file : bool
        Otherwise it is a directory.
    path : bytes
        In this container.
    expected : dict
        Of ``checksum``, ``size``, ``listing``, those that the job gives.
    receives, sends : str
        Functions of the connector.
    """

    def __init__(self, kind: str, name: str, value: "dict[str, Any]", path: bytes) -> None:
        self.label = "{} {}".format(kind, name)
        self.id = name
        self.is_file = member(value, "class", str, self.label) != "Directory"
        connector = member(value, "connector", dict, self.label)
        self.connector = member(connector, "command", str, self.label)
        self.access = member(connector, "access", dict, self.label)
        self.mount = bool(connector.get("mount")) and kind == "input"
        if self.mount and self.is_file:
            raise Failure(["{}: only a directory can be mounted".format(self.label)])
        self.path = path
        self.expected = expected_of(value)
        self.listing = self.expected.get("listing")
        self.receives = "receive-file" if self.is_file else "receive-dir"
        if self.mount:
            self.receives = "mount-dir"
        self.sends = "send-file" if self.is_file else "send-dir"

    def entry(self) -> "dict[str, Any]":
        """Return what the result says of an input."""
        kind = "File" if self.is_file else "Directory"
        many = "[]" if ":" in self.id else ""
        entry = {"class": kind + many, "path": as_text(self.path)}  # type: dict[str, Any]
        if self.is_file:
            entry["size"] = os.path.getsize(self.path)
        if self.listing is not None:
            entry["listing"] = self.listing
        return entry


class Job:
    """What there is to do; see the module ``model/red`` of the service, which writes it."""

    def __init__(self, document: "Any") -> None:
        if not isinstance(document, dict) or document.get("job") != JOB_VERSION:
            raise Failure(["this agent knows jobs of version {} only".format(JOB_VERSION)])
        words(document, "command")
        self.argv = [as_bytes(word) for word in words(document, "argv")]
        self.inputs = list(self._inputs(member(document, "inputs", dict, "the job")))
        self.outputs = member(document, "outputs", dict, "the job")
        cli = member(document, "cli", dict, "the job")
        self.declared = member(cli, "outputs", dict, "cli")
        self.stdout = member(cli, "stdout", str, "cli")
        self.stderr = member(cli, "stderr", str, "cli")
        self.validate = document.get("validate", True) is not False

    def _inputs(self, values: "dict[str, Any]") -> "Iterator[Transfer]":
        for name, value in transfers_in(values):
            path = member(value, "path", str, "input {}".format(name))
            yield Transfer("input", name, value, as_bytes(path))


def transfers_in(values: "Any") -> "Iterator[tuple[str, dict[str, Any]]]":
    """Yield each value with a connector and its key in the result."""
    for name, value in values.items() if isinstance(values, dict) else ():
        many = isinstance(value, list)
        for number, item in enumerate(value if many else [value]):
            if isinstance(item, dict) and isinstance(item.get("connector"), dict):
                yield "{}:{}".format(name, number) if many else name, item


def secrets_of(document: "dict[str, Any]") -> "Iterator[str]":
    """Yield every text of a job that must not be seen, also when the job is not as it should be."""
    protected = document.get("protected")
    for text in protected if isinstance(protected, list) else ():
        yield str(text)
    for part in ("inputs", "outputs"):
        for _, value in transfers_in(document.get(part)):
            yield from secrets_below(value["connector"])


def member(document: "dict[str, Any]", name: str, kind: type, where: str) -> "Any":
    """Return a member that must be there and of this type."""
    value = document.get(name)
    if not isinstance(value, kind):
        text = "{}: the member {} is missing or is no {}"
        raise Failure([text.format(where, name, kind.__name__)])
    return value


def words(document: "dict[str, Any]", name: str) -> "list[str]":
    """Return a member that is a list of texts."""
    found = member(document, name, list, "the job")
    if not all(isinstance(word, str) for word in found):
        raise Failure(["the job: the member {} is no list of texts".format(name)])
    return list(found)


def expected_of(value: "dict[str, Any]") -> "dict[str, Any]":
    """Return what a file or directory shall be like."""
    wanted = ("checksum", "size", "listing")
    return {name: value[name] for name in wanted if value.get(name) is not None}


def read_job(path: str) -> "Any":
    """Return the job and delete it: it has secrets, and the command runs as the same user."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Failure(["the job cannot be read: {}".format(reason(error))]) from None
    finally:
        delete_job(path)
    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=collections.OrderedDict)
    except (ValueError, RuntimeError):  # the latter when it is nested too deep
        raise Failure(["the job is no valid JSON ({} bytes)".format(len(data))]) from None


def delete_job(path: str) -> None:
    """Delete the job, or fail: with it there, nothing of the user's may run."""
    try:
        os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        text = "the job, which has secrets, cannot be deleted: {}"
        raise Failure([text.format(reason(error))]) from None


# --- processes ---------------------------------------------------------------------------------


def protect_process() -> None:
    """Close this process to others of the same user, and become the parent of orphans.

    The command runs as the same user and could otherwise read secrets in ``/proc/PID/mem``.
    """
    if ctypes is not None:
        with contextlib.suppress(OSError, AttributeError):
            prctl = ctypes.CDLL(None).prctl
            prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
            prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def find_program(word: bytes) -> "bytes | None":
    """Return the path of a program; None when it is neither in PATH nor an executable path."""
    if b"/" in word:
        candidates = [word]
    else:
        path = os.fsencode(os.environ.get("PATH", os.defpath))
        candidates = [os.path.join(folder or b".", word) for folder in path.split(b":")]
    for candidate in candidates if word else ():
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None


def wait_for(pid: int) -> None:
    """Wait until a child has ended; leave it there, so that nobody gets its number yet."""
    while True:
        try:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            return
        except InterruptedError:  # Python 3.4
            pass


def wait_and_reap(pid: int) -> None:
    """Do the same, and clear away other children that end meanwhile: orphans of the command."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except InterruptedError:  # Python 3.4
            continue
        if ended is None or ended.si_pid == pid:
            return
        os.waitpid(ended.si_pid, 0)


def kill_group(pid: int) -> None:
    """Kill a process that leads its group, and the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def process_table() -> "dict[int, tuple[int, int]]":
    """Return parent and session of every process that has not ended."""
    table = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                with open("/proc/{}/stat".format(name), "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                if fields[0] not in (b"Z", b"X"):
                    table[int(name)] = (int(fields[1]), int(fields[3]))
    return table


def offspring(keep: "Iterable[int]" = (), session: int = 0) -> "set[int]":
    """Return all living processes that come from this one, without those to keep and theirs."""
    table = process_table()
    children = {}  # type: dict[int, list[int]]
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found = set()  # type: set[int]
    waiting = [os.getpid()]
    while waiting:
        new = set(children.get(waiting.pop(), ())) - found - set(keep)
        found |= new
        waiting.extend(new)
    if session:
        found |= {pid for pid, (_, its_session) in table.items() if its_session == session}
    return found


def kill_offspring(keep: "Iterable[int]", session: int) -> None:
    """Kill what the command has left running: secrets for the sends are on disk soon."""
    end = time.monotonic() + DRAIN
    while True:
        left = offspring(keep, session)
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left or time.monotonic() > end:
            return
        time.sleep(0.005)


def read_all(pipe: "Any", take: "Callable[[bytes], None]") -> threading.Thread:
    """Start to read a pipe to its end, in the background."""

    def run() -> None:
        with contextlib.suppress(OSError, ValueError), pipe:
            while True:
                data = os.read(pipe.fileno(), 65536)
                if not data:
                    return
                take(data)

    thread = threading.Thread(target=run)
    thread.daemon = True
    thread.start()
    return thread


def join_all(threads: "Iterable[threading.Thread]", seconds: float) -> bool:
    """Wait so long for threads; tells whether all have ended."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


# --- connectors --------------------------------------------------------------------------------


class Ended(Exception):
    """A connector was ended because of something else, which is reported."""


class Connectors:
    """Runs connectors, several at a time.

    Parameters
    ----------
    folder : str
        Where a private folder for access files can be made.
    masks : Masks
        For what connectors print.
    """

    def __init__(self, folder: str, masks: Masks) -> None:
        self._folder = folder
        self._masks = masks
        self._lock = threading.Lock()
        self._running = set()  # type: set[int]
        self._closed = threading.Event()

    def check_versions(self, transfers: "list[Transfer]") -> None:
        """Ask every connector once for the version of its command line."""
        users = collections.OrderedDict()  # type: dict[str, list[str]]
        for transfer in transfers:
            users.setdefault(transfer.connector, []).append(transfer.label)
        who = "connector {} ({})"
        missing = [name for name in users if find_program(as_bytes(name)) is None]
        if missing:
            text = who + " is not in the image: not found in PATH"
            raise Failure([text.format(name, shortened(users[name])) for name in missing])
        check = self._check_version
        calls = [partial(check, name, who.format(name, shortened(users[name]))) for name in users]
        self.together(calls, GRACE)

    def _check_version(self, name: str, who: str) -> None:
        code, stdout, stderr = self._call(name, [b"cli-version"])
        answer = as_text(stdout.data()).split("\n")
        lines = [line.strip() for line in answer if line.strip()]
        if code != 0:
            said = self._masks.hide_capped(stderr).strip()
            raise Failure(["{}: cli-version {}: {}".format(who, how_it_ended(code), said)])
        if lines not in (["1"], ["0.1"]):
            text = "{}: cli-version answered {} instead of one line 1 or 0.1"
            said = repr(self._masks.hide("\n".join(lines))[:100])
            raise Failure([text.format(who, said)])

    def validate(self, transfer: Transfer, verb: str) -> None:
        """Let the connector check access (and listing) before anything is moved."""
        with self._files(transfer) as (access, listing):
            self._function(transfer, verb + "-validate", [access] + listing)

    def move(self, transfer: Transfer, verb: str) -> None:
        """Receive, mount or send."""
        with self._files(transfer) as (access, listing):
            self._function(transfer, verb, [access, transfer.path] + listing)

    def unmount(self, transfer: Transfer, seconds: "float | None") -> None:
        """Take away a mounted directory; in so many seconds when the container has to end."""
        timer = threading.Timer(seconds or 0, self.stop)
        timer.daemon = True
        self._closed.clear()
        if seconds is not None:
            timer.start()
        try:
            self._function(transfer, "umount-dir", [transfer.path])
        finally:
            timer.cancel()

    def together(
        self, tasks: "Sequence[Callable[[], None]]", grace: "float | None", workers: int = WORKERS
    ) -> None:
        """Do tasks, some at a time.

        Parameters
        ----------
        tasks : list
            Each may raise `Failure`.
        grace : float or None
            After the first failure no task begins, and those running end after so many seconds.
            None: all are done in any case.
        workers : int
            Tasks at a time.

        Raises
        ------
        Failure
            With all messages, in the order of the tasks.
        """
        if not tasks:
            return
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(workers) as pool:
            futures = []  # type: list[concurrent.futures.Future[None]]
            try:
                futures += map(pool.submit, tasks)
                if grace is not None:
                    wait(futures, return_when=FIRST_EXCEPTION)
                    if any(map(has_failed, futures)):
                        cancel(futures)
                        if wait(futures, grace).not_done:
                            self.stop()
                wait(futures)
            except Stopped:
                cancel(futures)
                self.stop()
                raise
        messages = []
        for future in futures:
            error = None if future.cancelled() else future.exception()
            if isinstance(error, Failure):
                messages += error.messages
            elif error is not None and not isinstance(error, Ended):
                raise error
        if messages:
            raise Failure(messages)

    def stop(self) -> None:
        """Kill all connectors that run, and start none any more."""
        with self._lock:
            self._closed.set()
            for pid in self._running:
                kill_group(pid)

    @contextlib.contextmanager
    def _files(self, transfer: Transfer) -> "Iterator[tuple[bytes, list[bytes]]]":
        """Put access and listing into files that only this user can read, for one call."""
        folder = None
        try:
            try:
                folder = unused_name(self._folder)
                os.mkdir(folder, 0o700)
                access = private_file(folder, "access.json", transfer.access)
                listing = []
                if transfer.listing is not None and not transfer.mount:
                    path = private_file(folder, "listing.json", transfer.listing)
                    listing.append(b"--listing=" + path)
            except OSError as error:
                text = "{}: its access file cannot be written: {}"
                raise Failure([text.format(transfer.label, reason(error))]) from None
            yield access, listing
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _function(self, transfer: Transfer, name: str, arguments: "list[bytes]") -> None:
        code, stdout, stderr = self._call(transfer.connector, [as_bytes(name)] + arguments)
        if code != 0:
            said = self._masks.hide_capped(stderr).strip() or self._masks.hide_capped(stdout)
            text = "{}: {} {} {}: {}".format(
                transfer.label, transfer.connector, name, how_it_ended(code), said.strip()
            )
            raise Failure([text.rstrip(": ")])

    def _call(self, name: str, arguments: "list[bytes]") -> "tuple[int, Capped, Capped]":
        size = MESSAGE_SIZE + 2 * self._masks.longest
        stdout, stderr = Capped(size), Capped(size)
        with self._lock:
            if self._closed.is_set():
                raise Ended()
            process = start([as_bytes(name)] + arguments)
            self._running.add(process.pid)
        threads = [
            read_all(process.stdout, stdout.feed),
            read_all(process.stderr, stderr.feed),
        ]
        wait_for(process.pid)
        with self._lock:
            self._running.discard(process.pid)
            closed = self._closed.is_set()
            if arguments[0] != b"mount-dir":  # what it has started must go on
                kill_group(process.pid)
        code = process.wait()
        join_all(threads, DRAIN)
        if closed and code == -signal.SIGKILL:
            raise Ended()
        return code, stdout, stderr


def has_failed(future: "concurrent.futures.Future[None]") -> bool:
    """Tell whether a task has ended badly."""
    return future.done() and not future.cancelled() and future.exception() is not None


def cancel(futures: "list[concurrent.futures.Future[None]]") -> None:
    """Let no task begin any more."""
    for future in futures:
        future.cancel()


def shortened(labels: "list[str]") -> str:
    """Return at most three of them."""
    more = ["and {} more".format(len(labels) - 3)] if len(labels) > 3 else []
    return ", ".join(labels[:3] + more)


def unused_name(folder: str) -> str:
    """Return a path in a folder that nobody can guess."""
    return os.path.join(folder, "." + "".join(map("{:02x}".format, os.urandom(8))))


def private_file(folder: str, name: str, content: "Any") -> bytes:
    """Write JSON for a connector; returns the path."""
    path = os.path.join(folder, name)
    data = json.dumps(content).encode("ascii")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    return os.fsencode(path)


def start(words: "list[bytes]", program: "bytes | None" = None) -> "subprocess.Popen[bytes]":
    """Start a process that leads a group and a session of its own."""
    try:
        return subprocess.Popen(
            words,
            executable=program or find_program(words[0]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        text = "{} cannot be executed: {}"
        raise Failure([text.format(as_text(words[0]), reason(error))]) from None


# --- the streams of the command ----------------------------------------------------------------


class Stream:
    """One stream of the command: into a file, live to the container's own, and kept in part.

    Parameters
    ----------
    name : str
        ``stdout`` or ``stderr``, for messages.
    path : bytes
        File that gets all of it.
    live : int
        File descriptor.
    limit : int
        Bytes that are shown live, and bytes that are kept.
    """

    def __init__(self, name: str, path: bytes, live: int, limit: int) -> None:
        self.name = name
        self.kept = Capped(limit)
        self.error = None  # type: str | None
        self._live = live  # -1 when there is nothing more to show
        self._limit = self._room = limit
        self._line = b""
        self._closed = False
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # Both streams may go into one file.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            text = "the file for {} cannot be written: {}"
            raise Failure([text.format(name, reason(error))]) from None

    def take(self, data: bytes) -> None:
        """Take what the command has written."""
        if self._closed:
            return
        if self.error is None:
            try:
                write_all(self._file, data)
            except OSError as error:
                self.error = "the file for {} is not complete: {}".format(self.name, reason(error))
        self.kept.feed(data)
        if self._live >= 0:
            whole, end, rest = (self._line + data).rpartition(b"\n")
            if len(rest) > LONGEST_LINE:
                whole, rest = whole + end + rest, b""
                end = b""
            self._line = rest
            self._show(whole + end)

    def close(self) -> None:
        """Show the last line; what comes later is lost."""
        self._closed = True
        os.close(self._file)
        if self._live >= 0 and self._line:
            self._show(self._line + b"\n")

    def _show(self, data: bytes) -> None:
        if len(data) > self._room:
            text = "\n[only {} bytes of {} are shown live]\n"
            data = data[: self._room] + text.format(self._limit, self.name).encode("ascii")
            self._room = -1
        else:
            self._room -= len(data)
        try:
            write_all(self._live, data)
        except OSError:
            self._room = -1
        if self._room < 0:
            self._live, self._line = -1, b""


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


# --- checks ------------------------------------------------------------------------------------


def check(path: bytes, is_file: bool, expected: "dict[str, Any]") -> "list[str]":
    """Compare a file or directory with what it shall be; returns what is wrong."""
    if not (os.path.isfile(path) if is_file else os.path.isdir(path)):
        there = os.path.lexists(path)
        text = "{} is no {}" if there else "{} is not there"
        return [text.format(as_text(path), "file" if is_file else "directory")]
    try:
        if is_file:
            return check_file(path, expected)
        return check_listing(path, expected.get("listing") or [])
    except OSError as error:
        return ["{} cannot be read: {}".format(as_text(path), reason(error))]


def check_file(path: bytes, expected: "dict[str, Any]") -> "list[str]":
    """Compare size and checksum."""
    wrong = []
    size, checksum = expected.get("size"), expected.get("checksum")
    if size is not None and os.path.getsize(path) != size:
        text = "{} has {} bytes, its size shall be {}"
        wrong.append(text.format(as_text(path), os.path.getsize(path), size))
    if checksum is not None:
        kind, _, digest = str(checksum).partition("$")
        if kind != "sha1" or not digest:
            wrong.append("{}: the checksum must be sha1$HEX".format(as_text(path)))
        else:
            found = sha1(path)
            if found != digest.lower():
                text = "{} has the checksum sha1${}, it shall be {}"
                wrong.append(text.format(as_text(path), found, checksum))
    return wrong


def sha1(path: bytes) -> str:
    """Return the checksum of a file, as RED wants it."""
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while True:
            data = file.read(2**20)
            if not data:
                return digest.hexdigest()
            digest.update(data)


def check_listing(path: bytes, listing: "list[dict[str, Any]]") -> "list[str]":
    """Compare what a listing names, and only that."""
    wrong = []
    for item in listing:
        inner = os.path.join(path, as_bytes(str(item["basename"])))
        wrong += check(inner, item["class"] == "File", expected_of(item))
    return wrong


def matches(folder: bytes, pattern: bytes, is_file: bool) -> "list[bytes]":
    """Return the files, or the directories, that a glob finds in a folder."""
    paths = map(os.path.normpath, glob.glob(os.path.join(glob.escape(folder), pattern)))
    return sorted(path for path in paths if (os.path.isfile if is_file else os.path.isdir)(path))


def inside(folder: bytes, path: bytes) -> bool:
    """Tell whether a path is a folder, or below it, by its text."""
    folder, path = os.path.normpath(folder), os.path.normpath(path)
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


# --- the result --------------------------------------------------------------------------------


def clear(path: str) -> None:
    """Remove whatever is there; no link is followed."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def empty_folder(path: str) -> None:
    """Make a folder, or empty it, whatever the command has put there."""
    if os.path.islink(path) or not os.path.isdir(path):
        clear(path)
        os.mkdir(path)
    for name in os.listdir(path):
        clear(os.path.join(path, name))
    with contextlib.suppress(OSError):  # it may be somebody else's, as the service has made it
        os.chmod(path, 0o777)


def put_file(folder: str, name: str, data: bytes) -> None:
    """Write a file that anybody may read, at once with its whole content."""
    path = unused_name(folder)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(descriptor, data)
            os.fchmod(descriptor, 0o644)
        finally:
            os.close(descriptor)
        os.rename(path, os.path.join(folder, name))
    except OSError:
        clear(path)
        raise


def lines_of(text: str) -> "Iterator[str]":
    """Yield lines, long ones in pieces."""
    for line in text.rstrip().split("\n"):
        for begin in range(0, max(len(line), 1), LONGEST_PIECE):
            yield line[begin : begin + LONGEST_PIECE].rstrip("\r")


def fitting(lines: "list[str]", size: int) -> "list[str]":
    """Return as many of the first lines as fit into so many bytes of JSON."""
    kept = []  # type: list[str]
    for number, line in enumerate(lines):
        size -= len(json.dumps(line)) + 2
        if size < 0:
            return kept + ["[... {} lines left out ...]".format(len(lines) - number)]
        kept.append(line)
    return kept


# --- all of it ---------------------------------------------------------------------------------


class Agent:
    """One batch from its job file to its result.

    Parameters
    ----------
    job_path : str
        The job file; deleted as soon as it is read.
    root : str
        ``/cc``; another one in tests.
    """

    def __init__(self, job_path: str, root: str) -> None:
        self._stdout, self._stderr = os.dup(1), os.dup(2)  # no child inherits these
        self._job_path = job_path
        self._root = root
        self._outputs = os.fsencode(os.path.join(root, "outputs"))
        self._masks = Masks()
        self._connectors = Connectors(root, self._masks)
        self._limit = DEFAULT_LIMIT
        self._mark = ""
        self._mounted = []  # type: list[Transfer]
        self._streams = []  # type: list[Stream]
        self._may_interrupt = self._stopping = False
        self._process = {
            "returnCode": None,
            "executed": False,
            "stdout": None,
            "stderr": None,
        }  # type: dict[str, Any]
        self._result = {
            "job": JOB_VERSION,
            "command": [],
            "process": self._process,
            "inputs": None,
            "outputs": None,
            "state": "failed",
            "debugInfo": None,
        }  # type: dict[str, Any]

    def run(self) -> int:
        """Do everything; returns the exit code."""
        for number in ENDING_SIGNALS:
            signal.signal(number, self._signalled)
        messages, code = [], 1  # type: list[str], int
        try:
            try:
                self._may_interrupt = True
                self._work()
            finally:
                self._may_interrupt = False
        except Stopped:
            code = STOPPED
            messages.append("stopped: the container was asked to end")
        except Failure as failure:
            messages += failure.messages
        except Exception:  # a fault of this file must not take the result with it
            import traceback

            messages += traceback.format_exc().split("\n")
        succeeded = not messages
        self._result["state"] = "succeeded" if succeeded else "failed"
        messages += self._unmount()
        code = 0 if self._leave_result(messages) and succeeded else code
        self._report("end {}".format(code))
        return code

    def _signalled(self, number: int, frame: object) -> None:
        stopping, self._stopping = self._stopping, True
        if self._may_interrupt and not stopping:
            raise Stopped()

    @contextlib.contextmanager
    def _uninterrupted(self) -> "Iterator[None]":
        """Let a signal that arrives in a block take effect after it."""
        self._may_interrupt = False
        try:
            yield
        finally:
            self._may_interrupt = True
        if self._stopping:
            raise Stopped()

    def _work(self) -> None:
        job = self._read()
        sends = self._sends(job)
        self._report("deploy")
        self._connectors.check_versions(job.inputs + sends)
        self._make_folders(job.inputs)
        if job.validate:
            self._validate(job.inputs, sends)
        self._receive(job.inputs)
        self._report("execute")
        self._execute(job)
        self._report("fetch")
        self._send(job, sends)

    def _report(self, phase: str) -> None:
        if self._mark:
            with contextlib.suppress(OSError):
                write_all(self._stderr, as_bytes("{} {}\n".format(self._mark, phase)))

    def _read(self) -> Job:
        document = read_job(self._job_path)
        if isinstance(document, dict):
            self._masks = Masks(secrets_of(document))
            self._connectors = Connectors(self._root, self._masks)
            self._mark = str(document.get("mark") or "")
            limit = document.get("limit")
            self._limit = limit if isinstance(limit, int) and limit >= 0 else DEFAULT_LIMIT
            with contextlib.suppress(Failure):  # the job is checked below
                self._result["command"] = words(document, "command")
        job = Job(document)
        try:
            os.makedirs(self._outputs, exist_ok=True)
            os.chdir(self._outputs)
        except OSError as error:
            text = "{} cannot be the working directory: {}"
            raise Failure([text.format(as_text(self._outputs), reason(error))]) from None
        with contextlib.suppress(OSError), open(self._reserve, "wb") as file:
            file.write(bytes(RESERVE))
        return job

    @property
    def _reserve(self) -> str:
        return os.path.join(self._root, ".reserve")

    # --- inputs

    def _make_folders(self, inputs: "list[Transfer]") -> None:
        wrong = []
        folders = collections.OrderedDict()  # type: dict[bytes, Transfer]
        targets = set()  # type: set[bytes]
        for transfer in inputs:
            if transfer.path in targets:
                text = "{}: another input has the same path {}"
                wrong.append(text.format(transfer.label, as_text(transfer.path)))
            targets.add(transfer.path)
            folder = os.path.dirname(transfer.path) if transfer.is_file else transfer.path
            folders.setdefault(folder, transfer)
        for folder, transfer in folders.items():
            if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
                text = "{}: {} is there already and is no empty directory"
                wrong.append(text.format(transfer.label, as_text(folder)))
        if wrong:
            raise Failure(wrong)
        for folder, transfer in folders.items():
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                text = "{}: {} cannot be made: {}"
                message = text.format(transfer.label, as_text(folder), reason(error))
                raise Failure([message]) from None

    def _validate(self, inputs: "list[Transfer]", sends: "list[Transfer]") -> None:
        check = self._connectors.validate
        tasks = [partial(check, transfer, transfer.receives) for transfer in inputs]
        tasks += [partial(check, transfer, transfer.sends) for transfer in sends]
        self._connectors.together(tasks, GRACE)

    def _receive(self, inputs: "list[Transfer]") -> None:
        received = {}  # type: dict[str, dict[str, Any]]

        def receive(transfer: Transfer) -> None:
            try:
                self._connectors.move(transfer, transfer.receives)
            except (Failure, Ended):
                if transfer.mount and os.path.ismount(transfer.path):
                    self._mounted.append(transfer)
                raise
            if transfer.mount:
                self._mounted.append(transfer)
            wrong = check(transfer.path, transfer.is_file, transfer.expected)
            if wrong:
                raise Failure(["{}: {}".format(transfer.label, text) for text in wrong])
            received[transfer.id] = transfer.entry()

        try:
            mounts = [partial(receive, transfer) for transfer in inputs if transfer.mount]
            self._connectors.together(mounts, GRACE, 1)
            others = [partial(receive, transfer) for transfer in inputs if not transfer.mount]
            self._connectors.together(others, GRACE, 1 if are_nested(inputs) else WORKERS)
        finally:
            self._result["inputs"] = collections.OrderedDict(
                (transfer.id, received[transfer.id])
                for transfer in inputs
                if transfer.id in received
            )

    def _unmount(self) -> "list[str]":
        messages = []
        for transfer in reversed(self._mounted):
            try:
                self._connectors.unmount(transfer, UNMOUNT if self._stopping else None)
            except Failure as failure:
                messages += failure.messages
            except Ended:
                messages.append("{}: the unmount did not end in time".format(transfer.label))
        return messages

    # --- the command

    def _execute(self, job: Job) -> None:
        program = find_program(job.argv[0]) if job.argv else None
        if program is None:
            text = "the command {} is neither in PATH nor an executable file of the image"
            raise Failure([text.format(as_text(job.argv[0]) if job.argv else "(none)")])
        self._open_streams(job)
        keep = offspring()  # what connectors have left: mounts
        child = None
        readers = []  # type: list[threading.Thread]
        try:
            with self._uninterrupted():
                child = start(job.argv, program)
                self._process["executed"] = True
                prefer_to_kill(child.pid)
                pipes = (child.stdout, child.stderr)
                readers += [
                    read_all(pipe, stream.take) for pipe, stream in zip(pipes, self._streams)
                ]
            wait_and_reap(child.pid)
        except Stopped:
            if child is not None:
                kill_group(child.pid)
                wait_and_reap(child.pid)
            raise
        finally:
            if child is not None:
                with self._uninterrupted():
                    self._end_command(child, readers, keep)
        if child.returncode != 0:
            raise Failure(["the command {}".format(how_it_ended(child.returncode))])
        incomplete = [stream.error for stream in self._streams if stream.error is not None]
        if incomplete:
            raise Failure(incomplete)

    def _open_streams(self, job: Job) -> None:
        named = (("stdout", job.stdout, self._stdout), ("stderr", job.stderr, self._stderr))
        for name, file_name, live in named:
            path = os.path.join(self._outputs, as_bytes(file_name))
            if not inside(self._outputs, path) or inside(path, self._outputs):
                text = "the file for {} must be in the outputs folder: {}"
                raise Failure([text.format(name, file_name)])
            self._streams.append(Stream(name, path, live, self._limit))
            self._process[name] = file_name

    def _end_command(
        self,
        child: "subprocess.Popen[bytes]",
        readers: "list[threading.Thread]",
        keep: "set[int]",
    ) -> None:
        """Read the rest of the pipes and end everything that the command has left running."""
        join_all(readers, DRAIN)
        kill_group(child.pid)
        self._process["returnCode"] = child.wait()
        kill_offspring(keep, child.pid)
        join_all(readers, DRAIN)
        for stream in self._streams:
            stream.close()
        self._free_reserve()

    def _free_reserve(self) -> None:
        with contextlib.suppress(OSError):
            os.remove(self._reserve)

    # --- outputs

    def _sends(self, job: Job) -> "list[Transfer]":
        sends = []
        for name, value in job.outputs.items():
            if name not in job.declared or not isinstance(value, dict):
                raise Failure(["output {}: cli does not declare it".format(name)])
            sends.append(Transfer("output", name, value, b""))
        return sends

    def _send(self, job: Job, sends: "list[Transfer]") -> None:
        messages = []  # type: list[str]
        entries = collections.OrderedDict()  # type: dict[str, dict[str, Any]]
        transfers = {transfer.id: transfer for transfer in sends}
        tasks = []  # type: list[Callable[[], None]]
        for name, declared in job.declared.items():
            transfer = transfers.get(name)
            expected = transfer.expected if transfer else {}
            entries[name], path, wrong = self._find(job, declared, expected)
            messages += ["output {}: {}".format(name, text) for text in wrong]
            if transfer and path is not None and not wrong:
                transfer.path = path
                tasks.append(partial(self._connectors.move, transfer, transfer.sends))
        self._result["outputs"] = entries
        try:
            self._connectors.together(tasks, None)
        except Failure as failure:
            messages += failure.messages
        if messages:
            raise Failure(messages)

    def _find(
        self, job: Job, declared: "dict[str, Any]", expected: "dict[str, Any]"
    ) -> "tuple[dict[str, Any], bytes | None, list[str]]":
        """Find a declared output; returns its entry in the result, its path, and what is wrong."""
        kind = str(declared["type"])
        is_file = not kind.startswith("Directory")
        pattern = {"stdout": job.stdout, "stderr": job.stderr}.get(kind)
        if pattern is None:
            pattern = str(declared["outputBinding"]["glob"])
            paths = matches(self._outputs, as_bytes(pattern), is_file)
        else:
            paths = [os.path.join(self._outputs, as_bytes(pattern))]
        found = [as_text(path) for path in paths]
        entry = {"class": kind, "glob": pattern, "path": found}  # type: dict[str, Any]
        if len(paths) > 1:
            text = "the glob {} must match one path, it matches {}: {}"
            return entry, None, [text.format(pattern, len(paths), shortened(found))]
        entry["path"] = found[0] if found else None
        if not paths:
            text = "no {} matches the glob {}"
            message = text.format("file" if is_file else "directory", pattern)
            return entry, None, [] if kind.endswith("?") else [message]
        path = paths[0]
        if not inside(self._outputs, path):
            return entry, None, ["{} is not in the outputs folder".format(as_text(path))]
        if is_file and os.path.isfile(path):
            entry["size"] = os.path.getsize(path)
        return entry, path, check(path, is_file, expected)

    # --- the result

    def _leave_result(self, messages: "list[str]") -> bool:
        """Write the result; tells whether it is there."""
        self._free_reserve()
        messages = [self._masks.hide(text) for text in messages]
        said = [line for text in messages for line in lines_of(text)]
        folder = os.path.join(self._root, "result")
        self._tell(said)
        self._result["debugInfo"] = self._debug_info(said) or None
        try:
            empty_folder(folder)
            for stream in self._streams:
                put_file(folder, stream.name, stream.kept.data())
            put_file(folder, "result.json", self._json())
            return True
        except OSError as error:
            return self._leave_less(folder, said, error)

    def _leave_less(self, folder: str, said: "list[str]", error: OSError) -> bool:
        """Do without the copies of the streams, and without details, when there is no room."""
        text = "the result cannot be written as a whole: {}".format(reason(error))
        said = [text] + said
        for short in (False, True):
            if short:
                self._result["inputs"] = self._result["outputs"] = None
                said = fitting(said, MESSAGE_SIZE // 4)
            self._result["debugInfo"] = said if short else self._debug_info(said)
            with contextlib.suppress(OSError):
                empty_folder(folder)
                put_file(folder, "result.json", self._json())
                return True
        self._tell([text])
        return False

    def _debug_info(self, said: "list[str]") -> "list[str]":
        said = fitting(said, DEBUG_SIZE * 3 // 4)
        if self._process["returnCode"] not in (None, 0):
            stderr = self._masks.hide_capped(self._streams[1].kept)
            room = DEBUG_SIZE - len(json.dumps(said)) - 100
            last = list(lines_of(stderr))[::-1] if stderr.strip() else []
            said += fitting(last, room)[::-1]
        return said

    def _json(self) -> bytes:
        return json.dumps(self._result).encode("ascii")

    def _tell(self, said: "list[str]") -> None:
        """Say on the container's stderr why the batch failed, for who follows its log."""
        lines = fitting(said, MESSAGE_SIZE)
        with contextlib.suppress(OSError):
            write_all(
                self._stderr, "".join(line + "\n" for line in lines).encode("utf-8", "replace")
            )


def are_nested(inputs: "list[Transfer]") -> bool:
    """Tell whether one input lies in a directory that is another, so that the order matters."""
    folders = {os.path.normpath(each.path) for each in inputs if not each.is_file}
    for transfer in inputs:
        parent = os.path.dirname(os.path.normpath(transfer.path))
        while parent not in (b"", b"/"):
            if parent in folders:
                return True
            parent = os.path.dirname(parent)
    return False


def prefer_to_kill(pid: int) -> None:
    """Let the kernel choose the command, not the agent, when memory is short."""
    with contextlib.suppress(OSError), open("/proc/{}/oom_score_adj".format(pid), "w") as file:
        file.write("500")


def main() -> None:
    """Run from the command line; see the module."""
    here = os.path.dirname(os.path.abspath(__file__))
    # The command may write there; what it writes is not to be imported.
    sys.path[:] = [path for path in sys.path if path and os.path.abspath(path) != here]
    root = sys.argv[3] if sys.argv[2:3] == ["--root"] else "/cc"
    if not os.path.exists(sys.argv[1]):
        # An engine that hung was asked twice to start. Whatever the first run has left, stays.
        os._exit(AGAIN)
    protect_process()
    code = Agent(sys.argv[1], root).run()
    os._exit(code)  # threads that still read the pipe of something that hangs do not matter


if __name__ == "__main__":
    main()
