"""The service as a whole, for administrators."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.health import health_document
from ccp_jupyter.hub_service.api.links import link
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.controller.base import NodeStatus
from ccp_jupyter.hub_service.observing.failures import Failure
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.times import iso, now


class StatusHandler(ApiHandler):
    """How the service is."""

    async def get(self) -> None:
        """Tell at a glance what an operator asks first."""
        found = await status_document(self.services)
        found["links"] = [
            link(self.base_url + "admin/status", "self"),
            link(self.base_url + "nodes", "related", "Nodes"),
        ]
        self.reply(found)


async def status_document(services: Services) -> dict[str, Any]:
    """Return version, health, queue, count of Nodes, latest failures."""
    observing, controller = services.observing, services.controller
    nodes = all_nodes(services)
    running = Counter[str]()
    for node in nodes:
        running[node.infrastructure_id] += node.running
    states = Counter(node.state for node in nodes)
    return {
        "version": observing.version,
        "started": iso(observing.started),
        "uptime": (now() - observing.started).total_seconds(),
        "health": health_document(await observing.health.report(), full=True),
        "queue": [
            {"infrastructure": name, "waiting": count, "running": running[name]}
            for name, count in controller.queued().items()
        ],
        "nodes": {state.value: states[state] for state in NodeState},
        "failures": [_failure(each) for each in observing.failures.latest()],
    }


def all_nodes(services: Services) -> list[NodeStatus]:
    """Return the Nodes of all Infrastructures."""
    controller = services.controller
    return [
        status
        for infrastructure_id in controller.infrastructures
        for status in controller.nodes(infrastructure_id)
    ]


def _failure(found: Failure) -> dict[str, Any]:
    return {
        "at": iso(found.at),
        "execution": found.execution_id,
        "task": found.task,
        "attempt": found.attempt,
        "node": found.node,
        "outcome": found.outcome,
        "reason": found.reason,
    }


class UsageHandler(ApiHandler):
    """What each user keeps and runs."""

    async def get(self) -> None:
        """List it by user and Infrastructure."""
        controller, store = self.services.controller, self.services.store
        running = Counter(
            (task.owner, status.infrastructure_id)
            for status in all_nodes(self.services)
            for task in controller.running(status.id)
        )
        kept = {(each.owner, each.infrastructure_id): each for each in await store.list_usage()}
        self.reply(
            {
                "users": [
                    {
                        "owner": owner,
                        "infrastructure": infrastructure,
                        "executions": kept[owner, infrastructure].executions,
                        "bytes": kept[owner, infrastructure].bytes,
                        "running": running[owner, infrastructure],
                    }
                    for owner, infrastructure in sorted(kept)
                ],
                "links": [link(self.base_url + "admin/usage", "self")],
            }
        )
