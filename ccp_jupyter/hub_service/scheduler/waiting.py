"""The Tasks that wait on one Infrastructure, found without a look at every Task.

Tasks lie in *lanes*: those of one owner, group, shape and priority, in order. A lane is *ready*
while it has Tasks and its group may run one more. Who is next among ready lanes: `turns`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import count

from ccp_jupyter.hub_service.scheduler.base import Request, Rules, Shape
from ccp_jupyter.hub_service.scheduler.shares import Totals
from ccp_jupyter.hub_service.scheduler.turns import Context, Member, Owner, Party

LaneKey = tuple[int, int, int, int]
"""Priority (negated), order of the group, number of the first Task, number of the lane."""


@dataclass(slots=True, eq=False)
class Group:
    """Tasks of one Execution, or an owner's Tasks of none."""

    order: int
    """Where it came in among all groups."""
    named: bool
    limit: int = 0
    waiting: int = 0
    running: int = 0
    """Places held or claimed."""
    lanes: dict[tuple[Shape, int], Lane] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether as many hold a place as may."""
        return 0 < self.limit <= self.running


@dataclass(slots=True, eq=False)
class Line:
    """What waits of one shape."""

    shape: Shape
    tasks: dict[str, Waiter] = field(default_factory=dict)
    """All that wait, ready or not."""
    blocked: bool = False
    """Known to fit on no Node now."""
    hope: dict[str, None] | None = None
    """Nodes where it may fit, when it was known to fit on no other; None: it may be any."""
    too_large: int = -1
    """Version of the Rooms in which no Node that was online could ever have held one."""
    never: str = ""
    """Why no Node can ever run these Tasks; empty when one may."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A Task that waits, linked to its neighbours in its lane."""

    request: Request
    line: Line
    lane: Lane | None = None
    """None while it is not due."""
    key: tuple[int, int, int] = (0, 0, 0)
    """Its place in the order of its owner."""
    before: Waiter | None = None
    behind: Waiter | None = None


@dataclass(slots=True, eq=False)
class Lane:
    """Waiting Tasks of one owner, group, shape and priority."""

    member: Member
    group: Group
    line: Line
    priority: int
    number: int
    head: Waiter | None = None
    tail: Waiter | None = None
    key: LaneKey | None = None
    """Where it stands among the owner's ready lanes of this shape; None: it is not ready."""

    @property
    def first(self) -> Waiter:
        """The Task that goes first.  Raises `IndexError`."""
        if self.head is None:
            raise IndexError("an empty lane")
        return self.head

    def append(self, waiter: Waiter) -> None:
        """Add a Task at the end."""
        waiter.lane, waiter.before = self, self.tail
        if self.tail is None:
            self.head = waiter
        else:
            self.tail.behind = waiter
        self.tail = waiter

    def remove(self, waiter: Waiter) -> None:
        """Take a Task out."""
        before, behind = waiter.before, waiter.behind
        if before is None:
            self.head = behind
        else:
            before.behind = behind
        if behind is None:
            self.tail = before
        else:
            behind.before = before
        waiter.lane = waiter.before = waiter.behind = None


