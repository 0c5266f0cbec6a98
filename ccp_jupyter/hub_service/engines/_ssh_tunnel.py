"""Engines on other machines by SSH: an ``ssh`` process that brings their socket here."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from ccp_jupyter.hub_service.engines._docker_transport import Call, dial_unix
from ccp_jupyter.hub_service.engines._ssh_errors import meaning
from ccp_jupyter.model.infrastructure import Node
from ccp_jupyter.model.ssh_address import SshAddress

_PREFIX = "ccp-ssh-"
_SOCKET = "engine"
_LONGEST_PARENT = 60  # bytes; a unix socket's path has 107, and ssh adds 17 while it makes one
_KEPT_LINES = 20
_LONGEST_LINE = 400
_PAUSE = 0.02
_WORDS_COME_WITHIN = 0.3  # seconds after the connection broke
_ABANDONED_AFTER = 60.0  # seconds; a younger folder may be one that is just being set up
# A machine that vanished without a word is noticed within 15 s.
_ALIVE_INTERVAL, _ALIVE_COUNT = 5, 3


class SshTunnel:
    """Connects to an engine's socket on another machine.

    One ``ssh`` process forwards a unix socket in a folder that only this user can enter. It is
    started when somebody connects and it does not run, and ends with this process. Whoever may
    enter the folder is root on the other machine.

    Parameters
    ----------
    node : Node
        Whose `base_url` is ``ssh://…``.
    timeout : float
        Seconds until a connection that was not made counts as failed.
    """

    def __init__(self, node: Node, timeout: float) -> None:
        self._address = SshAddress.read(node.base_url)
        self._command = _command(node, self._address, timeout)
        self._known_hosts = node.ssh_known_hosts
        self._name = f"ssh-{node.id}"
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def connect(self) -> socket.socket:
        """Return a connection to the engine's socket; blocks.

        Raises
        ------
        ConnectionError
            In plain words. That nothing answers at the other end shows in use; see `complaint`.
        """
        process = self._running()
        while True:
            try:
                return dial_unix(str(process.socket), self._timeout)
            except (FileNotFoundError, ConnectionRefusedError):
                if process.ended:
                    raise ConnectionError(self._words(process)) from None
            if (call := Call.current()) is not None:
                call.check()
            if time.monotonic() - process.begun > self._timeout:
                process.end()
                what = f"{self._address.host} did not let us in within {self._timeout:g} s"
                raise ConnectionError(f"SSH: {what}")
            time.sleep(_PAUSE)

    def complaint(self, since: float) -> str | None:
        """Return what ssh had to say, in plain words; waits a moment for it.

        Parameters
        ----------
        since : float
            Monotonic time from when on its words count.
        """
        process = self._process
        end = time.monotonic() + _WORDS_COME_WITHIN
        while process is not None:
            if process.ended or process.said_since(since):
                return self._words(process)
            if time.monotonic() > end:
                break
            time.sleep(_PAUSE)
        return None

    def close(self) -> None:
        """End the process; no connection can be made any more.  Blocks."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.end()

    def _running(self) -> _Process:
        with self._lock:
            if self._closed:
                raise ConnectionError("its connection was closed")
            if self._process is None:
                _sweep()
            if self._process is None or self._process.ended:
                self._process = _Process(self._command, self._address.socket, self._name)
            return self._process

    def _words(self, process: _Process) -> str:
        return meaning(process.lines, self._address, self._known_hosts)


class _Process:
    """One run of ``ssh``, with its socket."""

    def __init__(self, command: list[str], remote: str, name: str) -> None:
        self.begun = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
        self.socket = self._folder / _SOCKET
        self._command = [*command[:-1], "-L", f"{self.socket}:{remote}", "--", command[-1]]
        self._lines: deque[tuple[float, str]] = deque(maxlen=_KEPT_LINES)
        self._popen: subprocess.Popen[bytes] | None = None
        self._spawned = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)
        self._thread.start()
        self._spawned.wait()

    @property
    def ended(self) -> bool:
        """Whether it is over, and all that it said is known."""
        return not self._thread.is_alive()

    @property
    def lines(self) -> list[str]:
        """The end of what it said."""
        return [line for _, line in list(self._lines)]

    def said_since(self, moment: float) -> bool:
        """Tell whether it said something since a monotonic time."""
        return any(spoken >= moment for spoken, _ in list(self._lines))

    def end(self) -> None:
        """End it and wait until it has ended."""
        if self._popen is not None:
            self._popen.terminate()
            self._thread.join(2)
            self._popen.kill()
        self._thread.join()

    def _supervise(self) -> None:
        # In a thread that lives as long as the process: it gets SIGTERM when this thread ends,
        # also by the end of the whole service, which could not tell it any more.
        try:
            self._popen = subprocess.Popen(  # noqa: S603  (address and paths are checked)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            self._say(str(error))
            return
        finally:
            self._spawned.set()
        with self._popen as process:
            assert process.stderr is not None  # noqa: S101  (asked for above)
            while line := process.stderr.readline(_LONGEST_LINE):
                self._say(line.decode(errors="replace").strip())
        shutil.rmtree(self._folder, ignore_errors=True)

    def _say(self, line: str) -> None:
        if line:
            self._lines.append((time.monotonic(), line))


def _command(node: Node, address: SshAddress, timeout: float) -> list[str]:
    """Return what to run but for the forwarding; the host is the last item."""
    options = {
        "BatchMode": "yes",
        "ExitOnForwardFailure": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ServerAliveInterval": str(_ALIVE_INTERVAL),
        "ServerAliveCountMax": str(_ALIVE_COUNT),
        "ConnectTimeout": str(math.ceil(timeout)),
        "StreamLocalBindMask": "0177",
        # What the user's own configuration may say of this host and is not wanted here.
        "ControlMaster": "no",
        "ControlPath": "none",
        "ForkAfterAuthentication": "no",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "LogLevel": "INFO",
    }
    if node.ssh_known_hosts is not None:
        options["UserKnownHostsFile"] = _quoted(node.ssh_known_hosts)
        options["GlobalKnownHostsFile"] = "none"
    if node.ssh_key is not None:
        options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
    command = ["ssh", "-N", "-T"]
    if setpriv := shutil.which("setpriv"):
        command = [setpriv, "--pdeathsig", "TERM", *command]
    command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    if node.ssh_key is not None:
        command += ["-i", str(node.ssh_key)]
    if address.user is not None:
        command += ["-l", address.user]
    if address.port is not None:
        command += ["-p", str(address.port)]
    return [*command, address.host]


def _quoted(path: Path) -> str:
    """Return a path as ssh's configuration wants it; without quotes a blank parts two of them."""
    return '"' + str(path).replace("%", "%%") + '"'


def _parent() -> Path:
    """Return where folders of tunnels lie: for temporary files, in a name that is not too long."""
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual)) <= _LONGEST_PARENT else Path("/tmp")  # noqa: S108


def _sweep() -> None:
    """Remove folders of tunnels whose service was killed."""
    for folder in _parent().glob(f"{_PREFIX}*"):
        with suppress(OSError):
            about = folder.lstat()
            old = time.time() - about.st_mtime > _ABANDONED_AFTER
            if old and about.st_uid == os.geteuid() and not _answers(folder / _SOCKET):
                shutil.rmtree(folder)


def _answers(path: Path) -> bool:
    try:
        dial_unix(str(path), 1).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True
