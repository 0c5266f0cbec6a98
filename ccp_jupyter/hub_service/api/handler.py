"""The base of every handler: identity, scopes, XSRF, parameters, bodies and errors, in order."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, cast

from jupyterhub.services.auth import HubOAuthenticated, UserNotAllowed
from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api import bodies, links
from ccp_jupyter.hub_service.api.errors import ApiError, translated, unavailable
from ccp_jupyter.hub_service.api.identity import (
    OPEN,
    Caller,
    Callers,
    Groups,
    ServiceHubAuth,
)
from ccp_jupyter.hub_service.api.operations import Operation, Operations
from ccp_jupyter.hub_service.api.params import parse_query
from ccp_jupyter.hub_service.api.rendering import Rendered, rendered
from ccp_jupyter.hub_service.api.services import Services

log = logging.getLogger(__name__)

_BODY_TIMEOUT: Final = 900.0
"""Seconds in which a request body must arrive."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Shared:
    """What all handlers of one application share.

    Parameters
    ----------
    services : Services
        The parts behind the API.
    hub : ServiceHubAuth
        Tells who calls.
    """

    def __init__(self, services: Services, hub: ServiceHubAuth) -> None:
        self.services = services
        self.groups = Groups(hub)
        self.callers = Callers()
        self.rendered = Rendered()
        self.budget = bodies.BodyBudget(services.options.max_bodies)
        self.streams: dict[str, int] = {}
        self.openapi = b""
        self.health: tuple[float, dict[str, str]] = (float("-inf"), {})


class JsonHandler(web.RequestHandler):
    """Answers in JSON, errors too."""

    _request_id = ""

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
        document = error.document()
        document["instance"] = self.request.path
        self.reply(document, status_code)

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
            self._request_id = uuid.uuid4().hex
            place = f"{self.request.method} {self.request.path}"
            assert typ is not None and value is not None  # noqa: S101  (tornado's signature)
            log.error("request %s: %s failed", self._request_id, place, exc_info=(typ, value, tb))
        elif isinstance(value, web.HTTPError) and value.status_code >= 500:
            log.warning("%s %s: %s", self.request.method, self.request.path, value)


class NotFound(JsonHandler):
    """Answers for paths that do not exist."""

    def check_xsrf_cookie(self) -> None:
        """Skip: nothing is changed here."""

    def prepare(self) -> None:
        """Answer 404, whatever the verb."""
        raise ApiError(404, "There is nothing at this address; see /api")


