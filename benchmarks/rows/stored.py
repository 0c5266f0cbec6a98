"""Requests and memory with few and with many Executions in the store."""

from __future__ import annotations

import signal
import time

from benchmarks import machine
from benchmarks.figures import Budget, Row, Spread
from benchmarks.rows import reads, submits
from benchmarks.seeding import stock
from benchmarks.setting import Setting

FEW, MANY = 100, 10_000
_SETTLE = 4.0  # seconds after a start or a burst


def measure(setting: Setting) -> list[Row]:
    """Measure at both sizes; the Node is away, so that submits wait in the queue."""
    with setting.node_with(base_url="unix:///nonexistent/docker.sock"):
        few = _at(setting, FEW)
        many = _at(setting, MANY)
        queued = _queued(setting)
        _restock(setting, FEW)
    return [*few, *many, submits.flat(few[-1], many[-1]), *queued]


def _at(setting: Setting, stored: int) -> list[Row]:
    _restock(setting, stored)
    time.sleep(_SETTLE)
    return [
        _idle(setting, stored),
        *reads.measure(setting, stored),
        submits.measure(setting, stored),
    ]


def _restock(setting: Setting, stored: int) -> None:
    setting.stack.kill_service(signal.SIGTERM)
    stock(setting.stack.data_dir / "store.sqlite", stored)
    setting.stack.start_service()


def _idle(setting: Setting, stored: int) -> Row:
    pid, vault = setting.service.pid, setting.stack.vault
    notes = [f"its proportional share (PSS) is {machine.proportional(pid) / 1e6:.0f} MB"]
    if vault is not None:
        notes.append(f"the vault's process has {machine.resident(vault.pid) / 1e6:.0f} MB (RSS)")
    return Row(
        f"memory.idle.{stored}",
        f"memory of the idle service (RSS), {stored:,} stored",
        "MB",
        Spread.of([machine.resident(pid) / 1e6]),
        Budget("at most", 120),
        notes=notes,
    )


def _queued(setting: Setting) -> list[Row]:
    """Measure growth with Tasks in the queue; the caches are full from the submits before."""
    wanted = setting.choose(2_000, 10_000)
    pid = setting.service.pid
    time.sleep(_SETTLE)
    before, queued = machine.private(pid), 0
    while queued < wanted:
        queued += submits.burst(setting, 2).requests
    time.sleep(_SETTLE)
    growth = (machine.private(pid) - before) / queued
    return [
        Row(
            "memory.queued",
            "memory for each queued Task",
            "kB",
            Spread.of([growth / 1e3]),
            Budget("at most", 2),
            notes=[
                f"{queued:,} Tasks queued by submits, on top of those of the rows before;"
                f" the service has {machine.resident(pid) / 1e6:.0f} MB (RSS) then"
            ],
        )
    ]
