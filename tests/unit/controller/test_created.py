"""Executions that are kept, changed, and begun on request; with a real store, journal and vault."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ccp_jupyter.hub_service.controller.base import LimitReached, NotBegun, NotExecutable
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.sharing import Sharing
from ccp_jupyter.model.states import Status
from tests.stack.daemons import find
from tests.unit.controller.test_controller import World

INPUTS = {
    "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
    "table": {
        "minOccurs": 0,
        "schema": {"type": "string", "format": "file", "contentEncoding": "base64"},
    },
    "rows": {
        "minOccurs": 0,
        "schema": {"type": "string", "format": "file", "contentEncoding": "base64"},
    },
}


@pytest.fixture
async def world(tmp_path):
    made = await World(tmp_path).start()
    yield made
    await made.stop()
    find(made.vault_pid).end()


def held(world, inputs, **members):
    submission = world.submission({"inputs": inputs}, inputs=INPUTS)
    return replace(submission, hold=True, **members)


def other(submission, inputs, **members):
    return replace(submission, body={"inputs": inputs}, **members)


async def test_it_is_kept_changed_and_begun(world):
    submission = held(world, {"key": "first", "table": "b25l"})
    kept = await world.controller.submit(submission)
    assert kept.status is Status.CREATED
    assert kept.method_revision == 1
    assert await world.store.list_tasks(kept.id) == []
    assert world.controller.queued()["local-docker"] == 0
    assert (await world.store.usage("alice", "local-docker")).executions == 1

    wanted = other(submission, {"key": "second", "rows": "dHdv"}, owner="admin", claims={})
    changed = await world.controller.update(kept.id, wanted)
    assert (changed.status, changed.id, changed.owner) == (Status.CREATED, kept.id, "alice")
    assert changed.claims == {"name": "alice"}
    assert changed.created == kept.created
    assert changed.request["inputs"]["rows"]["href"] == "inputs/rows"
    assert await world.vault.get(kept.id) == {"key": "second"}
    assert world.folders.file(kept.id, "inputs/rows").read_bytes() == b"two"
    assert not world.folders.file(kept.id, "inputs/table").exists()

    begun = await world.controller.begin(kept.id)
    assert begun.status is Status.ACCEPTED
    assert [task.index for task in await world.store.list_tasks(kept.id)] == [1]
    assert world.controller.queued()["local-docker"] == 1
    for change in (world.controller.begin(kept.id), world.controller.update(kept.id, wanted)):
        with pytest.raises(NotBegun, match="accepted"):
            await change


async def test_it_survives_a_restart_and_waits(world):
    kept = await world.controller.submit(held(world, {"key": "first"}))
    await world.stop()
    await world.start()
    found = await world.store.get_execution(kept.id)
    assert found.status is Status.CREATED
    assert world.controller.queued()["local-docker"] == 0
    assert await world.vault.get(kept.id) == {"key": "first"}
    assert (await world.controller.begin(kept.id)).status is Status.ACCEPTED
    await world.stop()
    await world.start()
    assert world.controller.queued()["local-docker"] == 1


async def test_limits_hold_when_it_is_begun(world):
    kept = await world.controller.submit(held(world, {}))
    infrastructure = world.controller.infrastructures["local-docker"]
    full = infrastructure.limits.model_copy(update={"stored_executions": 1})
    world.controller.infrastructures["local-docker"] = infrastructure.model_copy(
        update={"limits": full}
    )
    with pytest.raises(LimitReached):
        await world.controller.submit(held(world, {}))
    # It counts already: to begin it is nothing more.
    gone = world.controller.infrastructures.pop("local-docker")
    with pytest.raises(NotExecutable, match="local-docker"):
        await world.controller.begin(kept.id)
    world.controller.infrastructures["local-docker"] = gone
    assert (await world.controller.begin(kept.id)).status is Status.ACCEPTED


async def a_change_without_secrets_forgets_them(world):
    submission = held(world, {"key": "first"})
    kept = await world.controller.submit(submission)
    await world.controller.update(kept.id, other(submission, {}))
    with pytest.raises(SecretsLost):
        await world.vault.get(kept.id)
    assert (await world.controller.begin(kept.id)).status is Status.ACCEPTED


async def a_refused_change_changes_nothing(world):
    submission = held(world, {"key": "first", "table": "b25l"})
    kept = await world.controller.submit(submission)
    with pytest.raises(InvalidDocument, match="nonsense"):
        await world.controller.update(kept.id, other(submission, {"nonsense": 1, "key": "x"}))
    assert await world.store.get_execution(kept.id) == kept
    assert await world.vault.get(kept.id) == {"key": "first"}


async def lost_secrets_end_it_with_a_reason(world):
    kept = await world.controller.submit(held(world, {"key": "first"}))
    await world.vault.forget(kept.id)
    found = await world.controller.begin(kept.id)
    assert found.status is Status.FAILED
    assert "secret inputs no more" in found.message
    assert await world.store.list_tasks(kept.id) == []


async def it_is_begun_once_however_often_that_is_asked_for(world):
    kept = await world.controller.submit(held(world, {}))
    asked = (world.controller.begin(kept.id) for _ in range(5))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, NotBegun) for each in found) == 4
    assert len(await world.store.list_tasks(kept.id)) == 1


async def what_is_unknown_or_gone_stays_so(world):
    submission = held(world, {})
    assert await world.controller.begin("none") is None
    assert await world.controller.update("none", submission) is None
    kept = await world.controller.submit(submission)
    await world.controller.dismiss(kept.id)
    with pytest.raises(NotBegun, match="dismissed"):
        await world.controller.begin(kept.id)
    await world.controller.remove(kept.id)
    assert await world.controller.begin(kept.id) is None


async def test_what_else_may_happen_to_it(world):
    """One world for all: to start one takes longer than all of this."""
    await a_change_without_secrets_forgets_them(world)
    await a_refused_change_changes_nothing(world)
    await lost_secrets_end_it_with_a_reason(world)
    await it_is_begun_once_however_often_that_is_asked_for(world)
    await what_is_unknown_or_gone_stays_so(world)


async def a_change_goes_on_when_it_is_shared_meanwhile(world, monkeypatch):
    submission = held(world, {"key": "first"})
    kept = await world.controller.submit(submission)
    save = world.store.save_execution
    calls: list[int] = []

    async def shared_before(execution):
        if not calls:
            calls.append(1)
            latest = await world.store.get_execution(kept.id)
            latest.sharing = Sharing(public=True)
            await save(latest)
        return await save(execution)

    monkeypatch.setattr(world.store, "save_execution", shared_before)
    changed = await world.controller.update(kept.id, other(submission, {"key": "second"}))
    assert changed.sharing.public
    assert await world.vault.get(kept.id) == {"key": "second"}


async def a_change_of_one_that_is_dismissed_meanwhile_leaves_no_secret(world, monkeypatch):
    submission = held(world, {"key": "first"})
    kept = await world.controller.submit(submission)
    save = world.store.save_execution
    calls: list[int] = []

    async def dismissed_before(execution):
        if not calls:
            calls.append(1)
            await world.controller.dismiss(kept.id)
        return await save(execution)

    monkeypatch.setattr(world.store, "save_execution", dismissed_before)
    with pytest.raises(NotBegun, match="dismissed"):
        await world.controller.update(kept.id, other(submission, {"key": "second"}))
    async with asyncio.timeout(20):
        while kept.id in await world.vault.executions():
            await asyncio.sleep(0.02)


async def test_what_may_happen_at_the_same_time(world, monkeypatch):
    with monkeypatch.context() as patch:
        await a_change_goes_on_when_it_is_shared_meanwhile(world, patch)
    with monkeypatch.context() as patch:
        await a_change_of_one_that_is_dismissed_meanwhile_leaves_no_secret(world, patch)
