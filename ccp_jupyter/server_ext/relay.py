"""Requests of the browser, passed on to the service with the user's server token.

Only the headers that are listed here pass, in both directions: no cookie, no Authorization of the
browser's, and nothing that holds the token comes back. Bodies are held on disk on the way there and
streamed on the way back, so that memory stays bounded.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from typing import IO, Final
from urllib.parse import parse_qsl, unquote, urlencode

import httpx
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from ccp_jupyter.server_ext.handlers import CcpHandler

SENT: Final = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Prefer",
    "Range",
)
RETURNED: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Etag",
    "Last-Modified",
    "Preference-Applied",
    "Retry-After",
)
_HIDDEN_PARAMETERS: Final = ("token", "_xsrf", "no_track_activity")
"""Query parameters that are this server's own business."""
_IN_MEMORY: Final = 2**20
_CHUNK: Final = 2**18


@web.stream_request_body
class RelayHandler(CcpHandler):
    """Everything below ``api/``."""

    _body: IO[bytes] | None = None
    _received = 0

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse what will not be relayed before its body arrives."""
        await super().prepare()
        if self.current_user is None:
            raise web.HTTPError(403, "log in first")
        limit = self.ccp.max_upload_size
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) > limit:
            raise web.HTTPError(413, _too_large(limit))
        if "text/event-stream" in self.request.headers.get("Accept", ""):
            raise web.HTTPError(406, "events come through this server's event bus, not here")
        self._body = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - see on_finish

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body."""
        self._received += len(chunk)
        # What is too large is received and dropped, so that the browser can read the answer.
        if self._body is not None and self._received <= self.ccp.max_upload_size:
            self._body.write(chunk)

    def on_finish(self) -> None:
        """Let go of the body."""
        super().on_finish()
        self._drop_body()

    def on_connection_close(self) -> None:
        """Let go of the body when the browser goes away."""
        super().on_connection_close()
        self._drop_body()

    def _drop_body(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Relay."""
        await self._relay()

    @web.authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Relay."""
        await self._relay()

    @web.authenticated
    @authorized
    async def put(self, path: str) -> None:
        """Relay."""
        await self._relay()

    @web.authenticated
    @authorized
    async def patch(self, path: str) -> None:
        """Relay."""
        await self._relay()

    @web.authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Relay."""
        await self._relay()

    async def _relay(self) -> None:
        ccp = self.ccp
        if self._received > ccp.max_upload_size:
            raise web.HTTPError(413, _too_large(ccp.max_upload_size))
        headers = {
            name: self.request.headers[name] for name in SENT if name in self.request.headers
        }
        if self._received:
            headers["Content-Length"] = str(self._received)
        verb = self.request.method or "GET"
        try:
            request = ccp.http.build_request(
                verb,
                self._target(),
                headers=headers,
                content=self._chunks() if self._received else None,
            )
            response = await ccp.http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise web.HTTPError(503, f"the service cannot be reached: {_what(error)}") from None
        try:
            await self._return(response)
        finally:
            await response.aclose()

    def _target(self) -> str:
        """Return the address at the service: the path as it came, still quoted."""
        prefix = f"{self.base_url}ccp_jupyter/api/"
        path = self.request.path.removeprefix(prefix)
        plain = unquote(path)
        climbs = any(step in (".", "..") for step in plain.split("/"))
        if climbs or "\\" in plain or not plain.isprintable():
            raise web.HTTPError(400, "the path holds a step that no address has")
        pairs = parse_qsl(self.request.query, keep_blank_values=True)
        query = urlencode([pair for pair in pairs if pair[0] not in _HIDDEN_PARAMETERS])
        return self.ccp.url + path + ("?" + query if query else "")

    async def _chunks(self) -> AsyncIterator[bytes]:
        if self._body is not None:
            self._body.seek(0)
        # None as soon as the browser goes away.
        while self._body is not None and (chunk := self._body.read(_CHUNK)):
            yield chunk

    async def _return(self, response: httpx.Response) -> None:
        self.set_status(response.status_code)
        self.clear_header("Content-Type")
        for name in RETURNED:
            if name in response.headers:
                self.set_header(name, response.headers[name])
        location = response.headers.get("location", "")
        if location.startswith(self.ccp.url):
            rest = location.removeprefix(self.ccp.url)
            self.set_header("Location", f"{self.base_url}ccp_jupyter/api/{rest}")
        if response.status_code in (204, 304):
            self.finish()
            return
        try:
            # The headers go first, so that `finish` does not change them.
            await self.flush()
            async for chunk in response.aiter_raw(_CHUNK):
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return  # the browser went away
        except httpx.HTTPError as error:
            self.log.warning("ccp_jupyter: an answer was cut off: %s", _what(error))
            self._cut()
            return
        self.finish()

    def _cut(self) -> None:
        """Cut the connection, so that nobody takes the answer for complete."""
        self.detach().close()
        self.on_finish()


def _too_large(limit: int) -> str:
    return f"at most {limit} bytes can be sent; give files as links"


def _what(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
