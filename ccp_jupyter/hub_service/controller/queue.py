"""The scheduler in the controller's words: Tasks that wait, and the room of Nodes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Final

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.retry import delay
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.scheduler.base import Forecast, Load, Placement, Request, Rules
from ccp_jupyter.hub_service.scheduler.durations import Durations
from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.times import now

_SHORTEST_WAIT: Final = 0.05  # seconds
_FAR: Final = 10 * 365 * 86400.0  # seconds; no later time is told


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of when a waiting Task begins."""

    ahead: int
    """Waiting Tasks that are placed before it, about."""
    start: datetime | None
    """When, about, with time zone; None: nobody can tell."""
    reason: str
    """Why it waits, in words for the user. ``{start}``, at most once, stands for the time of
    `start`, as whoever shows it writes times."""

    @property
    def text(self) -> str:
        """The reason with the time as hour and minute, UTC."""
        start = "" if self.start is None else f"{self.start:%H:%M} UTC"
        return self.reason.replace("{start}", start)


@dataclass(frozen=True, slots=True)
class Expectation(Outlook):
    """What would become of a Task if it were queued now."""

    nodes: tuple[str, ...]
    """Nodes that have enough for it when nothing else runs there, by id."""
    node: str
    """Where it would begin at once; empty: it would wait."""


