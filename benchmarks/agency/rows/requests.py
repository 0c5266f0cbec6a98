"""Requests alone: a small one with login, and documents with few and with many batches.

Nothing is run meanwhile: our Node is away, and the original's controller is not started.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.agency.documents import connected, trivial
from benchmarks.agency.sides import Pairing, Side
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.machine import settled
from benchmarks.rows.submits import durable_writes
from benchmarks.seeding import stock
from benchmarks.setting import interleaved
from benchmarks.wrk import Load, drive

THOUSAND = 1000
_SLOWER = 2  # so much longer are the bursts of the original, which answers few requests in each


def measure(pairing: Pairing) -> list[Row]:
    """Measure both in turn."""
    setting = pairing.setting
    with setting.node_with(base_url="unix:///nonexistent/docker.sock"):
        try:
            return [*_small(pairing), *_one(pairing), *_thousand(pairing)]
        finally:
            # Else all that was submitted would begin as soon as the Node is back.
            setting.stack.kill_service(signal.SIGTERM)
            stock(setting.stack.data_dir / "store.sqlite", 1)
            pairing.peer.forget()


def _small(pairing: Pairing) -> list[Row]:
    rows = []
    seconds, rounds = pairing.setting.choose((2, 1), (4, 2))
    ours_cpu: list[float] = []
    theirs_cpu: list[float] = []
    for clients in (1, 16):
        pairs = interleaved(
            rounds,
            lambda clients=clients: _version(pairing.ours, seconds, clients, ours_cpu),  # type: ignore[misc]
            lambda clients=clients: _version(  # type: ignore[misc]
                pairing.theirs, seconds * _SLOWER, clients, theirs_cpu
            ),
        )
        rows.append(
            ratio_row(
                f"agency.version.{clients}",
                f"GET /version with login, {clients} client{'s' * (clients > 1)}, rate",
                [(ours.rate, theirs.rate) for ours, theirs in pairs],
                Budget("at least", 10),
                "/s",
                [_latencies(pairs)],
            )
        )
    cpu = Row(
        "agency.version.cpu",
        "GET /version with login, processor time of each",
        "ms",
        Spread.of(each * 1e3 for each in ours_cpu),
        Budget("at most", 5),
        Spread.of(each * 1e3 for each in ours_cpu),
        Spread.of(each * 1e3 for each in theirs_cpu),
        "ms",
        ["ours: service and vault; the original: broker, trustee"],
    )
    return [cpu, *rows]


def _version(side: Side, seconds: int, clients: int, used: list[float]) -> Load:
    before = side.cpu_seconds()
    load = drive(f"{side.url}version", side.headers, seconds, clients)
    # Each client leaves one request, whose answer nobody takes.
    used.append((settled(side.cpu_seconds) - before) / (load.requests + clients))
    return load


def _one(pairing: Pairing) -> list[Row]:
    rows = []
    seconds, rounds = pairing.setting.choose((2, 1), (4, 2))
    script = _script(pairing.folder, trivial(pairing.image))
    for clients in (1, 4, 16):
        used: dict[str, list[float]] = {"ours": [], "theirs": []}
        pairs = interleaved(
            rounds,
            lambda c=clients, u=used: _post(pairing.ours, script, seconds, c, u["ours"]),  # type: ignore[misc]
            lambda c=clients, u=used: _post(  # type: ignore[misc]
                pairing.theirs, script, seconds * _SLOWER, c, u["theirs"]
            ),
        )
        each = {name: Spread.of(found).median * 1e3 for name, found in used.items()}
        rows.append(
            ratio_row(
                f"agency.post.{clients}",
                f"POST /red, one batch, {clients} client{'s' * (clients > 1)}, rate",
                [(ours.rate, theirs.rate) for ours, theirs in pairs],
                Budget("at least", 7),
                "/s",
                [
                    _latencies(pairs),
                    f"processor time of each: ours {each['ours']:.1f} ms,"
                    f" the original {each['theirs']:.1f} ms (without its database)",
                ],
            )
        )
    commits = durable_writes(pairing.setting.stack.data_dir)
    rows[-1].notes.append(f"4 KiB written and synced by one thread: {commits:,.0f}/s on this disk")
    return rows


def _post(side: Side, script: Path, seconds: int, clients: int, used: list[float]) -> Load:
    headers = {**side.headers, "Content-Type": "application/json"}
    before = side.cpu_seconds()
    load = drive(f"{side.url}red?disableRetry=1", headers, seconds, clients, script)
    # Each client leaves one request, whose answer nobody takes.
    used.append((settled(side.cpu_seconds) - before) / (load.requests + clients))
    return load


def _thousand(pairing: Pairing) -> list[Row]:
    rows = []
    count, rounds = pairing.setting.choose((100, 2), (THOUSAND, 5))
    documents = {
        "plain": trivial(pairing.image, count),
        "with two connectors each": connected(pairing.image, count),
    }
    for what, document in documents.items():
        body = json.dumps(document).encode()
        pairs = interleaved(
            rounds,
            lambda body=body: _timed(pairing.ours, body),  # type: ignore[misc]
            lambda body=body: _timed(pairing.theirs, body),  # type: ignore[misc]
        )
        cpu = [Spread.of(pair[i][1] for pair in pairs).median for i in (0, 1)]
        rows.append(
            ratio_row(
                f"agency.post.{'plain' if what == 'plain' else 'connectors'}",
                f"POST /red, {count:,} batches {what}",
                [(ours[0], theirs[0]) for ours, theirs in pairs],
                Budget("at most", 1),
                "s",
                [
                    f"{len(body) / 1e3:.0f} kB; processor time: ours {cpu[0]:.2f} s,"
                    f" the original {cpu[1]:.2f} s (without its database)"
                ],
            )
        )
    return rows


def _timed(side: Side, body: bytes) -> tuple[float, float]:
    """Return seconds of one request, and of processor time."""
    with side.client() as client:
        before, begun = side.cpu_seconds(), time.monotonic()
        answer = client.post("red", content=body, headers={"Content-Type": "application/json"})
        passed = time.monotonic() - begun
        answer.raise_for_status()
        return passed, side.cpu_seconds() - before


def _latencies(pairs: list[tuple[Load, Load]]) -> str:
    ours, theirs = (Spread.of(pair[i].p50 for pair in pairs).median * 1e3 for i in (0, 1))
    return (
        f"half of the answers came within {ours:.1f} ms, of the original's within {theirs:.0f} ms"
    )


def _script(folder: Path, document: Mapping[str, Any]) -> Path:
    script = folder / "red.lua"
    body = json.dumps(document)
    script.write_text(f"wrk.method = 'POST'\nwrk.body = [==[{body}]==]\n")
    return script
