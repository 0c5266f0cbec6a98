"""When a waiting Task will begin, about, and why it waits: an estimate of bounded cost.

Nothing is simulated. How many are before a Task: its place in its owner's order, by bisection; for
each of those before it, every other owner has a turn (of weight 1). When it begins:
the soonest that one of the Nodes on which something ends next has room for it, and not before
those ahead of it have begun at the pace at which places become free.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from ccp_jupyter.hub_service.scheduler import reasons
from ccp_jupyter.hub_service.scheduler.base import Forecast, Shape
from ccp_jupyter.hub_service.scheduler.pool import Pool
from ccp_jupyter.hub_service.scheduler.waiting import Group, Lane, Line, Waiter

_ENDS: Final = 32
_NODES: Final = 4


def forecast(pool: Pool, task_id: str, now: float) -> Forecast:
    """Say what is known of when a waiting Task begins."""
    waiter = pool.waiting[task_id]
    request, line = waiter.request, waiter.line
    if line.never:
        return Forecast(0, None, line.never)
    if pool.is_too_large(line):
        return Forecast(0, None, reasons.too_large(pool.name, line.shape, pool.rooms))
    if waiter.lane is None:
        due = max(request.not_before, now)
        return Forecast(0, due, "waits a little before the next Attempt, until {start}")
    ahead = _ahead(pool, waiter, waiter.lane)
    kept = pool.reservation
    if kept is not None and kept.waiter is waiter:
        start = kept.node.start_for(line.shape, now)
        return Forecast(0, start, _kept(kept.node.place.node_id, start))
    node_id, earliest = _soonest(pool, line, now)
    start = _after(pool, waiter, waiter.lane, ahead, earliest, now)
    return Forecast(ahead, start, _why(pool, waiter, waiter.lane.group, ahead, node_id, start))


def _kept(node_id: str, start: float | None) -> str:
    text = f"Node {node_id} is being kept free for it"
    return text if start is None else f"{text}; it will be at about {{start}}"


def _why(
    pool: Pool, waiter: Waiter, group: Group, ahead: int, node_id: str, start: float | None
) -> str:
    request, line = waiter.request, waiter.line
    when = "" if start is None else "; its turn comes at about {start}"
    if group.is_full:
        what = f"{group.running} Tasks of the same Execution run, as many as may at a time"
    elif pool.waiting.owner_is_full(request):
        most = pool.rules.most_per_owner
        what = f"{most} Tasks of the same user run on {pool.name}, as many as may at a time"
    elif pool.is_full:
        what = f"{pool.rules.most} Tasks run on {pool.name}, as many as may at a time"
    elif line.blocked:
        what = reasons.busy(line.shape, pool.rooms)
        if start is not None and not ahead and node_id:
            when = f"; {node_id} will at about {{start}}"
    else:
        what = "its turn comes next"
        when = ""
    before = f"; {ahead} other Tasks are before it" if ahead else ""
    return f"{what}{before}{when}"


def _ahead(pool: Pool, waiter: Waiter, lane: Lane) -> int:
    """Return how many Tasks are placed before one, about; 0 for the next one of its shape.

    For each of the owner's own before it, and once more for those whose turn comes earlier, the
    others have theirs.
    """
    member, context = lane.member, lane.member.context
    own = member.order.bisect_left(waiter.key)
    behind = len(member.order) - own - 1
    turns = 1 + (len(context.members) - 1) / member.weight
    turns *= 1 + (len(pool.waiting.contexts()) - 1) / context.weight
    earlier = sum(
        parent.ready[waiter.line].bisect_left(party.rank)
        for parent, party in ((pool.waiting.root, context), (context, member))
        if waiter.line in parent.ready
    )
    return int(min(len(pool.waiting) - 1 - behind, earlier + own * turns))


def _soonest(pool: Pool, line: Line, now: float) -> tuple[str, float | None]:
    return soonest(pool, line.shape, now) if line.blocked else ("", now)


def soonest(pool: Pool, shape: Shape, now: float) -> tuple[str, float | None]:
    """Return a Node that has room soon for a shape that fits nowhere now, and when.

    An empty name, and no time, when that is unknown.
    """
    kept = pool.reservation
    found: tuple[str, float | None] = "", None
    for node_id in islice(pool.pace.next_nodes(_ENDS), _NODES):
        node = pool.rooms.nodes.get(node_id)
        if node is None or (kept is not None and kept.node is node):
            continue
        start = node.start_for(shape, now) if node.would_hold(shape) else None
        if start is not None and (found[1] is None or start < found[1]):
            found = node_id, start
    return found


def _after(
    pool: Pool, waiter: Waiter, lane: Lane, ahead: int, earliest: float | None, now: float
) -> float | None:
    """Return when a Task begins that has others before it and limits above it."""
    between = pool.pace.seconds_between
    bounds = [earliest]
    if ahead or pool.is_full:
        bounds.append(None if between is None else now + between * (ahead + pool.is_full))
    request = waiter.request
    seconds = pool.expected(request)
    order, group = lane.member.order, lane.group
    own = order.bisect_left(waiter.key)
    limits = []
    if group.is_full:
        first = order.bisect_left((-request.priority, group.order, 0))
        limits.append((own - first + 1) / group.limit)
    if pool.waiting.owner_is_full(request):
        limits.append((own + 1) / pool.rules.most_per_owner)
    bounds += [now + seconds * limit if seconds > 0 else None for limit in limits]
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None
