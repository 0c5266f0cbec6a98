"""The Nodes that this service works with: those of the configuration, and those added since."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from ccp_jupyter.hub_service.controller.base import NodeRefused, UnknownNode
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, Store
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_TRIES: Final = 10  # saves that meet a change by another process


class NodeRegistry(Mapping[str, NodeAgent]):
    """Agents by the id of their Node.

    Parameters
    ----------
    infrastructures : mapping
        By id, with the Nodes of the configuration; Node ids are unique over all of them.
    store : Store
        Keeps the others, and what administrators said of any.
    make : callable
        Makes an agent, of an Infrastructure, a Node, and whether it was added at run time.
    gone : callable
        Called with an agent that is no longer among them.
    """

    def __init__(
        self,
        infrastructures: Mapping[str, Infrastructure],
        store: Store,
        make: Callable[[Infrastructure, Node, bool], NodeAgent],
        gone: Callable[[NodeAgent], None],
    ) -> None:
        self._infrastructures = infrastructures
        self._store = store
        self._make = make
        self._gone = gone
        self._agents: dict[str, NodeAgent] = {}
        self._records: dict[str, NodeRecord] = {}
        self._runs: dict[str, asyncio.Task[None]] | None = None
        self._lock = asyncio.Lock()

    def __getitem__(self, node_id: str) -> NodeAgent:
        return self._agents[node_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __len__(self) -> int:
        return len(self._agents)

    def of(self, infrastructure_id: str) -> list[NodeAgent]:
        """Return the agents of one Infrastructure, by the id of their Node."""
        found = (a for a in self._agents.values() if a.infrastructure.id == infrastructure_id)
        return sorted(found, key=lambda agent: agent.id)

    def find(self, node_id: str) -> NodeAgent:
        """Return an agent.  Raises `UnknownNode`."""
        if (agent := self._agents.get(node_id)) is None:
            raise UnknownNode(f"There is no Node {node_id!r}")
        return agent

    async def load(self) -> None:
        """Bring the agents to what configuration and store say now; may be called again."""
        async with self._lock:
            await self._load()

    def run(self) -> None:
        """Contact all Nodes, also those that come later, until `stop`."""
        self._runs = {}
        for agent in self._agents.values():
            self._run(agent)

    async def stop(self) -> None:
        """Break off contact."""
        runs, self._runs = self._runs or {}, None
        for run in runs.values():
            run.cancel()
        await asyncio.gather(*runs.values(), return_exceptions=True)

    async def close(self) -> None:
        """Let go of all engines."""
        await asyncio.gather(*(agent.close() for agent in self._agents.values()))

    async def add(self, infrastructure_id: str, node: Node, by: str) -> NodeAgent:
        """Take a Node in.

        Raises
        ------
        UnknownNode
            There is no such Infrastructure.
        NodeRefused
            The id is used.
        """
        infrastructure = self._infrastructures.get(infrastructure_id)
        if infrastructure is None:
            known = ", ".join(self._infrastructures)
            raise UnknownNode(f"There is no Infrastructure {infrastructure_id!r}, only {known}")
        async with self._lock:
            if node.id in self._agents:
                there = self._agents[node.id].infrastructure.id
                raise NodeRefused(f"There is a Node {node.id} already, of {there}")
            record = NodeRecord(
                id=node.id, infrastructure_id=infrastructure.id, node=node, by=by, updated=now()
            )
            try:
                self._records[node.id] = await self._store.save_node(record)
            except Duplicate:
                raise NodeRefused(
                    f"A Node {node.id} is kept already, though the configuration may not have its"
                    " Infrastructure; remove it first"
                ) from None
            _log.info("node %s: added to %s by %s", node.id, infrastructure.id, by)
            return self._take_in(infrastructure, node, added=True)

    async def drain(self, node_id: str, draining: bool, reason: str, by: str) -> NodeAgent:
        """Let nothing new begin on a Node, or let it work again.  Raises `UnknownNode`."""
        async with self._lock:
            agent = self.find(node_id)
            await self._save_will(agent, draining, reason, by)
            _log.info(
                "node %s: %s by %s: %s",
                *(node_id, "drained" if draining else "enabled", by, reason or "no reason given"),
            )
            self._apply_will(agent)
            return agent

    async def forget(self, node_id: str, by: str) -> NodeAgent | None:
        """Forget a Node that was added; its agent, if there is one, is to be dropped by `drop`.

        Raises
        ------
        UnknownNode
            There is none.
        NodeRefused
            The configuration has it.
        """
        async with self._lock:
            agent, record = self._agents.get(node_id), self._records.get(node_id)
            if agent is None and record is None:
                raise UnknownNode(f"There is no Node {node_id!r}")
            if agent is not None and not agent.added:
                raise NodeRefused(
                    f"Node {node_id} stands in the configuration; take it out there, or drain it"
                )
            await self._store.remove_node(node_id)
            self._records.pop(node_id, None)
            _log.info("node %s: removed by %s", node_id, by)
            return agent

    async def drop(self, agent: NodeAgent) -> None:
        """Break off contact with a Node for good."""
        if self._agents.get(agent.id) is not agent:
            return
        del self._agents[agent.id]
        agent.retire(f"Node {agent.id} was removed")
        if self._runs is not None and (run := self._runs.pop(agent.id, None)) is not None:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
        await agent.close()
        self._gone(agent)

    async def _load(self) -> None:
        self._records = {record.id: record for record in await self._store.list_nodes()}
        wanted: dict[str, tuple[Infrastructure, Node, bool]] = {}
        for record in self._records.values():
            if record.node is not None:
                infrastructure = self._infrastructures.get(record.infrastructure_id)
                if infrastructure is None:
                    _log.warning(
                        "node %s is not used: its Infrastructure %s is not configured",
                        *(record.id, record.infrastructure_id),
                    )
                else:
                    wanted[record.id] = (infrastructure, record.node, True)
        for infrastructure in self._infrastructures.values():
            for node in infrastructure.nodes:
                if node.id in wanted:
                    _log.warning("node %s was added and is configured: the latter counts", node.id)
                wanted[node.id] = (infrastructure, node, False)
        for agent in list(self._agents.values()):
            known = wanted.get(agent.id)
            if known is None or known[1] != agent.node:
                await self.drop(agent)
        for node_id, (infrastructure, node, added) in wanted.items():
            if node_id in self._agents:
                self._apply_will(self._agents[node_id])
            else:
                self._take_in(infrastructure, node, added)

    def _take_in(self, infrastructure: Infrastructure, node: Node, added: bool) -> NodeAgent:
        agent = self._agents[node.id] = self._make(infrastructure, node, added)
        self._apply_will(agent)
        if self._runs is not None:
            self._run(agent)
        return agent

    def _run(self, agent: NodeAgent) -> None:
        if self._runs is not None:
            self._runs[agent.id] = asyncio.create_task(agent.run())

    async def _save_will(self, agent: NodeAgent, draining: bool, reason: str, by: str) -> None:
        for _ in range(_TRIES):
            record = self._records.get(agent.id) or NodeRecord(
                id=agent.id, infrastructure_id=agent.infrastructure.id
            )
            changed = record.model_copy(
                update={"draining": draining, "reason": reason, "by": by, "updated": now()}
            )
            with suppress(Conflict, Duplicate):  # another process was quicker
                self._records[agent.id] = await self._store.save_node(changed)
                return
            self._records = {found.id: found for found in await self._store.list_nodes()}
        raise NodeRefused(f"Node {agent.id} is being changed by somebody else; try again")

    def _apply_will(self, agent: NodeAgent) -> None:
        record = self._records.get(agent.id)
        if record is None or not record.draining:
            agent.drain(None)
        else:
            agent.drain(f"{record.reason or 'drained'} ({record.by})")
