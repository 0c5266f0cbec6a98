"""The queue of Tasks and the room on Nodes.

Users take turns: of those who wait, whoever has the fewest Tasks running on the Infrastructure is
next, and each user's own Tasks go in the order of submission. Of the Nodes with room, one that has
the image is preferred, then the one with the most free slots.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A Task that wants a place."""

    task_id: str
    infrastructure_id: str
    owner: str
    image: str
    memory: int
    """Bytes."""
    avoid: str | None = None
    """Node of a failed Attempt: taken only when no other has room."""
    not_before: float = 0.0
    """Seconds on the caller's clock; waits until then."""


@dataclass(slots=True)
class Place:
    """A Node's room."""

    node_id: str
    infrastructure_id: str
    slots: int
    memory: int
    """Bytes that may be handed out."""
    images: set[str] = field(default_factory=set)
    online: bool = True
    reason: str = ""
    """Why it is not online."""
    held: dict[str, Request] = field(default_factory=dict)
    """What runs there, by Task id."""

    @property
    def free_slots(self) -> int:
        """Containers that may still be started."""
        return self.slots - len(self.held)

    @property
    def free_memory(self) -> int:
        """Bytes that are not handed out."""
        return self.memory - sum(request.memory for request in self.held.values())

    def has_room(self, request: Request) -> bool:
        """Tell whether the Task fits now."""
        return self.online and self.free_slots > 0 and self.free_memory >= request.memory


class Scheduler:
    """Queue and room; every method is a plain, quick function of what it was told before."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        # Infrastructure -> owner -> waiting Tasks in order. OrderedDict: removal from the middle.
        self._queues: dict[str, dict[str, OrderedDict[str, Request]]] = defaultdict(dict)
        self._where: dict[str, str] = {}
        # `not_before` of the few that have one, so that nobody looks through the whole queue.
        self._later: dict[str, float] = {}

    def set_place(self, place: Place) -> None:
        """Make a Node known, or say how it is now; what runs there stays noted."""
        if (old := self._places.get(place.node_id)) is not None:
            place.held = old.held
        self._places[place.node_id] = place

    def add(self, request: Request) -> None:
        """Queue a Task; no effect when it waits already."""
        queue = self._queues[request.infrastructure_id].setdefault(request.owner, OrderedDict())
        if queue.setdefault(request.task_id, request) is request and request.not_before > 0:
            self._later[request.task_id] = request.not_before

    def hold(self, request: Request, node_id: str) -> None:
        """Note a Task that runs on a Node already (adopted after a restart)."""
        if (place := self._places.get(node_id)) is not None:
            place.held[request.task_id] = request
            self._where[request.task_id] = node_id

    def release(self, task_id: str) -> None:
        """Forget a Task wherever it is: in the queue or on a Node."""
        if (node_id := self._where.pop(task_id, None)) is not None:
            self._places[node_id].held.pop(task_id, None)
            return
        for owners in self._queues.values():
            for owner, queue in owners.items():
                if queue.pop(task_id, None) is not None:
                    self._later.pop(task_id, None)
                    if not queue:
                        del owners[owner]
                    return

    def place(self, now: float) -> list[tuple[Request, str]]:
        """Take from the queue what fits now.

        Parameters
        ----------
        now : float
            Seconds, on the clock of `Request.not_before`.

        Returns
        -------
        list of (Request, str)
            Tasks with the Node that each goes to; they hold their room from now on.
        """
        placed: list[tuple[Request, str]] = []
        for infrastructure_id, owners in self._queues.items():
            places = [p for p in self._places.values() if p.infrastructure_id == infrastructure_id]
            running = self._running_by_owner(places)
            blocked: set[str] = set()
            while candidates := [owner for owner in owners if owner not in blocked]:
                owner = min(candidates, key=lambda name: running[name])
                request = self._first_due(owners[owner], now)
                node_id = None if request is None else self._choose(request, places)
                if request is None or node_id is None:
                    blocked.add(owner)
                    continue
                self.release(request.task_id)
                self.hold(request, node_id)
                running[owner] += 1
                placed.append((request, node_id))
        return placed

    def next_due(self) -> float | None:
        """Return the earliest `Request.not_before` in the queue; None when nothing waits."""
        return min(self._later.values(), default=None)

    def why_waiting(self, task_id: str) -> str | None:
        """Say in words for the user why a Task waits; None when it does not."""
        for infrastructure_id, owners in self._queues.items():
            for queue in owners.values():
                if (request := queue.get(task_id)) is not None:
                    return self._reason(request, infrastructure_id)
        return None

    def _reason(self, request: Request, infrastructure_id: str) -> str:
        places = [p for p in self._places.values() if p.infrastructure_id == infrastructure_id]
        online = [place for place in places if place.online]
        if not online:
            reasons = "; ".join(f"{place.node_id}: {place.reason}" for place in places)
            return f"no Node of {infrastructure_id} is online ({reasons or 'none is configured'})"
        if all(place.memory < request.memory for place in online):
            return (
                f"needs {request.memory} bytes of memory; the largest Node that is online has"
                f" {max(place.memory for place in online)}"
            )
        ahead = sum(len(queue) for queue in self._queues[infrastructure_id].values()) - 1
        return f"all Nodes of {infrastructure_id} are busy; {ahead} other Tasks wait"

    @staticmethod
    def _running_by_owner(places: list[Place]) -> defaultdict[str, int]:
        running: defaultdict[str, int] = defaultdict(int)
        for place in places:
            for request in place.held.values():
                running[request.owner] += 1
        return running

    @staticmethod
    def _first_due(queue: OrderedDict[str, Request], now: float) -> Request | None:
        return next((r for r in queue.values() if r.not_before <= now), None)

    @staticmethod
    def _choose(request: Request, places: list[Place]) -> str | None:
        fitting = [place for place in places if place.has_room(request)]
        if not fitting:
            return None
        best = max(
            fitting,
            key=lambda place: (
                place.node_id != request.avoid,
                request.image in place.images,
                place.free_slots,
                place.node_id,
            ),
        )
        return best.node_id
