"""The machine that figures come from, and the memory of processes on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_QUIET = 0.05  # seconds of processor time within _LOOK
_LOOK = 0.3


def machine_line() -> str:
    """Return one line about this machine, with its load at this moment."""
    memory = int(_table("/proc/meminfo")["MemTotal"]) / 2**20
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} x {_processor()}, {memory:.0f} GiB, Linux {platform.release()},"
        f" Python {platform.python_version()}, load average {load}"
    )


def machine() -> dict[str, Any]:
    """Return the same for JSON."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_bytes": int(_table("/proc/meminfo")["MemTotal"]) * 1024,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": list(os.getloadavg()),
    }


def busy_share(seconds: float) -> float:
    """Return which part of this machine's processors works during some seconds, 0 to 1."""
    before = _cpu_times()
    time.sleep(seconds)
    after = _cpu_times()
    total = sum(after) - sum(before)
    idle = (after[3] + after[4]) - (before[3] + before[4])
    return 1 - idle / total if total else 0.0


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in tree(int(child)))]


def settled(used: Callable[[], float], timeout: float = 300.0) -> float:
    """Wait until what the end of a burst has left under way is done.

    Parameters
    ----------
    used : callable
        Gives the processor time so far, seconds.
    timeout : float
        Seconds.

    Returns
    -------
    float
        The processor time then.

    Raises
    ------
    TimeoutError
    """
    end, before = time.monotonic() + timeout, used()
    while time.monotonic() < end:
        time.sleep(_LOOK)
        now = used()
        if now - before < _QUIET:
            return now
        before = now
    raise TimeoutError(f"still busy after {timeout:g} s")


def resident(pid: int) -> int:
    """Return the resident memory of a process, bytes."""
    return int(_table(f"/proc/{pid}/status")["VmRSS"]) * 1024


def proportional(pid: int) -> int:
    """Return a process's share of the memory in use (PSS), bytes."""
    return int(_table(f"/proc/{pid}/smaps_rollup")["Pss"]) * 1024


def private(pid: int) -> int:
    """Return the memory that only this process uses (USS), bytes."""
    rollup = _table(f"/proc/{pid}/smaps_rollup")
    return (int(rollup["Private_Clean"]) + int(rollup["Private_Dirty"])) * 1024


def peak(pid: int) -> int:
    """Return the largest resident memory since the start, or since `forget_peak`, bytes."""
    return int(_table(f"/proc/{pid}/status")["VmHWM"]) * 1024


def forget_peak(pid: int) -> None:
    """Let `peak` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _table(path: str) -> dict[str, str]:
    """Read a file of ``Name:   12345 kB`` lines."""
    found = {}
    for line in Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        if value := rest.split():
            found[name] = value[0]
    return found


def _cpu_times() -> list[int]:
    return [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
