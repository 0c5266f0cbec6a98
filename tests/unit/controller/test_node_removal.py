"""A Node is removed while Tasks run there: only by force, and then they go elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.agency.documents import trivial
from benchmarks.agency.scripted import IMAGE, ScriptedEngine
from benchmarks.agency.world import world
from ccp_jupyter.hub_service.controller.base import NodeRefused
from ccp_jupyter.model.infrastructure import Node
from ccp_jupyter.model.states import Outcome, Phase

LAB = "scripted"


async def test_tasks_on_a_removed_node_begin_again_elsewhere(tmp_path):
    async with world(tmp_path / "w", 1.0, 4) as found:
        controller = found.controller
        await controller.drain_node("node-1", True, "all to node-2", "ada")
        second = ScriptedEngine(1000.0)
        controller._make_engine = lambda _: second
        await controller.add_node(
            LAB, Node(id="node-2", base_url="unix:///s", slots=4, memory=2**40), "ada"
        )
        execution = await found.submit(trivial(IMAGE, 3))
        async with asyncio.timeout(60):
            while len(second.starts) < 3:
                await asyncio.sleep(0.02)
        (status,) = (each for each in controller.nodes(LAB) if each.id == "node-2")
        assert status.running == 3
        assert status.used_memory == 3 * int(execution.limits.memory)
        with pytest.raises(NodeRefused, match="3 Tasks run on Node node-2"):
            await controller.remove_node("node-2", False, "ada")
        await controller.remove_node("node-2", True, "ada")
        assert [each.id for each in controller.nodes(LAB)] == ["node-1"]
        await controller.drain_node("node-1", False, "", "ada")
        tasks = await found.wait_ended(execution, 60)
        for task in tasks:
            first, again = task.attempts
            assert (first.node, first.outcome) == ("node-2", Outcome.PLATFORM)
            assert "node-2 was removed" in str(first.reason)
            assert first.phase is Phase.ENDED
            assert again.node == "node-1"
        for engine in (found.engine, second):
            assert await engine.containers("ccp.service") == []
            assert engine.calls["create"] == 3
