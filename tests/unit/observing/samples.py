"""A controller with two Nodes, and a look at metrics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ccp_jupyter.hub_service.controller.base import NodeStatus
from ccp_jupyter.hub_service.observing.observing import Observing
from ccp_jupyter.model.infrastructure import Gpu, Node
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.times import now


def node(name: str, state: NodeState = NodeState.ONLINE, **members: Any) -> NodeStatus:
    """Return a Node as the controller tells of it."""
    values: dict[str, Any] = {
        "id": name,
        "infrastructure_id": "lab",
        "state": state,
        "reason": "" if state is NodeState.ONLINE else "no route to 10.0.0.7",
        "since": now(),
        "node": Node(id=name, base_url="unix:///run/docker.sock"),
        "added": False,
        "info": None,
        "running": 0,
        "slots": 4,
    }
    return NodeStatus(**{**values, **members})


class Parts:
    """A controller that tells of Nodes and a queue."""

    def __init__(self) -> None:
        self.nodes = [
            node(
                "n1",
                running=3,
                memory=2**32,
                used_memory=2**30,
                cpus=8.0,
                used_cpus=1.5,
                gpus=(Gpu(id="0"), Gpu(id="1")),
                used_gpus=("1",),
            ),
            node("n2", NodeState.OFFLINE),
        ]
        self.controller: Any = SimpleNamespace(
            infrastructures={"lab": None},
            nodes=lambda _: list(self.nodes),
            queued=lambda: {"lab": 5},
        )


def value(observing: Observing, name: str, **labels: str) -> float | None:
    """Return a sample; None when there is none."""
    return observing.metrics.registry.get_sample_value(name, labels)
