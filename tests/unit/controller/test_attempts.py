"""Attempts on Nodes that fail, with the real store, journal and vault, on scripted engines."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from benchmarks.agency.documents import trivial
from benchmarks.agency.scripted import IMAGE, ScriptedEngine
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission, Submission
from ccp_jupyter.hub_service.controller.container import read_mark
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.base import (
    ContainerEvent,
    EngineError,
    LogFrame,
    NodeUnreachable,
    NoResources,
    Token,
)
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState, is_final
from ccp_jupyter.model.stored_method import StoredMethod
from tests.jobs import method
from tests.stack.daemons import find

WAIT = 60


class Engine(ScriptedEngine):
    """A scripted engine that can be made to refuse."""

    def __init__(self, seconds=0.05):
        super().__init__(seconds)
        self.full = False
        self.stuck = False
        self.specs = {}
        self.lost_answers = 0
        self.vanishes = False
        self.forgets_codes = False

    async def create(self, spec):
        if self.full:
            raise NoResources("no space left on device")
        self.specs[spec.name] = spec
        return await super().create(spec)

    async def start(self, container):
        if self.vanishes:
            self.vanishes = False
            await super().remove(container)
        await super().start(container)
        if self.lost_answers:
            self.lost_answers -= 1
            await self._containers[container].ended.wait()
            raise NodeUnreachable("read timed out")

    async def logs(self, container, after=None):
        mark = read_mark(self._containers[container].spec.labels)
        assert mark is not None
        async for frame in super().logs(container, after):
            yield frame
        yield LogFrame("stderr", f"{mark.text} end 0\n".encode(), f"{9:030}")

    def _end(self, found, code):
        super()._end(found, 255 if self.forgets_codes else code)

    async def remove(self, container):
        if self.stuck:
            raise EngineError("device or resource busy")
        await super().remove(container)

    async def close(self):
        """Containers go on when the service stops."""

    def taken_by_another(self):
        """Put another service's claim in the place of ours, as it does after a long silence."""
        [ours] = self._tokens.values()
        other = Instance.new()
        name = ours.name.replace(ours.labels["ccp.instance"], other.id)
        self._tokens = {name: Token(name, {**ours.labels, **other.labels})}
        self._events.put_nowait(ContainerEvent("token", name, {}, time.time_ns()))
        return name

    @property
    def names(self):
        return set(self._containers)


class Store:
    """The store, with what is called noted, and calls that fail or wait."""

    def __init__(self, store):
        self.kept = store
        self.calls = []
        self.before_save = None
        self.fails = ""
        self.failures = 0

    def __getattr__(self, name):
        found = getattr(self.kept, name)

        def noted(*args, **kwargs):
            self.calls.append((name, args, kwargs))
            self._check(name)
            return found(*args, **kwargs)

        return noted

    def _check(self, name):
        if name == self.fails:
            self.failures += 1
            raise StoreUnusable("the database is away")

    async def save_task(self, task):
        self.calls.append(("save_task", (task,), {}))
        self._check("save_task")
        if self.before_save is not None:
            await self.before_save(task)
        return await self.kept.save_task(task)


class World:
    """A folder and engines; services on it come and go."""

    def __init__(self, folder, vault_socket):
        self.folder = folder
        self.engines = {}
        self._socket = vault_socket

    @asynccontextmanager
    async def service(self, *nodes, slots=4, gpus=(), **settings):
        infrastructure = Infrastructure.model_validate(
            {
                "id": "lab",
                "name": "Lab",
                "nodes": [
                    {
                        "id": name,
                        "base_url": "unix:///scripted",
                        "slots": slots,
                        "memory": 2**40,
                        "gpus": gpus,
                    }
                    for name in nodes
                ],
            }
        )
        self.store = Store(await SqliteStore.open(self.folder / "store.sqlite"))
        self.folders = folders = Folders(self.folder / "executions")
        events, vault = FileEventLog(folders), VaultClient(self._socket)
        self.events = events
        settings = {"retry_delay": 0.02, "probation_after": 1000, **settings}
        self.controller = ServiceController(
            {"lab": infrastructure},
            lambda node: self.engines.setdefault(node.id, Engine()),
            self.store,
            events,
            vault,
            folders,
            Outgoing(),
            "test",
            Settings(**settings),
        )
        await self.controller.start()
        try:
            yield self
        finally:
            await self.controller.stop()
            await events.close()
            await vault.close()
            await self.store.close()

    async def submit(self, batches=1, retry=False):
        submission = ExperimentSubmission(
            "alice", {}, dict(trivial(IMAGE, batches)), disable_retry=not retry
        )
        return await self.controller.submit_experiment(submission)

    async def over(self):
        """Run one Task on Node a to its end."""
        async with self.service("a"):
            return await self.task(await self.submit(), is_over)

    async def until(self, true):
        async with asyncio.timeout(WAIT):
            while not (found := await true()):
                await asyncio.sleep(0.02)
        return found

    async def task(self, execution, true, index=1):
        async def look():
            task = await self.store.kept.get_task(execution.id, index)
            return task if true(task) else None

        return await self.until(look)

    async def settled(self, execution):
        """Wait until nothing of its end is left to be done."""

        async def look():
            found = await self.store.kept.get_execution(execution.id)
            return is_final(found.status) and not found.ending

        await self.until(look)

    async def ended(self, execution):
        async def look():
            found = await self.store.kept.get_execution(execution.id)
            return found if is_final(found.status) else None

        return await self.until(look)


