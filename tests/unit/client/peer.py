"""A small HTTP server that does what a test tells it: answers, cuts, waits, sends garbage."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from tornado import httpserver, netutil, web
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

TOKEN = "a-token-that-must-stay-secret"
Behaviour = Callable[["Handler"], Awaitable[None]]


@dataclass
class Seen:
    """One request that arrived."""

    verb: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Handler(web.RequestHandler):
    def initialize(self, peer: Peer) -> None:
        self.peer = peer

    def compute_etag(self) -> None:
        return None

    async def _serve(self) -> None:
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        request = self.request
        seen = Seen(request.method or "", request.path, query, request.headers, request.body)
        self.peer.seen.append(seen)
        behaviour = self.peer.next(seen.verb, seen.path)
        if request.headers.get("Authorization") not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
            behaviour = answer({"title": "Unauthorized", "detail": "who are you?"}, 401)
        try:
            await behaviour(self)
        except StreamClosedError:
            return
        except Exception as error:
            self.peer.faults.append(error)
            raise

    get = post = put = patch = delete = _serve

    def cut(self) -> None:
        """Close the connection in the middle of whatever is going on."""
        self._finished = True
        cast("HTTP1Connection", self.request.connection).stream.close()


class Peer:
    """The server, in a thread of its own so that blocking clients can be tested too."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Exception] = []
        self._plans: list[tuple[str, str, list[Behaviour]]] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen(0))
        self._ready.set()
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self, port: int) -> None:
        application = web.Application([(r".*", Handler, {"peer": self})])
        sockets = netutil.bind_sockets(port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server = httpserver.HTTPServer(application, max_buffer_size=2**28)
        self._server.add_sockets(sockets)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ccp/"

    def on(self, verb: str, path: str, *behaviours: Behaviour) -> None:
        """Plan what happens at a path (a regular expression): in turn, the last one for good."""
        self._plans.insert(0, (verb, "/ccp/" + path, list(behaviours)))

    def next(self, verb: str, path: str) -> Behaviour:
        for planned, pattern, behaviours in self._plans:
            if planned == verb and re.fullmatch(pattern, path):
                return behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        return answer({"title": "Not Found", "detail": f"nothing at {path}"}, 404)

    def requests(self, verb: str, path: str) -> list[Seen]:
        return [s for s in self.seen if s.verb == verb and re.fullmatch("/ccp/" + path, s.path)]

    def stop(self) -> None:
        """Go away as a crashed server does: the port is closed, connections are cut."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    async def _stop(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()

    def start(self) -> None:
        """Come back on the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(self.port), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _close(self) -> None:
        await self._stop()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def running() -> Iterator[Peer]:
    peer = Peer()
    try:
        yield peer
        assert peer.faults == []
    finally:
        peer.close()


def answer(body: Any, status: int = 200, **headers: str) -> Behaviour:
    """Answer with JSON, or with bytes as they are."""

    async def behave(handler: Handler) -> None:
        handler.set_status(status)
        if status == 204:
            handler.finish()
            return
        raw = isinstance(body, bytes)
        handler.set_header("Content-Type", "text/html" if raw else "application/json")
        for name, value in headers.items():
            handler.set_header(name.replace("_", "-"), value)
        handler.finish(body if raw else json.dumps(body))

    return behave


def cut(after: bytes = b"", **headers: str) -> Behaviour:
    """Send the beginning of an answer, or nothing, and cut the connection."""

    async def behave(handler: Handler) -> None:
        if after:
            for name, value in headers.items():
                handler.set_header(name.replace("_", "-"), value)
            handler.write(after)
            await handler.flush()
        handler.cut()

    return behave


def silent(seconds: float = 3600) -> Behaviour:
    """Accept the request and say nothing."""

    async def behave(handler: Handler) -> None:
        await asyncio.sleep(seconds)
        handler.cut()

    return behave


def event(seq: int, kind: str = "log", **members: Any) -> dict[str, Any]:
    """Return an event's document."""
    base = {"seq": seq, "execution_id": "j1", "at": "2026-11-21T10:00:00.000Z", "kind": kind}
    more: dict[str, dict[str, Any]] = {
        "log": {"task": 1, "attempt": 1, "stream": "stdout", "lines": [f"line {seq}"]},
        "phase": {"task": 1, "attempt": 1, "node": "n1", "phase": "execute"},
        "status": {"status": "running", "message": "busy", "progress": 10},
    }
    return {**base, **more.get(kind, {}), **members}


def done(seq: int, status: str = "successful") -> dict[str, Any]:
    return event(seq, "status", status=status, message=f"it is {status}", progress=100)


def sse(events: Iterable[dict[str, Any]], then: str = "finish", pause: float = 0) -> Behaviour:
    """Stream events; afterwards ``finish``, ``cut`` or ``hang``."""

    async def behave(handler: Handler) -> None:
        handler.set_header("Content-Type", "text/event-stream")
        handler.write("retry: 2000\n\n:keepalive\n\n")
        await handler.flush()
        for each in events:
            text = f"id: {each['seq']}\nevent: {each['kind']}\ndata: {json.dumps(each)}\n\n"
            handler.write(text)
            await handler.flush()
            await asyncio.sleep(pause)
        if then == "hang":
            await asyncio.sleep(3600)
        if then == "cut":
            handler.write("id: 99\ndata: {")
            await handler.flush()
            handler.cut()
        else:
            handler.finish()

    return behave


def by_accept(stream: Behaviour, listed: Behaviour) -> Behaviour:
    """Behave by what is asked for: a stream of events, or a list."""

    async def behave(handler: Handler) -> None:
        wants = "event-stream" in handler.request.headers.get("Accept", "")
        await (stream if wants else listed)(handler)

    return behave


def journal(events: list[dict[str, Any]]) -> Behaviour:
    """Answer with the list of the events that are asked for."""

    async def behave(handler: Handler) -> None:
        after = int(handler.get_query_argument("after", "0"))
        handler.set_header("Content-Type", "application/json")
        handler.finish(json.dumps({"events": [each for each in events if each["seq"] > after]}))

    return behave


def status(state: str = "running", **more: Any) -> dict[str, Any]:
    """Return a status document."""
    return {
        "jobID": "j1",
        "processID": "m1",
        "title": "Column statistics",
        "type": "process",
        "status": state,
        "message": f"it is {state}",
        "progress": 100 if state == "successful" else 10,
        "created": "2026-11-21T10:00:00.000Z",
        "updated": "2026-11-21T10:00:00.000Z",
        "links": [],
        **more,
    }
