"""One Infrastructure: who waits, what room there is, and how the two come together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import nsmallest
from math import inf
from typing import Final

from ccp_jupyter.hub_service.scheduler import reasons
from ccp_jupyter.hub_service.scheduler.base import Load, Place, Placement, Request, Rules
from ccp_jupyter.hub_service.scheduler.node import Node
from ccp_jupyter.hub_service.scheduler.pace import Pace
from ccp_jupyter.hub_service.scheduler.rooms import Rooms
from ccp_jupyter.hub_service.scheduler.waiting import Line, Waiter, Waiting

MOST_OVERTAKES: Final = 100
"""Tasks placed while others wait for more room than any Node has free, until one is kept."""
_CANDIDATES: Final = 16
"""Nodes with the fewest Tasks of which the one that is free first is kept."""
_SURE: Final = 2.0
"""A Task that is expected to take so many times less than there is time ends early enough."""

Expected = Callable[[Request], float]
"""Seconds that a Task will probably hold its place; 0: unknown."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A Node that is kept for a Task."""

    waiter: Waiter
    node: Node
    start: float | None
    """When the Task fits there, as was forecast when it was made; None: unknown."""


class Pool:
    """Queue and Nodes of one Infrastructure.

    Parameters
    ----------
    name : str
        Id of the Infrastructure.
    expected : callable
        How long a Task will probably hold its place.
    overtakes : int
        See `MOST_OVERTAKES`.
    """

    def __init__(self, name: str, expected: Expected, overtakes: int = MOST_OVERTAKES) -> None:
        self.name = name
        self.waiting = Waiting()
        self.rooms = Rooms()
        self.rules = Rules()
        self.pace = Pace()
        self.expected = expected
        self.reservation: Reservation | None = None
        self._overtakes = overtakes
        self._looked_at = -1  # version of the rooms
        self._all_known = False

    def set_rules(self, rules: Rules) -> None:
        """Say how it is shared."""
        if rules != self.rules:
            self.rules = rules
            self.waiting.set_rules(rules)

    def set_place(self, place: Place) -> None:
        """Make a Node known, or say how it is now."""
        node = self.rooms.set_place(place)
        self.waiting.set_totals(self.rooms.totals)
        self._unblock(node)

    def remove_place(self, node_id: str) -> None:
        """Forget a Node."""
        kept = self.reservation
        if kept is not None and kept.node.place.node_id == node_id:
            self._drop_reservation()
        self.rooms.remove(node_id)
        self.waiting.set_totals(self.rooms.totals)

    def load(self, node_id: str) -> Load:
        """Return what is handed out on a Node."""
        node = self.rooms.nodes.get(node_id)
        return Load() if node is None else node.load

    def hold(self, placement: Placement, since: float | None) -> None:
        """Note a Task that runs on a Node; the Node is made known, without room, if need be."""
        request, node_id = placement.request, placement.node_id
        if node_id not in self.rooms.nodes:
            unknown = Place(node_id, self.name, 0, 0, online=False, reason="not reached yet")
            self.rooms.set_place(unknown)
        self._hold(placement, since)
        self.waiting.run(request)

    def release(self, placement: Placement) -> None:
        """Note that a Task has ended."""
        request = placement.request
        self.waiting.end(request)
        self.pace.end(request.task_id)
        node = self.rooms.nodes.get(placement.node_id)
        if node is not None and request.task_id in node.held:  # else it was removed
            node.release(placement)
            self.rooms.refresh(node)
            self._unblock(node)

    def forget(self, task_id: str) -> None:
        """Take a Task out of the queue."""
        if self.reservation is not None and self.reservation.waiter is self.waiting[task_id]:
            self._drop_reservation()
        self.waiting.remove(task_id)

    def fill(self, now: float) -> list[Placement]:
        """Place what fits, in turns; keep a Node for whoever was overtaken too often."""
        placed = []
        self._end_useless_reservation()
        self._keep_for_the_oldest(now)
        while (placement := self._for_the_kept() or self._next(now)) is not None:
            request = placement.request
            kept = self.reservation
            if kept is not None and kept.waiter is self.waiting[request.task_id]:
                self._drop_reservation()
            self._hold(placement, now)
            self.waiting.place(request)
            placed.append(placement)
        self._keep_for_the_oldest(now)
        return placed

    def impossible(self) -> list[tuple[Request, str]]:
        """Return Tasks that no Node could ever run, each once (again when a Node has changed)."""
        waiting = self.waiting
        if self._looked_at != self.rooms.version:
            self._looked_at = self.rooms.version
            self._all_known = all(n.place.known for n in self.rooms.nodes.values())
            for line in waiting.lines.values():
                line.never = ""
            waiting.untold.clear()
            waiting.new.update(dict.fromkeys(waiting.lines.values()))
        if self._all_known and self.rooms.nodes:
            for line in waiting.new:
                line.never = reasons.never(self.name, line.shape, self.rooms)
                if line.never:
                    waiting.untold.update((name, w.request) for name, w in line.tasks.items())
            waiting.new.clear()
        told = [(r, waiting[r.task_id].line.never) for r in waiting.untold.values()]
        waiting.untold.clear()
        return told

    @property
    def is_full(self) -> bool:
        """Whether as many Tasks hold a place, or have one kept, as may."""
        claimed = len(self.waiting.held) + (self.reservation is not None)
        return 0 < self.rules.most <= claimed

    def is_too_large(self, line: Line) -> bool:
        """Tell whether no Node that is online could run it; looked up once for each change."""
        if line.too_large == self.rooms.version:
            return True
        if any(True for _ in self.rooms.nodes_that_could(line.shape)):
            return False
        line.too_large = self.rooms.version
        return True

    def _hold(self, placement: Placement, since: float | None) -> None:
        request = placement.request
        seconds = self.expected(request)
        end = None if since is None or seconds <= 0 else since + seconds
        node = self.rooms.nodes[placement.node_id]
        node.hold(placement, end)
        self.rooms.refresh(node)
        self.pace.begin(request.task_id, placement.node_id, seconds, end)

    def _next(self, now: float) -> Placement | None:
        """Return what is placed next, whoever's turn it is; the Task waits still."""
        if self.is_full:
            return None
        lines = self.waiting.open_lines()
        while lines:
            request = self.waiting.next_of(lines)
            line = self.waiting[request.task_id].line
            placement = self.rooms.choose(request, line.hope) or self.backfill(request, now)
            if placement is not None:
                return placement
            self.waiting.block(line)
            lines.remove(line)
        return None

    def _for_the_kept(self) -> Placement | None:
        """Return the place of the Task for which a Node is kept, once there is one."""
        kept = self.reservation
        if kept is None or 0 < self.rules.most <= len(self.waiting.held):
            return None
        request, line = kept.waiter.request, kept.waiter.line
        placement = kept.node.placement(request)
        if placement is None and not line.blocked:
            placement = self.rooms.choose(request, line.hope)
            if placement is None:
                self.waiting.block(line)
        return placement

    def backfill(self, request: Request, now: float) -> Placement | None:
        """Return a place on the Node that is kept, for a Task that will end early enough."""
        kept = self.reservation
        if kept is None or kept.start is None:
            return None
        seconds = self.expected(request)
        if seconds <= 0 or now + _SURE * seconds > kept.start:
            return None
        return kept.node.placement(request)

    def _end_useless_reservation(self) -> None:
        kept = self.reservation
        if kept is not None and not kept.node.would_hold(kept.waiter.line.shape):
            self._drop_reservation()

    def _drop_reservation(self) -> None:
        kept = self.reservation
        if kept is None:
            return
        self.reservation = None
        self.rooms.reserve(None)
        self.waiting.claim(kept.waiter.request, -1)
        self._unblock(kept.node)

    def _keep_for_the_oldest(self, now: float) -> None:
        """Keep a Node for the shape that has waited longest, if it was overtaken too often."""
        if self.reservation is not None or self.is_full:
            return
        for line, since in self.waiting.by_age.items():
            if self.waiting.placed - since < self._overtakes:
                return
            ready = line.blocked and line in self.waiting.root.first
            if not ready or self.is_too_large(line):
                continue
            if (node := self._soonest(line, now)) is not None:
                request = self.waiting.next_of([line])
                waiter = self.waiting[request.task_id]
                self.reservation = Reservation(waiter, node, node.start_for(line.shape, now))
                self.rooms.reserve(node.place.node_id)
                self.waiting.claim(request, 1)
                return

    def _soonest(self, line: Line, now: float) -> Node | None:
        """Return the Node that is best kept: of those with the fewest Tasks the one free first."""
        nodes = self.rooms.nodes_that_could(line.shape)
        candidates = nsmallest(
            _CANDIDATES,
            (node for node in nodes if node.would_hold(line.shape)),
            key=lambda node: (len(node.held), -node.free_memory, node.place.node_id),
        )
        starts = [node.start_for(line.shape, now) for node in candidates]
        order = [inf if start is None else start for start in starts]
        return candidates[order.index(min(order))] if candidates else None

    def _unblock(self, node: Node) -> None:
        """Let those try again for which a Node has room now."""
        kept = self.reservation
        if not node.place.online or (kept is not None and kept.node is node and kept.start is None):
            return
        node_id = node.place.node_id
        for line in [line for line in self.waiting.blocked if node.has_room(line.shape)]:
            self.waiting.unblock(line, node_id)
        for line in self.waiting.hopeful():
            self.waiting.unblock(line, node_id)
