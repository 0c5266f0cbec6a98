"""Connections from a stand-by to the service process that drives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import httpcore

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.leadership import Leadership
from ccp_jupyter.hub_service.store.base import Lease

FORWARDED: Final = "X-Ccp-Forwarded"
"""Header of a request that a stand-by has passed on already; no other does so again."""
NOT_DRIVING: Final = "X-Ccp-Not-Driving"
"""Header of the answer to such a request from a process that does not drive."""

_PATIENCE: Final = 20.0  # seconds: longer than a lease takes to run out, and the next to begin
_CONNECT: Final = 3.0
_FAREWELL: Final = 6.0  # seconds that one who drives no more may take to end its answers
_KEPT: Final = 256 * 1024  # bytes of a body that are kept, to send them again
_PIECES: Final = 4  # of a body, read before the driver takes them
_HEALTH_TIMEOUT: Final = 3.0
_HEALTH_AGE: Final = 1.0
_LOST: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class Unsent(Exception):
    """The driver has done nothing of a request."""


class BrokenOff(Exception):
    """The driver may have done what a request asked for; its answer is lost."""


class Body:
    """A request's body on its way through; the beginning is kept, to be sent again.

    Parameters
    ----------
    exists : bool
        Whether the request has one.
    """

    def __init__(self, exists: bool) -> None:
        self.exists = exists
        self._kept: list[bytes] | None = []
        self._size = 0
        self._ended = not exists
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES)

    @property
    def whole(self) -> bool:
        """Whether all that was taken out can be taken out again."""
        return self._kept is not None

    async def put(self, piece: bytes) -> None:
        """Add a piece, once there is room; an empty one is the end."""
        await self._pieces.put(piece)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body from its beginning; a second time only when it is `whole`."""
        for piece in self._kept or ():
            yield piece
        while not self._ended:
            piece = await self._pieces.get()
            self._ended = not piece
            self._size += len(piece)
            if self._kept is not None:
                self._kept = [*self._kept, piece] if self._size <= _KEPT else None
            if piece:
                yield piece

    async def drop(self) -> None:
        """Take out what is left."""
        self._kept = None
        async for _ in self.pieces():
            pass


class Relay:
    """Connections to whoever drives.

    Parameters
    ----------
    leadership : Leadership
        Knows who that is.
    prefix : str
        Path of the service at the hub's proxy.

    Attributes
    ----------
    patience : float
        Seconds that a request waits for somebody to drive.
    waiting : int
        Requests that have no answer yet.
    """

    def __init__(self, leadership: Leadership, prefix: str) -> None:
        self.leadership = leadership
        self.prefix = prefix
        self.patience = _PATIENCE
        self.waiting = 0
        # A connection for each request: what cannot be connected was surely not done.
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None, max_keepalive_connections=0, retries=0
        )
        self._healthy_at = float("-inf")
        self._asked_at = float("-inf")

    async def close(self) -> None:
        """Let go of all connections."""
        with suppress(RuntimeError):  # there are requests under way; they end with this process
            await self._pool.aclose()

    async def exchange(self, lease: Lease, request: httpcore.Request) -> httpcore.Response:
        """Send a request to a driver and return its answer, as soon as that begins.

        Raises
        ------
        Unsent, BrokenOff
        """
        try:
            async with self._while_driving(lease):
                response = await self._pool.handle_async_request(request)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise Unsent(str(error)) from error
        except httpcore.LocalProtocolError as error:
            raise ApiError(400, "The request's headers cannot be passed on") from error
        except _LOST as error:
            raise BrokenOff(str(error)) from error
        if any(name.lower() == NOT_DRIVING.lower().encode() for name, _ in response.headers):
            await response.aclose()
            raise Unsent("it does not drive")
        return response

    async def stream(
        self, lease: Lease, response: httpcore.Response, send: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Send the body of an answer on, piece by piece.

        Raises
        ------
        BrokenOff
            It ends before its end.
        """
        try:
            async with self._while_driving(lease):
                async for piece in response.aiter_stream():
                    await send(piece)
        except _LOST as error:
            raise BrokenOff(str(error)) from error
        finally:
            await response.aclose()

    @asynccontextmanager
    async def _while_driving(self, lease: Lease) -> AsyncIterator[None]:
        """Break off what is in the block when somebody else has driven for a while."""
        loop = asyncio.get_running_loop()

        def end(_: asyncio.Task[None]) -> None:
            limit.reschedule(loop.time())

        succeeded = asyncio.create_task(self._succeeded(lease))
        try:
            async with asyncio.timeout(None) as limit:
                succeeded.add_done_callback(end)
                try:
                    yield
                finally:
                    succeeded.remove_done_callback(end)
        except TimeoutError:
            raise BrokenOff("another process drives now") from None
        finally:
            succeeded.cancel()

    async def _succeeded(self, lease: Lease) -> None:
        """Return when somebody else has driven for a while."""
        while await self.leadership.other_than(lease, 3600.0) is None:
            pass
        await asyncio.sleep(_FAREWELL)

    async def healthy(self) -> bool:
        """Tell whether somebody drives, or has lately."""
        now = time.monotonic()
        if now - self._asked_at >= _HEALTH_AGE:
            self._asked_at = now
            if await self._ask_health():
                self._healthy_at = time.monotonic()
        return time.monotonic() - self._healthy_at < self.patience

    async def _ask_health(self) -> bool:
        lease = self.leadership.driver
        if lease is None:
            return False
        headers = [("Host", urlsplit(lease.address).netloc), (FORWARDED, "1")]
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT):
                request = request_to(lease, "GET", f"{self.prefix}health", headers)
                response = await self.exchange(lease, request)
                await response.aclose()
        except (Unsent, BrokenOff, TimeoutError):
            return False
        return response.status == 200


def request_to(
    lease: Lease,
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    content: AsyncIterator[bytes] | None = None,
) -> httpcore.Request:
    """Return a request to a driver; `target` is its path with the query, as it came."""
    address = urlsplit(lease.address)
    # A target given like this is passed on to the letter.
    url = httpcore.URL(
        scheme="http", host=address.hostname or "", port=address.port or 80, target=target
    )
    return httpcore.Request(
        method,
        url,
        headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        content=content,
        extensions={"timeout": {"connect": _CONNECT}},
    )
