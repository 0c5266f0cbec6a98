"""What a stand-by answers: it passes every request on to the service process that drives.

Bodies go through in both directions as they come; nothing is changed but what belongs to one
connection. Identity is checked by the driver: the caller's headers reach it as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore
from tornado import web
from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.answering import JsonHandler
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.relay import (
    FORWARDED,
    NOT_DRIVING,
    Body,
    BrokenOff,
    Relay,
    Unsent,
    request_to,
)
from ccp_jupyter.hub_service.store.base import Lease

DRIVER_CHECK: Final = "driver"
"""Name of the check by which the health of a stand-by is told from that of who drives."""

_MOST_WAITING: Final = 1000
_RETRY: Final = 0.25  # seconds between two tries to reach a driver
_NOBODY: Final = "No service process drives at the moment; another is about to take over"
_UNKNOWN: Final = (
    "The service process that drove has ended before it answered; what was asked for may have"
    " been done or not"
)
_OF_ONE_CONNECTION: Final = frozenset(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class ForwardHandler(JsonHandler):
    """Passes one request on."""

    def initialize(self, relay: Relay) -> None:
        """Take what all requests share."""
        self._relay = relay
        self._exchange: asyncio.Task[tuple[httpcore.Response, Lease]] | None = None
        self._streaming: asyncio.Task[None] | None = None

    def check_xsrf_cookie(self) -> None:
        """Skip: the driver does it."""

    async def check(self) -> None:
        """Begin to pass it on, before its body has come."""
        if FORWARDED in self.request.headers:
            raise ApiError(
                503,
                "This service process does not drive, and another took it for the one that does",
                headers={"Retry-After": "1", NOT_DRIVING: "1"},
            )
        self._body = Body(self.body_size() > 0)
        self._exchange = asyncio.create_task(self._answer())
        # Whoever waits for the body may go away, and then nobody asks for an error.
        self._exchange.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def data_received(self, chunk: bytes) -> None:
        """Pass a piece of the body on, at the speed at which the driver takes it."""
        if self._exchange is not None:
            await self._body.put(chunk)

    def on_connection_close(self) -> None:
        """Stop: the caller has gone."""
        super().on_connection_close()
        for task in (self._exchange, self._streaming):
            if task is not None:
                task.cancel()

    async def _forward(self, *_: str) -> None:
        assert self._exchange is not None  # noqa: S101  (`check` made it)
        if self._body.exists:
            await self._body.put(b"")
        try:
            response, lease = await self._exchange
        except asyncio.CancelledError:
            return  # the caller went away
        self._take_headers(response)
        self._streaming = asyncio.create_task(self._relay.stream(lease, response, self._send))
        try:
            await self._streaming
            self.finish()
        except (StreamClosedError, asyncio.CancelledError):
            return  # the caller went away
        except BrokenOff:
            self.abort()

    async def _send(self, piece: bytes) -> None:
        self.write(piece)
        await self.flush()

    get = head = post = put = patch = delete = options = _forward

    async def _answer(self) -> tuple[httpcore.Response, Lease]:
        """Reach whoever drives, and the next one when it did nothing.  Raises `ApiError`."""
        self._relay.waiting += 1
        try:
            if self._relay.waiting > _MOST_WAITING:
                raise _given_up(503, "Too many requests wait for a service process to drive")
            return await self._reached()
        except Exception:
            # An error is sent after the body has come, and that needs somebody who takes it.
            await self._body.drop()
            raise
        finally:
            self._relay.waiting -= 1

    async def _reached(self) -> tuple[httpcore.Response, Lease]:
        leadership, patience = self._relay.leadership, self._relay.patience
        deadline = time.monotonic() + patience
        while True:
            lease = leadership.driver or await leadership.other_than(None, patience)
            try:
                if lease is not None:
                    return await self._relay.exchange(lease, self._copy(lease)), lease
            except Unsent:
                pass
            except BrokenOff:
                if not self._harmless():
                    raise _given_up(502, _UNKNOWN) from None
            if time.monotonic() > deadline or not self._body.whole:
                raise _given_up(503, _NOBODY)
            await asyncio.sleep(_RETRY)

    def _harmless(self) -> bool:
        """Tell whether sending it twice does what sending it once does."""
        reads = self.request.method in ("GET", "HEAD", "OPTIONS")
        return reads or "Idempotency-Key" in self.request.headers

    def _copy(self, lease: Lease) -> httpcore.Request:
        request = self.request
        headers = [*_end_to_end(request.headers.get_all()), (FORWARDED, "1")]
        if "X-Forwarded-For" not in request.headers and request.remote_ip:
            headers.append(("X-Forwarded-For", request.remote_ip))
        if "Transfer-Encoding" in request.headers:
            headers.append(("Transfer-Encoding", "chunked"))
        content = self._body.pieces() if self._body.exists else None
        return request_to(lease, str(request.method), str(request.uri), headers, content)

    def _take_headers(self, response: httpcore.Response) -> None:
        self.set_status(response.status)
        for name, _ in list(self._headers.get_all()):
            self.clear_header(name)
        found = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers)
        for name, value in _end_to_end(found):
            self.add_header(name, value)


def _given_up(status: int, detail: str) -> ApiError:
    return ApiError(status, detail, headers={"Retry-After": "2"})


def _end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers that go beyond one connection."""
    pairs = list(headers)
    named = {
        word.strip().lower()
        for name, value in pairs
        if name.lower() == "connection"
        for word in value.split(",")
    }
    return [(n, v) for n, v in pairs if n.lower() not in _OF_ONE_CONNECTION | named]


class StandByHealth(JsonHandler):
    """Whether this process can pass requests on; open to everybody."""

    def initialize(self, relay: Relay) -> None:
        """Take what all requests share."""
        self._relay = relay

    async def get(self) -> None:
        """Ask the driver."""
        asked_by_stand_by = FORWARDED in self.request.headers
        if asked_by_stand_by:
            self.set_header(NOT_DRIVING, "1")
        good = not asked_by_stand_by and await self._relay.healthy()
        word = "ok" if good else "failing"
        said = "This process stands by" + ("; another drives" if good else ", and nobody drives")
        check = {"name": DRIVER_CHECK, "status": word, "message": said}
        self.reply({"status": word, "checks": [check]}, 200 if good else 503)


def make_stand_by(relay: Relay, max_drain: int) -> web.Application:
    """Return the application of a stand-by.

    Parameters
    ----------
    relay : Relay
        To whoever drives.
    max_drain : int
        Largest body, bytes; the driver has smaller limits of its own.
    """
    rules: list[Any] = [
        (f"{relay.prefix}health", StandByHealth, {"relay": relay}),
        (".*", ForwardHandler, {"relay": relay}),
    ]
    # The driver logs what it answers; what is answered here is logged as an error where it is one.
    return web.Application(rules, max_drain=max_drain, log_function=lambda _: None)
