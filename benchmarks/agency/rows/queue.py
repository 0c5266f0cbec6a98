"""Many batches on an engine that costs nothing: what the controller alone takes."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.agency.documents import EVERYTHING, trivial
from benchmarks.agency.scripted import IMAGE
from benchmarks.agency.sides import Pairing
from benchmarks.agency.stub import Queued, queued_at_peer
from benchmarks.agency.world import placed, world
from benchmarks.figures import Budget, Row, Spread
from ccp_jupyter.hub_service.scheduler.base import Place, Request
from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler

_JOB = 1.0  # seconds that each batch runs
_TIMEOUT = 400.0
_SLOTS = 4096


def measure(pairing: Pairing) -> list[Row]:
    """Measure many at once, many at rest, and many that wait for one."""
    few, many = pairing.setting.choose((100, 300), (1000, 3000))
    theirs = queued_at_peer(pairing.peer, few, _JOB, pairing.folder, _TIMEOUT)
    # Short, because a unix socket lies in it; on the disk of the other folders.
    with tempfile.TemporaryDirectory(dir=pairing.setting.work.parent) as name:
        folder = Path(name)
        rows = [_pass(few, theirs), _pass(many, None)]
        rows += asyncio.run(_many(folder / "few", few, theirs))
        rows += asyncio.run(_many(folder / "many", many, None))
        resting, seconds = pairing.setting.choose((50, 4.0), (300, 20.0))
        rows += asyncio.run(_rest(folder / "rest", resting, seconds))
        rows.append(asyncio.run(_behind(folder / "behind", few, pairing.setting.choose(4, 10))))
    return rows


def _pass(count: int, theirs: Queued | None) -> Row:
    """Time what the original does in one pass of its scheduler: give each batch a Node."""
    samples = []
    for _ in range(5):
        scheduler = Scheduler()
        place = Place("node-1", "lab", _SLOTS, 2**44, images={IMAGE})
        scheduler.set_place(place)
        for number in range(count):
            request = Request(f"e.{number}", "lab", "alice", IMAGE, memory=2**28)
            scheduler.add(replace(request, group="e", group_limit=count))
        begun = time.perf_counter()
        found = len(scheduler.place(0.0))
        samples.append(time.perf_counter() - begun)
        if found != count:
            raise RuntimeError(f"{found} of {count} were placed")
    spread = Spread.of(samples)
    row = Row(
        f"agency.place.{count}",
        f"{count:,} queued: one scheduling pass",
        "s",
        spread,
        Budget("at most", 0.5),
        spread,
        side_unit="s",
        notes=["ours in memory; what makes it durable is in the rows of the batches"],
    )
    if theirs is not None:
        row.theirs = Spread.of([theirs.placed])
        row.budget = Budget("at most", theirs.placed / 20)
        row.notes.append("the budget is a twentieth of the original's, request to last `scheduled`")
    return row


async def _many(folder: Path, count: int, theirs: Queued | None) -> list[Row]:
    document = trivial(IMAGE, count, limit=EVERYTHING * 10)
    async with world(folder, _JOB, _SLOTS) as found:
        cpu, begun = found.cpu_seconds(), time.time()
        execution = await found.submit(document)
        starts = await found.wait_started(execution, count, _TIMEOUT)
        tasks = await found.wait_ended(execution, _TIMEOUT)
        cpu = found.cpu_seconds() - cpu
        ended = max(task.ended.timestamp() for task in tasks if task.ended) - begun
        durable = placed(tasks)[-1] - begun
        calls, others = found.engine.of_containers / count, found.engine.others
    first, last = starts[0] - begun, starts[-1] - begun
    figures = (
        f"ours: last placement on disk {durable:.1f} s, last start {last:.1f} s, all recorded"
        f" {ended:.1f} s, {cpu:.1f} s of processor time (the scripted engine's too)"
    )
    rows = [
        _queue_row("first", count, "submit to first start", "s", first, Budget("at most", 0.5)),
        _queue_row("ended", count, "submit to last result", "s", ended, None),
        _queue_row("cpu", count, "processor time of all", "s", cpu, None),
        _queue_row("calls", count, "engine calls per batch", "calls", calls, Budget("at most", 6)),
    ]
    rows[0].notes.append(figures)
    rows[-1].notes.append(f"and for all together: {others}")
    if theirs is not None:
        sides = (theirs.first, theirs.ended, theirs.cpu, theirs.calls)
        for row, side in zip(rows, sides, strict=True):
            row.theirs = Spread.of([side])
        rows[0].notes.append(theirs.text())
    return rows


def _queue_row(
    key: str, count: int, what: str, unit: str, value: float, budget: Budget | None
) -> Row:
    spread = Spread.of([value])
    title = f"{count:,} batches of {_JOB:g} s, scripted engine: {what}"
    return Row(f"agency.queue.{key}.{count}", title, unit, spread, budget, spread, side_unit=unit)


async def _rest(folder: Path, count: int, seconds: float) -> list[Row]:
    async with world(folder, 3600.0, _SLOTS) as found:
        execution = await found.submit(trivial(IMAGE, count))
        await found.wait_started(execution, count, _TIMEOUT)
        await asyncio.sleep(2.0)
        found.engine.calls.clear()
        cpu = found.cpu_seconds()
        await asyncio.sleep(seconds)
        cpu = found.cpu_seconds() - cpu
        calls, others = found.engine.of_containers / seconds, found.engine.others
        await found.cancel(execution)
    return [
        Row(
            "agency.rest",
            f"{count} running batches at rest: engine calls per second",
            "/s",
            Spread.of([calls]),
            Budget("at most", 0),
            notes=[
                f"signs of life of the Node in {seconds:g} s: {others};"
                f" {cpu / seconds * 100:.1f} % of one processor"
            ],
        )
    ]


async def _behind(folder: Path, waiting: int, count: int) -> Row:
    async with world(folder, _JOB, _SLOTS) as found:
        execution = await found.submit(trivial(IMAGE, waiting, limit=1))
        starts = await found.wait_started(execution, count + 1, _TIMEOUT)
        gaps = [after - before for before, after in itertools.pairwise(starts)]
        await found.cancel(execution)
    return Row(
        "agency.behind",
        f"batches of {_JOB:g} s one at a time, {waiting:,} waiting: seconds for each",
        "s",
        Spread.of(gaps),
        Budget("at most", 1.3),
        notes=[f"mean {statistics.fmean(gaps):.3f} s"],
    )
