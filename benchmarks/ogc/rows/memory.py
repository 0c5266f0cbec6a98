"""Memory at rest, and the most that requests make of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.figures import Budget, Row, ratio_row
from benchmarks.ogc.pairing import FEW, LISTED, Pairing
from benchmarks.ogc.peer import DOCUMENTED, ONE_WORKER
from benchmarks.ogc.sides import Request, Side

_BETWEEN = 0.25  # seconds from one look to the next
_SECONDS = 4


@dataclass
class Memory:
    """What a server has, MB: the sum of RSS, and PSS."""

    rss: float
    pss: float

    @classmethod
    def of(cls, side: Side) -> Memory:
        """Look now."""
        return cls(side.rss(), side.pss())

    def or_more(self, other: Memory) -> Memory:
        """Return the larger of both."""
        return Memory(max(self.rss, other.rss), max(self.pss, other.pss))


def measure(pairing: Pairing) -> list[Row]:
    """Measure both right after their start, and while they answer."""
    rows: list[Row] = []
    for set_up in pairing.setting.choose((DOCUMENTED,), (DOCUMENTED, ONE_WORKER)):
        pairing.restock(FEW)
        found = [_looked_at(pairing.ours, pairing.submit)]
        with pairing.theirs(set_up) as (theirs, _):
            found.append(_looked_at(theirs, theirs.echo(asynchronous=True)))
        for when, title in enumerate(("at rest", "under load")):
            key = f"memory.{set_up.key}.{title.replace(' ', '-')}"
            pair = (found[0][when], found[1][when])
            rows += memory_rows(key, f"memory {title}, against {set_up.name}", pair)
    rows[0].notes.append(
        "service and vault; all processes of gunicorn. RSS counts what they share several times,"
        f" PSS once. Under load: the most of {LISTED} listed, synchronous and asynchronous runs"
    )
    return rows


def memory_rows(key: str, title: str, pair: tuple[Memory, Memory]) -> list[Row]:
    """Return a row for PSS and one for RSS."""
    ours, theirs = pair
    return [
        _row(f"{key}.pss", f"{title} (PSS)", ours.pss, theirs.pss),
        _row(f"{key}.rss", f"{title} (sum of RSS)", ours.rss, theirs.rss),
    ]


def _row(key: str, title: str, ours: float, theirs: float) -> Row:
    return ratio_row(key, title, [(ours, theirs)], Budget("at most", 1), "MB")


@contextmanager
def watched(side: Side) -> Iterator[list[Memory]]:
    """Look at a server's memory now and then while the block runs; the list gets the most."""
    most = [Memory.of(side)]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_BETWEEN):
            most[0] = most[0].or_more(Memory.of(side))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _looked_at(side: Side, submit: Request) -> tuple[Memory, Memory]:
    rest = Memory.of(side)
    with watched(side) as most:
        for request in (Request(f"processes?limit={LISTED}"), side.echo(False), submit):
            side.burst(request, 16, _SECONDS)
    return rest, most[0]
