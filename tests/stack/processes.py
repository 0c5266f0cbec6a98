"""Start servers that outlive their starter, and end them by process id, even after a crash.

Every server of a stack carries the mark ``CCP_STACK=<folder>`` in its environment, and so do all
its descendants: user servers, kernels, containerd shims. What a crash left behind is found by this
mark in ``/proc``, never by the name of a program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

MARK = "CCP_STACK"

# A child stays a zombie until its Popen is polled; kept here so that `alive` can do that.
_children: dict[int, subprocess.Popen[bytes]] = {}


class DidNotStart(RuntimeError):
    """A server ended or stayed silent while it was waited for; the text ends with its log."""


def start(
    command: Sequence[str | Path],
    log: Path,
    mark: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Start a server in a session of its own, so that it outlives this process.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments.
    log : Path
        File that its output is appended to.
    mark : Path
        Folder of the stack that it belongs to.
    env : mapping, optional
        Variables to set beside those of this process.
    cwd : Path, optional
        Its working folder; by default `mark`.

    Returns
    -------
    int
        Process id.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd or mark,
            env={**os.environ, **(env or {}), MARK: str(mark)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return child.pid


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits for its parent does not."""
    if pid in _children:
        return _children[pid].poll() is None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes; those that are gone do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_ended(pids: Iterable[int], timeout: float) -> list[int]:
    """Wait until processes have ended; returns those that still run after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    left = [pid for pid in pids if alive(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [pid for pid in left if alive(pid)]
    return left


def end(pids: Iterable[int], grace: float = 5.0) -> None:
    """End processes: SIGTERM, and after `grace` seconds SIGKILL. Returns when they are gone.

    Raises
    ------
    RuntimeError
        When one survives SIGKILL (it hangs in the kernel).
    """
    pids = list(pids)
    send(pids, signal.SIGTERM)
    left = wait_ended(pids, grace)
    send(left, signal.SIGKILL)
    if left := wait_ended(left, 10):
        raise RuntimeError(f"processes survived SIGKILL: {left}")


def marked(folder: Path, name: str = MARK) -> list[int]:
    """Return the processes that carry the mark of a folder, without this one and its parents."""
    wanted = f"{name}={folder}".encode()
    ours = _lineage()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) not in ours:
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return [pid for pid in found if alive(pid)]


def end_marked(folder: Path, name: str = MARK, grace: float = 3.0) -> None:
    """End all processes that carry the mark of a folder, and those they start meanwhile."""
    for _ in range(5):
        if not (pids := marked(folder, name)):
            return
        end(pids, grace)
    raise RuntimeError(f"processes of {folder} keep coming back: {marked(folder, name)}")


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, for an error message."""
    if not log.exists():
        return f"(no {log})"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _lineage() -> set[int]:
    pids, pid = set(), os.getpid()
    while pid > 0 and pid not in pids:
        pids.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return pids
