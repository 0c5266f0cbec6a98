"""Nodes that come and go while the service runs, with the real store, on scripted engines."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from benchmarks.agency.scripted import ScriptedEngine
from ccp_jupyter.hub_service.controller.base import NodeRefused, UnknownNode
from ccp_jupyter.hub_service.controller.nodes.agent import Callbacks, NodeAgent, NodeLost, Service
from ccp_jupyter.hub_service.controller.nodes.images import PrivateImages
from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.controller.nodes.registry import NodeRegistry
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.base import (
    ContainerEvent,
    NodeUnreachable,
    Outsider,
    RegistryUnreachable,
)
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.node_record import NodeState

GIB = 2**30


class Engine(ScriptedEngine):
    """A scripted engine that may be away, and on which others may run something."""

    def __init__(self):
        super().__init__(1.0)
        self.away = ""
        self.neighbours = []
        self.closed = False

    async def info(self):
        if self.away:
            raise NodeUnreachable(self.away)
        return await super().info()

    async def outsiders(self, label):
        await super().outsiders(label)
        return list(self.neighbours)

    async def close(self):
        self.closed = True
        await super().close()

    def tell_outside(self):
        self._events.put_nowait(ContainerEvent("outside", "x", {}, 1))


def state_of(agent):
    return agent.state


class World:
    """A registry with its engines and all that it told."""

    def __init__(self, store, *infrastructures):
        self.engines = {}
        self.gone: list[object] = []
        self.changed = asyncio.Event()
        self.came_back = []
        settings = Settings(probation_delay=0.05, ping_interval=0.2, reconnect_delay=0.2)
        self.service = Service("s", Instance.new(), settings, PrivateImages(None))
        self.registry = NodeRegistry(
            {each.id: each for each in infrastructures}, store, self.make, self.gone.append
        )

    def make(self, infrastructure, node, added):
        tell = Callbacks(
            came_back=self.note_contact,
            changed=lambda agent: self.changed.set(),
            displaced=lambda agent: None,
            elsewhere=lambda agent: False,
            load=lambda agent: 0,
        )
        engine = self.engines[node.id] = Engine()
        return NodeAgent(infrastructure, node, engine, self.service, tell, added)

    async def note_contact(self, agent, containers):
        self.came_back.append(agent.id)

    async def until(self, true):
        async with asyncio.timeout(60):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    async def start(self):
        await self.registry.load()
        self.registry.run()
        return self

    async def stop(self):
        await self.registry.stop()
        await self.registry.close()


def node(name, **members):
    return Node(id=name, base_url="unix:///scripted", **members)


def lab(*nodes, name="lab"):
    return Infrastructure(id=name, name="Lab", nodes=nodes)


@pytest.fixture
async def store(tmp_path):
    opened = await SqliteStore.open(tmp_path / "store.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
async def start(store):
    """Start a registry with these Infrastructures."""
    worlds = []

    async def start(*infrastructures):
        worlds.append(World(store, *infrastructures))
        return await worlds[-1].start()

    yield start
    for world in worlds:
        await world.stop()


async def test_an_added_node_works_and_is_there_after_a_restart(start, caplog):
    caplog.set_level(logging.INFO)
    world = await start(lab(node("n1")))
    agent = await world.registry.add("lab", node("n2", slots=3), "ada")
    await world.until(lambda: state_of(agent) is NodeState.ONLINE)
    assert (agent.added, agent.slots, agent.reason) == (True, 3, "")
    assert "node n2: added to lab by ada" in caplog.text
    await world.stop()
    assert world.engines["n2"].closed
    again = await start(lab(node("n1")))
    assert sorted(again.registry) == ["n1", "n2"]
    assert again.registry["n2"].node == agent.node
    assert not again.registry["n1"].added


async def test_what_cannot_be_added(start):
    world = await start(lab(node("n1")))
    with pytest.raises(UnknownNode, match="'else', only lab"):
        await world.registry.add("else", node("n2"), "ada")
    with pytest.raises(NodeRefused, match="Node n1 already, of lab"):
        await world.registry.add("lab", node("n1"), "ada")
    assert list(world.registry) == ["n1"]


async def test_of_two_that_add_the_same_one_is_refused(start):
    world = await start(lab())
    done = await asyncio.gather(
        *(world.registry.add("lab", node("n2"), who) for who in ("ada", "bob")),
        return_exceptions=True,
    )
    assert [type(found) for found in done] == [NodeAgent, NodeRefused]


async def test_another_process_added_it_before(start):
    one, two = await start(lab()), await start(lab())
    await one.registry.add("lab", node("n2"), "ada")
    with pytest.raises(NodeRefused, match="kept already"):
        await two.registry.add("lab", node("n2"), "bob")
    await two.registry.load()
    assert list(two.registry) == ["n2"]
    await one.registry.drop(await one.registry.forget("n2", "ada"))
    await two.registry.load()
    assert list(two.registry) == []
    assert two.engines["n2"].closed


async def test_draining_outlives_a_restart_and_says_who_and_why(start, caplog):
    caplog.set_level(logging.INFO)
    world = await start(lab(node("n1")))
    agent = await world.registry.drain("n1", True, "new disk", "ada")
    await world.until(lambda: state_of(agent) is NodeState.DRAINING)
    assert agent.reason == "new disk (ada)"
    assert not agent.place().online
    assert not agent.accepts
    assert "node n1: drained by ada: new disk" in caplog.text
    await world.stop()
    world = await start(lab(node("n1")))
    agent = world.registry["n1"]
    await world.until(lambda: state_of(agent) is NodeState.DRAINING)
    since = agent.since
    await world.registry.drain("n1", False, "", "bob")
    assert state_of(agent) is NodeState.ONLINE
    assert agent.since >= since
    assert agent.place().online
    with pytest.raises(UnknownNode):
        await world.registry.drain("n9", True, "", "ada")


async def test_two_processes_drain_one_after_the_other(start):
    one, two = await start(lab(node("n1"))), await start(lab(node("n1")))
    await one.registry.drain("n1", True, "a", "ada")
    await two.registry.drain("n1", True, "b", "bob")
    await one.registry.drain("n1", False, "", "ada")
    await two.registry.load()
    assert not two.registry["n1"].draining


async def test_a_removed_node_is_gone_for_good(start):
    world = await start(lab(node("n1")))
    agent = await world.registry.add("lab", node("n2"), "ada")
    await world.until(lambda: agent.online)
    assert await world.registry.forget("n2", "ada") is agent
    await world.registry.drop(agent)
    assert world.gone == [agent]
    assert "n2" not in world.registry
    with pytest.raises(NodeLost, match="n2 was removed"):
        await agent.call(agent.engine.info)
    # Whoever takes the engine next need not ask.
    assert world.engines["n2"]._tokens == {}
    with pytest.raises(UnknownNode):
        await world.registry.forget("n2", "ada")
    await world.stop()
    assert list((await start(lab(node("n1")))).registry) == ["n1"]


async def test_a_configured_node_cannot_be_removed(start):
    world = await start(lab(node("n1")))
    with pytest.raises(NodeRefused, match="stands in the configuration"):
        await world.registry.forget("n1", "ada")


async def test_the_configuration_wins(start, caplog):
    world = await start(lab())
    await world.registry.add("lab", node("n1", slots=1), "ada")
    await world.stop()
    world = await start(lab(node("n1", slots=7)))
    agent = world.registry["n1"]
    assert (agent.added, agent.slots) == (False, 7)
    assert "node n1 was added and is configured: the latter counts" in caplog.text


async def test_a_node_whose_infrastructure_is_gone_is_kept_but_not_used(start, caplog):
    world = await start(lab())
    await world.registry.add("lab", node("n1"), "ada")
    await world.stop()
    world = await start(lab(name="other"))
    assert list(world.registry) == []
    assert "its Infrastructure lab is not configured" in caplog.text
    with pytest.raises(NodeRefused, match="remove it first"):
        await world.registry.add("other", node("n1"), "ada")
    assert await world.registry.forget("n1", "ada") is None
    await world.registry.add("other", node("n1"), "ada")


async def test_a_node_that_does_not_answer_is_offline_and_says_why(start):
    world = World(None, lab())
    agent = world.make(lab(), node("n1"), False)
    world.engines["n1"].away = "no route to host"
    run = asyncio.create_task(agent.run())
    await world.until(lambda: agent.reason == "no route to host")
    assert state_of(agent) is NodeState.OFFLINE
    world.engines["n1"].away = ""
    await world.until(lambda: state_of(agent) is NodeState.ONLINE)
    began = agent.since
    world.engines["n1"].away = "unplugged"
    await world.until(lambda: state_of(agent) is NodeState.OFFLINE)
    assert agent.reason == "unplugged"
    assert agent.since > began
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await agent.close()


async def test_what_others_run_is_seen_at_contact_and_when_it_changes(start):
    world = World(None, lab())
    agent = world.make(lab(), node("n1", memory=2**42, gpus=[{"id": "0"}]), False)
    engine = world.engines["n1"]
    engine.neighbours = [Outsider("theirs", 4 * GIB, 2.0, ("0",))]
    run = asyncio.create_task(agent.run())
    await world.until(lambda: agent.online)
    place = agent.place()
    assert place.outside_memory == 4 * GIB
    assert place.outside_cpus == 2000
    assert place.outside_gpus == {"0"}
    engine.neighbours = []
    before = engine.calls["outsiders"]
    for _ in range(50):
        engine.tell_outside()
    await world.until(lambda: agent.place().outside_memory == 0)
    assert engine.calls["outsiders"] <= before + 2
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await agent.close()


async def test_probation_of_a_node_whose_pulls_fail(start):
    world = await start(lab(node("n1")))
    agent = world.registry["n1"]
    await world.until(lambda: agent.online)
    for name in ("a", "b", "c"):
        agent.watch(name)
        agent.failed(name, RegistryUnreachable("no way to the registry"))
        agent.unwatch(name)
    assert state_of(agent) is NodeState.DEGRADED
    assert agent.reason.endswith("no way to the registry")
    assert not agent.place().online
    await world.until(lambda: agent.place().online)
    assert agent.place().slots == 1
    agent.watch("d")
    assert not agent.place().online
    agent.started("d")
    assert state_of(agent) is NodeState.ONLINE
    assert agent.place().slots == agent.slots
    agent.unwatch("d")


async def test_faults_of_users_are_no_faults_of_the_node(start):
    world = await start(lab(node("n1")))
    agent = world.registry["n1"]
    await world.until(lambda: agent.online)
    for name in "abcdef":
        agent.watch(name)
        agent.failed(name, ValueError("the user's"))
        agent.unwatch(name)
    for name in "ghijkl":  # nor is what happens after the start
        agent.watch(name)
        agent.started(name)
        agent.failed(name, RegistryUnreachable("later"))
        agent.unwatch(name)
    assert state_of(agent) is NodeState.ONLINE


async def test_a_node_that_another_service_drives_is_offline_and_says_so():
    one, two = World(None, lab()), World(None, lab())
    elsewhere = replace(two.service.instance, host="elsewhere", place="another machine")
    two.service = replace(two.service, instance=elsewhere)
    first, second = one.make(lab(), node("n1"), False), two.make(lab(), node("n1"), False)
    second.engine = first.engine
    second._claim._engine = first.engine
    runs = [asyncio.create_task(first.run())]
    await one.until(lambda: first.online)
    # The engine tells the first of what the second puts.
    put = first.engine.put_token

    async def heard_put(token):
        await put(token)
        one.engines["n1"]._events.put_nowait(ContainerEvent("token", token.name, {}, 1))

    first.engine.put_token = heard_put
    runs.append(asyncio.create_task(second.run()))
    await two.until(lambda: "another service" in second.reason)
    assert second.state is NodeState.OFFLINE
    assert first.online
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    await second.close()
    await first.close()
