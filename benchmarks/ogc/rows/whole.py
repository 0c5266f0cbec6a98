"""One submission with nothing else to do: from the request until its result is there."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.ogc.pairing import FEW, Pairing
from benchmarks.ogc.peer import DOCUMENTED
from benchmarks.ogc.sides import WORD, Request, Side
from benchmarks.setting import interleaved

_PAUSE = 0.005  # seconds between two looks at the status
_TIMEOUT = 60.0
_UNDER_WAY = {"accepted", "running"}

_Run = Callable[[httpx.Client, Side], httpx.Response]


def measure(pairing: Pairing) -> list[Row]:
    """Measure both in turn, asynchronously and synchronously."""
    pairing.restock(FEW)
    count, ours = pairing.setting.choose(5, 20), pairing.ours
    rows = []
    with pairing.theirs(DOCUMENTED) as (theirs, _), ours.client() as first, theirs.client() as two:
        for key, how, run in (
            ("async", "asynchronous, status asked every 5 ms", _asynchronous),
            ("sync", "synchronous", _synchronous),
        ):
            pairs = interleaved(
                count,
                lambda run=run: _timed(run, first, ours),  # type: ignore[misc]
                lambda run=run: _timed(run, two, theirs),  # type: ignore[misc]
            )
            both = (Spread.of(pair[side] for pair in pairs) for side in (0, 1))
            spans = [f"{spread.low * 1e3:.1f} … {spread.high * 1e3:.1f} ms" for spread in both]
            rows.append(
                ratio_row(
                    f"whole.{key}",
                    f"one submission of echo, request to result, {how}",
                    [(one * 1e3, other * 1e3) for one, other in pairs],
                    Budget("at most", 1),
                    "ms",
                    [f"ours {spans[0]}, pygeoapi {spans[1]}"],
                )
            )
    return rows


def _timed(run: _Run, client: httpx.Client, side: Side) -> float:
    begun = time.monotonic()
    answer = run(client, side)
    passed = time.monotonic() - begun
    if WORD not in answer.text:
        raise RuntimeError(f"{side.url}: the result lacks {WORD!r}: {answer.text[:200]!r}")
    return passed


def _synchronous(client: httpx.Client, side: Side) -> httpx.Response:
    return _sent(client, side.echo(asynchronous=False))


def _asynchronous(client: httpx.Client, side: Side) -> httpx.Response:
    accepted = _sent(client, side.echo(asynchronous=True))
    if accepted.status_code != httpx.codes.CREATED:
        raise RuntimeError(f"{side.url}: 201 was expected (found {accepted.status_code})")
    path = "jobs/" + accepted.headers["Location"].rpartition("/jobs/")[2]
    end = time.monotonic() + _TIMEOUT
    while (status := _status(client, path)) in _UNDER_WAY:
        if time.monotonic() > end:
            raise TimeoutError(f"{side.url}{path} is {status} after {_TIMEOUT:g} s")
        time.sleep(_PAUSE)
    # Asked for, because pygeoapi would give a page.
    return client.get(f"{path}/results?f=json").raise_for_status()


def _status(client: httpx.Client, path: str) -> str:
    return str(client.get(path).raise_for_status().json()["status"])


def _sent(client: httpx.Client, request: Request) -> httpx.Response:
    answer = client.post(request.path, content=request.body, headers=request.headers)
    return answer.raise_for_status()