@pytest.fixture
async def world(tmp_path):
    pid = await ensure_running(tmp_path / "vault.sock", tmp_path / "vault.log")
    yield World(tmp_path, tmp_path / "vault.sock")
    find(pid).end()


def is_over(task):
    return is_final(task.state) and task.attempt.phase is Phase.ENDED


async def test_another_node_comes_first(world):
    world.engines["a"] = Engine()
    world.engines["a"].full = True
    async with world.service("a"):
        execution = await world.submit()
        await world.task(execution, lambda task: task.attempts and task.attempts[0].outcome)
        # Whatever else: it is tried where there is another chance.
        node = {"id": "b", "base_url": "unix:///scripted", "slots": 4, "memory": 2**40}
        await world.controller.add_node("lab", Node.model_validate(node), "admin")
        task = await world.task(execution, is_over)
    assert [attempt.node for attempt in task.attempts][-1] == "b"
    assert [attempt.outcome for attempt in task.attempts][-1] is Outcome.SUCCESSFUL
    assert {attempt.reason for attempt in task.attempts[:-1]} == {"no space left on device"}


async def test_attempts_end_at_the_limit_and_say_why(world):
    for name in "ab":
        world.engines[name] = Engine()
        world.engines[name].full = True
    async with world.service("a", "b", attempts=4):
        execution = await world.submit()
        ended = await world.ended(execution)
        task = await world.task(execution, is_over)
    assert ended.status is Status.FAILED
    assert ended.message == "no space left on device"
    assert [attempt.outcome for attempt in task.attempts] == [Outcome.PLATFORM] * 4
    nodes = [attempt.node for attempt in task.attempts]
    assert all(one != other for one, other in pairwise(nodes))


async def test_a_container_whose_start_went_unheard_is_not_started_again(world):
    world.engines["a"] = engine = Engine()
    engine.lost_answers = 1
    task = await world.over()
    assert task.state is TaskState.SUCCESSFUL
    assert len(task.attempts) == 1
    assert engine.calls["start"] == 1


async def test_a_script_that_ended_well_is_not_failed_by_a_code_that_its_engine_never_learnt(world):
    world.engines["a"] = engine = Engine()
    engine.forgets_codes = True
    task = await world.over()
    assert task.state is TaskState.SUCCESSFUL
    assert task.attempts[0].exit_code == 0


async def test_a_container_that_is_gone_before_its_start_is_the_platforms_failure(world):
    world.engines["a"] = engine = Engine()
    engine.vanishes = True
    task = await world.over()
    assert [attempt.outcome for attempt in task.attempts] == [Outcome.PLATFORM, Outcome.SUCCESSFUL]
    assert task.attempts[0].reason == "The container is gone from its Node"


async def test_what_an_engine_will_not_remove_holds_its_room(world):
    world.engines["a"] = engine = Engine()
    async with world.service("a", slots=1):
        engine.stuck = True
        first = await world.submit()
        assert (await world.ended(first)).status is Status.SUCCESSFUL
        second = await world.submit()

        async def held():
            return world.controller.running("a") == [] and world.controller.nodes("lab")[0].running

        assert await world.until(held) == 1
        assert len(engine.names) == 1
        assert world.controller.live(second).position == 1
        engine.stuck = False
        assert (await world.ended(second)).status is Status.SUCCESSFUL
        await world.task(first, is_over)
        await world.task(second, is_over)
    assert engine.names == set()


