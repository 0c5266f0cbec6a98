"""The list of processes, with one in it and with twenty."""

from __future__ import annotations

from benchmarks.figures import Budget, Row
from benchmarks.ogc.pairing import FEW, LISTED, Pairing
from benchmarks.ogc.peer import DOCUMENTED, ONE_WORKER, TWO_WORKERS, SetUp
from benchmarks.ogc.sides import Request, burst_rows
from benchmarks.setting import interleaved

CONNECTIONS = 8
TIMES = Budget("at least", 5)


def measure(pairing: Pairing) -> list[Row]:
    """Measure with the documented set-up, and the long list with fewer processes, too."""
    pairing.list_only_echo()
    rows = _listed(pairing, 1, DOCUMENTED)
    pairing.restock(FEW)
    for set_up in pairing.setting.choose((DOCUMENTED,), (DOCUMENTED, TWO_WORKERS, ONE_WORKER)):
        rows += _listed(pairing, LISTED, set_up)
    return rows


def _listed(pairing: Pairing, listed: int, set_up: SetUp) -> list[Row]:
    rounds, seconds = pairing.setting.choose((1, 1), (2, 3))
    request, ours = Request(f"processes?limit={listed}"), pairing.ours
    with pairing.theirs(set_up, listed) as (theirs, _):
        sizes = []
        for side in (ours, theirs):
            side.check_listed(listed)
            sizes.append(len(side.get(request.path)))
        pairs = interleaved(
            rounds,
            lambda: ours.burst(request, CONNECTIONS, seconds),
            lambda: theirs.burst(request, CONNECTIONS, seconds),
        )
    title = f"GET /processes, {listed} listed, against {set_up.name}"
    rows = burst_rows(f"processes.{listed}.{set_up.key}", title, pairs, TIMES, True)
    rows[0].notes.append(f"{sizes[0]:,} bytes, pygeoapi {sizes[1]:,}; {CONNECTIONS} connections")
    return rows