class Waiting:
    """Queue of one Infrastructure, and whose Tasks hold places there."""

    def __init__(self) -> None:
        self.lines: dict[Shape, Line] = {}
        self.new: dict[Line, None] = {}
        """Lines that were not there at the last look; emptied by whoever looks."""
        self.untold: dict[str, Request] = {}
        """Tasks of lines with `Line.never`; emptied by whoever tells."""
        self.by_age: OrderedDict[Line, int] = OrderedDict()
        """Lines with Tasks that are due, and what `placed` was when they became so or had their
        last Task placed; in this order."""
        self.placed = 0
        """Tasks placed so far."""
        self.held: dict[str, Request] = {}
        """Tasks that hold a place."""
        self.root = Party(0, 0, None, 1.0)
        self.blocked: dict[Line, None] = {}
        """Lines that fit nowhere now."""
        self._due: dict[Line, int] = {}
        self._rules = Rules()
        self._totals = Totals()
        self._contexts: dict[tuple[str, str], Context] = {}
        self._owners: dict[str, Owner] = {}
        self._parties: dict[int, Party] = {}
        self._lanes: dict[int, Lane] = {}
        self._numbers = count(1)
        self._waiters: dict[str, Waiter] = {}

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._waiters

    def __len__(self) -> int:
        return len(self._waiters)

    def __getitem__(self, task_id: str) -> Waiter:
        return self._waiters[task_id]

    def group_of(self, request: Request) -> Group:
        """Return the group of a Task that waits or runs."""
        group: Group = self.member_of(request).groups[request.group]
        return group

    def member_of(self, request: Request) -> Member:
        """Return the owner, in their Context, of a Task that waits or runs."""
        return self._contexts[_context(request)].members[request.owner]

    def find_context(self, request: Request) -> Context | None:
        """Return the Context of a Task, which need not wait or run, if anything does there."""
        return self._contexts.get(_context(request))

    def contexts(self) -> Collection[Context]:
        """Return the Contexts that wait or run."""
        return self._contexts.values()

    # -- Tasks come, begin and end

    def add(self, request: Request, *, due: bool) -> None:
        """Queue a Task that does not wait yet; one that is not due until `make_due`."""
        shape = Shape.of(request)
        line = self.lines.get(shape)
        if line is None:
            line = self.lines[shape] = Line(shape)
            self.new[line] = None
        waiter = self._waiters[request.task_id] = line.tasks[request.task_id] = Waiter(
            request, line
        )
        if line.never:
            self.untold[request.task_id] = request
        self._group(request)[1].waiting += 1
        if due:
            self._enter(waiter)

    def make_due(self, task_id: str) -> None:
        """Let a Task that waits for a time wait for room only."""
        self._enter(self._waiters[task_id])

    def remove(self, task_id: str) -> Request:
        """Take a Task out of the queue."""
        waiter = self._waiters.pop(task_id)
        request, line, lane = waiter.request, waiter.line, waiter.lane
        del line.tasks[task_id]
        if lane is not None:
            lane.member.order.remove(waiter.key)
            lane.remove(waiter)
            self._sort(lane)
            if lane.head is None:
                del lane.group.lanes[line.shape, lane.priority], self._lanes[lane.number]
            self._count_due(line, -1)
        if not line.tasks:
            del self.lines[line.shape]
            self.new.pop(line, None)
            self.blocked.pop(line, None)
        self.untold.pop(task_id, None)
        self.group_of(request).waiting -= 1
        self._tidy(request)
        return request

    def run(self, request: Request) -> None:
        """Note that a Task, which does not wait, holds a place."""
        member, group = self._group(request)
        self.held[request.task_id] = request
        self._take(member, request, 1)
        self._count(member, group, 1)

    def place(self, request: Request) -> None:
        """Take a Task out of the queue into a place: its owner has had a turn."""
        self.placed += 1
        line = self._waiters[request.task_id].line
        self.by_age[line] = self.placed
        self.by_age.move_to_end(line)
        member = self.member_of(request)
        member.turn = member.context.turn = next(self._numbers)
        self.run(request)
        self.remove(request.task_id)

    def end(self, request: Request) -> None:
        """Note that a Task holds its place no more."""
        member, group = self._group(request)
        del self.held[request.task_id]
        self._take(member, request, -1)
        self._count(member, group, -1)
        self._tidy(request)

    def claim(self, request: Request, more: int) -> None:
        """Count a Task that waits with those that hold places (1), or no more (-1).

        Whoever a Node is kept for keeps also the place under the limits.
        """
        self._count(self.member_of(request), self.group_of(request), more)

    # -- Who is next

    def block(self, line: Line) -> None:
        """Note that a line fits nowhere now."""
        line.blocked = True
        line.hope = {}
        self.blocked[line] = None

    def unblock(self, line: Line, node_id: str) -> None:
        """Note that a line may fit on a Node, beside those that are known."""
        if line.blocked:
            line.blocked = False
            del self.blocked[line]
        if line.hope is not None:
            line.hope[node_id] = None

    def open_lines(self) -> list[Line]:
        """Return the ready lines that may fit somewhere."""
        return [line for line in self.root.first if not line.blocked]

    def next_of(self, lines: list[Line]) -> Request:
        """Return the first Task of the owner whose turn it is, among some ready lines."""
        # C functions: somebody may wait with thousands of shapes.
        context = self._parties[min(map(self.root.first.__getitem__, lines))[2]]
        member = self._parties[min(filter(None, map(context.first.get, lines)))[2]]
        key: LaneKey = min(filter(None, map(member.first.get, lines)))
        return self._lanes[key[3]].first.request

    def hopeful(self) -> Iterator[Line]:
        """Yield the ready lines of which only some Nodes are looked at."""
        return (line for line in self.root.first if not line.blocked and line.hope is not None)

    # -- How places are shared

    def set_rules(self, rules: Rules) -> None:
        """Change weights and limits."""
        self._rules = rules
        for context in self._contexts.values():
            context.weight = rules.weights.get(context.name[1], 1.0)
            context.sort()
            for name, member in context.members.items():
                member.weight = rules.weights.get(name, 1.0)
                member.sort()
        for owner in self._owners.values():
            self._mute(owner)

    def set_totals(self, totals: Totals) -> None:
        """Change what shares are parts of, once it is far from what they were."""
        if not totals.is_far_from(self._totals):
            return
        self._totals = totals
        for party in self._parties.values():
            party.size = 0
        for request in self.held.values():
            member = self.member_of(request)
            share = totals.share(request)
            member.size += share
            member.context.size += share
        for party in self._parties.values():
            party.sort()

    def owner_is_full(self, request: Request) -> bool:
        """Tell whether the owner of a Task has as many places as one may."""
        most, owner = self._rules.most_per_owner, self._owners.get(request.owner)
        return owner is not None and 0 < most <= owner.running

    def _take(self, member: Member, request: Request, sign: int) -> None:
        share = sign * self._totals.share(request)
        for party in (member, member.context):
            party.size += share
            party.sort()

    def _count(self, member: Member, group: Group, more: int) -> None:
        member.owner.running += more
        self._mute(member.owner)
        was_full = group.is_full
        group.running += more
        if group.is_full is not was_full:
            self._sort_all(group)

    def _mute(self, owner: Owner) -> None:
        full = 0 < self._rules.most_per_owner <= owner.running
        for member in owner.members.values():
            member.mute(full)

    # -- Contexts, owners, groups and lanes come and go

    def _group(self, request: Request) -> tuple[Member, Group]:
        name = _context(request)
        context = self._contexts.get(name)
        member = None if context is None else context.members.get(request.owner)
        if context is None or member is None:
            member = self._new_member(name, request.owner)
        group: Group | None = member.groups.get(request.group)
        if group is None:
            group = Group(next(self._numbers), named=bool(request.group))
            member.groups[request.group] = group
        if group.named and group.limit != request.group_limit:
            group.limit = request.group_limit
            self._sort_all(group)
        return member, group

    def _new_member(self, name: tuple[str, str], owner_name: str) -> Member:
        weights = self._rules.weights
        context = self._contexts.get(name)
        if context is None:
            number = next(self._numbers)
            context = Context(name, number, number, self.root, weights.get(name[1], 1.0))
            self._contexts[name] = self._parties[number] = context
        owner = self._owners.get(owner_name)
        if owner is None:
            owner = self._owners[owner_name] = Owner(owner_name)
        number = next(self._numbers)
        member = Member(owner, number, number, context, weights.get(owner_name, 1.0))
        context.members[owner_name] = owner.members[context] = member
        self._parties[number] = member
        self._mute(owner)
        return member

    def _tidy(self, request: Request) -> None:
        """Forget a group of which nothing waits or runs, and who is left without any."""
        member = self.member_of(request)
        group = member.groups[request.group]
        if group.waiting or group.running:
            return
        del member.groups[request.group]
        if member.groups:
            return
        context, owner = member.context, member.owner
        del context.members[owner.name], owner.members[context], self._parties[member.rank[2]]
        if not owner.members:
            del self._owners[owner.name]
        if not context.members:
            del self._contexts[context.name], self._parties[context.rank[2]]

    def _enter(self, waiter: Waiter) -> None:
        request, line = waiter.request, waiter.line
        member, group = self._group(request)
        lane = group.lanes.get((line.shape, request.priority))
        if lane is None:
            lane = Lane(member, group, line, request.priority, next(self._numbers))
            group.lanes[line.shape, request.priority] = self._lanes[lane.number] = lane
        number = next(self._numbers)
        waiter.key = (-request.priority, group.order if group.named else number, number)
        member.order.add(waiter.key)
        lane.append(waiter)
        self._count_due(line, 1)
        self._sort(lane)

    def _count_due(self, line: Line, more: int) -> None:
        """Lines with Tasks that are due have an age."""
        due = self._due.get(line, 0) + more
        if due:
            self._due[line] = due
            self.by_age.setdefault(line, self.placed)
        else:
            del self._due[line], self.by_age[line]

    def _sort_all(self, group: Group) -> None:
        for lane in group.lanes.values():
            self._sort(lane)

    def _sort(self, lane: Lane) -> None:
        """Bring a lane to where its first Task belongs, or out of the way."""
        key = None
        if lane.head is not None and not lane.group.is_full:
            key = (*lane.head.key, lane.number)
        if key == lane.key:
            return
        if key is not None:
            lane.member.enter(lane.line, key)
        if lane.key is not None:
            lane.member.leave(lane.line, lane.key)
        lane.key = key


def _context(request: Request) -> tuple[str, str]:
    """Return the name of its Context; an owner without one is one of their own."""
    return ("context", request.context) if request.context else ("owner", request.owner)
