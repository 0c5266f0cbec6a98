"""What the simulation itself knows of what is handed out: it must agree with the scheduler."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ccp_jupyter.hub_service.scheduler.base import Place, Placement


class Broken(Exception):
    """The scheduler did what it must not do."""


@dataclass(slots=True)
class Used:
    """What is handed out of a Node."""

    tasks: int = 0
    memory: int = 0
    cpus: int = 0
    gpus: set[str] = field(default_factory=set)


class Books:
    """Who has what; raises `Broken` at once when that cannot be.

    Parameters
    ----------
    places : dict
        Nodes by id; those that are offline are changed there.
    """

    def __init__(self, places: dict[str, Place]) -> None:
        self.places = places
        self.placed: dict[str, Placement] = {}
        self.used: defaultdict[str, Used] = defaultdict(Used)
        self.groups: Counter[str] = Counter()
        self.cpus = 0
        self.memory = 0
        self.gpus = 0

    def take(self, placement: Placement) -> None:
        """Note a placement.  Raises `Broken`."""
        request, place = placement.request, self.places[placement.node_id]
        if request.task_id in self.placed:
            raise Broken(f"{request.task_id} is placed twice")
        used = self.used[place.node_id]
        if not place.online:
            raise Broken(f"{request.task_id} is placed on {place.node_id}, which is offline")
        if used.gpus & set(placement.gpus) or not set(placement.gpus) <= set(place.gpus):
            raise Broken(f"{request.task_id} has GPUs {placement.gpus} of {place.node_id}")
        self.placed[request.task_id] = placement
        self._add(placement, 1)
        used.gpus |= set(placement.gpus)
        over = used.tasks > place.slots or used.memory > place.memory
        if over or (place.cpus is not None and used.cpus > place.cpus):
            raise Broken(f"{place.node_id} is overbooked by {request.task_id}")
        if 0 < request.group_limit < self.groups[request.group]:
            raise Broken(f"more than {request.group_limit} of {request.group} run")

    def give_back(self, task_id: str) -> Placement:
        """Note that a Task holds its place no more."""
        placement = self.placed.pop(task_id)
        self._add(placement, -1)
        self.used[placement.node_id].gpus -= set(placement.gpus)
        return placement

    def on(self, node_id: str) -> list[str]:
        """Return the Tasks on a Node."""
        return [name for name, found in self.placed.items() if found.node_id == node_id]

    def _add(self, placement: Placement, sign: int) -> None:
        request, used = placement.request, self.used[placement.node_id]
        used.tasks += sign
        used.memory += sign * request.memory
        used.cpus += sign * request.cpus
        self.cpus += sign * request.cpus
        self.memory += sign * request.memory
        self.gpus += sign * len(placement.gpus)
        self.groups[request.group] += sign