async def test_gpus_reach_the_container_and_are_not_shared(world):
    world.engines["a"] = engine = Engine(seconds=1000)
    gpus = [{"id": "GPU-1", "vram": 8192}, {"id": "GPU-2", "vram": 16384}]
    unit = {"name": "executionUnit", "value": [{"config": {"gpus": [{"vram": 8000}]}}]}
    document = parse_method(method(IMAGE, "true")).document()
    document["additionalParameters"]["parameters"].append(unit)
    document["links"] = [{"rel": "compatibleWith", "href": "infrastructures/lab"}]
    stored = StoredMethod(id=document["id"], owner="alice", document=document, version=1)
    async with world.service("a", gpus=gpus):
        submission = Submission("alice", {}, stored, {"inputs": {"ccpreplicas": 3}})
        execution = await world.controller.submit(submission)

        async def two():
            return len(engine.specs) == 2

        await world.until(two)
        tasks = await world.store.kept.list_tasks(execution.id)
        waiting = [task for task in tasks if task.attempt is None]
        specs = {engine.specs[f"ccp-{task.id}.1"].gpus for task in tasks if task.attempt}
        assert specs == {("GPU-1",), ("GPU-2",)}
        assert [list(task.attempt.gpus) for task in tasks if task.attempt] == [
            list(engine.specs[f"ccp-{task.id}.1"].gpus) for task in tasks if task.attempt
        ]
        assert len(waiting) == 1
        await world.controller.dismiss(execution.id)
        await world.task(execution, lambda task: is_final(task.state), waiting[0].index)
    assert len(engine.specs) == 2


async def test_an_attempt_whose_driving_fails_is_taken_up_again(world, caplog):
    world.engines["a"] = engine = Engine()
    failures: Counter[object] = Counter()

    async def fail_once(task):
        phase = task.attempt.phase if task.attempt else None
        if phase in (Phase.DESTROY, Phase.ENDED) and not failures[phase]:
            failures[phase] += 1
            raise RuntimeError("the store is not itself today")

    async with world.service("a"):
        world.store.before_save = fail_once
        execution = await world.submit()
        task = await world.task(execution, is_over)
        assert (await world.ended(execution)).status is Status.SUCCESSFUL
    assert failures == {Phase.DESTROY: 1, Phase.ENDED: 1}
    assert len(task.attempts) == len(engine.starts) == 1
    assert f"ccp-{execution.id}.1.1: driving it failed, taking it up again" in caplog.text


@pytest.mark.parametrize("call", ["get_task", "save_task", "get_execution"])
async def test_a_store_that_fails_while_a_task_is_placed_loses_nothing(world, call):
    world.engines["a"] = engine = Engine()
    async with world.service("a"):
        execution = await world.submit()
        await world.ended(execution)
        world.store.fails = call
        execution = await world.submit()

        async def failed():
            return world.store.failures >= 2

        await world.until(failed)
        world.store.fails = ""
        assert (await world.ended(execution)).status is Status.SUCCESSFUL
        task = await world.task(execution, is_over)

        async def free():
            return world.controller.nodes("lab")[0].running == 0

        await world.until(free)
    assert len(task.attempts) == 1
    assert len(engine.starts) == 2


async def test_stopping_leaves_containers_which_are_adopted(world):
    world.engines["a"] = engine = Engine(seconds=2.0)
    async with world.service("a"):
        execution = await world.submit()

        async def started():
            return engine.starts

        await world.until(started)
    assert len(engine.names) == 1
    assert engine.calls["stop"] == engine.calls["remove"] == 0
    async with world.service("a"):
        assert (await world.ended(execution)).status is Status.SUCCESSFUL
        task = await world.task(execution, is_over)
    assert len(task.attempts) == len(engine.starts) == 1
    assert engine.names == set()


async def test_nothing_is_written_of_attempts_on_a_node_that_another_service_has_taken(world):
    world.engines["a"] = engine = Engine(seconds=1000)
    async with world.service("a", lost_after=0.2, reconnect_delay=0.1):
        node = {"id": "b", "base_url": "unix:///scripted", "slots": 4, "memory": 2**40}
        execution = await world.submit()
        await world.task(execution, lambda task: task.attempt and task.attempt.container_id)
        world.engines["b"] = Engine()
        await world.controller.add_node("lab", Node.model_validate(node), "admin")
        token = engine.taken_by_another()

        async def offline():
            return not world.controller.nodes("lab")[0].online

        await world.until(offline)
        assert world.controller.running("a") == []
        before = await world.store.kept.get_task(execution.id, 1)
        await asyncio.sleep(1.0)  # several times `lost_after`: it does not go to the other Node
        assert await world.store.kept.get_task(execution.id, 1) == before
        assert len(engine.names) == 1
    assert before.state is TaskState.RUNNING
    # Whoever starts next, when the other has gone, adopts it.
    await engine.remove_token(token)
    async with world.service("a"):

        async def adopted():
            return world.controller.running("a")

        assert [task.attempt.number for task in await world.until(adopted)] == [1]
        await world.controller.dismiss(execution.id)
        await world.task(execution, is_over)
    assert len(engine.starts) == 1


