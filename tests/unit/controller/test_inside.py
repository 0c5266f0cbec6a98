"""Executions of built-in processes, over a real store and journal, through ends of the service."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from ccp_jupyter.hub_service.builtin.base import Failed, Offered, Produced
from ccp_jupyter.hub_service.builtin.echo import Echo
from ccp_jupyter.hub_service.builtin.offered import built_ins
from ccp_jupyter.hub_service.controller.base import LimitReached, Submission
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.inside import SERVICE_ITSELF
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.client import VaultClient
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.states import Status, is_final

PATIENCE = 60.0
INFRASTRUCTURE = Infrastructure.model_validate({"id": "lab", "name": "Lab", "nodes": []})


class Gate(Echo):
    """Echo that gives nothing back before it is let through, or fails."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.begun = 0
        self.error: Exception | None = None

    async def run(self, inputs: Mapping[str, Any]) -> dict[str, Produced]:
        self.begun += 1
        await self.opened.wait()
        if self.error is not None:
            raise self.error
        return await super().run(inputs)


class World:
    """A service process without vault and Nodes, which these Executions need not."""

    def __init__(self, folder):
        self.folder = folder
        self.folders = Folders(folder / "executions")
        self.gate = Gate()

    async def start(self, offered=True):
        self.store = await SqliteStore.open(self.folder / "store.sqlite")
        self.events = FileEventLog(self.folders)
        self.vault = VaultClient(self.folder / "vault.sock")
        self.controller = ServiceController(
            {"lab": INFRASTRUCTURE},
            DockerEngine,
            self.store,
            self.events,
            self.vault,
            self.folders,
            Outgoing(),
            "test",
            built_ins={"echo": Offered(self.gate)} if offered else {},
        )
        await self.controller._lifecycle.start()
        return self

    async def stop(self):
        await self.controller.stop()
        await self.events.close()
        await self.vault.close()
        await self.store.close()

    def submission(self, **members):
        record = Offered(self.gate).record
        body = {"inputs": {"echo": "text", "numbers": [1]}}
        return Submission(
            **{"owner": "alice", "claims": {}, "method": record, "body": body, **members}
        )

    async def submit(self, **members):
        return await self.controller.submit(self.submission(**members))

    async def end(self, execution):
        found = await self.controller.ended(execution.id, PATIENCE)
        assert found is not None and is_final(found.status), found
        return found

    async def begun(self, count):
        async with asyncio.timeout(PATIENCE):
            while self.gate.begun < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path):
    made = await World(tmp_path).start()
    yield made
    await made.stop()


async def test_it_is_an_execution_like_others(world):
    execution = await world.submit()
    await world.begun(1)
    running = await world.store.get_execution(execution.id)
    assert (running.status, running.built_in) == (Status.RUNNING, True)
    assert world.controller.live(running).message == "Running"
    assert await world.store.list_tasks(execution.id) == []
    world.gate.opened.set()
    done = await world.end(execution)
    assert (done.status, done.progress, done.message) == (Status.SUCCESSFUL, 100, "Successful")
    archive = world.folders.outputs(execution.id)
    assert done.output_size == archive.stat().st_size
    with zipfile.ZipFile(archive) as source:
        assert {name: source.read(name) for name in source.namelist()} == {
            "echo.txt": b"text",
            "numbers.json": b"[1]",
        }
    manifest = Manifest.model_validate_json(world.folders.manifest(execution.id).read_bytes())
    assert done.output_digest == manifest.digest
    assert [file.path for file in manifest.files] == ["echo.txt", "numbers.json"]
    usage = await world.store.usage("alice", SERVICE_ITSELF.id)
    assert (usage.executions, usage.bytes) == (1, done.output_size)


async def test_what_ran_when_the_service_ended_is_run_again(world):
    execution = await world.submit()
    await world.begun(1)
    await world.stop()
    await world.start()
    await world.begun(2)
    assert (await world.store.get_execution(execution.id)).status is Status.RUNNING
    world.gate.opened.set()
    assert (await world.end(execution)).status is Status.SUCCESSFUL


async def test_what_is_not_offered_any_more_fails_and_says_so(world):
    execution = await world.submit()
    await world.begun(1)
    await world.stop()
    await world.start(offered=False)
    done = await world.end(execution)
    assert (done.status, done.message) == (
        Status.FAILED,
        "This service does not offer echo any more",
    )
    assert done.output_size is None


