"""The queue of Tasks and the room on Nodes; the rules are in docs/decisions/007-scheduler.md."""

from __future__ import annotations

import heapq
from itertools import count

from ccp_jupyter.hub_service.scheduler import outlook
from ccp_jupyter.hub_service.scheduler.base import (
    Forecast,
    Load,
    Place,
    Placement,
    Request,
    Rules,
)
from ccp_jupyter.hub_service.scheduler.pool import MOST_OVERTAKES, Expected, Pool
from ccp_jupyter.hub_service.scheduler.prospect import Prospect, prospect

__all__ = ["Place", "Placement", "Request", "Scheduler"]


class Scheduler:
    """Queue and room; every method is a plain, quick function of what it was told before.

    Parameters
    ----------
    overtakes : int
        Tasks placed on an Infrastructure while others wait there for more room than any Node has
        free, until a Node is kept for these.
    expected : callable, optional
        Seconds that a Task will probably hold its place, 0 when unknown; asked when that matters,
        so that it may have learned since. By default `Request.expected`.
    """

    def __init__(self, overtakes: int = MOST_OVERTAKES, expected: Expected | None = None) -> None:
        self._overtakes = overtakes
        self._expected = _expected if expected is None else expected
        self._pools: dict[str, Pool] = {}
        self._changed: dict[str, None] = {}
        """Infrastructures of which something may fit now that did not before."""
        self._held: dict[str, Placement] = {}
        self._queued: dict[str, Pool] = {}
        # (not before, ticket, Task); a ticket that is not in `_tickets` is void.
        self._later: list[tuple[float, int, str]] = []
        self._tickets: dict[str, int] = {}
        self._numbers = count(1)

    def set_rules(self, infrastructure_id: str, rules: Rules) -> None:
        """Say how an Infrastructure is shared."""
        self._pool(infrastructure_id).set_rules(rules)

    def set_place(self, place: Place) -> None:
        """Make a Node known, or say how it is now; what runs there stays noted."""
        self._pool(place.infrastructure_id).set_place(place)

    def remove_place(self, infrastructure_id: str, node_id: str) -> None:
        """Forget a Node; Tasks that are noted there may be released later all the same."""
        self._pool(infrastructure_id).remove_place(node_id)

    def load(self, infrastructure_id: str, node_id: str) -> Load:
        """Return what is handed out on a Node; nothing when it is not known."""
        pool = self._pools.get(infrastructure_id)
        return Load() if pool is None else pool.load(node_id)

    def add(self, request: Request) -> None:
        """Queue a Task; no effect when it waits already."""
        if request.task_id in self._queued:
            return
        pool = self._pool(request.infrastructure_id)
        self._queued[request.task_id] = pool
        pool.waiting.add(request, due=request.not_before <= 0)
        if request.not_before > 0:
            ticket = self._tickets[request.task_id] = next(self._numbers)
            heapq.heappush(self._later, (request.not_before, ticket, request.task_id))

    def hold(
        self,
        request: Request,
        node_id: str,
        gpus: tuple[str, ...] = (),
        since: float | None = None,
    ) -> None:
        """Note a Task that runs on a Node already (adopted after a restart).

        Parameters
        ----------
        request : Request
            The Task.
        node_id : str
            Where it runs.
        gpus : tuple of str
            Those that it has.
        since : float, optional
            When it began, on the clock of `Request.not_before`.
        """
        self.release(request.task_id)
        placement = Placement(request, node_id, gpus)
        self._pool(request.infrastructure_id).hold(placement, since)
        self._held[request.task_id] = placement

    def release(self, task_id: str) -> None:
        """Forget a Task wherever it is: on a Node or in the queue."""
        if (placement := self._held.pop(task_id, None)) is not None:
            self._pool(placement.request.infrastructure_id).release(placement)
        elif (pool := self._queued.pop(task_id, None)) is not None:
            self._tickets.pop(task_id, None)
            pool.forget(task_id)
            self._changed[pool.name] = None

    def place(self, now: float) -> list[Placement]:
        """Take from the queue what fits now.

        Parameters
        ----------
        now : float
            Seconds, on the clock of `Request.not_before`.

        Returns
        -------
        list of Placement
            Tasks with their Nodes and GPUs; they hold their room from now on.
        """
        while (due := self.next_due()) is not None and due <= now:
            _, _, task_id = heapq.heappop(self._later)
            del self._tickets[task_id]
            pool = self._queued[task_id]
            pool.waiting.make_due(task_id)
            self._changed[pool.name] = None
        changed, self._changed = self._changed, {}
        placed = [placement for name in changed for placement in self._pools[name].fill(now)]
        for placement in placed:
            del self._queued[placement.request.task_id]
            self._held[placement.request.task_id] = placement
        return placed

    def next_due(self) -> float | None:
        """Return when the next Task that waits for a time is due; None when there is none."""
        while self._later and self._tickets.get(self._later[0][2]) != self._later[0][1]:
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else None

    def forecast(self, task_id: str, now: float) -> Forecast | None:
        """Say when a waiting Task will begin, about, and why it waits; None when it does not.

        An estimate at the cost of a few bisections, whatever is queued: see `outlook`.
        """
        pool = self._queued.get(task_id)
        return None if pool is None else outlook.forecast(pool, task_id, now)

    def prospect(self, request: Request, now: float) -> Prospect:
        """Say what would become of a Task if it were queued now; nothing is changed."""
        name = request.infrastructure_id
        pool = self._pools.get(name) or Pool(name, self._expected, self._overtakes)
        return prospect(pool, request, now)

    def queued(self) -> dict[str, int]:
        """Return how many Tasks wait on each Infrastructure, also those that wait for a time."""
        return {name: len(pool.waiting) for name, pool in self._pools.items()}

    def impossible(self) -> list[tuple[Request, str]]:
        """Return waiting Tasks that no Node of their Infrastructure can ever run, and why.

        Only when the size of all its Nodes is known. Each Task is returned once, and again when
        a Node has changed; it waits until it is released.
        """
        return [found for pool in self._pools.values() for found in pool.impossible()]

    def _pool(self, name: str) -> Pool:
        """Return an Infrastructure in which something is about to change."""
        if name not in self._pools:
            self._pools[name] = Pool(name, self._expected, self._overtakes)
        self._changed[name] = None
        return self._pools[name]


def _expected(request: Request) -> float:
    return request.expected
