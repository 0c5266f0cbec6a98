"""What makes the vault's process safe: one per socket, in no dump, in no swap, on its own."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import resource
import socket
import stat
from pathlib import Path

from ccp_jupyter.hub_service.vault.wire import EXIT_TAKEN

_log = logging.getLogger(__name__)

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_PR_SET_DUMPABLE = 4
_CAP_IPC_LOCK = 14
_READY, _TAKEN = b"+", b"t"
_EXIT_CODES = {_READY: 0, _TAKEN: EXIT_TAKEN}


class Refused(Exception):
    """The vault cannot start; the text says why."""


class Taken(Refused):
    """Another vault lives on this socket."""


class Place:
    """The right to listen on a socket, held until the process ends.

    Parameters
    ----------
    path : Path
        The socket. Its folder is made, with mode 0700, when it is not there.

    Raises
    ------
    Taken
        Another process holds the right, or answers there.
    Refused
        The folder is open to other users, or what lies there is no socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            check_folder(path.parent)
            # Never deleted: two processes could otherwise hold locks on two files of one name.
            self._lock = os.open(
                path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                raise Taken(f"another vault lives on {path}") from None
            _remove_stale(path)
        except OSError as error:
            raise Refused(f"cannot listen on {path}: {error.strerror or error}") from error

    def listen(self) -> socket.socket:
        """Return a listening socket with mode 0600."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(self.path))
            listener.listen(128)
        except OSError as error:
            listener.close()
            # "AF_UNIX path too long" comes without a number and a strerror.
            raise Refused(f"cannot listen on {self.path}: {error.strerror or error}") from error
        finally:
            os.umask(mask)
        return listener

    def leave(self) -> None:
        """Remove the socket; the next vault may come."""
        self.path.unlink(missing_ok=True)
        os.close(self._lock)


def check_folder(folder: Path) -> None:
    """Make a folder that only this user may enter; refuse one that others may.

    Raises
    ------
    Refused
    OSError
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise Refused(f"{folder} belongs to user {found.st_uid}, not to {os.geteuid()}")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise Refused(f"{folder} has mode {mode:04o}: other users must stay out (chmod 700)")


def _remove_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Refused(f"{path} is there and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
        except (TimeoutError, BlockingIOError):
            raise Taken(f"something lives on {path} and does not answer") from None
        else:
            raise Taken(f"something else listens on {path}")


def protect_memory() -> None:
    """Keep this process out of core dumps, debuggers of its own user, and, if allowed, swap."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        _log.warning("memory may be dumped: %s", os.strerror(ctypes.get_errno()))
    if not _may_lock():
        # With a limit, locking would work now and make an allocation fail later.
        _log.warning("memory is not locked: needs RLIMIT_MEMLOCK unlimited; swap may see secrets")
    elif libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        _log.warning("memory is not locked: %s", os.strerror(ctypes.get_errno()))


def _may_lock() -> bool:
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY and soft != hard:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return True
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False


class Detached:
    """A fork: the child goes on in its own session, the parent waits to hear that it is ready.

    Attributes
    ----------
    is_parent : bool
        In which of the two processes this is.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self.is_parent = os.fork() != 0
        if self.is_parent:
            os.close(self._write)
        else:
            os.close(self._read)
            os.setsid()

    def wait(self) -> int:
        """In the parent: wait for the child; returns the exit code for both."""
        try:
            return _EXIT_CODES.get(os.read(self._read, 1), 1)
        finally:
            os.close(self._read)

    def ready(self) -> None:
        """In the child: let the parent end."""
        self._tell(_READY)

    def taken(self) -> None:
        """In the child, which cannot start: another vault has what it needs."""
        self._tell(_TAKEN)

    def _tell(self, what: bytes) -> None:
        try:
            os.write(self._write, what)
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
        os.close(self._write)