async def test_an_attempt_on_a_node_that_is_no_more_is_given_up(world):
    world.engines["a"] = Engine(seconds=1000)
    async with world.service("a"):
        execution = await world.submit()
        await world.task(execution, lambda task: task.attempt and task.attempt.container_id)
    async with world.service("b"):
        assert (await world.ended(execution)).status is Status.SUCCESSFUL
        task = await world.task(execution, is_over)
    assert [(a.node, a.outcome) for a in task.attempts] == [
        ("a", Outcome.PLATFORM),
        ("b", Outcome.SUCCESSFUL),
    ]
    assert task.attempts[0].reason == "Node a is no longer there"
    assert task.attempts[0].phase is Phase.ENDED


async def test_such_attempts_count(world):
    world.engines["a"] = Engine(seconds=1000)
    async with world.service("a", attempts=1):
        execution = await world.submit()
        await world.task(execution, lambda task: task.attempt and task.attempt.container_id)
    async with world.service("b", attempts=1):
        ended = await world.ended(execution)
    assert (ended.status, ended.message) == (Status.FAILED, "Node a is no longer there")


async def test_who_is_dismissed_while_its_attempt_is_written_down_never_starts(world):
    world.engines["a"] = engine = Engine()
    reached, go = asyncio.Event(), asyncio.Event()

    async def wait(task):
        if task.state is TaskState.RUNNING and not reached.is_set():
            reached.set()
            await go.wait()

    async with world.service("a"):
        world.store.before_save = wait
        execution = await world.submit()
        async with asyncio.timeout(WAIT):
            await reached.wait()
        cancelling = asyncio.create_task(world.controller.cancel_batch(execution.id, 1))
        await asyncio.sleep(0.1)
        go.set()
        assert (await cancelling).state is TaskState.DISMISSED
        ended = await world.ended(execution)
        await world.task(execution, is_over)
    assert ended.status is Status.DISMISSED
    assert engine.calls["create"] == 0


async def test_a_removed_execution_leaves_no_attempt_being_written(world, caplog):
    world.engines["a"] = engine = Engine()
    reached, go = asyncio.Event(), asyncio.Event()

    async def wait(task):
        if task.state is TaskState.RUNNING and not reached.is_set():
            reached.set()
            await go.wait()

    async with world.service("a"):
        world.store.before_save = wait
        execution = await world.submit()
        async with asyncio.timeout(WAIT):
            await reached.wait()
        await world.controller.remove(execution.id)
        go.set()

        async def gone():
            return await world.store.get_execution(execution.id) is None

        await world.until(gone)

        async def free():
            return world.controller.nodes("lab")[0].running == 0

        await world.until(free)
    assert engine.calls["create"] == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_start_reads_what_is_open_part_by_part(world):
    async with world.service("a"):
        world.engines["a"].full = True
        for _ in range(55):
            await world.submit(batches=3)
    async with world.service("a"):
        asked = [kwargs for name, _, kwargs in world.store.calls if name == "open_tasks"]
    assert asked
    for each in asked:
        assert len(each.get("execution_ids") or ()) in range(1, 51) or each.get("limit")


async def test_an_end_that_a_crash_cut_off_is_told_and_cleared_up_after_it(world):
    world.engines["a"] = Engine()
    async with world.service("a") as service:
        execution = await world.submit()
        await world.settled(execution)
        folders = service.folders
    journal, part = folders.journal(execution.id), folders.part(execution.id, 1)
    lines = journal.read_text().splitlines(keepends=True)
    [end] = [n for n, line in enumerate(lines) if json.loads(line).get("status") == "successful"]
    # As after a crash right behind the write of the status.
    journal.write_text("".join(lines[:end]))
    part.write_bytes(b"left")
    store = await SqliteStore.open(world.folder / "store.sqlite")
    kept = await store.get_execution(execution.id)
    assert kept is not None and not kept.ending
    await store.save_execution(kept.model_copy(update={"ending": True}))
    await store.close()
    async with world.service("a"):
        await world.settled(execution)
        events = await world.events.read(execution.id)
        assert await world.store.kept.open_executions() == []
    assert [event.status for event in events if event.kind == "status"][-1] is Status.SUCCESSFUL
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert not part.exists()


async def test_three_calls_of_the_store_place_a_task(world):
    world.engines["a"] = Engine()
    async with world.service("a"):
        execution = await world.submit()
        assert (await world.ended(execution)).status is Status.SUCCESSFUL
        calls = world.store.calls
    names = [
        name
        for name, args, _ in calls[: _first_of_phase(calls, Phase.DEPLOY)]
        if args and execution.id in (args[0], getattr(args[0], "execution_id", ""))
    ]
    begun = names.index("save_task")
    assert names[begun - 1 :] == ["get_task", "save_task", "get_execution"]


def _first_of_phase(calls, phase):
    return next(
        number
        for number, (name, args, _) in enumerate(calls)
        if name == "save_task" and args[0].attempt and args[0].attempt.phase is phase
    )
