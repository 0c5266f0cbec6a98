"""Executions that follow others."""

from __future__ import annotations

import pytest

from ccp_jupyter.hub_service.controller.dependencies import Dependencies
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.states import Status
from tests.contract.store_data import an_execution


class World:
    def __init__(self, store):
        self.store = store
        self.begun = []
        self.given_up = []
        self.dependencies = Dependencies(store, self._begin, self._give_up)

    async def _begin(self, name):
        self.begun.append(name)

    async def _give_up(self, name, reason):
        self.given_up.append((name, reason))

    async def add(self, name, status=Status.ACCEPTED, after=()):
        return await self.store.add_execution(
            an_execution(name, status=status, after=list(after)), []
        )


@pytest.fixture
async def world(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    yield World(store)
    await store.close()


async def test_who_follows_nobody_need_not_wait(world):
    assert not await world.dependencies.wait(await world.add("a"))


async def test_it_begins_when_all_were_successful(world):
    first, second = await world.add("a"), await world.add("b")
    assert await world.dependencies.wait(await world.add("c", after=["a", "b"]))
    assert world.dependencies.waiting_for("c") == ["a", "b"]
    await world.dependencies.ended(first.model_copy(update={"status": Status.SUCCESSFUL}))
    assert (world.begun, world.dependencies.waiting_for("c")) == ([], ["b"])
    await world.dependencies.ended(second.model_copy(update={"status": Status.SUCCESSFUL}))
    assert world.begun == ["c"]
    assert world.given_up == []


async def test_those_that_ended_before_count(world):
    await world.add("a", Status.SUCCESSFUL)
    assert await world.dependencies.wait(await world.add("b", after=["a"]))
    assert world.begun == ["b"]


@pytest.mark.parametrize("status", [Status.FAILED, Status.DISMISSED])
@pytest.mark.parametrize("early", [True, False])
async def test_it_is_given_up_when_one_was_not_successful(world, status, early):
    first = await world.add("a", status if early else Status.ACCEPTED)
    await world.dependencies.wait(await world.add("b", after=["a", "other"]))
    if not early:
        await world.dependencies.ended(first.model_copy(update={"status": status}))
    [(name, reason)] = world.given_up
    assert name == "b"
    assert "a" in reason if early else f"a, which must be successful first, ended as {status}"
    assert world.begun == []


async def test_it_is_given_up_once_when_one_was_deleted(world):
    await world.dependencies.wait(await world.add("b", after=["gone", "gone too"]))
    assert [name for name, _ in world.given_up] == ["b"]
    assert "was deleted" in world.given_up[0][1]


async def test_one_that_is_cancelled_while_it_waits_is_forgotten(world):
    first = await world.add("a")
    follower = await world.add("b", after=["a"])
    await world.dependencies.wait(follower)
    await world.dependencies.ended(follower.model_copy(update={"status": Status.DISMISSED}))
    await world.dependencies.ended(first.model_copy(update={"status": Status.SUCCESSFUL}))
    assert (world.begun, world.given_up) == ([], [])
