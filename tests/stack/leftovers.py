"""What an engine may leave behind on a machine: shims, processes, mounts, cgroups."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_DETACH = 2  # MNT_DETACH of umount2(2)


def end_cgroup(name: str, timeout: float = 10.0) -> None:
    """Kill every process in the cgroups of this name, and wait until they are gone."""
    end = time.monotonic() + timeout
    while pids := set(_pids(name)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise TimeoutError(f"processes of cgroup {name} are still there: {sorted(pids)}")
        time.sleep(0.02)


def remove_cgroup(name: str) -> None:
    """Remove the cgroups of this name, with those inside; no error when there are none."""
    for top in _tops(name):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(FileNotFoundError):
                Path(folder).rmdir()


def end_shims(run_dir: str) -> None:
    """Kill the containerd processes of the engine with this run directory.

    Their command line has its socket's path, which nobody else uses.
    """
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"containerd" in words[0] and any(w.startswith(run_dir.encode()) for w in words):
                os.kill(int(process.name), signal.SIGKILL)


def unmount_below(*folders: str) -> None:
    """Unmount everything at or below these folders, innermost first."""
    libc = ctypes.CDLL(None, use_errno=True)
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    for point in reversed(points):
        if any(point == folder or point.startswith(folder + "/") for folder in folders):
            libc.umount2(os.fsencode(point), _DETACH)


def _tops(name: str) -> Iterator[Path]:
    if (_CGROUPS / "cgroup.controllers").exists():
        yield from _CGROUPS.glob(name)
    else:
        yield from _CGROUPS.glob(f"*/{name}")


def _pids(name: str) -> Iterator[int]:
    for top in _tops(name):
        # os.walk passes over cgroups that vanish meanwhile, as they do when containers end.
        for folder, _, _ in os.walk(top):
            with contextlib.suppress(OSError):
                yield from map(int, Path(folder, "cgroup.procs").read_text().split())
