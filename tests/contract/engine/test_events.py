"""What engines report by themselves."""

from __future__ import annotations

import asyncio
import time

from ccp_jupyter.hub_service.engines.base import ContainerEvent
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import Run
from tests.contract.engine.helpers import ended


async def _until(
    engine: DockerEngine, label: str, kind: str, since_ns: int | None = None
) -> list[ContainerEvent]:
    """Return the events of containers with this label, up to the first of a kind."""
    found = []
    async with asyncio.timeout(20):
        async for event in engine.events(label, since_ns):
            if event.kind != "outside":
                found.append(event)
            if event.kind == kind:
                break
    return found


async def test_a_life(engine: DockerEngine, run: Run) -> None:
    began = time.time_ns()
    watching = asyncio.create_task(_until(engine, "watched=yes", "destroy", began))
    await run("true", labels={"watched": "no"})
    container = await run("exit 9", labels={"watched": "yes", "more": "text"})
    await ended(engine, container)
    await engine.remove(container)
    events = await watching
    assert [(e.kind, e.exit_code) for e in events] == [
        ("start", None),
        ("die", 9),
        ("destroy", None),
    ]
    assert {e.container_id for e in events} == {container}
    assert events[0].labels == {"watched": "yes", "more": "text"}
    times = [e.time_ns for e in events]
    assert times == sorted(set(times))
    assert began < times[0] < times[-1] < time.time_ns()


async def test_events_come_at_once(engine: DockerEngine, run: Run) -> None:
    container = await run("sleep 60", labels={"prompt": ""})
    watching = asyncio.create_task(_until(engine, "prompt", "die"))
    await asyncio.sleep(0.5)
    await engine.stop(container)
    began = time.monotonic()
    assert [(e.kind, e.exit_code) for e in await watching] == [
        ("kill", None),
        ("die", 137),
    ]
    assert time.monotonic() - began < 3


async def test_continue_after_each_event(engine: DockerEngine, run: Run) -> None:
    began = time.time_ns()
    for code in range(3):
        container = await run(f"exit {code}", labels={"again": ""})
        await ended(engine, container)
    await engine.remove(container)
    events = await _until(engine, "again", "destroy", began)
    assert len(events) == 7
    for place, event in enumerate(events[:-1]):
        rest = await _until(engine, "again", "destroy", event.time_ns)
        assert rest == events[place + 1 :]


async def test_out_of_memory(engine: DockerEngine, run: Run) -> None:
    # containerd reads it from a cgroup that may be gone already: then nobody ever hears of it.
    for number in range(5):
        began = time.time_ns()
        container = await run(
            "x=0123456789; while :; do x=$x$x$x; done",
            memory=16 * 2**20,
            labels={f"hungry{number}": ""},
        )
        events = await _until(engine, f"hungry{number}", "die", began)
        info = await ended(engine, container)
        assert info.exit_code == events[-1].exit_code == 137
        if info.out_of_memory:
            break
    assert [e.kind for e in events] == ["start", "oom", "die"]


async def test_many_listeners(engine: DockerEngine, run: Run) -> None:
    listeners = [asyncio.create_task(_until(engine, "many", "die")) for _ in range(20)]
    await asyncio.sleep(1)
    await run("true", labels={"many": ""})
    heard = await asyncio.gather(*listeners)
    assert all(events == heard[0] for events in heard)
