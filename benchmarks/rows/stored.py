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
_FILLS_CACHES = 2_500  # submits after which the store's caches do not grow any more
_SETTLE = 2.5  # seconds after a start or a burst


def measure(setting: Setting) -> list[Row]:
    """Measure at both sizes; the Node is away, so that submits wait in the queue."""
    with setting.node_with(base_url="unix:///nonexistent/docker.sock"):
        few, submits_few = _at(setting, FEW)
        many, submits_many = _at(setting, MANY)
        grown = _queued(setting, submits_many.submitted)
        _restock(setting, FEW)
    return [*few, *many, submits.flat(submits_few, submits_many), *grown]


def _at(setting: Setting, stored: int) -> tuple[list[Row], submits.Submits]:
    _restock(setting, stored)
    time.sleep(_SETTLE)
    idle, read = _idle(setting, stored), reads.measure(setting, stored)
    found = submits.measure(setting, stored)
    return [idle, *read, found.row], found


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


def _queued(setting: Setting, queued: int) -> list[Row]:
    """Measure growth with Tasks in the queue: as they come, and after a restart.

    Parameters
    ----------
    queued : int
        Tasks that are in the queue already.
    """
    wanted = setting.choose(2_000, 10_000)
    warm_up = submits.submit(setting, _FILLS_CACHES)
    before = _private(setting)
    submitted = submits.submit(setting, wanted)
    after = _private(setting)
    setting.stack.restart_service(signal.SIGTERM)
    full = _private(setting)
    _restock(setting, MANY)
    empty = _private(setting)
    queued += warm_up + submitted
    return [
        Row(
            "memory.queued",
            "memory for each queued Task, as they come",
            "kB",
            Spread.of([(after - before) / submitted / 1e3]),
            Budget("at most", 2),
            notes=[
                f"{submitted:,} more Tasks, when the caches were full; {after / 1e6:.0f} MB then"
            ],
        ),
        Row(
            "memory.queued.start",
            "memory for each queued Task, after a restart",
            "kB",
            Spread.of([(full - empty) / queued / 1e3]),
            Budget("at most", 2),
            notes=[f"{queued:,} Tasks: {full / 1e6:.0f} MB, without them {empty / 1e6:.0f} MB"],
        ),
    ]


def _private(setting: Setting) -> int:
    time.sleep(_SETTLE)
    return machine.private(setting.service.pid)
