"""Metrics for Prometheus: what is counted, under which names.

Names follow Prometheus' conventions (base units, ``_total`` for counters). No label has values
without bound: there is no user, no Execution, no image in any of them.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.states import Outcome, Phase, is_final
from ccp_jupyter.model.times import now

_CALLS: Final = (0.0005, 0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0)
_LAGS: Final = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_WAITS: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0, 172_800.0)
_JUST: Final = timedelta(minutes=10)
_LATELY: Final = 10_000
"""Ended Executions and Attempts that are remembered, so that each is counted once."""
WORKING: Final = (Phase.LAUNCH, Phase.DEPLOY, Phase.EXECUTE, Phase.FETCH)


class Metrics:
    """All metrics of one service process.

    Parameters
    ----------
    version : str
        Of the service.
    infrastructure_of : callable
        Returns the Infrastructure of a Node by its id; empty when the Node is unknown.
    """

    def __init__(self, version: str, infrastructure_of: Callable[[str], str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double what is sent
        self.registry = CollectorRegistry()
        self._infrastructure_of = infrastructure_of
        self._ended: OrderedDict[str, None] = OrderedDict()
        registry = self.registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        if gc.isenabled():
            GCCollector(registry=registry)
        Info("ccp_build", "Which service this is", registry=registry).info({"version": version})
        self.submitted = Counter(
            "ccp_executions_submitted", "Executions that were accepted", registry=registry
        )
        self.finished = Counter(
            "ccp_executions_finished", "Executions that ended", ("status",), registry=registry
        )
        self.attempts = Counter(
            "ccp_attempts",
            "Attempts that ended, by outcome and by what ended them: exit_code of the script, or"
            " the phase in which something else did; none when all went well",
            ("outcome", "reason"),
            registry=registry,
        )
        self.waits = Histogram(
            "ccp_task_wait_seconds",
            "From submission until a Task's first Attempt was placed on a Node",
            ("infrastructure",),
            buckets=_WAITS,
            registry=registry,
        )
        self.phases = Histogram(
            "ccp_attempt_phase_seconds",
            "How long Attempts were in a phase",
            ("phase",),
            buckets=_WAITS,
            registry=registry,
        )
        self.store_calls = _calls("ccp_store_call", "Calls of the store", ("call",), registry)
        self.store_errors = Counter(
            "ccp_store_call_errors",
            "Calls of the store that failed, conflicts of two writers not counted",
            ("call",),
            registry=registry,
        )
        self.engine_calls = _calls("ccp_engine_call", "Calls of engines", ("call",), registry)
        self.engine_errors = Counter(
            "ccp_engine_call_errors",
            "Calls that an engine refused or did not answer",
            ("node",),
            registry=registry,
        )
        self.event_lag = Histogram(
            "ccp_event_lag_seconds",
            "From when something happened until its event was kept and passed on",
            buckets=_LAGS,
            registry=registry,
        )
        self.loop_lag = Histogram(
            "ccp_event_loop_lag_seconds",
            "How late the event loop came to what was due",
            buckets=_LAGS,
            registry=registry,
        )
        self.requests = Counter(
            "ccp_http_requests",
            "Requests answered, by route, verb and HTTP status",
            ("route", "method", "code"),
            registry=registry,
        )
        self.request_time = _calls(
            "ccp_http_request", "Requests, event streams from open to close", ("route",), registry
        )
        # Looking a counter up by its labels takes longer than counting.
        self._by_request: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def add(self, collector: Collector) -> None:
        """Ask somebody for further metrics at each scrape."""
        self.registry.register(collector)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def count_request(self, route: str, method: str, code: int, seconds: float) -> None:
        """Count one answered request.

        Parameters
        ----------
        route : str
            Path with ``{names}``, as in the API document.
        method : str
            One that the route knows, else empty.
        code : int
            HTTP status.
        seconds : float
            From its first to its last byte.
        """
        key = (route, method, code)
        found = self._by_request.get(key)
        if found is None:
            found = self.requests.labels(*key), self.request_time.labels(route)
            self._by_request[key] = found
        counter, histogram = found
        counter.inc()
        histogram.observe(seconds)

    def count_execution(self, execution: Execution) -> None:
        """Count a saved Execution when it has just ended."""
        # Those that ended before are saved again when they are shared, or somebody is told of them.
        lately = execution.finished is not None and now() - execution.finished < _JUST
        if is_final(execution.status) and lately and self._is_new(execution.id):
            self.finished.labels(execution.status.value).inc()

    def count_task(self, task: Task) -> bool:
        """Count what has just happened to a saved Task; True when an Attempt of it ended."""
        attempt = task.attempt
        if attempt is None or not attempt.phases:
            return False
        if len(task.attempts) == 1 and len(attempt.phases) == 1 and attempt.outcome is None:
            self._count_wait(task, attempt)
        if not (just_ended(attempt) and self._is_new(f"{task.id}/{attempt.number}")):
            return False
        outcome = (attempt.outcome or Outcome.PLATFORM).value
        self.attempts.labels(outcome, reason_class(attempt)).inc()
        for entered, left in zip(attempt.phases, attempt.phases[1:], strict=False):
            if entered.phase in WORKING:
                seconds = (left.at - entered.at).total_seconds()
                self.phases.labels(entered.phase.value).observe(max(0.0, seconds))
        return True

    def _is_new(self, name: str) -> bool:
        if name in self._ended:
            return False
        self._ended[name] = None
        if len(self._ended) > _LATELY:
            self._ended.popitem(last=False)
        return True

    def _count_wait(self, task: Task, attempt: Attempt) -> None:
        seconds = (attempt.phases[0].at - task.created).total_seconds()
        name = self._infrastructure_of(attempt.node)
        self.waits.labels(name).observe(max(0.0, seconds))

    def count_lag(self, seconds: float) -> None:
        """Count how long an event was under way."""
        self.event_lag.observe(max(0.0, seconds))


def just_ended(attempt: Attempt) -> bool:
    """Tell whether this save of an Attempt is the one that gives it its outcome."""
    if attempt.outcome is None:
        return False
    latest = attempt.phases[-1].phase
    # Destroy follows every outcome, but where nothing is left to destroy.
    before = [each.phase for each in attempt.phases[:-1]]
    return latest is Phase.DESTROY or (latest is Phase.ENDED and Phase.DESTROY not in before)


def reason_class(attempt: Attempt) -> str:
    """Return what ended an Attempt, as one of few words."""
    if attempt.outcome is Outcome.SUCCESSFUL:
        return "none"
    if attempt.exit_code:
        return "exit_code"
    worked = [each.phase.value for each in attempt.phases if each.phase in WORKING]
    return worked[-1] if worked else Phase.LAUNCH.value


def _calls(name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry) -> Histogram:
    return Histogram(f"{name}_seconds", text, labels, buckets=_CALLS, registry=registry)
