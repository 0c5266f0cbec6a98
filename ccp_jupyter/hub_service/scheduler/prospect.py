"""What would become of a Task if it were queued now: nothing is changed by asking.

The same estimate as in `outlook`, for somebody who is not there yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from ccp_jupyter.hub_service.scheduler import outlook, reasons
from ccp_jupyter.hub_service.scheduler.base import Forecast, Request, Shape
from ccp_jupyter.hub_service.scheduler.pool import Pool


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of a Task."""

    nodes: tuple[str, ...]
    """Nodes that have enough for it when nothing else runs there, online or not, by id."""
    node: str
    """Where it would begin at once; empty: it would wait."""
    forecast: Forecast
    """When it would begin, about, and why not at once."""


def prospect(pool: Pool, request: Request, now: float) -> Prospect:
    """Say what would become of a Task that does not wait yet.

    Parameters
    ----------
    pool : Pool
        Its Infrastructure, after everything that fits has been placed.
    request : Request
        The Task; `Request.not_before` and `Request.avoid` do not count.
    now : float
        On the clock of `Request.not_before`.
    """
    shape = Shape.of(request)
    every = pool.rooms.nodes
    nodes = tuple(sorted(name for name, node in every.items() if node.could_hold(shape)))
    if not nodes and every and all(node.place.known for node in every.values()):
        never = reasons.never(pool.name, shape, pool.rooms)
        return Prospect(nodes, "", Forecast(0, None, never))
    if not any(True for _ in pool.rooms.nodes_that_could(shape)):
        why = reasons.too_large(pool.name, shape, pool.rooms)
        return Prospect(nodes, "", Forecast(0, None, why))
    placement = pool.rooms.choose(request) or pool.backfill(request, now)
    full = pool.is_full or pool.waiting.owner_is_full(request)
    if placement is not None and not full:
        return Prospect(nodes, placement.node_id, Forecast(0, now, ""))
    node_id, soonest = ("", now) if placement else outlook.soonest(pool, shape, now)
    own, ahead = _ahead(pool, request, shape)
    start = _start(pool, request, own, ahead, soonest, now)
    why = _why(pool, request, shape, ahead, node_id if placement is None else None, start)
    return Prospect(nodes, "", Forecast(ahead, start, why))


def _ahead(pool: Pool, request: Request, shape: Shape) -> tuple[int, int]:
    """Return how many Tasks of the owner, and how many in all, would be before it, about."""
    waiting, weights = pool.waiting, pool.rules.weights
    context = waiting.find_context(request)
    member = None if context is None else context.members.get(request.owner)
    own = 0
    if member is not None:
        # Behind all of the owner's that have at least its priority.
        own = member.order.bisect_left((1 - request.priority,))
    others = 0 if context is None else len(context.members) - (member is not None)
    turns = 1 + others / weights.get(request.owner, 1.0)
    among = len(waiting.contexts()) - (context is not None)
    turns *= 1 + among / weights.get(request.context or request.owner, 1.0)
    line = waiting.lines.get(shape)
    earlier = 0
    if line is not None:
        parties = ((waiting.root, context), (context, member))
        for parent, party in parties:
            if parent is not None and line in parent.ready:
                # Who is new has no share yet, and comes after the others without any.
                rank = (0.0, float("inf"), 0) if party is None else party.rank
                earlier += parent.ready[line].bisect_left(rank)
    return own, int(min(len(waiting), earlier + own * turns))


def _start(
    pool: Pool, request: Request, own: int, ahead: int, soonest: float | None, now: float
) -> float | None:
    between, seconds = pool.pace.seconds_between, pool.expected(request)
    bounds = [soonest]
    if ahead or pool.is_full:
        bounds.append(None if between is None else now + between * (ahead + pool.is_full))
    if pool.waiting.owner_is_full(request):
        share = (own + 1) / pool.rules.most_per_owner
        bounds.append(now + seconds * share if seconds > 0 else None)
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _why(
    pool: Pool,
    request: Request,
    shape: Shape,
    ahead: int,
    node_id: str | None,
    start: float | None,
) -> str:
    """Return why it would wait; with a Node's id, or an empty one, none has room now."""
    when = "" if start is None else "; its turn would come at about {start}"
    if pool.waiting.owner_is_full(request):
        most = pool.rules.most_per_owner
        what = f"{most} Tasks of the same user run on {pool.name}, as many as may at a time"
    elif pool.is_full:
        what = f"{pool.rules.most} Tasks run on {pool.name}, as many as may at a time"
    else:
        what = reasons.busy(shape, pool.rooms)
        if start is not None and not ahead and node_id:
            when = f"; {node_id} will have that at about {{start}}"
    before = f"; {ahead} other Tasks are before it" if ahead else ""
    return f"{what}{before}{when}"