class ApiHandler(HubOAuthenticated, JsonHandler):
    """Identity without blocking, one explicit scope per verb, XSRF in the right order."""

    hub_auth_class = ServiceHubAuth
    _stream_request_body = True  # what tornado's decorator @stream_request_body sets
    _identified = False
    _body: bytearray | None = None
    _refusal: ApiError | None = None
    operation: Operation
    caller: Caller
    query: Mapping[str, Any]

    def initialize(self, shared: Shared, operations: Operations) -> None:
        """Take what `application` gives to every handler of a route."""
        self.shared = shared
        self.services = shared.services
        self.operations = operations
        self.closed = asyncio.Event()

    async def prepare(self) -> None:
        """Check the request in this order: verb, identity, access, XSRF, scope, parameters, body.

        XSRF comes after identity, because it matters only to callers without a token.
        """
        connection = cast("HTTP1Connection", self.request.connection)
        # Far above what is kept: the rest of a refused body is read and dropped, see _expect_body.
        connection.set_max_body_size(self.services.options.max_drain)
        connection.set_body_timeout(_BODY_TIMEOUT)
        operation = self.operations.get(self.request.method or "")
        if operation is None:
            raise web.HTTPError(405)
        self.operation = operation
        if operation.scope != OPEN:
            await self._identify(operation.scope)
        self.query = parse_query(operation.query, self.request.query_arguments)
        if operation.body is not None:
            self._expect_body(operation.body.media_types)

    async def _identify(self, scope: str) -> None:
        try:
            user = await self.hub_auth.get_user(self, sync=False)
        except TimeoutError as error:
            raise unavailable("The hub does not answer; try again in a moment") from error
        if user is None:
            raise self.unauthorized()
        caller = self.shared.callers.get(user)
        if caller is None:
            try:
                # access:services!service=<name>
                self.check_hub_user(user)  # type: ignore[no-untyped-call]
            except UserNotAllowed as error:
                raise ApiError(403, "No access to this service") from error
            caller = self.shared.callers.add(user)
        self._identified = True
        self.check_xsrf_cookie()
        if scope not in caller.scopes:
            raise ApiError(403, f"Requires scope {scope}", scope=scope)
        self.current_user = user
        self.caller = caller

    @staticmethod
    def unauthorized() -> ApiError:
        """Return the answer to somebody whom the hub does not know."""
        headers = {"WWW-Authenticate": 'Bearer realm="JupyterHub token"'}
        return ApiError(401, "Sign in, or send a token of the hub", headers=headers)

    def check_xsrf_cookie(self) -> None:
        """Wait for the identity: tornado calls this before `prepare`, when no token is known yet.

        Afterwards the hub's check runs, which skips requests that came with a token.
        """
        if self._identified:
            super().check_xsrf_cookie()  # type: ignore[no-untyped-call]

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Add to an answer 405 what is allowed instead."""
        if status_code == 405:
            allowed = ", ".join(self.operations)
            self.set_header("Allow", allowed)
            error = ApiError(405, f"{self.request.method} is not possible here, only {allowed}")
            kwargs["exc_info"] = (type(error), error, None)
        super().write_error(status_code, **kwargs)

    # --- the request body ---

    def _expect_body(self, media_types: tuple[str, ...]) -> None:
        headers = self.request.headers
        bodies.check_content_type(headers.get("Content-Type", ""), media_types)
        encoding = headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise ApiError(415, f"Content-Encoding: must be identity (found {encoding[:80]!r})")
        limit = self.services.options.max_body
        length = headers.get("Content-Length", "0")
        size = int(length[:20]) if length.isdecimal() else 0
        if size > limit:
            self._refusal = bodies.too_large(limit)
            # Most clients read an answer only after they have sent everything, and a proxy cuts
            # them off when it comes earlier. So the body is read, and dropped.
            if size > self.services.options.max_drain:
                raise self._refusal
        else:
            self._body = bytearray()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, or drop it when none is wanted."""
        if self._body is None:
            return
        try:
            if len(self._body) + len(chunk) > self.services.options.max_body:
                raise bodies.too_large(self.services.options.max_body)
            self.shared.budget.take(len(chunk))
        except ApiError as error:
            self._refusal = error
            self._drop_body()
        else:
            self._body += chunk

    def _drop_body(self) -> None:
        if self._body is not None:
            self.shared.budget.give_back(len(self._body))
            self._body = None

    async def json_body(self) -> Any:
        """Return the decoded body.

        Raises
        ------
        InvalidDocument
            It is no JSON that we take.
        ApiError
            It was too large.
        """
        if self._refusal is not None:
            raise self._refusal
        assert self._body is not None  # noqa: S101  (the route's table announces a body)
        return await bodies.decoded(self._body)

    def on_finish(self) -> None:
        """Let go of the body."""
        self._drop_body()

    def on_connection_close(self) -> None:
        """Let go of the body, and tell streams that nobody listens any more."""
        super().on_connection_close()
        self._drop_body()
        self.closed.set()

    # --- addresses ---

    @property
    def base_url(self) -> str:
        """Address of the service as the caller sees it, with a slash at the end."""
        services = self.services
        return links.origin(self.request, services.options.public_url) + services.prefix

    def abort(self) -> None:
        """Cut the connection: the only way to tell that a begun answer stays incomplete."""
        cast("HTTP1Connection", self.request.connection).stream.close()
