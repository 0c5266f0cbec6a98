"""On a real engine: how soon a container starts, and how long a hundred trivial batches take."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.agency import bare
from benchmarks.agency.documents import trivial
from benchmarks.agency.sides import Pairing, Ran, Side
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.setting import wait_until

_TIMEOUT = 300.0


def measure(pairing: Pairing) -> list[Row]:
    """Let both use the same engine, one after the other."""
    with engine_moments(pairing) as moments:
        _warm_up(pairing, moments)
        return [*_idle(pairing, moments), *_many(pairing, moments)]


@dataclass
class Moments:
    """When containers started, and which have ended, as the engine says."""

    started: dict[str, float] = field(default_factory=dict)
    """By name, as of `time.time`."""
    ended: list[str] = field(default_factory=list)


@contextmanager
def engine_moments(pairing: Pairing) -> Iterator[Moments]:
    """Listen to the engine's events while the block runs."""
    moments, client = Moments(), pairing.setting.engine.client()
    stream = client.events(decode=True, filters={"type": "container", "event": ["start", "die"]})

    def listen() -> None:
        for event in stream:
            name = event["Actor"]["Attributes"].get("name", "")
            if event["Action"] == "start":
                moments.started[name] = event["timeNano"] / 1e9
            else:
                moments.ended.append(name)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield moments
    finally:
        stream.close()
        thread.join(10)
        client.close()


def _warm_up(pairing: Pairing, moments: Moments) -> None:
    document = trivial(pairing.image)
    for side in (pairing.ours, pairing.theirs):
        with side.running():
            side.run(document, _TIMEOUT, moments.ended)
    pairing.setting.wait_clean()


def _idle(pairing: Pairing, moments: Moments) -> list[Row]:
    rounds, count = pairing.setting.choose((1, 3), (3, 7))
    ours: list[float] = []
    theirs: list[float] = []
    directly: list[float] = []
    for _ in range(rounds):
        directly += _direct_starts(pairing, moments, count)
        ours += _starts(pairing, pairing.ours, moments, count)
        theirs += _starts(pairing, pairing.theirs, moments, count)
    p95 = [statistics.quantiles(side, n=20, method="inclusive")[-1] for side in (ours, theirs)]
    note = "from before the request to the engine's own time of the start, nothing else to do"
    return [
        ratio_row(
            "agency.start",
            "submit to container start, median",
            [(Spread.of(ours).median, Spread.of(theirs).median)],
            Budget("at most", 0.5),
            "s",
            [
                f"{note}; {len(ours)} each, ours {min(ours):.3f} … {max(ours):.3f} s,"
                f" the original {min(theirs):.3f} … {max(theirs):.3f} s",
                f"create, put files, start with the docker SDK: {Spread.of(directly).median:.3f} s",
            ],
        ),
        ratio_row(
            "agency.start.p95",
            "submit to container start, 95th percentile",
            [(p95[0], p95[1])],
            None,
            "s",
        ),
    ]


def _starts(pairing: Pairing, side: Side, moments: Moments, count: int) -> list[float]:
    found = []
    with side.running():
        for _ in range(count):
            ran = side.run(trivial(pairing.image), _TIMEOUT, moments.ended)
            found.append(moments.started[ran.names[0]] - ran.begun)
            pairing.setting.wait_clean()
    return found


def _direct_starts(pairing: Pairing, moments: Moments, count: int) -> list[float]:
    """Start containers with the docker SDK; returns the seconds, by the engine's clock."""
    found = []
    infrastructure = pairing.setting.infrastructure
    with pairing.setting.direct() as direct:
        for _ in range(count):
            [job] = bare.jobs_of(trivial(pairing.image), infrastructure)
            begun = time.time()
            container = direct.start(job)
            direct.follow(container)
            name = job.spec.name
            wait_until(lambda name=name: name in moments.started, "an event", 10, 0.01)  # type: ignore[misc]
            found.append(moments.started[name] - begun)
            direct.remove(container)
    return found


def _many(pairing: Pairing, moments: Moments) -> list[Row]:
    count, rounds = pairing.setting.choose((12, 1), (100, 2))
    document = trivial(pairing.image, count)
    floor: list[float] = []
    ours: list[Ran] = []
    theirs: list[Ran] = []
    used = {"ours": 0.0, "theirs": 0.0}
    for _ in range(rounds):
        floor.append(bare.makespan(pairing.setting, document))
        for name, side, ran in (("ours", pairing.ours, ours), ("theirs", pairing.theirs, theirs)):
            with side.running():
                used[name] -= side.cpu_seconds()
                ran.append(side.run(document, _TIMEOUT, moments.ended))
                used[name] += side.cpu_seconds()
            pairing.setting.wait_clean(120)
    makespans = [[each.makespan for each in side] for side in (ours, theirs)]
    return [
        ratio_row(
            "agency.many",
            f"{count} trivial batches against the bare engine",
            list(zip(makespans[0], floor, strict=True)),
            Budget("at most", 1.1),
            "s",
            [
                f"theirs is the same containers made with the docker SDK by {bare.THREADS} threads",
                f"processor time: ours {used['ours'] / rounds:.1f} s,"
                f" the original {used['theirs'] / rounds:.1f} s (without its database)",
                *(_spread_of_starts(n, side, moments) for n, side in _named(ours, theirs)),
            ],
        ),
        ratio_row(
            "agency.many.original",
            f"{count} trivial batches of the original against the bare engine",
            list(zip(makespans[1], floor, strict=True)),
            None,
            "s",
            ["here ours is the original"],
        ),
        ratio_row(
            "agency.many.ratio",
            f"{count} trivial batches against the original",
            list(zip(*makespans, strict=True)),
            None,
            "s",
        ),
    ]


def _named(ours: list[Ran], theirs: list[Ran]) -> list[tuple[str, list[Ran]]]:
    return [("ours", ours), ("the original", theirs)]


def _spread_of_starts(name: str, side: list[Ran], moments: Moments) -> str:
    starts = [moments.started[n] - ran.begun for ran in side for n in ran.names]
    spread = Spread.of(starts)
    return (
        f"{name}: submit to start median {spread.median:.1f} s, first {spread.low:.2f} s,"
        f" last {spread.high:.1f} s"
    )
