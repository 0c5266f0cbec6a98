"""What requests ask of the controller, with a real store, journal and vault; its Node is away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ccp_jupyter.hub_service.controller.base import (
    KeyReused,
    LimitReached,
    NotExecutable,
    Submission,
)
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.base import ExecutionQuery
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.states import Status, Target
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import now
from tests.jobs import method
from tests.stack.daemons import find


class World:
    """Everything around a controller, on one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.folders = Folders(folder / "executions")

    async def start(self, limits=None, allowed=(), means=None, **settings):
        self.store = await SqliteStore.open(self.folder / "store.sqlite")
        self.events = FileEventLog(self.folders)
        socket = self.folder / "vault.sock"
        self.vault_pid = await ensure_running(socket, self.folder / "vault.log")
        self.vault = VaultClient(socket)
        infrastructure = Infrastructure.model_validate(
            {
                "id": "local-docker",
                "name": "Lab",
                "limits": limits or {},
                "nodes": [{"id": "n1", "base_url": f"unix://{self.folder}/no-engine.sock"}],
            }
        )
        self.controller = ServiceController(
            {infrastructure.id: infrastructure},
            DockerEngine,
            self.store,
            self.events,
            self.vault,
            self.folders,
            Outgoing(allowed=allowed),
            "test",
            Settings(**settings),
            means=means,
        )
        await self.controller.start()
        return self

    async def stop(self):
        await self.controller.stop()
        await self.events.close()
        await self.vault.close()
        await self.store.close()

    def submission(self, body, key=None, **members):
        document = parse_method(method("busybox", "true", **members)).document()
        stored = StoredMethod(id=document["id"], owner="alice", document=document, version=1)
        return Submission("alice", {"name": "alice"}, stored, body, key)

    async def stored(self):
        return (await self.store.list_executions(ExecutionQuery(limit=1000))).items


@pytest.fixture
async def world(tmp_path):
    made = await World(tmp_path).start()
    yield made
    await made.stop()
    find(made.vault_pid).end()


SECRET = {"key": {"schema": {"type": "string", "format": "secret"}}}


async def test_a_key_makes_one_execution_however_often_it_comes(world):
    submission = world.submission({"inputs": {}}, "k1")
    found = await asyncio.gather(*(world.controller.submit(submission) for _ in range(8)))
    assert len({execution.id for execution in found}) == 1
    assert len(await world.stored()) == 1


async def test_a_key_with_another_request_is_refused(world):
    first = world.submission({"inputs": {}}, "k1")
    await world.controller.submit(first)
    other = Submission(**{**_members(first), "body": {"inputs": {"ccpmaxtime": 3}}})
    with pytest.raises(KeyReused, match="k1"):
        await world.controller.submit(other)
    assert len(await world.stored()) == 1


async def test_a_key_belongs_to_its_owner(world):
    first = world.submission({"inputs": {}}, "k1")
    mine = await world.controller.submit(first)
    theirs = await world.controller.submit(Submission(**{**_members(first), "owner": "bob"}))
    assert mine.id != theirs.id


async def test_a_refused_request_leaves_nothing(world):
    with pytest.raises(InvalidDocument, match=r"inputs\.nonsense"):
        await world.controller.submit(world.submission({"inputs": {"nonsense": 1}}))
    assert await world.stored() == []
    assert list(world.folders.root.iterdir()) == []


async def test_an_unknown_infrastructure_is_named(world):
    links = [{"rel": "compatibleWith", "href": "infrastructures/elsewhere"}]
    with pytest.raises(NotExecutable, match=r"elsewhere.*local-docker"):
        await world.controller.submit(world.submission({"inputs": {}}, links=links))


async def test_a_vault_that_is_away_refuses_and_leaves_nothing(world):
    find(world.vault_pid).end()
    submission = world.submission({"inputs": {"key": "very secret"}}, inputs=SECRET)
    with pytest.raises(Exception, match="vault"):
        await world.controller.submit(submission)
    assert await world.stored() == []


