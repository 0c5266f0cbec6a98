"""Find what a stack started, however deep and after any crash: by a mark, never by name.

The mark is a variable in the environment. Every process inherits it from the one that started it:
user servers and kernels from the hub, containerd shims from the engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.stack.daemons import Daemon, find

STACK = "CCP_STACK"
"""Holds the folder of the stack that a process belongs to."""
TEST_RUN = "CCP_TEST_RUN"
"""Holds the folder of the test run (scripts/check.py) that a process belongs to."""


@contextmanager
def marking(name: str, value: str) -> Iterator[None]:
    """Give the mark to every process that is started meanwhile, by whichever thread."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def marked(name: str, value: str) -> list[Daemon]:
    """Return the processes with this variable in their environment, but not this one's ancestors.

    Parameters
    ----------
    name, value : str
        The mark, as it was when the process began.
    """
    wanted = f"{name}={value}".encode()
    ours = _lineage()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) not in ours:
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(find(int(entry.name)))
    return [process for process in found if process.alive()]


def end_marked(name: str, value: str, grace: float = 3.0) -> int:
    """End the processes with this mark, and those that they start meanwhile.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    RuntimeError
        When new ones keep coming.
    """
    count = 0
    for _ in range(10):
        processes = marked(name, value)
        if not processes:
            return count
        count += len(processes)
        end_all(processes, grace)
    raise RuntimeError(f"processes marked {name}={value} keep coming back")


def end_all(processes: list[Daemon], grace: float = 3.0) -> None:
    """End processes side by side: SIGTERM to all, SIGKILL to those left after `grace` seconds."""
    for process in processes:
        process.send(15)
    for process in processes:
        process.end(grace)
        grace = min(grace, 0.5)  # the others had that time too


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
