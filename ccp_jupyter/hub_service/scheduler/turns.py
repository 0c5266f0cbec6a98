"""Whose turn it is: Contexts take turns, inside each its owners, inside each its lanes.

For each shape, a Context has the ranks of its owners with something ready of that shape in order,
and the root those of the Contexts. So the first is found without a look at the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sortedcontainers import SortedList

if TYPE_CHECKING:
    from ccp_jupyter.hub_service.scheduler.waiting import Line

Rank = tuple[float, int, int]
"""Weighted share, turn, number of the party: the lowest is next."""


class Party:
    """One that takes turns with others: a Context, or an owner in it; or the root of these.

    Parameters
    ----------
    number : int
        Its own.
    turn : int
        When it last had one or, before that, when it came.
    parent : Party or None
        With whose other children it takes turns.
    weight : float
        Above 0.
    """

    __slots__ = ("first", "muted", "parent", "rank", "ready", "size", "turn", "weight")

    def __init__(self, number: int, turn: int, parent: Party | None, weight: float) -> None:
        self.parent = parent
        self.size = 0
        """Shares of its Tasks that hold a place."""
        self.turn = turn
        self.weight = weight
        self.rank: Rank = (0.0, turn, number)
        self.muted = False
        """Whether it has as many places as it may."""
        self.ready: dict[Line, SortedList] = {}
        """Keys of what is below it, by line."""
        self.first: dict[Line, Any] = {}
        """The lowest of these."""

    def enter(self, line: Line, key: tuple[Any, ...]) -> None:
        """Note something below that is ready."""
        keys = self.ready.get(line)
        if keys is not None:
            keys.add(key)
            self.first[line] = keys[0]
            return
        self.ready[line], self.first[line] = SortedList((key,)), key
        if self.parent is not None and not self.muted:
            self.parent.enter(line, self.rank)

    def leave(self, line: Line, key: tuple[Any, ...]) -> None:
        """Note something below that is ready no more."""
        keys = self.ready[line]
        keys.remove(key)
        if keys:
            self.first[line] = keys[0]
            return
        del self.ready[line], self.first[line]
        if self.parent is not None and not self.muted:
            self.parent.leave(line, self.rank)

    def mute(self, muted: bool) -> None:
        """Keep it from its turns, or let it have them again."""
        if self.muted is muted or self.parent is None:
            return
        self.muted = muted
        change = self.parent.leave if muted else self.parent.enter
        for line in self.ready:
            change(line, self.rank)

    def sort(self) -> None:
        """Bring it to where its share, weight and turn belong."""
        before = self.rank
        self.rank = after = (self.size / self.weight, self.turn, before[2])
        if self.parent is None or self.muted or after == before:
            return
        for line in self.ready:
            keys = self.parent.ready[line]
            keys.remove(before)
            keys.add(after)
            self.parent.first[line] = keys[0]


class Context(Party):
    """Owners who wait or run in the name of one group of users; or one owner in their own."""

    __slots__ = ("members", "name")

    def __init__(
        self, name: tuple[str, str], number: int, turn: int, root: Party, weight: float
    ) -> None:
        super().__init__(number, turn, root, weight)
        self.name = name
        self.members: dict[str, Member] = {}


class Member(Party):
    """An owner in one Context."""

    __slots__ = ("context", "groups", "order", "owner")

    def __init__(
        self, owner: Owner, number: int, turn: int, context: Context, weight: float
    ) -> None:
        super().__init__(number, turn, context, weight)
        self.context = context
        self.owner = owner
        self.groups: dict[str, Any] = {}
        self.order: SortedList = SortedList()
        """Keys of the Tasks that wait and are due, in their order."""


class Owner:
    """Whoever waits or has Tasks running, in whatever Contexts."""

    __slots__ = ("members", "name", "running")

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = 0
        """Places held or claimed, for the limit."""
        self.members: dict[Context, Member] = {}
