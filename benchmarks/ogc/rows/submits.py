"""Executing a process as fast as it is answered, asynchronously and synchronously."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Budget, Row
from benchmarks.ogc.pairing import FEW, Pairing
from benchmarks.ogc.peer import DOCUMENTED, ONE_WORKER, WITH_MONGODB, Peer
from benchmarks.ogc.sides import Request, Side, burst_rows
from benchmarks.rows.submits import durable_writes
from benchmarks.setting import interleaved

CONNECTIONS = (1, 16)
TIMES = Budget("at least", 5)


def measure(pairing: Pairing) -> list[Row]:
    """Measure a Method that waits in the queue, then the processes that give a text back."""
    pairing.restock(FEW)
    rows: list[Row] = []
    few, all_of_them = (DOCUMENTED, WITH_MONGODB), (DOCUMENTED, ONE_WORKER, WITH_MONGODB)
    for set_up in pairing.setting.choose(few, all_of_them):
        with pairing.theirs(set_up) as (theirs, peer):
            title = f"asynchronous submits, ours a Method, against {set_up.name}"
            requests = (pairing.submit, theirs.echo(asynchronous=True))
            rows += _rows(pairing, f"submit.{set_up.key}", title, (theirs, peer), requests, TIMES)
            if set_up is DOCUMENTED:
                rows += _echoes(pairing, theirs, peer)
    commits = durable_writes(pairing.setting.stack.data_dir)
    rows[0].notes.append(f"4 KiB written and synced by one thread: {commits:,.0f}/s on this disk")
    return rows


def _echoes(pairing: Pairing, theirs: Side, peer: Peer) -> list[Row]:
    rows = []
    for asynchronous, key, title in (
        (True, "echo.async", "asynchronous echo, run to its end"),
        (False, "echo.sync", "synchronous echo"),
    ):
        requests = (pairing.ours.echo(asynchronous), theirs.echo(asynchronous))
        rows += _rows(pairing, key, title, (theirs, peer), requests, None)
    return rows


def _rows(
    pairing: Pairing,
    key: str,
    title: str,
    their: tuple[Side, Peer],
    requests: Sequence[Request],
    budget: Budget | None,
) -> list[Row]:
    rounds, seconds, longer = pairing.setting.choose((1, 1, 4), (2, 3, 4))
    (theirs, peer), ours, rows = their, pairing.ours, []
    for connections in CONNECTIONS:
        peer.stock(FEW)
        pairs = interleaved(
            rounds,
            lambda c=connections: ours.burst(requests[0], c, seconds),  # type: ignore[misc]
            lambda c=connections: theirs.burst(requests[1], c, longer),  # type: ignore[misc]
            warm_up=connections == CONNECTIONS[0],
        )
        many = f"{connections} connection{'s' * (connections > 1)}"
        several = connections > 1
        rows += burst_rows(f"{key}.{connections}", f"{title}, {many}", pairs, budget, several)
    return rows
