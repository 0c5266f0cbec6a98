"""Metrics that are asked for at each scrape: queue, Nodes, health."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ccp_jupyter.hub_service.controller.base import Controller, NodeStatus
from ccp_jupyter.hub_service.observing.health import Health, Level
from ccp_jupyter.model.node_record import NodeState

_Value = Callable[[NodeStatus], float]
_PER_NODE: Final[tuple[tuple[str, str, _Value], ...]] = (
    ("ccp_node_up", "Whether the engine answers", lambda n: n.online),
    ("ccp_node_tasks", "Tasks of this service on the Node", lambda n: n.running),
    ("ccp_node_slots", "Tasks that the Node takes at a time", lambda n: n.slots),
    ("ccp_node_memory_bytes", "Memory to hand out", lambda n: n.memory),
    ("ccp_node_memory_used_bytes", "Memory handed out to Tasks", lambda n: n.used_memory),
    ("ccp_node_cpus", "CPU cores to hand out", lambda n: n.cpus),
    ("ccp_node_cpus_used", "CPU cores handed out to Tasks", lambda n: n.used_cpus),
    ("ccp_node_gpus", "GPUs to hand out", lambda n: len(n.gpus)),
    ("ccp_node_gpus_used", "GPUs handed out to Tasks", lambda n: len(n.used_gpus)),
    ("ccp_node_outside_containers", "Running containers of others", lambda n: n.outside),
    ("ccp_node_outside_memory_bytes", "Memory that others may use", lambda n: n.outside_memory),
    (
        "ccp_node_state_since_seconds",
        "Unix time at which the Node came into its state",
        lambda n: n.since.timestamp(),
    ),
)


class ControllerCollector(Collector):
    """Queue and Nodes as the controller sees them.

    Parameters
    ----------
    controller : Controller
        Who is asked.
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is, is the same at each scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Ask the controller."""
        nodes = [
            status
            for infrastructure_id in self._controller.infrastructures
            for status in self._controller.nodes(infrastructure_id)
        ]
        yield from self._queues(nodes)
        for name, text, value in _PER_NODE:
            family = GaugeMetricFamily(name, text, labels=("infrastructure", "node"))
            for node in nodes:
                family.add_metric((node.infrastructure_id, node.id), float(value(node)))
            yield family
        yield self._states(nodes)

    def _queues(self, nodes: list[NodeStatus]) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "ccp_queue_tasks", "Tasks that wait for a place", labels=("infrastructure",)
        )
        for name, count in self._controller.queued().items():
            waiting.add_metric((name,), count)
        yield waiting
        running = GaugeMetricFamily(
            "ccp_running_tasks", "Tasks on Nodes", labels=("infrastructure",)
        )
        for name in self._controller.infrastructures:
            count = sum(node.running for node in nodes if node.infrastructure_id == name)
            running.add_metric((name,), count)
        yield running

    def _states(self, nodes: list[NodeStatus]) -> Metric:
        family = GaugeMetricFamily(
            "ccp_node_state",
            "1 for the state that the Node is in, 0 for the others",
            labels=("infrastructure", "node", "state"),
        )
        for node in nodes:
            for state in NodeState:
                labels = (node.infrastructure_id, node.id, state.value)
                family.add_metric(labels, float(node.state is state))
        return family


class HealthCollector(Collector):
    """What the latest look at the service's health found.

    Parameters
    ----------
    health : Health
        Whoever serves a scrape asks it to look before.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is, is the same at each scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Tell what was found."""
        checks = GaugeMetricFamily(
            "ccp_check_ok", "Whether a check of /health is ok", labels=("check",)
        )
        for finding in self._health.latest:
            checks.add_metric((finding.name,), float(finding.level is Level.OK))
            if finding.name == "vault":
                vault = GaugeMetricFamily("ccp_vault_up", "Whether the vault answers")
                vault.add_metric((), float(finding.level is Level.OK))
                yield vault
            for name, value in finding.values.items():
                yield GaugeMetricFamily(name, finding.help, value=value)
        yield checks