class TaskQueue:
    """Waiting Tasks; `wait` returns when something has changed for them.

    Parameters
    ----------
    settings : Settings
        Times.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scheduler = Scheduler(expected=self._expected)
        self._changed = asyncio.Event()
        self._durations = Durations()
        self._begun: dict[str, tuple[Request, float]] = {}
        self._usual_time: dict[str, int] = {}
        """Longest time that Tasks get on an Infrastructure when nobody asks for less, seconds."""

    def add(self, execution: Execution, task: Task) -> None:
        """Queue a Task; after a failed Attempt it waits a little."""
        request, last = _request(execution, task), task.attempt
        if last is not None:
            due = asyncio.get_running_loop().time() + delay(task, self._settings)
            request = replace(request, avoid=last.node, not_before=due)
        self._scheduler.add(request)
        self._changed.set()

    def hold(self, execution: Execution, task: Task, agent: NodeAgent) -> None:
        """Note a Task whose latest Attempt is on a Node already."""
        attempt, request = task.attempt, _request(execution, task)
        gpus = () if attempt is None else tuple(attempt.gpus)
        since = asyncio.get_running_loop().time()
        if attempt is not None and attempt.phases:
            since -= max(0.0, (now() - attempt.phases[0].at).total_seconds())
        self._scheduler.hold(request, agent.id, gpus, since)
        self._begun[task.id] = request, since

    def hold_container(
        self, mark: Mark, execution: Execution, task: Task, agent: NodeAgent
    ) -> None:
        """Note that a container of an Attempt given up is still there; release it by its name."""
        gpus = tuple(gpu for a in task.attempts if a.number == mark.attempt for gpu in a.gpus)
        # The Task itself may run elsewhere, and counts there among those of its group.
        request = replace(_request(execution, task), task_id=mark.name, group="", group_limit=0)
        self._scheduler.hold(request, agent.id, gpus)

    def release(self, task_id: str) -> None:
        """Forget a Task, or a container held by name, wherever it is."""
        self._scheduler.release(task_id)
        if (begun := self._begun.pop(task_id, None)) is not None:
            request, since = begun
            took = asyncio.get_running_loop().time() - since
            for kind in (request.group, request.kind):
                self._durations.note(kind, took)
        self._changed.set()

    def node_changed(self, agent: NodeAgent) -> None:
        """Take note of how a Node is now."""
        infrastructure = agent.infrastructure
        self._usual_time[infrastructure.id] = infrastructure.limits.max_time
        self._scheduler.set_rules(infrastructure.id, _rules(infrastructure))
        self._scheduler.set_place(agent.place())
        self._changed.set()

    def node_gone(self, agent: NodeAgent) -> None:
        """Forget a Node; Tasks that were there may be released later."""
        self._scheduler.remove_place(agent.infrastructure.id, agent.id)
        self._changed.set()

    def load(self, agent: NodeAgent) -> Load:
        """Return what is handed out on a Node."""
        return self._scheduler.load(agent.infrastructure.id, agent.id)

    def lengths(self) -> dict[str, int]:
        """Return how many Tasks wait, by Infrastructure; those without any may be left out."""
        return self._scheduler.queued()

    def forecast(self, task_id: str) -> Outlook | None:
        """Say when a waiting Task will begin, about, and why it waits; None when it does not."""
        moment = asyncio.get_running_loop().time()
        found = self._scheduler.forecast(task_id, moment)
        if found is None:
            return None
        return Outlook(found.ahead, _time_of(found, moment), found.reason)

    def expect(self, execution: Execution, task: Task) -> Expectation:
        """Say what would become of a Task that is not queued; nothing changes."""
        moment = asyncio.get_running_loop().time()
        found = self._scheduler.prospect(_request(execution, task), moment)
        start = _time_of(found.forecast, moment)
        return Expectation(
            found.forecast.ahead, start, found.forecast.reason, found.nodes, found.node
        )

    async def wait(self) -> None:
        """Return when Tasks came, room became free, or the delay of a Task is over."""
        due = self._scheduler.next_due()
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(None if due is None else max(due - now, _SHORTEST_WAIT)):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def impossible(self) -> list[tuple[Request, str]]:
        """Return the Tasks that no Node could ever run, and why."""
        return self._scheduler.impossible()

    def place(self) -> list[Placement]:
        """Take from the queue what fits now."""
        moment = asyncio.get_running_loop().time()
        placed = self._scheduler.place(moment)
        for placement in placed:
            self._begun[placement.request.task_id] = placement.request, moment
        return placed

    def _expected(self, request: Request) -> float:
        """Return how long a Task will probably take.

        As long as others of its Execution lately did, else those of its Method or image; else as
        long as it may, if somebody chose that: the time that everybody gets says nothing.
        """
        for kind in (request.group, request.kind):
            if (took := self._durations.expected(kind)) is not None:
                return took
        usual = self._usual_time.get(request.infrastructure_id, 0)
        return request.expected if request.expected < usual else 0.0


def _time_of(forecast: Forecast, moment: float) -> datetime | None:
    if forecast.start is None:
        return None
    return now() + timedelta(seconds=min(forecast.start - moment, _FAR))


def _rules(infrastructure: Infrastructure) -> Rules:
    return Rules(
        most=infrastructure.max_running,
        most_per_owner=infrastructure.max_running_per_user,
        weights=infrastructure.weights,
    )


def _request(execution: Execution, task: Task) -> Request:
    experiment, limits = execution.experiment, execution.limits
    # Each record has texts and numbers of its own; those of a long queue are mostly the same.
    memory, disk, cpus, expected = _numbers(
        limits.memory, limits.disk, limits.cpus, limits.max_time
    )
    return Request(
        task_id=task.id,
        infrastructure_id=intern(execution.infrastructure_id),
        owner=intern(execution.owner),
        image=intern(execution.image),
        memory=memory,
        group=execution.id,
        group_limit=0 if experiment is None else experiment.concurrency,
        gpus=tuple(execution.gpus),
        cpus=cpus,
        disk=disk,
        context=intern(execution.context),
        priority=execution.priority,
        expected=expected,
        kind=intern(execution.method_id or execution.image),
    )


@lru_cache(maxsize=1024)
def _numbers(memory: int, disk: int, cpus: float, seconds: int) -> tuple[int, int, int, float]:
    """Return bytes, bytes, thousandths of a core and seconds: the same objects for the same."""
    return int(memory), int(disk), round(cpus * 1000), float(seconds)
