"""One run: events in the order of a virtual clock, the real scheduler deciding."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from time import thread_time
from typing import Any, Final

from benchmarks.simulation.books import Books, Broken
from benchmarks.simulation.load import LAB, Job, Setting, weights
from ccp_jupyter.hub_service.scheduler.base import Place, Request, Rules
from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
from ccp_jupyter.hub_service.scheduler.shares import Totals

_HOUR: Final = 3600.0
_AWAY: Final = (300.0, 1200.0)  # seconds that a Node is away
_RETRY: Final = 2.0  # seconds before the next Attempt
_ASKED: Final = 20  # of so many events, after one it is asked when some Task will begin


class Run:
    """A simulation; `go` brings it to its end.

    Parameters
    ----------
    setting : Setting
        How large.
    places : list of Place
        The Nodes.
    """

    def __init__(self, setting: Setting, places: list[Place]) -> None:
        self.setting = setting
        self.scheduler = Scheduler()
        self.books = Books({place.node_id: place for place in places})
        self.now = 0.0
        self.jobs: dict[str, Job] = {}
        self.waiting: dict[str, None] = {}
        self.ended: Counter[str] = Counter()
        self.failures = 0
        self.waits: defaultdict[str, list[float]] = defaultdict(list)
        """Seconds from submission to the first beginning, by user."""
        self.service: defaultdict[str, float] = defaultdict(float)
        """Shares times seconds, by user, as long as all of them wait for more."""
        self.use: defaultdict[str, float] = defaultdict(float)
        """Handed out, and there, times seconds, as long as all users wait for more."""
        self.took: defaultdict[int, list[float]] = defaultdict(list)
        """Processor seconds of one placement, by the number of digits of the queue's length."""
        self.asking: list[float] = []
        """Processor seconds of a forecast."""
        self.decisions = 0
        self.deciding = 0.0
        self.foretold: dict[str, tuple[float, float]] = {}
        self.foretold_parts: list[float] = []
        """Waits that were forecast, as parts of those that followed."""
        self.everybody_waits_until: float | None = None
        self._chance = random.Random(setting.seed + 1)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()
        self._attempts: Counter[str] = Counter()
        self._queued: Counter[str] = Counter()
        self._totals = Totals()
        self._holding: Counter[str] = Counter()  # shares, by owner
        self.scheduler.set_rules(LAB, Rules(weights=weights(setting)))
        for place in places:
            self.scheduler.set_place(place)
            self._totals = self._totals.changed(place, 1)
        self._online = self._totals

    def submit(self, jobs: list[Job]) -> None:
        """Hand in Tasks."""
        for job in jobs:
            request = job.request
            self.jobs[request.task_id] = job
            self.scheduler.add(request)

    def go(self) -> None:
        """Run until all Tasks have ended.  Raises `Broken`."""
        self.waiting = dict.fromkeys(self.jobs)
        self._names = list(self.jobs)
        self._queued = Counter(job.request.owner for job in self.jobs.values())
        self._at(self._next_failure(), self._fail)
        self._place()
        while sum(self.ended.values()) < len(self.jobs):
            if not self._events:
                raise Broken(f"{len(self.waiting)} Tasks wait for nothing")
            moment, _, happen, what = heapq.heappop(self._events)
            self._pass(moment - self.now)
            self.now = moment
            happen(*what)
            self._place()
        if self.books.placed or any(self.scheduler.queued().values()):
            raise Broken("something is left")

    # -- What happens

    def _end(self, task_id: str, attempt: int) -> None:
        if self._attempts[task_id] != attempt:
            return  # its Node failed before
        self._give_back(task_id)
        self.ended[task_id] += 1

    def _fail(self) -> None:
        """Take a Node away; its Tasks are queued again."""
        online = [place for place in self.books.places.values() if place.online]
        self._at(self._next_failure(), self._fail)
        if len(online) <= len(self.books.places) // 2:
            return
        place = self._chance.choice(online)
        self.failures += 1
        self._set(replace(place, online=False, reason="power failure"))
        self._at(self.now + self._chance.uniform(*_AWAY), self._return, place.node_id)
        for task_id in self.books.on(place.node_id):
            self._give_back(task_id)
            self._attempts[task_id] += 1
            again = replace(
                self.jobs[task_id].request, avoid=place.node_id, not_before=self.now + _RETRY
            )
            self._decide(self.scheduler.add, again)
            self._note_queued(again)
        self._at(self.now + _RETRY, lambda: None)

    def _give_back(self, task_id: str) -> None:
        request = self.books.give_back(task_id).request
        self._holding[request.owner] -= self._totals.share(request)
        self._decide(self.scheduler.release, task_id)

    def _return(self, node_id: str) -> None:
        self._set(replace(self.books.places[node_id], online=True, reason=""))

    def _set(self, place: Place) -> None:
        self.books.places[place.node_id] = place
        self._online = self._online.changed(place, 1 if place.online else -1)
        self._decide(self.scheduler.set_place, place)

    # -- What is done about it

    def _place(self) -> None:
        digits = len(str(len(self.waiting)))
        began = thread_time()
        placed = self.scheduler.place(self.now)
        seconds = thread_time() - began
        self.deciding += seconds
        self.decisions += len(placed)
        if placed:
            self.took[digits] += [seconds / len(placed)] * len(placed)
        for placement in placed:
            self.books.take(placement)
            task_id, owner = placement.request.task_id, placement.request.owner
            del self.waiting[task_id]
            self._holding[owner] += self._totals.share(placement.request)
            self._queued[owner] -= 1
            if self.everybody_waits_until is None and not self._queued[owner]:
                self.everybody_waits_until = self.now
            self._begin(task_id)
        if self._chance.randrange(_ASKED) == 0 and self.waiting:
            self._ask()

    def _begin(self, task_id: str) -> None:
        job = self.jobs[task_id]
        if not self._attempts[task_id]:
            self.waits[job.request.owner].append(self.now)
            if (told := self.foretold.pop(task_id, None)) is not None:
                asked, start = told
                if self.now > asked:
                    self.foretold_parts.append((start - asked) / (self.now - asked))
        self._attempts[task_id] += 1
        self._at(self.now + job.seconds, self._end, task_id, self._attempts[task_id])

    def _ask(self) -> None:
        task_id = self._chance.choice(self._names)
        began = thread_time()
        found = self.scheduler.forecast(task_id, self.now)
        seconds = thread_time() - began
        if (found is not None) is not (task_id in self.waiting):
            raise Broken(f"{task_id}: {found}")
        if found is not None:
            self.asking.append(seconds)
            if not 0 <= found.ahead < len(self.waiting):
                raise Broken(f"{task_id}: {found.ahead} before it of {len(self.waiting)}")
            if found.start is not None and not self._attempts[task_id]:
                self.foretold[task_id] = self.now, found.start

    def _pass(self, seconds: float) -> None:
        """Let time go by; count what is used meanwhile."""
        if self.everybody_waits_until is not None:
            return
        self.use["cores"] += seconds * self.books.cpus
        self.use["all cores"] += seconds * self._online.cpus
        self.use["memory"] += seconds * self.books.memory
        self.use["all memory"] += seconds * self._online.memory
        self.use["GPUs"] += seconds * self.books.gpus
        self.use["all GPUs"] += seconds * self._online.gpus
        for owner, share in self._holding.items():
            self.service[owner] += seconds * share

    def _note_queued(self, request: Request) -> None:
        self.waiting[request.task_id] = None
        self._queued[request.owner] += 1

    def _decide(self, what: Callable[[Any], None], argument: object) -> None:
        began = thread_time()
        what(argument)
        self.deciding += thread_time() - began
        self.decisions += 1

    def _at(self, moment: float, what: Callable[..., None], *arguments: object) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), what, arguments))

    def _next_failure(self) -> float:
        if not self.setting.failures:
            return self.now + 10 * 365 * 24 * _HOUR
        return self.now + self._chance.expovariate(self.setting.failures / _HOUR)
