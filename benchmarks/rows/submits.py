"""Asynchronous submits, each durable before its answer."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, methods
from benchmarks.bare import bare_server
from benchmarks.figures import Budget, Row, Spread
from benchmarks.setting import Setting, interleaved
from benchmarks.wrk import Load, drive

CONNECTIONS = 16


@dataclass
class Submits:
    """What was found at one size of the store."""

    row: Row
    submitted: int
    relative: float
    """Rate, divided by that of a bare handler in the same seconds; the median."""
    cpu: float
    """Processor time of the service for each submit, seconds."""


def measure(setting: Setting, stored: int) -> Submits:
    """Submit as fast as it is answered, while no Node is there so that nothing runs.

    Parameters
    ----------
    stored : int
        Executions that the store has at the beginning.
    """
    pid = setting.service.pid
    submitted = burst(setting, 1).requests
    cpu = -machine.cpu_seconds(pid)
    with bare_server(bytes(1000)) as bare:
        pairs = interleaved(
            setting.choose(2, 5),
            lambda: burst(setting, setting.choose(2, 4)),
            lambda: burst(setting, 1, bare),
            warm_up=False,
        )
        commits = durable_writes(setting.stack.data_dir)
    cpu += machine.cpu_seconds(pid)
    measured = sum(ours.requests for ours, _ in pairs)
    slowest = max(ours.p99 for ours, _ in pairs)
    row = Row(
        f"submit.{stored}",
        f"asynchronous submits, {stored:,} stored",
        "/s",
        Spread.of(ours.rate for ours, _ in pairs),
        Budget("at least", 150),
        theirs=Spread.of(theirs.rate for _, theirs in pairs),
        side_unit="/s",
        notes=[
            f"{submitted + measured:,} more were stored at the end; {CONNECTIONS} connections; one"
            f" of a hundred took longer than {slowest:.3f} s;"
            f" {cpu / measured * 1e3:.1f} ms of the service's processor time each",
            f"one thread that writes 4 KiB and calls fsync:"
            f" {commits:,.0f}/s on the same disk in the same run",
        ],
    )
    relative = Spread.of(ours.rate / theirs.rate for ours, theirs in pairs).median
    return Submits(row, submitted + measured, relative, cpu / measured)


def flat(few: Submits, many: Submits) -> Row:
    """Compare the rates at two sizes of the store, each relative to a bare handler's."""
    return Row(
        "submit.flat",
        "submits with a large store against a small one",
        "x",
        Spread.of([many.relative / few.relative]),
        Budget("at least", 0.9),
        notes=[
            "each rate is divided by that of a bare handler in the same seconds, because the two"
            f" sizes are measured minutes apart; processor time of one submit:"
            f" {few.cpu * 1e3:.1f} ms with the small, {many.cpu * 1e3:.1f} ms with the large store"
        ],
    )


def submit(setting: Setting, count: int) -> int:
    """Submit at least so many; returns how many it were."""
    submitted = 0
    while submitted < count:
        submitted += burst(setting, 2).requests
    return submitted


def burst(setting: Setting, seconds: int, url: str | None = None) -> Load:
    """Submit for some seconds, to the service or to another address."""
    return drive(
        url or f"{setting.port_url}processes/{methods.TRIVIAL}/execution",
        {**setting.headers, "Content-Type": "application/json", "Prefer": "respond-async"},
        seconds,
        CONNECTIONS,
        _script(setting.folder("wrk")),
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