async def test_secrets_are_in_the_vault_until_the_execution_ends(world):
    submission = world.submission({"inputs": {"key": "very secret"}}, inputs=SECRET)
    execution = await world.controller.submit(submission)
    assert await world.vault.get(execution.id) == {"key": "very secret"}
    assert "very secret" not in execution.model_dump_json()
    await world.controller.dismiss(execution.id)
    async with asyncio.timeout(5):
        while True:
            try:
                await world.vault.get(execution.id)
            except SecretsLost:
                break
            await asyncio.sleep(0.02)


async def test_files_of_a_request_are_kept_apart_from_the_record(world):
    file = {"table": {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}}
    submission = world.submission({"inputs": {"table": "aGVsbG8="}}, inputs=file)
    execution = await world.controller.submit(submission)
    (value,) = execution.inputs["table"]
    assert value.kind == "file"
    assert world.folders.file(execution.id, value.path).read_bytes() == b"hello"
    assert "aGVsbG8=" not in execution.model_dump_json()


async def test_it_waits_and_says_why_while_no_node_is_there(world):
    execution = await world.controller.submit(world.submission({"inputs": {}}))
    async with asyncio.timeout(10):
        while "n1" not in (live := world.controller.live(execution)).message:
            await asyncio.sleep(0.02)
    assert live.message.startswith(
        "Waiting: 1st of 1 in the queue; no Node of local-docker is online"
    )
    assert (live.position, live.start) == (1, None)


async def test_dismissed_twice_and_removed_twice(world):
    execution = await world.controller.submit(world.submission({"inputs": {}}))
    first = await world.controller.dismiss(execution.id)
    again = await world.controller.dismiss(execution.id)
    assert first.status is again.status is Status.DISMISSED
    assert first.finished == again.finished
    await world.controller.remove(execution.id)
    await world.controller.remove(execution.id)
    async with asyncio.timeout(5):
        while await world.store.get_execution(execution.id):
            await asyncio.sleep(0.02)
    assert not world.folders.folder(execution.id).exists()
    assert await world.controller.dismiss(execution.id) is None


async def test_work_that_was_begun_goes_on_after_a_restart(world):
    """A removal that was asked for is carried out by the next process."""
    execution = await world.controller.submit(world.submission({"inputs": {}}))
    execution.target = Target.DELETED
    await world.store.save_execution(execution)
    await world.stop()
    await world.start()
    async with asyncio.timeout(5):
        while await world.store.get_execution(execution.id):
            await asyncio.sleep(0.02)


async def test_finished_executions_are_removed_when_they_are_old(world):
    old = await world.controller.submit(world.submission({"inputs": {}}))
    new = await world.controller.submit(world.submission({"inputs": {}}))
    waiting = await world.controller.submit(world.submission({"inputs": {}}))
    for execution in (old, new):
        await world.controller.dismiss(execution.id)
    for execution in (old, new):
        async with asyncio.timeout(30):
            while (await world.store.get_execution(execution.id)).ending:
                await asyncio.sleep(0.02)
    for execution in (old, waiting):
        latest = await world.store.get_execution(execution.id)
        latest.created = now() - timedelta(hours=2)
        await world.store.save_execution(latest)
    await world.stop()
    await world.start(keep_for=3600.0)
    async with asyncio.timeout(5):
        while await world.store.get_execution(old.id):
            await asyncio.sleep(0.02)
    assert {e.id for e in await world.stored()} == {new.id, waiting.id}


async def test_the_limit_of_kept_executions(tmp_path):
    world = await World(tmp_path).start(limits={"stored_executions": 2})
    try:
        for _ in range(2):
            await world.controller.submit(world.submission({"inputs": {}}))
        with pytest.raises(LimitReached, match=r"keep 2 .* 2 is the limit.* Delete some"):
            await world.controller.submit(world.submission({"inputs": {}}))
        other = world.submission({"inputs": {}})
        await world.controller.submit(Submission(**{**_members(other), "owner": "bob"}))
    finally:
        await world.stop()
        find(world.vault_pid).end()


def _members(submission):
    names = ("owner", "claims", "method", "body", "idempotency_key")
    return {name: getattr(submission, name) for name in names}
