"""Asynchronous submits, each durable before its answer."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks import methods
from benchmarks.figures import Budget, Row, Spread
from benchmarks.setting import Setting
from benchmarks.wrk import Load, drive

CONNECTIONS = 16


def measure(setting: Setting, stored: int) -> tuple[Row, int]:
    """Submit as fast as it is answered, while no Node is there so that nothing runs.

    Parameters
    ----------
    stored : int
        Executions that the store has at the beginning.

    Returns
    -------
    Row, int
        And how many Executions were submitted.
    """
    loads: list[Load] = []
    commits = []
    first = burst(setting, 1).requests
    for _ in range(setting.choose(3, 5)):
        loads.append(burst(setting, setting.choose(2, 4)))
        commits.append(durable_writes(setting.stack.data_dir))
    submitted = first + sum(load.requests for load in loads)
    slowest = max(load.p99 for load in loads)
    row = Row(
        f"submit.{stored}",
        f"asynchronous submits, {stored:,} stored",
        "/s",
        Spread.of(load.rate for load in loads),
        Budget("at least", 150),
        notes=[
            f"{submitted:,} more were stored at the end; {CONNECTIONS} connections; one of a"
            f" hundred took longer than {slowest:.3f} s",
            f"one thread that writes 4 KiB and calls fsync:"
            f" {Spread.of(commits).median:,.0f}/s on the same disk in the same run",
        ],
    )
    return row, submitted


def submit(setting: Setting, count: int) -> int:
    """Submit at least so many; returns how many it were."""
    submitted = 0
    while submitted < count:
        submitted += burst(setting, 2).requests
    return submitted


def burst(setting: Setting, seconds: int) -> Load:
    """Submit for some seconds."""
    return drive(
        f"{setting.port_url}processes/{methods.TRIVIAL}/execution",
        {**setting.headers, "Content-Type": "application/json", "Prefer": "respond-async"},
        seconds,
        CONNECTIONS,
        _script(setting.folder("wrk")),
    )


def flat(small: Row, large: Row) -> Row:
    """Compare the rates at two sizes of the store."""
    if small.value is None or large.value is None:
        raise ValueError("both rates must have been measured")
    return Row(
        "submit.flat",
        "submits with a large store against a small one",
        "x",
        Spread.of([large.value.median / small.value.median]),
        Budget("at least", 0.9),
    )


def durable_writes(folder: Path, seconds: float = 0.5) -> float:
    """Return how many times per second one thread can write 4 KiB and have it on the disk."""
    path, block, count = folder / "bench-fsync", bytes(4096), 0
    begun = time.monotonic()
    try:
        with path.open("wb", buffering=0) as file:
            while (passed := time.monotonic() - begun) < seconds:
                file.write(block)
                os.fsync(file.fileno())
                count += 1
    finally:
        path.unlink(missing_ok=True)
    return count / passed


def _script(folder: Path) -> Path:
    script = folder / "submit.lua"
    body = json.dumps({"inputs": {}})
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{body}'\n")
    return script
