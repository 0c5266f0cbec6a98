"""What is compared: the two agencies behind one interface, which is CC-Agency's REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.agency.peer import Peer, basic
from benchmarks.setting import USER, Setting, wait_until

_FINAL = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True)
class Ran:
    """One Experiment that has ended."""

    begun: float
    """Before its request was sent, as of `time.time`."""
    names: list[str]
    """Of its containers."""
    histories: list[list[dict[str, Any]]]
    """Of its batches."""

    def moments(self, state: str) -> list[float]:
        """Return seconds from the request until each batch came into a state."""
        return [
            entry["time"] - self.begun
            for history in self.histories
            for entry in history
            if entry["state"] == state
        ]

    @property
    def makespan(self) -> float:
        """Seconds from the request until the last result was recorded."""
        return max(self.moments("succeeded"))


@dataclass(frozen=True)
class Side:
    """One agency.

    Attributes
    ----------
    url : str
        Where its API begins, with a slash at the end.
    headers : mapping
        A login by HTTP Basic.
    cpu_seconds : callable
        Processor time of all its processes so far.
    container : callable
        From a batch to the name of its first container.
    running : callable
        Opens a context in which batches are run, not only taken.
    """

    url: str
    headers: Mapping[str, str]
    cpu_seconds: Callable[[], float]
    container: Callable[[Mapping[str, Any]], str]
    running: Callable[[], AbstractContextManager[None]]

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Open a connection."""
        with httpx.Client(
            base_url=self.url, headers=dict(self.headers), timeout=120, trust_env=False
        ) as client:
            yield client

    def run(self, document: Mapping[str, Any], timeout: float, ended: Sequence[str]) -> Ran:
        """Submit a document and wait until the last of its batches was successful.

        Parameters
        ----------
        document : mapping
            RED, with batches.
        timeout : float
            Seconds.
        ended : sequence of str
            Grows with each container that the engine says has ended: the API is asked only when
            all of them have, because some answers are expensive.

        Raises
        ------
        RuntimeError
            A batch failed.
        TimeoutError
        """
        count, before = len(document["batches"]), len(ended)
        with self.client() as client:
            begun = time.time()
            answer = client.post("red", json=dict(document), params={"disableRetry": 1})
            name = answer.raise_for_status().json()["experimentId"]
            wait_until(
                lambda: len(ended) - before >= count, f"end of {count} containers", timeout, 0.02
            )
            query = {"experimentId": name}
            found: list[dict[str, Any]] = []

            def final() -> bool:
                found[:] = client.get("batches", params=query).raise_for_status().json()
                return all(batch["state"] in _FINAL for batch in found)

            wait_until(final, f"end of {count} batches", timeout, 0.3)
            if any(batch["state"] != "succeeded" for batch in found):
                batch = next(b for b in found if b["state"] != "succeeded")
                full = client.get(f"batches/{batch['_id']}").json()
                raise RuntimeError(f"a batch was not successful: {full['history'][-1]}")
        return Ran(begun, [self.container(b) for b in found], [b["history"] for b in found])


@dataclass
class Pairing:
    """Both agencies, the engine that they share, and how thoroughly to measure."""

    setting: Setting
    peer: Peer
    ours: Side = field(init=False)
    theirs: Side = field(init=False)

    def __post_init__(self) -> None:
        setting, peer = self.setting, self.peer
        self.ours = Side(
            f"{setting.port_url}agency/",
            basic(USER, setting.token),
            lambda: our_cpu_seconds(setting),
            lambda batch: f"ccp-{batch['experimentId']}.{batch['batchesListIndex'] + 1}.1",
            nullcontext,
        )
        self.theirs = Side(
            peer.url,
            peer.headers,
            peer.cpu_seconds,
            lambda batch: str(batch["_id"]),
            lambda: peer.controller(setting.engine.base_url),
        )

    @property
    def image(self) -> str:
        """Reference of the image that batches run in; in a registry, as the original pulls it."""
        return self.setting.stack.images["red"]

    @property
    def folder(self) -> Path:
        """For files."""
        return self.setting.folder("agency")


def our_cpu_seconds(setting: Setting) -> float:
    """Return the processor time of service and vault so far."""
    vault = setting.stack.vault
    used = machine.cpu_seconds(setting.service.pid)
    return used + (machine.cpu_seconds(vault.pid) if vault is not None else 0.0)
