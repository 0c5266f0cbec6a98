"""The original's controller on an engine that costs next to nothing.

``python -m benchmarks.agency.stub SOCKET SECONDS`` answers the part of docker's API that it uses:
containers are entries in a dict, each runs for that time, its output is that of an agent whose
batch went well. ``GET /counted`` tells what was asked so far.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from benchmarks import machine
from benchmarks.agency.documents import trivial
from benchmarks.agency.peer import Peer
from benchmarks.agency.scripted import IMAGE, RESULT
from benchmarks.setting import wait_until
from tests.stack.daemons import spawn

_MEMORY = 2**42
_ID = "sha256:" + "0" * 64
_IMAGE = {"Id": _ID, "RepoTags": [IMAGE], "RepoDigests": [], "Config": {}}
_CONTAINER = re.compile(r"/containers/([^/]+)(?:/(\w+))?")
_FINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass
class _Container:
    name: str
    seconds: float
    started: float = 0.0

    @property
    def status(self) -> str:
        if not self.started:
            return "created"
        return "exited" if time.monotonic() - self.started >= self.seconds else "running"

    def document(self) -> dict[str, Any]:
        state = {"Status": self.status, "Running": self.status == "running", "ExitCode": 0}
        config = {"Tty": False, "Image": IMAGE, "Labels": {}}
        log = {"LogConfig": {"Type": "json-file"}}
        return {
            "Id": self.name,
            "Name": f"/{self.name}",
            "State": state,
            "Config": config,
            "Image": _ID,
            "HostConfig": log,
        }


@dataclass
class _Engine:
    seconds: float
    containers: dict[str, _Container] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)


class _Handler(web.RequestHandler):
    """Every route."""

    def initialize(self, engine: _Engine) -> None:
        self._engine = engine

    def compute_etag(self) -> str | None:
        return None

    async def prepare(self) -> None:
        path = re.sub(r"^/v[\d.]+", "", self.request.path)
        if path == "/counted":
            self.finish(json.dumps(self._engine.calls))
            return
        found = _CONTAINER.fullmatch(path)
        if found and found[1] not in ("json", "create"):
            self._engine.calls["container"] += 1
            await self._one(found[1], found[2])
        else:
            self._engine.calls["create" if path.endswith("/create") else "node"] += 1
            self._node(path)

    def _node(self, path: str) -> None:
        engine = self._engine
        if path == "/version":
            self._json({"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10"})
        elif path == "/info":
            self._json({"MemTotal": _MEMORY, "NCPU": 64, "Runtimes": {"runc": {}}})
        elif path == "/containers/json":
            wanted = json.loads(self.get_argument("filters", "{}")).get("status")
            shown = [c for c in engine.containers.values() if not wanted or c.status in wanted]
            self._json([{"Id": c.name, "Names": [f"/{c.name}"]} for c in shown])
        elif path == "/containers/create":
            name = self.get_argument("name", "") or f"unnamed-{engine.calls.total()}"
            seconds = engine.seconds if self.get_argument("name", "") else 0.0
            engine.containers[name] = _Container(name, seconds)
            self._json({"Id": name, "Warnings": []}, 201)
        elif path.startswith("/images/"):
            self._json({"status": "ok"} if path.endswith("/create") else _IMAGE)
        else:
            self._json({"message": f"not scripted: {path}"}, 404)

    async def _one(self, name: str, what: str | None) -> None:
        container = self._engine.containers.get(name)
        if container is None:
            self._json({"message": f"No such container: {name}"}, 404)
        elif self.request.method == "DELETE":
            del self._engine.containers[name]
            self._empty()
        elif what == "start":
            container.started = time.monotonic()
            self._empty()
        elif what == "archive":
            self.finish()
        elif what == "wait":
            await asyncio.sleep(container.seconds)
            self._json({"StatusCode": 0})
        elif what == "logs":
            self.set_header("Content-Type", "application/octet-stream")
            text = json.dumps(RESULT).encode() if self.get_argument("stdout", "0") == "1" else b""
            self.finish(struct.pack(">BxxxL", 1, len(text)) + text if text else b"")
        elif what == "stats":
            self._json({"read": "", "memory_stats": {}})
        else:
            self._json(container.document())

    def _json(self, document: object, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document))

    def _empty(self) -> None:
        self.set_status(204)
        self.finish()


@dataclass(frozen=True)
class Queued:
    """What became of many batches at the original; seconds from the request."""

    count: int
    placed: float
    first: float
    last: float
    ended: float
    cpu: float
    calls: float
    """Of the engine, for each batch."""
    engine_cpu: float

    def text(self) -> str:
        """Return it in words."""
        return (
            f"the original, {self.count:,} batches: placed {self.placed:.1f} s, first start"
            f" {self.first:.1f} s, last start {self.last:.1f} s, all recorded {self.ended:.1f} s,"
            f" {self.cpu:.1f} s of processor time (without its database), {self.calls:.0f} engine"
            f" calls per batch; its scripted engine speaks HTTP and took {self.engine_cpu:.1f} s"
        )


def queued_at_peer(peer: Peer, count: int, seconds: float, folder: Path, timeout: float) -> Queued:
    """Let the original run so many batches at once; the Node has room for all of them.

    Parameters
    ----------
    seconds : float
        How long each batch runs.
    folder : Path
        For a socket; its path must be short.

    Raises
    ------
    RuntimeError
        A batch failed.
    TimeoutError
    """
    socket = folder / "stub.sock"
    command = [sys.executable, "-m", "benchmarks.agency.stub", str(socket), str(seconds)]
    daemon = spawn(command, folder / "stub.log", follow_parent=True)
    transport = httpx.HTTPTransport(uds=str(socket))
    try:
        wait_until(socket.exists, "start of the scripted engine", 30)
        with (
            httpx.Client(transport=transport, base_url="http://stub") as stub,
            peer.controller(f"unix:/{socket}"),
        ):
            calls = sum(stub.get("/counted").json().values())
            cpu, engine_cpu = peer.cpu_seconds(), machine.cpu_seconds(daemon.pid)
            begun, histories = _run(peer, count, timeout)
            cpu = peer.cpu_seconds() - cpu
            engine_cpu = machine.cpu_seconds(daemon.pid) - engine_cpu
            calls = sum(stub.get("/counted").json().values()) - calls
    finally:
        daemon.end()
        peer.forget()

    def moments(state: str) -> list[float]:
        return [e["time"] - begun for history in histories for e in history if e["state"] == state]

    starts = moments("processing")
    ended = max(moments("succeeded"))
    return Queued(
        count,
        max(moments("scheduled")),
        min(starts),
        max(starts),
        ended,
        cpu,
        calls / count,
        engine_cpu,
    )


def _run(peer: Peer, count: int, timeout: float) -> tuple[float, list[list[dict[str, Any]]]]:
    found: list[dict[str, Any]] = []
    with httpx.Client(
        base_url=peer.url, headers=peer.headers, timeout=120, trust_env=False
    ) as client:
        begun = time.time()
        answer = client.post("red", json=trivial(IMAGE, count), params={"disableRetry": 1})
        query = {"experimentId": answer.raise_for_status().json()["experimentId"]}

        def ended() -> bool:
            numbers = (
                client.get("batches/count", params={**query, "state": state}).json()["count"]
                for state in sorted(_FINAL)
            )
            return bool(sum(numbers) >= count)

        wait_until(ended, f"end of {count} batches at the original", timeout, 2.0)
        found = client.get("batches", params=query).raise_for_status().json()
    if any(batch["state"] != "succeeded" for batch in found):
        raise RuntimeError("not all batches of the original were successful")
    return begun, [batch["history"] for batch in found]


async def _serve(socket: str, seconds: float) -> None:
    engine = _Engine(seconds)
    app = web.Application([(r".*", _Handler, {"engine": engine})], log_function=lambda _: None)
    server = HTTPServer(app, max_body_size=2**30)
    server.add_socket(bind_unix_socket(socket))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
