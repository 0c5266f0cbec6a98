"""The room on the Nodes of one Infrastructure, found without a look at every Node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace
from typing import Final

from sortedcontainers import SortedList

from ccp_jupyter.hub_service.scheduler.base import Place, Placement, Request, Shape
from ccp_jupyter.hub_service.scheduler.node import Node
from ccp_jupyter.hub_service.scheduler.shares import Totals

_FEW: Final = 16
"""Nodes that have an image, or where a Task may fit, up to which those are looked at, not the
Nodes in their order."""


class Rooms:
    """The Nodes of one Infrastructure.

    Nodes with a free slot are kept in the order of their free memory, those with GPUs apart. So
    the emptiest Node, or the fullest that has enough, is found by bisection.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.version = 0
        """Counts changes of what Nodes have and whether they are online."""
        self.reserved: str | None = None
        """Id of a Node that takes no Tasks but those that it is kept for."""
        self.totals = Totals()
        """What the Nodes have together."""
        self._having: defaultdict[str, set[str]] = defaultdict(set)
        self._plain: SortedList = SortedList()
        self._with_gpus: SortedList = SortedList()
        self._keys: dict[str, tuple[SortedList, tuple[int, int, str]]] = {}

    def set_place(self, place: Place) -> Node:
        """Make a Node known, or say how it is now."""
        node = self.nodes.get(place.node_id)
        old = None if node is None else node.place
        if node is None:
            node = self.nodes[place.node_id] = Node(place)
        else:
            node.set_place(place)
        if old is None or _size(old) != _size(place):
            self.version += 1
            before = self.totals if old is None else self.totals.changed(old, -1)
            self.totals = before.changed(place, 1)
        self._note_images(place, frozenset() if old is None else old.images)
        self.refresh(node)
        return node

    def remove(self, node_id: str) -> None:
        """Forget a Node."""
        node = self.nodes.pop(node_id, None)
        if node is None:
            return
        self.version += 1
        self.totals = self.totals.changed(node.place, -1)
        self._note_images(replace(node.place, images=frozenset()), node.place.images)
        if (old := self._keys.pop(node_id, None)) is not None:
            old[0].remove(old[1])

    def _note_images(self, place: Place, before: Set[str]) -> None:
        for image in place.images - before:
            self._having[image].add(place.node_id)
        for image in before - place.images:
            self._having[image].discard(place.node_id)
            if not self._having[image]:
                del self._having[image]

    def refresh(self, node: Node) -> None:
        """Note that a Node's room has changed."""
        place = node.place
        if (old := self._keys.pop(place.node_id, None)) is not None:
            old[0].remove(old[1])
        if place.online and node.free_slots > 0 and place.node_id != self.reserved:
            order = self._with_gpus if place.gpus else self._plain
            key = (node.free_memory, node.free_slots, place.node_id)
            order.add(key)
            self._keys[place.node_id] = (order, key)

    def reserve(self, node_id: str | None) -> None:
        """Keep a Node, or none, for Tasks that ask for it by name in `choose`."""
        before, self.reserved = self.reserved, node_id
        for changed in (before, node_id):
            if changed is not None:
                self.refresh(self.nodes[changed])

    def choose(self, request: Request, among: Collection[str] | None = None) -> Placement | None:
        """Return where a Task goes; None when it fits nowhere now.

        Of the Nodes with room: not the one to avoid, else one without GPUs (for a Task that
        wants none), else one that has the image, else by the Infrastructure's strategy.

        Parameters
        ----------
        request : Request
            The Task.
        among : collection of str, optional
            Nodes outside of which it is known not to fit.
        """
        few = among if among is not None and len(among) <= _FEW else None
        orders = (self._with_gpus,) if request.gpus else (self._plain, self._with_gpus)
        for order in orders:
            if (placement := self._best(order, request, few)) is not None:
                return placement
        avoided = self.nodes.get(request.avoid or "")
        return None if avoided is None else self.on(avoided, request)

    def on(self, node: Node, request: Request) -> Placement | None:
        """Return a Task's place on one Node; None when there is no room or it is kept."""
        kept = node.place.node_id == self.reserved
        return None if kept else node.placement(request)

    def nodes_that_could(self, shape: Shape) -> Iterator[Node]:
        """Yield the Nodes that are online and would have room if nothing ran there."""
        for node in self.nodes.values():
            if node.place.online and node.could_hold(shape):
                yield node

    def _best(
        self, order: SortedList, request: Request, among: Collection[str] | None
    ) -> Placement | None:
        """Return the best place among the Nodes of one order, without the one to avoid."""
        having: Set[str] = self._having.get(request.image, frozenset())
        if among is not None:
            return self._first(self._sorted(order, among), request, having)
        if 0 < len(having) <= _FEW:
            placement = self._first(self._sorted(order, having), request)
            if placement is not None:
                return placement
        nodes = order.irange(minimum=(request.memory,), reverse=self._spread(order))
        return self._first(nodes, request, having if len(having) > _FEW else None)

    def _sorted(self, order: SortedList, nodes: Iterable[str]) -> list[tuple[int, int, str]]:
        """Return the keys of some Nodes, of those that are in an order, in that order."""
        keys = [held[1] for n in nodes if (held := self._keys.get(n)) and held[0] is order]
        return sorted(keys, reverse=self._spread(order))

    def _first(
        self,
        keys: Iterable[tuple[int, int, str]],
        request: Request,
        preferred: Set[str] | None = None,
    ) -> Placement | None:
        """Return the first place on these Nodes; the first preferred one, if there is one."""
        first = None
        for _, _, node_id in keys:
            better = preferred is None or node_id in preferred
            if node_id != request.avoid and (better or first is None):
                placement = self.nodes[node_id].placement(request)
                if placement is not None and better:
                    return placement
                first = first or placement
        return first

    def _spread(self, order: SortedList) -> bool:
        return not order or self.nodes[order[-1][2]].place.strategy == "spread"


def _size(place: Place) -> tuple[object, ...]:
    return (
        place.online,
        place.slots,
        place.memory,
        place.cpus,
        place.disk,
        place.gpus,
        place.reason,
    )