@pytest.mark.parametrize(
    ("error", "message"),
    [(Failed("no"), "no"), (ValueError("secret"), "Unexpected error in the service")],
)
async def test_what_fails_says_why_if_that_is_for_users(world, error, message):
    world.gate.error = error
    world.gate.opened.set()
    done = await world.end(await world.submit())
    assert (done.status, done.message) == (Status.FAILED, message)
    assert not world.folders.outputs(done.id).exists()


async def test_dismissing_stops_it(world):
    execution = await world.submit()
    await world.begun(1)
    dismissed = await world.controller.dismiss(execution.id)
    assert dismissed.status is Status.DISMISSED
    world.gate.opened.set()
    later = await world.end(await world.submit())
    assert later.status is Status.SUCCESSFUL
    found = await world.store.get_execution(execution.id)
    assert (found.status, found.output_size) == (Status.DISMISSED, None)
    assert not world.folders.outputs(execution.id).exists()


async def test_removing_leaves_nothing(world):
    execution = await world.submit()
    await world.begun(1)
    await world.controller.remove(execution.id)
    async with asyncio.timeout(PATIENCE):
        while await world.store.get_execution(execution.id) is not None:
            await asyncio.sleep(0.01)
    world.gate.opened.set()
    await world.end(await world.submit())
    assert not world.folders.folder(execution.id).exists()


async def test_a_key_makes_one(world):
    world.gate.opened.set()
    found = await asyncio.gather(*(world.submit(idempotency_key="k") for _ in range(5)))
    assert len({execution.id for execution in found}) == 1
    await world.end(found[0])
    assert world.gate.begun == 1


async def test_one_that_is_only_created_waits_for_its_start(world):
    world.gate.opened.set()
    execution = await world.submit(hold=True)
    assert execution.status is Status.CREATED
    await world.stop()
    await world.start()
    assert world.gate.begun == 0
    changed = world.submission(body={"inputs": {"echo": "other"}}, hold=True)
    await world.controller.update(execution.id, changed)
    begun = await world.controller.begin(execution.id)
    assert begun.status is Status.ACCEPTED
    done = await world.end(execution)
    with zipfile.ZipFile(world.folders.outputs(done.id)) as source:
        assert source.read("echo.txt") == b"other"


async def test_at_once_keeps_nothing(world):
    world.gate.opened.set()
    produced = await world.controller.call(world.submission())
    assert produced == {"echo": Produced("text"), "numbers": Produced([1])}
    assert (await world.store.usage("alice", SERVICE_ITSELF.id)).executions == 0
    with pytest.raises(InvalidDocument, match=r"inputs\.echo"):
        await world.controller.call(world.submission(body={"inputs": {}}))


async def test_nobody_keeps_more_than_the_limit(world, monkeypatch):
    world.gate.opened.set()
    limited = SERVICE_ITSELF.model_copy(update={"limits": Limits(stored_executions=1)})
    monkeypatch.setattr("ccp_jupyter.hub_service.controller.inside.SERVICE_ITSELF", limited)
    await world.end(await world.submit())
    with pytest.raises(LimitReached, match="You keep 1 Executions"):
        await world.submit()


async def test_waiting_for_the_end_ends(world):
    execution = await world.submit()
    assert not is_final((await world.controller.ended(execution.id, 0.01)).status)
    assert await world.controller.ended("none", PATIENCE) is None
    world.gate.opened.set()
    done = await world.end(execution)
    again = await world.controller.ended(execution.id, PATIENCE)
    assert (again.id, again.status) == (done.id, Status.SUCCESSFUL)


def test_the_ids_of_infrastructures_leave_room_for_the_service_itself():
    with pytest.raises(ValueError, match="pattern"):
        Infrastructure.model_validate({"id": SERVICE_ITSELF.id, "name": "x"})


def test_descriptions_fit_to_what_is_run():
    for name, offered in built_ins().items():
        assert name == offered.record.id == offered.method.id
        assert set(offered.method.inputs) == set(offered.process.document["inputs"])
        assert offered.record.public
        assert offered.allows("async-execute")
        assert offered.allows("sync-execute") == (name == "echo")
