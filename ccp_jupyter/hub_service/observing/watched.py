"""Store, engines and event log as they are, with each call timed and what happens counted.

These stand in front of the parts, so that no part and no user of one knows of metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction, unwrap
from typing import Any, cast

from ccp_jupyter.hub_service.engines.base import Engine, EngineError, NotThere
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.observing.failures import LatestFailures
from ccp_jupyter.hub_service.observing.metrics import Metrics
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, Store
from ccp_jupyter.model.events import Event
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.times import now

Observe = Callable[[float], None]
"""Takes the seconds of a call."""


class _Watched:
    """An object whose coroutine methods are timed; all else is the object's own.

    Parameters
    ----------
    inner : object
        What is called.
    timer : callable
        Returns what observes the calls of a method, by its name.
    failed : callable
        Called with a method's name and the exception it raised.
    """

    def __init__(
        self,
        inner: Any,
        timer: Callable[[str], Observe],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._inner = inner
        self._timer = timer
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not iscoroutinefunction(unwrap(found)):  # what stands in between may be a plain function
            return found
        timed = self._timed(name, found)
        # From now on it is found at once, without a call of this method.
        self.__dict__[name] = timed
        return timed

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        observe, clock = self._timer(name), time.perf_counter

        @wraps(call)
        async def timed(*args: Any, **kwargs: Any) -> Any:
            begin = clock()
            try:
                return await call(*args, **kwargs)
            except Exception as error:
                self._failed(name, error)
                raise
            finally:
                observe(clock() - begin)

        return timed


class _WatchedStore(_Watched):
    def __init__(self, store: Store, metrics: Metrics, failures: LatestFailures) -> None:
        def failed(call: str, error: Exception) -> None:
            if not isinstance(error, (Conflict, Duplicate)):
                metrics.store_errors.labels(call).inc()

        super().__init__(store, lambda call: metrics.store_calls.labels(call).observe, failed)
        self._metrics = metrics
        self._failures = failures
        self._add_execution = self._timed("add_execution", store.add_execution)
        self._save_execution = self._timed("save_execution", store.save_execution)
        self._save_task = self._timed("save_task", store.save_task)

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        kept: Execution = await self._add_execution(execution, tasks)
        self._metrics.submitted.inc()
        return kept

    async def save_execution(self, execution: Execution) -> Execution:
        saved: Execution = await self._save_execution(execution)
        self._metrics.count_execution(saved)
        return saved

    async def save_task(self, task: Task) -> Task:
        saved: Task = await self._save_task(task)
        if self._metrics.count_task(saved):
            self._failures.note(saved)
        return saved


class _WatchedEvents:
    def __init__(self, events: EventLog, metrics: Metrics) -> None:
        self._inner = events
        self._append = events.append
        self._count_lag = metrics.count_lag

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def append(self, owner: str, event: Event) -> Event:
        kept = await self._append(owner, event)
        self._count_lag((now() - event.at).total_seconds())
        return kept


def watched_store(store: Store, metrics: Metrics, failures: LatestFailures) -> Store:
    """Return a store that is timed, and that tells of Executions and Attempts that end."""
    return cast("Store", _WatchedStore(store, metrics, failures))


def watched_engine(node_id: str, engine: Engine, metrics: Metrics) -> Engine:
    """Return an engine that is timed; errors are counted by Node."""

    def failed(_: str, error: Exception) -> None:
        if isinstance(error, EngineError) and not isinstance(error, NotThere):
            metrics.engine_errors.labels(node_id).inc()

    return cast(
        "Engine", _Watched(engine, lambda call: metrics.engine_calls.labels(call).observe, failed)
    )


def watched_events(events: EventLog, metrics: Metrics) -> EventLog:
    """Return an event log that tells how long events were under way."""
    return cast("EventLog", _WatchedEvents(events, metrics))
