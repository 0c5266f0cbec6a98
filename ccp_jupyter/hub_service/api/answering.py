"""The base of all handlers: answers and errors in JSON, and bodies that nobody wants."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable
from itertools import count
from types import TracebackType
from typing import Any, Final, cast

from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.errors import ApiError, translated
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.observing import logs

log = logging.getLogger(__name__)

_BODY_TIMEOUT: Final = 900.0
"""Seconds in which a request body must arrive."""

_PROCESS: Final = secrets.token_hex(4) + "-"
"""Begins the ids of requests, which no other process then gives too."""
_NUMBERS: Final = count(1)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


class JsonHandler(web.RequestHandler):
    """Answers in JSON, errors too, and keeps no request body that it does not want.

    Subclasses override `check` instead of `prepare`, and `data_received` when they want a body.
    The application setting ``max_drain`` bounds what is read and dropped, in bytes.
    """

    _stream_request_body = True  # what tornado's decorator @stream_request_body sets
    _early = True

    async def prepare(self) -> None:
        """Check the request; a refusal waits until the body, if any, has been read and dropped.

        After an earlier answer tornado would close the connection, and the hub's proxy, which
        still sends or keeps connections for later, would make errors of its own.
        """
        self._request_id = f"{_PROCESS}{next(_NUMBERS):x}"
        logs.note(request=self._request_id)
        connection = cast("HTTP1Connection", self.request.connection)
        most: int = self.settings["max_drain"]
        connection.set_max_body_size(most)
        connection.set_body_timeout(_BODY_TIMEOUT)
        try:
            await self.check()
        except Exception as error:
            if self.body_size() > most:
                raise
            self.refuse(error)
        self._early = False

    async def check(self) -> None:
        """Raise the answer to a request that cannot be served."""

    def refuse(self, error: Exception) -> None:
        """Raise an error in place of the verb's method, which tornado calls after the body."""

        def raise_it(*_: object, **__: object) -> None:
            raise error

        setattr(self, str(self.request.method).lower(), raise_it)

    def body_size(self) -> int:
        """Return the announced size of the body; 1 when it comes in pieces of unknown number."""
        headers = self.request.headers
        if "Transfer-Encoding" in headers:
            return 1
        length = headers.get("Content-Length", "0")
        return int(length[:20]) if length.isdecimal() else 0

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Drop a piece of a body that is not wanted."""

    def set_default_headers(self) -> None:
        """Set what every answer carries."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    def compute_etag(self) -> str | None:
        """Do without: answers are made for one caller and not kept."""
        return None

    def reply(self, document: object, status: int = 200) -> None:
        """Finish with a JSON document."""
        self.reply_rendered(rendered(document), status)

    def reply_rendered(self, document: bytes, status: int = 200) -> None:
        """Finish with a JSON document that is bytes already."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(document)

    def abort(self) -> None:
        """Cut the connection: the only way to tell that a begun answer stays incomplete."""
        cast("HTTP1Connection", self.request.connection).stream.close()

    def unchanged(self) -> None:
        """Finish: what the caller has is still right (304)."""
        self.set_status(304)
        self.finish()

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Send an error document; an exception that we know decides the status."""
        error = translated(kwargs.get("exc_info", (None, None, None))[1])
        if error is not None:
            status_code = error.status_code
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the RFC 7807 document of an error, without anything private."""
        error = translated(kwargs.get("exc_info", (None, None, None))[1])
        if error is None:
            detail = "Unexpected error in the service; the administrators find it by request_id"
            error = ApiError(status_code, detail, request_id=self._request_id)
        for name, value in error.headers.items():
            self.set_header(name, value)
        if self._early:
            self.set_header("Connection", "close")  # tornado does so, and does not say it
        self.reply_error(error)

    def reply_error(self, error: ApiError) -> None:
        """Finish with the document of an error."""
        document = error.document()
        document["instance"] = self.request.path
        self.reply(document, error.status_code)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody expected, under an id that the answer names."""
        if isinstance(value, StreamClosedError):
            return  # the caller went away
        if translated(value) is None:
            place = f"{self.request.method} {self.request.path}"
            assert typ is not None and value is not None  # noqa: S101  (tornado's signature)
            log.error("%s failed", place, exc_info=(typ, value, tb))
        elif isinstance(value, web.HTTPError) and value.status_code >= 500:
            log.warning("%s %s: %s", self.request.method, self.request.path, value)


class NotFound(JsonHandler):
    """Answers for paths that do not exist."""

    def check_xsrf_cookie(self) -> None:
        """Skip: nothing is changed here."""

    async def check(self) -> None:
        """Answer 404, whatever the verb."""
        raise ApiError(404, "There is nothing at this address; see /api")
