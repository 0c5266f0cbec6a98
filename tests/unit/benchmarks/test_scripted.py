"""The engine that costs nothing does what the controller expects of one."""

import asyncio
import io

import pytest

from benchmarks.agency.documents import trivial
from benchmarks.agency.scripted import IMAGE, ScriptedEngine
from benchmarks.agency.world import placed, world
from ccp_jupyter.hub_service.controller.batch_result import read_result
from ccp_jupyter.hub_service.engines.base import AlreadyThere, ContainerSpec, NotThere
from ccp_jupyter.hub_service.masking import Masker
from tests.stack.daemons import find

LABELS = {"ccp.execution": "e", "ccp.task": "1", "ccp.attempt": "1", "ccp.mark": "MARK"}
SPEC = ContainerSpec("ccp-e.1.1", IMAGE, ("true",), labels=LABELS)


async def started(seconds):
    engine = ScriptedEngine(seconds)
    await engine.create(SPEC)
    await engine.put_files(SPEC.name, "/", io.BytesIO(b""))
    await engine.start(SPEC.name)
    return engine


async def test_a_container_ends_after_its_time_and_says_so():
    engine = await started(0.2)
    assert (await engine.inspect(SPEC.name)).state == "running"
    begun = asyncio.get_running_loop().time()
    frames = [frame async for frame in engine.logs(SPEC.name)]
    assert asyncio.get_running_loop().time() - begun >= 0.15
    assert [frame.data for frame in frames] == [
        b"MARK deploy\n",
        b"MARK execute\n",
        b"MARK fetch\n",
    ]
    assert [frame.stamp for frame in frames] == sorted(frame.stamp for frame in frames)
    events = engine.events("ccp.service")
    found = [await anext(events), await anext(events)]
    assert [(event.kind, event.exit_code) for event in found] == [("start", None), ("die", 0)]
    assert (await engine.inspect(SPEC.name)).exit_code == 0


async def test_what_it_leaves_is_a_result_of_the_agent(tmp_path):
    engine = await started(0.0)
    target = tmp_path / "part.zip"
    packed = await engine.fetch(
        SPEC.name, "/cc/result", lambda tar: read_result(tar, target, 1000, Masker(()))
    )
    assert (packed.result["state"], packed.notes) == ("succeeded", [])


async def test_calls_about_containers_are_counted_apart():
    engine = await started(60)
    await engine.info()
    await engine.pull(IMAGE)
    await engine.remove(SPEC.name)
    assert engine.of_containers == 4
    assert engine.others == "1 x info, 1 x pull"
    assert await engine.containers("ccp.service") == []


async def test_one_that_is_stopped_has_the_code_of_a_kill():
    engine = await started(60)
    await engine.stop(SPEC.name)
    assert (await engine.inspect(SPEC.name)).exit_code == 137


async def test_it_refuses_what_an_engine_refuses():
    engine = await started(60)
    with pytest.raises(AlreadyThere):
        await engine.create(SPEC)
    for name in ("start", "put_files"):
        arguments = ("/", io.BytesIO()) if name == "put_files" else ()
        with pytest.raises(NotThere):
            await getattr(engine, name)("ccp-other.1.1", *arguments)


async def test_the_real_controller_runs_a_batch_on_it(tmp_path):
    async with world(tmp_path / "w", 0.1, 4) as found:
        execution = await found.submit(trivial(IMAGE))
        [start] = await found.wait_started(execution, 1, 20)
        tasks = await found.wait_ended(execution, 20)
        assert found.engine.of_containers == 6
    [place] = placed(tasks)
    ended = tasks[0].ended
    assert ended is not None
    assert place <= start <= ended.timestamp()
    assert not find(found.vault_pid).alive()
