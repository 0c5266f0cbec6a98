"""Nodes as documents: what users may know of them, and what administrators."""

from __future__ import annotations

from typing import Any, Final

from ccp_jupyter.hub_service.controller.base import NodeCheck, NodeStatus
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.times import iso

_WORKING: Final = (NodeState.ONLINE, NodeState.DEGRADED)
_FOR_USERS: Final = {
    NodeState.OFFLINE: "The engine does not answer; Tasks wait until it does",
    NodeState.DEGRADED: "Images or containers failed here in a row; it gets one Task at a time"
    " until one has run",
}
"""Instead of the true reason, which may name addresses."""


def node(status: NodeStatus, *, full: bool) -> dict[str, Any]:
    """Return a Node as it is now.

    Parameters
    ----------
    status : NodeStatus
        From the controller.
    full : bool
        With what only administrators may know: the true reason, the address, what is used.
    """
    found: dict[str, Any] = {
        "id": status.id,
        "infrastructure": status.infrastructure_id,
        "state": status.state,
        "online": status.online,
        "reason": status.reason if full else _FOR_USERS.get(status.state, status.reason),
        "since": iso(status.since),
        "draining": status.draining,
        "running": status.running,
        "slots": status.slots,
        "free": free(status),
    }
    if status.memory:
        found["memory"] = status.memory
    if status.cpus:
        found["cpus"] = status.cpus
    if status.gpus:
        found["gpus"] = [gpu.model_dump(exclude_none=True) for gpu in status.gpus]
    if status.info is not None:
        found["version"] = status.info.version
    if full:
        found |= _for_administrators(status)
    return found


def free(status: NodeStatus) -> dict[str, Any]:
    """Return the room that Tasks find there now; none while nothing new may begin."""
    if status.state not in _WORKING:
        return {"slots": 0, "memory": 0, "cpus": 0.0, "gpus": 0}
    memory = status.memory - status.used_memory - status.outside_memory
    return {
        "slots": max(0, status.slots - status.running),
        "memory": max(0, memory),
        "cpus": round(max(0.0, status.cpus - status.used_cpus), 3),
        "gpus": len(status.gpus) - len(status.used_gpus),
    }


def _for_administrators(status: NodeStatus) -> dict[str, Any]:
    return {
        "base_url": status.node.base_url,
        "added": status.added,
        "used": {
            "memory": status.used_memory,
            "cpus": status.used_cpus,
            "gpus": list(status.used_gpus),
        },
        "outside": {"containers": status.outside, "memory": status.outside_memory},
        "configuration": status.node.model_dump(mode="json", exclude_defaults=True),
    }


def check(found: NodeCheck) -> dict[str, Any]:
    """Return one thing that was looked at on a Node."""
    return {"name": found.name, "ok": found.ok, "message": found.message}
