"""What is compared: both servers behind one interface, which is OGC API - Processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.machine import settled
from benchmarks.wrk import drive

WORD = "hello"
"""The text that is given back."""


@dataclass(frozen=True)
class Request:
    """One request that is sent again and again.

    Attributes
    ----------
    path : str
        Below the API's address.
    body : str
        JSON that is posted; empty: it is a GET.
    asynchronous : bool
        Whether it says ``Prefer: respond-async``.
    """

    path: str
    body: str = ""
    asynchronous: bool = False

    @classmethod
    def execute(cls, process: str, inputs: Mapping[str, Any], asynchronous: bool) -> Request:
        """Return the one that executes a process."""
        body = json.dumps({"inputs": dict(inputs)})
        return cls(f"processes/{process}/execution", body, asynchronous)

    @property
    def headers(self) -> dict[str, str]:
        """What it carries besides the login."""
        found = {"Content-Type": "application/json"} if self.body else {}
        return {**found, "Prefer": "respond-async"} if self.asynchronous else found

    @property
    def script(self) -> str:
        """Return it as wrk takes it."""
        return f"wrk.method = 'POST'\nwrk.body = [==[{self.body}]==]\n" if self.body else ""


@dataclass(frozen=True, slots=True)
class Burst:
    """What was found while requests were sent as fast as they were answered."""

    rate: float
    """Answers per second."""
    cpu: float
    """Processor time of each, seconds; with what a request leaves to be done afterwards."""
    p50: float
    """Seconds until half of them were answered."""


@dataclass(frozen=True)
class Side:
    """One server.

    Attributes
    ----------
    url : str
        Where its API begins, with a slash at the end.
    login : mapping
        Headers.
    server : callable
        Gives its processes' ids.
    database : sequence of int
        Ids of further processes, whose processor time counts, but not their memory.
    process : str
        The one that gives a text back.
    field : str
        Its input.
    folder : Path
        For files.
    """

    url: str
    login: Mapping[str, str]
    server: Callable[[], list[int]]
    database: Sequence[int]
    process: str
    field: str
    folder: Path

    def echo(self, asynchronous: bool) -> Request:
        """Return the request that executes `process`."""
        return Request.execute(self.process, {self.field: WORD}, asynchronous)

    def cpu_seconds(self) -> float:
        """Return the processor time so far."""
        return sum(map(machine.cpu_seconds, [*self.server(), *self.database]))

    def rss(self) -> float:
        """Return the sum of its processes' resident memory, MB; what they share counts twice."""
        return sum(map(machine.resident, self.server())) / 1e6

    def pss(self) -> float:
        """Return its processes' shares of the memory in use, MB."""
        return sum(map(machine.proportional, self.server())) / 1e6

    def burst(self, request: Request, connections: int, seconds: int) -> Burst:
        """Send a request again and again.

        Raises
        ------
        benchmarks.wrk.WrkFailed
            Some answers were no success, or none came.
        TimeoutError
            It does not come to rest.
        """
        script = None
        if request.script:
            script = self.folder / "request.lua"
            script.write_text(request.script)
        before = self.cpu_seconds()
        headers = {**self.login, **request.headers}
        load = drive(self.url + request.path, headers, seconds, connections, script)
        used = settled(self.cpu_seconds) - before
        # Each connection leaves one request, whose answer nobody takes.
        return Burst(load.rate, used / (load.requests + connections), load.p50)

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Open a connection."""
        with httpx.Client(
            base_url=self.url, headers=dict(self.login), timeout=120, trust_env=False
        ) as client:
            yield client

    def get(self, path: str) -> bytes:
        """Return what one request gives."""
        with self.client() as client:
            return client.get(path).raise_for_status().content

    def check_listed(self, wanted: int) -> None:
        """Make sure that a list of processes has so many.

        Raises
        ------
        RuntimeError
        """
        found = len(json.loads(self.get(f"processes?limit={wanted}"))["processes"])
        if found != wanted:
            raise RuntimeError(f"{self.url} lists {found} processes instead of {wanted}")


def burst_rows(
    key: str,
    title: str,
    pairs: Sequence[tuple[Burst, Burst]],
    budget: Budget | None = None,
    processor: bool = False,
) -> list[Row]:
    """Return the row of the rates, and that of the processor time when it is asked for.

    Parameters
    ----------
    key, title : str
        Of what both were asked.
    pairs : sequence of (Burst, Burst)
        Ours and theirs, measured one right after the other.
    budget : Budget or None
        For the ratio of the rates.
    processor : bool
        Whether the processor time of each request has a row of its own; else it is in a note.
    """
    rates = [(ours.rate, theirs.rate) for ours, theirs in pairs]
    times = [(ours.cpu * 1e3, theirs.cpu * 1e3) for ours, theirs in pairs]
    ours, theirs = (Spread.of(pair[side].p50 * 1e3 for pair in pairs).median for side in (0, 1))
    note = f"half of the answers came within {ours:.1f} ms, pygeoapi's within {theirs:.0f} ms"
    row = ratio_row(key, f"{title}: rate", rates, budget, "/s", [note])
    if processor:
        return [row, ratio_row(f"{key}.cpu", f"{title}: processor time of each", times, None, "ms")]
    ours, theirs = (Spread.of(pair[side] for pair in times).median for side in (0, 1))
    row.notes.append(f"processor time of each: {ours:.2f} ms, pygeoapi {theirs:.1f} ms")
    return [row]
