"""The service's HTTP server: answers may change hands, and end before it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final
from urllib.parse import urlsplit

from tornado import httputil, web
from tornado.httpserver import HTTPServer

_log = logging.getLogger(__name__)

_DRAIN: Final = 5.0  # seconds for answers under way when the service stops


class Server(HTTPServer):
    """Serves whatever application `app` is when a request comes, also on an old connection.

    Parameters
    ----------
    app : Application
        The first one.

    Attributes
    ----------
    app : Application
        May be replaced; requests under way keep theirs.
    """

    app: web.Application

    def initialize(self, app: web.Application) -> None:  # type: ignore[override]
        """Take what the constructor was given."""
        # Bodies are bounded by the API itself, which can say so in its answer.
        super().initialize(app, max_body_size=2**62)
        self.app = app
        self._busy: set[object] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self, address: str) -> None:
        """Listen at an address such as ``http://127.0.0.1:8091``."""
        place = urlsplit(address)
        self.listen(place.port or 80, place.hostname)
        _log.info("listening at %s", address)

    async def drain(self) -> None:
        """Take no new connections, and wait a while for the answers under way."""
        self.stop()
        try:
            async with asyncio.timeout(_DRAIN):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d answers were still under way", len(self._busy))

    async def close(self) -> None:
        """Cut the connections that are left."""
        try:
            async with asyncio.timeout(_DRAIN):
                await self.close_all_connections()
        except TimeoutError:
            _log.warning("some connections were still open")

    # --- of tornado ---

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        """Wait for the next request of a connection, whose last one has its answer."""
        self._answered(server_conn)
        return _Next(self, server_conn, request_conn)

    def begin(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        """Give a request that comes to the application."""
        self._busy.add(server_conn)
        self._idle.clear()
        return self.app.start_request(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        self._answered(server_conn)
        super().on_close(server_conn)

    def _answered(self, server_conn: object) -> None:
        self._busy.discard(server_conn)
        if not self._busy:
            self._idle.set()


class _Next(httputil.HTTPMessageDelegate):
    """The next request of a connection; which application it is for shows when it comes."""

    def __init__(
        self, server: Server, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> None:
        self._server = server
        self._conns = (server_conn, request_conn)
        self._target: httputil.HTTPMessageDelegate | None = None

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
    ) -> Awaitable[None] | None:
        self._target = self._server.begin(*self._conns)
        return self._target.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._target.data_received(chunk) if self._target else None

    def finish(self) -> None:
        if self._target:
            self._target.finish()

    def on_connection_close(self) -> None:
        if self._target:
            self._target.on_connection_close()
