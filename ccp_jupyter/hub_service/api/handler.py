"""The base of every handler: identity, scopes, XSRF, parameters, bodies and errors, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from jupyterhub.services.auth import HubOAuthenticated, UserNotAllowed
from tornado import web

from ccp_jupyter.hub_service.api import bodies, links
from ccp_jupyter.hub_service.api.answering import JsonHandler
from ccp_jupyter.hub_service.api.errors import ApiError, unavailable
from ccp_jupyter.hub_service.api.identity import (
    OPEN,
    Caller,
    Callers,
    Groups,
    ServiceHubAuth,
)
from ccp_jupyter.hub_service.api.operations import Operation, Operations
from ccp_jupyter.hub_service.api.params import parse_query
from ccp_jupyter.hub_service.api.rendering import MethodLists, Rendered
from ccp_jupyter.hub_service.api.services import Services


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
        self.method_lists = MethodLists()
        self.budget = bodies.BodyBudget(services.options.max_bodies)
        self.streams: dict[str, int] = {}
        self.openapi = b""
        self.health: tuple[float, dict[str, str]] = (float("-inf"), {})


class ApiHandler(HubOAuthenticated, JsonHandler):
    """Identity without blocking, one explicit scope per verb, XSRF in the right order."""

    hub_auth_class = ServiceHubAuth
    _identified = False
    _body: bytearray | None = None
    operation: Operation
    caller: Caller
    query: Mapping[str, Any]

    def initialize(self, shared: Shared, operations: Operations) -> None:
        """Take what `application` gives to every handler of a route."""
        self.shared = shared
        self.services = shared.services
        self.operations = operations
        self.closed = asyncio.Event()

    async def check(self) -> None:
        """Check the request in this order: verb, identity, access, XSRF, scope, parameters, body.

        XSRF comes after identity, because it matters only to callers without a token.
        """
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
        if self.body_size() > limit:
            raise bodies.too_large(limit)
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
            self._drop_body()
            self.refuse(error)
        else:
            self._body += chunk

    def _drop_body(self) -> None:
        if self._body is not None:
            self.shared.budget.give_back(len(self._body))
            self._body = None

    async def json_body(self) -> Any:
        """Return the decoded body.  Raises `InvalidDocument`."""
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
