"""The checks of /health."""

from __future__ import annotations

import asyncio
import shutil
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccp_jupyter.hub_service.observing import checks
from ccp_jupyter.hub_service.observing.health import Check, Finding, Health, Level
from ccp_jupyter.hub_service.observing.loop import LoopWatch
from ccp_jupyter.model.node_record import NodeState
from tests.unit.observing.samples import Parts, node


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Part:
    """Something to look at, that counts how often."""

    def __init__(self, level: Level = Level.OK, name: str = "part", **members: Any) -> None:
        self.level = level
        self.asked = 0
        self.error: Exception | None = None
        self.check = Check(name, self.look, **members)

    async def look(self) -> Finding:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return Finding(self.check.name, self.level, "as it is")


def health(*parts: Part, clock: Clock | None = None) -> Health:
    made = Health(clock or Clock())
    made.add(*(part.check for part in parts))
    return made


@pytest.mark.parametrize(
    ("vital", "other", "level", "ready"),
    [
        ("ok", "ok", "ok", True),
        ("ok", "degraded", "degraded", True),
        ("degraded", "ok", "degraded", True),
        ("ok", "failing", "degraded", True),
        ("failing", "ok", "failing", False),
        ("failing", "degraded", "failing", False),
    ],
)
async def test_what_all_checks_make_together(vital, other, level, ready):
    parts = Part(Level(vital), "a"), Part(Level(other), "b", vital=False)
    report = await health(*parts).report()
    assert (report.level, report.ready) == (level, ready)
    assert [found.name for found in report.findings] == ["a", "b"]


async def test_a_service_that_stops_is_not_ready():
    looked = health(Part())
    looked.stopping = True
    report = await looked.report()
    assert (report.level, report.ready) == ("failing", False)
    assert report.findings[-1].name == "stopping"


async def test_what_a_check_raises_is_told_to_administrators_only():
    part = Part(name="store")
    part.error = OSError("cannot reach 10.0.0.7:27017")
    found = (await health(part).report()).findings[0]
    assert found.level is Level.FAILING
    assert found.message == "the store does not work"
    assert "10.0.0.7" in found.detail


async def test_a_check_that_hangs_is_failing(monkeypatch):
    monkeypatch.setattr("ccp_jupyter.hub_service.observing.health._TIMEOUT", 0.01)

    async def hang() -> Finding:
        await asyncio.sleep(3600)
        raise AssertionError

    looked = Health()
    looked.add(Check("vault", hang))
    found = (await looked.report()).findings[0]
    assert (found.level, found.message) == (Level.FAILING, "the vault does not answer")


async def test_many_who_ask_look_once():
    clock, part = Clock(), Part()
    looked = health(part, clock=clock)
    await asyncio.gather(*(looked.report() for _ in range(20)))
    assert part.asked == 1
    clock.now = 0.9
    await looked.report()
    assert part.asked == 1
    clock.now = 1.1
    await looked.report()
    assert part.asked == 2


async def test_what_is_not_well_is_looked_at_again_soon():
    clock, part = Clock(), Part(fresh=10.0)
    looked = health(part, clock=clock)
    await looked.report()
    clock.now = 9.0
    await looked.report()
    assert part.asked == 1
    clock.now, part.level = 11.0, Level.FAILING
    await looked.report()
    clock.now, part.level = 12.5, Level.OK
    assert (await looked.report()).ready
    assert part.asked == 3


@pytest.mark.parametrize(
    ("states", "level", "message"),
    [
        ((NodeState.ONLINE, NodeState.ONLINE), Level.OK, "2 online"),
        ((NodeState.ONLINE, NodeState.DRAINING), Level.OK, "1 online, 1 draining"),
        ((NodeState.ONLINE, NodeState.OFFLINE), Level.DEGRADED, "1 online, 1 offline"),
        ((NodeState.DEGRADED,), Level.DEGRADED, "1 degraded"),
        (
            (NodeState.OFFLINE, NodeState.DRAINING),
            Level.FAILING,
            "no Node takes Tasks, so that they wait (1 offline, 1 draining)",
        ),
        ((), Level.FAILING, "no Node takes Tasks, so that they wait (there are none)"),
    ],
)
async def test_nodes(states, level, message):
    parts = Parts()
    parts.nodes = [node(f"n{number}", state) for number, state in enumerate(states)]
    check = checks.nodes_check(parts.controller)
    found = await check.look()
    assert (found.level, found.message) == (level, message)
    assert ("10.0.0.7" in found.detail) == any(state is not NodeState.ONLINE for state in states)
    assert not check.vital, "without Nodes, work is accepted and waits"


@pytest.mark.parametrize(
    ("free", "level"),
    [(2**40, Level.OK), (2**30, Level.DEGRADED), (2**20, Level.FAILING), (0, Level.FAILING)],
)
async def test_disk(tmp_path, monkeypatch, free, level):
    usage = SimpleNamespace(total=2**41, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = await checks.disk_check(tmp_path).look()
    assert found.level is level
    assert str(tmp_path) not in found.message
    assert str(tmp_path) in found.detail
    assert found.values == {"ccp_data_free_bytes": free}


async def test_a_small_disk_that_is_half_empty_is_no_reason_to_worry(tmp_path, monkeypatch):
    usage = SimpleNamespace(total=2**30, free=2**29)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert (await checks.disk_check(tmp_path).look()).level is Level.OK


@pytest.mark.parametrize(
    ("worst", "level"), [(0.01, Level.OK), (0.7, Level.DEGRADED), (9.0, Level.FAILING)]
)
async def test_event_loop(worst, level):
    watch = cast("LoopWatch", SimpleNamespace(worst=worst))
    check = checks.loop_check(watch)
    assert (await check.look()).level is level
    assert not check.vital


async def test_a_blocked_event_loop_is_noticed():
    late: list[float] = []
    watch = LoopWatch(late.append)
    assert watch.worst == 0
    running = asyncio.create_task(watch.run())
    while not late:
        await asyncio.sleep(0.01)
    blocking = asyncio.get_running_loop().time() + 1.0
    while asyncio.get_running_loop().time() < blocking:
        pass
    while not any(each > 0.5 for each in late):
        await asyncio.sleep(0.01)
    running.cancel()
    assert watch.worst == max(late)


async def test_hub_store_and_vault():
    async def works() -> None:
        return

    class Works:
        async def list_methods(self, _: object) -> None:
            return

    made = Health()
    made.add(
        checks.hub_check(works), checks.vault_check(works), checks.store_check(cast("Any", Works()))
    )
    report = await made.report()
    assert [found.name for found in report.findings] == ["hub", "vault", "store"]
    assert report.level is Level.OK
