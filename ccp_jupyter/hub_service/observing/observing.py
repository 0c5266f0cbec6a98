"""All that observes one service process, put together."""

from __future__ import annotations

from ccp_jupyter.hub_service.controller.base import Controller
from ccp_jupyter.hub_service.engines.base import Engine
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.observing.checks import loop_check, nodes_check
from ccp_jupyter.hub_service.observing.collectors import ControllerCollector, HealthCollector
from ccp_jupyter.hub_service.observing.failures import LatestFailures
from ccp_jupyter.hub_service.observing.health import Health
from ccp_jupyter.hub_service.observing.loop import LoopWatch
from ccp_jupyter.hub_service.observing.metrics import Metrics
from ccp_jupyter.hub_service.observing.watched import (
    watched_engine,
    watched_events,
    watched_store,
)
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.model.times import now


class Observing:
    """Metrics, health and latest failures of a service process.

    Parameters
    ----------
    version : str, optional
        Of the service.

    Attributes
    ----------
    started : datetime
        When this was made.
    """

    def __init__(self, version: str = "") -> None:
        self.version = version
        self.started = now()
        self.metrics = Metrics(version, self._infrastructure_of)
        self.failures = LatestFailures()
        self.health = Health()
        self.loop = LoopWatch(self.metrics.loop_lag.observe)
        self._controller: Controller | None = None
        self._infrastructures: dict[str, str] = {}
        self.metrics.add(HealthCollector(self.health))
        self.health.add(loop_check(self.loop))

    def store(self, store: Store) -> Store:
        """Return a store that is observed."""
        return watched_store(store, self.metrics, self.failures)

    def engine(self, node_id: str, engine: Engine) -> Engine:
        """Return an engine that is observed."""
        return watched_engine(node_id, engine, self.metrics)

    def events(self, events: EventLog) -> EventLog:
        """Return an event log that is observed."""
        return watched_events(events, self.metrics)

    def controller(self, controller: Controller) -> None:
        """Observe queue and Nodes."""
        self._controller = controller
        self.metrics.add(ControllerCollector(controller))
        self.health.add(nodes_check(controller))

    async def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        await self.health.report()
        return self.metrics.exposition()

    def _infrastructure_of(self, node_id: str) -> str:
        if node_id not in self._infrastructures and self._controller is not None:
            self._infrastructures = {
                node.id: infrastructure_id
                for infrastructure_id in self._controller.infrastructures
                for node in self._controller.nodes(infrastructure_id)
            }
        return self._infrastructures.get(node_id, "")
