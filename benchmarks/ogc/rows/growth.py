"""How rates change with the number of stored jobs.

Sizes are measured minutes apart. So each of our rates is compared with that of a bare handler in
the same seconds, and what is compared between two sizes is that.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.bare import bare_server
from benchmarks.figures import Budget, Row, Spread
from benchmarks.machine import settled
from benchmarks.ogc.pairing import Pairing
from benchmarks.ogc.peer import DOCUMENTED, WITH_MONGODB, Peer, SetUp
from benchmarks.ogc.rows.memory import Memory, memory_rows
from benchmarks.ogc.sides import Burst, Request, Side, burst_rows
from benchmarks.setting import Setting
from benchmarks.wrk import WrkFailed, drive

SET_UPS = (DOCUMENTED, WITH_MONGODB)
PAGE = 10
TIMES = Budget("at least", 5)
FLAT = Budget("at least", 0.9)


@dataclass(frozen=True)
class Kind:
    """One kind of request."""

    key: str
    title: str
    connections: int
    budget: Budget | None = None
    """For the ratio of the rates."""


KINDS = (
    Kind("job", "GET /jobs/{id}", 4),
    Kind("jobs", f"GET /jobs?limit={PAGE}", 4),
    # One, because pygeoapi with many jobs would need minutes for the last of several.
    Kind("submit", "asynchronous submits", 1, TIMES),
)


@dataclass
class Found:
    """What was found for one kind of request at one size.

    Attributes
    ----------
    ours : list of Burst
    bare : list of float
        Rates of a bare handler, one after each of ours.
    theirs : dict
        Key of a set-up to its bursts.
    failed : dict
        Key of a set-up to why it could not be measured.
    """

    ours: list[Burst] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    theirs: dict[str, list[Burst]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def relative(self) -> float:
        """Our rate divided by that of a bare handler; the median."""
        rates = zip(self.ours, self.bare, strict=True)
        return Spread.of(ours.rate / bare for ours, bare in rates).median


@dataclass
class AtSize:
    """Everything at one size.

    Attributes
    ----------
    found : dict
        By kind.
    memory : dict
        At the end; by set-up, and ``ours``.
    """

    found: dict[str, Found]
    memory: dict[str, Memory]


Peers = Mapping[str, tuple[Side, Peer]]


def measure(pairing: Pairing) -> list[Row]:
    """Measure at three sizes, or at two."""
    sizes = pairing.setting.choose((100, 10_000), (100, 10_000, 100_000))
    with ExitStack() as running:
        peers = {each.key: running.enter_context(pairing.theirs(each)) for each in SET_UPS}
        found = {stored: _at(pairing, peers, stored) for stored in sizes}
    rows: list[Row] = []
    for stored, at in found.items():
        for kind in KINDS:
            for set_up in SET_UPS:
                rows += _beside(kind, set_up, stored, at.found[kind.key])
        for set_up in SET_UPS:
            pair = (at.memory["ours"], at.memory[set_up.key])
            title = f"memory after these, {stored:,} stored, against {set_up.name}"
            rows.append(memory_rows(f"grown.memory.{stored}.{set_up.key}", title, pair)[0])
    few, *more = sizes
    for many in more:
        for kind in KINDS:
            both = (found[few].found[kind.key], found[many].found[kind.key])
            rows.append(flat(kind, few, many, both))
    return rows


def _at(pairing: Pairing, peers: Peers, stored: int) -> AtSize:
    pairing.restock(stored)
    for _, peer in peers.values():
        peer.stock(stored)
    sides = {"ours": pairing.ours, **{key: side for key, (side, _) in peers.items()}}
    found = {kind.key: _of_kind(pairing, peers, stored, kind) for kind in KINDS}
    return AtSize(found, {key: Memory.of(side) for key, side in sides.items()})


def _of_kind(pairing: Pairing, peers: Peers, stored: int, kind: Kind) -> Found:
    setting, ours, found = pairing.setting, pairing.ours, Found()
    request = _ours(pairing, kind)
    content = bytes(1000) if request.body else ours.get(request.path)
    rounds, seconds = setting.choose(1, 2), setting.choose(1, 2)
    ours.burst(request, kind.connections, 1)  # not counted
    with bare_server(content) as bare:
        for number in range(rounds):
            found.ours.append(ours.burst(request, kind.connections, seconds))
            found.bare.append(drive(bare, {}, 1, kind.connections).rate)
            if number < _rounds(setting, stored):
                for key, (side, peer) in peers.items():
                    _add(found, key, setting, stored, side, _theirs(side, peer, kind), kind)
    return found


def _ours(pairing: Pairing, kind: Kind) -> Request:
    with pairing.ours.client() as client:
        jobs = client.get("jobs", params={"limit": PAGE}).raise_for_status().json()["jobs"]
    if len(jobs) != PAGE:
        raise RuntimeError(f"{PAGE} jobs were expected (found {len(jobs)})")
    paths = {"job": f"jobs/{jobs[0]['jobID']}", "jobs": f"jobs?limit={PAGE}"}
    return Request(paths[kind.key]) if kind.key in paths else pairing.submit


def _theirs(side: Side, peer: Peer, kind: Kind) -> Request:
    if kind.key == "submit":
        return side.echo(asynchronous=True)
    return Request(f"jobs?limit={PAGE}" if kind.key == "jobs" else f"jobs/{peer.newest()}")


def _add(
    found: Found, key: str, setting: Setting, stored: int, side: Side, request: Request, kind: Kind
) -> None:
    if key in found.failed:
        return
    seconds = _seconds(setting, stored)
    try:
        burst = side.burst(request, kind.connections, seconds)
    except WrkFailed as error:
        found.failed[key] = f"{error} ({seconds} s)"
        settled(side.cpu_seconds)  # it may still be at what it was asked for
    else:
        found.theirs.setdefault(key, []).append(burst)


def _rounds(setting: Setting, stored: int) -> int:
    """Return how often pygeoapi is measured: once where a request takes it seconds."""
    return setting.choose(1, 1 if stored > 10_000 else 2)


def _seconds(setting: Setting, stored: int) -> int:
    """Return how long: so long that some requests are answered."""
    if stored <= 1_000:
        return setting.choose(2, 3)
    return setting.choose(4, 5 if stored <= 10_000 else 15)


def _beside(kind: Kind, set_up: SetUp, stored: int, found: Found) -> list[Row]:
    key, many = f"{kind.key}.{stored}.{set_up.key}", f"{kind.connections} connections"
    if kind.connections == 1:
        many = "1 connection"
    title = f"{kind.title}, {stored:,} stored, {many}, against {set_up.name}"
    theirs = found.theirs.get(set_up.key, [])
    if not theirs:
        rates = Spread.of(burst.rate for burst in found.ours)
        why = f"no figure for pygeoapi: {found.failed.get(set_up.key, 'not asked')}"
        return [Row(key, f"{title}: ours", "/s", rates, notes=[why])]
    pairs = list(zip(found.ours, theirs, strict=False))  # theirs may be fewer
    return burst_rows(key, title, pairs, kind.budget)


def flat(kind: Kind, few: int, many: int, pair: tuple[Found, Found]) -> Row:
    """Compare two sizes: ours, each relative to a bare handler; pygeoapi's documented set-up.

    Parameters
    ----------
    kind : Kind
        Of the requests.
    few, many : int
        Stored jobs.
    pair : (Found, Found)
        With few and with many.
    """
    small, large = pair
    ours = Spread.of([large.relative / small.relative])
    row = Row(
        f"flat.{kind.key}.{many}",
        f"{kind.title}: rate with {many:,} stored against {few:,}",
        "x",
        ours,
        FLAT,
        ours,
        side_unit="x",
    )
    bursts = [each.theirs.get(DOCUMENTED.key) for each in pair]
    if bursts[0] and bursts[1]:
        before, after = (Spread.of(burst.rate for burst in each).median for each in bursts if each)
        row.theirs = Spread.of([after / before])
    times = [Spread.of(burst.cpu * 1e3 for burst in each.ours).median for each in pair]
    row.notes.append(
        "ours: each rate is divided by that of a bare handler in the same seconds; our processor"
        f" time of each: {times[0]:.2f} ms with {few:,}, {times[1]:.2f} ms with {many:,}"
    )
    return row
