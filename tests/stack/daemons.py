"""Processes that outlive the one that started them, ended by pid and never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Daemon:
    """A process that we started, in this run or in an earlier one."""

    pid: int
    born: int
    """Start time in clock ticks, as in ``/proc``; tells a reused pid from ours."""
    log: Path

    def alive(self) -> bool:
        """Tell whether it still runs (a zombie does not)."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return self.born != 0 and _born(self.pid) == self.born

    def send(self, number: int) -> None:
        """Send a signal; no error when it has ended."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop_running(self) -> None:
        """Send SIGSTOP and wait until no thread of it runs."""
        self.send(signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")
        while self.alive() and any(_state(thread) not in "Tt" for thread in threads.iterdir()):
            time.sleep(0.005)

    def end(self, grace: float = 20.0) -> None:
        """Ask it to end; kill it after `grace` seconds. Returns when it is gone."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if not self._gone_within(grace):
            self.kill()

    def kill(self) -> None:
        """Kill it and wait until it is gone."""
        self.send(signal.SIGKILL)
        if not self._gone_within(20):
            raise TimeoutError(f"process {self.pid} is still there 20 s after SIGKILL")

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


def spawn(
    command: list[str],
    log: Path,
    *,
    environment: dict[str, str] | None = None,
    follow_parent: bool = False,
) -> Daemon:
    """Start a process in a session of its own, its output appended to a log file.

    Parameters
    ----------
    command : list of str
        Program (looked up in PATH) and arguments.
    log : Path
        Gets stdout and stderr.
    environment : dict, optional
        Instead of this process's own.
    follow_parent : bool
        Send it SIGTERM when the thread that calls this ends: for tests, so that nothing is left
        when the test run itself is killed. Call it from the main thread then.
    """
    if follow_parent:
        command = ["setpriv", "--pdeathsig", "TERM", *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ if environment is None else environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Daemon(pid, _born(pid), log)


def find(pid: int) -> Daemon:
    """Return a process that runs already, whose log we do not have."""
    return Daemon(pid, _born(pid), Path(os.devnull))


def _state(process: Path) -> str:
    """Return the letter of a process or thread, T (stopped) when it has ended meanwhile."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "T"


def _born(pid: int) -> int:
    """Return when a process began, or 0 when there is none or it is a zombie.

    While other threads of it still end, it holds its files and locks, and counts as running.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" and threads <= 1 else int(fields[19])
