"""The base of every handler: identity, scopes, XSRF, parameters, bodies and errors, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar

from jupyterhub.services.auth import HubOAuthenticated, UserNotAllowed
from tornado import web

from ccp_jupyter.hub_service.api import bodies, links, negotiation
from ccp_jupyter.hub_service.api.agency.logins import Logins
from ccp_jupyter.hub_service.api.answering import JsonHandler
from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, ApiError, unavailable
from ccp_jupyter.hub_service.api.html.page import Page, error_page, page_of
from ccp_jupyter.hub_service.api.identity import (
    OPEN,
    Caller,
    Callers,
    Groups,
    ServiceHubAuth,
)
from ccp_jupyter.hub_service.api.link_rates import LinkRates
from ccp_jupyter.hub_service.api.operations import HTML, JSON, Body, Operation, Operations
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
        self.logins = Logins(services, hub)
        self.rendered = Rendered()
        self.method_lists = MethodLists()
        self.link_rates = LinkRates()
        self.budget = bodies.BodyBudget(services.options.max_bodies)
        self.streams: dict[str, int] = {}
        self.uploads: dict[str, int] = {}
        self.openapi = b""


class ApiHandler(HubOAuthenticated, JsonHandler):
    """Identity without blocking, one explicit scope per verb, XSRF in the right order."""

    hub_auth_class = ServiceHubAuth
    pages: ClassVar[bool] = True
    """Whether browsers get pages here, and everybody what their ``Accept`` header asks for."""
    form = JSON
    """Media type of the answer, of those that the operation has; see `negotiation`."""
    browser = False
    """Whether a person asks, who reads pages and not JSON."""
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
        """Check verb, form, identity, access, XSRF, scope, parameters and body, in this order.

        XSRF comes after identity, because it matters only to callers without a token. Browsers that
        nobody knows are sent to the login.
        """
        operation = self.operations.get(self.request.method or "")
        if operation is None:
            raise web.HTTPError(405)
        self.operation = operation
        # Most programs ask for JSON, or for nothing: they wait for no further look.
        headers, query = self.request.headers, self.request.query_arguments
        if headers.get("Accept") not in negotiation.PLAIN or negotiation.FORM in query:
            self._negotiate(operation)
        if operation.scope != OPEN:
            if self.browser and self.request.method == "GET" and await self._nobody():
                self._send_to_login()
                return
            await self._identify(operation.scope)
        self.query = self.parsed_query(operation)
        if operation.body is not None:
            self._expect_body(operation.body)

    def _negotiate(self, operation: Operation) -> None:
        if not self.pages:
            return
        accept = ",".join(self.request.headers.get_list("Accept"))
        forms = self.get_query_arguments(negotiation.FORM)
        if len(forms) > 1:
            raise ApiError(400, "f: may be given only once", INVALID_PARAMETER)
        form = forms[0] if forms else None
        self.browser = form == "html" or (
            form is None and negotiation.preferred(accept, (JSON, HTML)) == HTML
        )
        if self.request.method != "GET":
            # What changes something is never refused for the form of its answer.
            self.form = HTML if self.browser and negotiation.has_page(operation) else JSON
            return
        self.form = negotiation.negotiated(operation, accept, form)
        if self.form == HTML:
            # A page holds more than its document, so the document's tag says nothing of it.
            self.request.headers.pop("If-None-Match", None)
            # Forms send the fields that nobody filled in, too.
            query = self.request.query_arguments
            for name in [name for name, values in query.items() if not any(values)]:
                del query[name]

    async def _nobody(self) -> bool:
        # A token that counts no more gets the plain answer 401.
        if self.hub_auth.get_token(self, in_cookie=False):
            return False
        return await self.hub_auth.get_user(self, sync=False) is None

    def _send_to_login(self) -> None:
        def redirect(*_: object, **__: object) -> None:
            self.redirect(self.get_login_url())  # type: ignore[no-untyped-call]

        setattr(self, "get", redirect)  # noqa: B010  (a method is replaced, as `refuse` does)

    async def find_user(self) -> Mapping[str, Any] | None:
        """Return the hub's model of who is calling, or None when it is nobody."""
        user: Mapping[str, Any] | None = await self.hub_auth.get_user(self, sync=False)
        return user

    async def _identify(self, scope: str) -> None:
        try:
            user = await self.find_user()
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

    def parsed_query(self, operation: Operation) -> dict[str, Any]:
        """Return the value of every parameter.  Raises `ApiError` 400."""
        return parse_query(operation.query, self.request.query_arguments)

    def unauthorized(self) -> ApiError:
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

    # --- answers ---

    def reply_rendered(self, document: bytes, status: int = 200) -> None:
        """Finish with a JSON document, or with the page that shows it."""
        if self.form == HTML:
            self._auto_finish = False  # tornado's way to say: the answer comes later
            self._page = asyncio.ensure_future(self._reply_page(document, status))
        else:
            super().reply_rendered(document, status)

    async def _reply_page(self, document: bytes, status: int) -> None:
        try:
            page = await page_of(self, document)
        except Exception as error:
            self.log_exception(type(error), error, error.__traceback__)
            self.send_error(500, exc_info=(type(error), error, error.__traceback__))
        else:
            self.set_status(status)
            self.send_page(page)

    def send_page(self, page: Page) -> None:
        """Finish with a page."""
        for name, value in page.headers.items():
            self.set_header(name, value)
        self.clear_header("Etag")
        self.finish(page.text)

    def reply_error(self, error: ApiError) -> None:
        """Finish with the document of an error, or with a page for people."""
        if self.browser:
            self.set_status(error.status_code)
            self.send_page(error_page(self, error))
        else:
            self.form = JSON
            super().reply_error(error)

    # --- the request body ---

    def _expect_body(self, body: Body) -> None:
        headers = self.request.headers
        bodies.check_content_type(
            headers.get("Content-Type", ""), tuple(body.content), body.unsupported
        )
        bodies.check_content_encoding(headers.get("Content-Encoding", "identity"))
        limit = self.services.options.max_body
        if self.body_size() > limit:
            raise bodies.too_large(limit)
        self._body = bytearray()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep a piece of the body, or drop it when none is wanted."""
        if self._body is None:
            return None
        try:
            if len(self._body) + len(chunk) > self.services.options.max_body:
                raise bodies.too_large(self.services.options.max_body)
            self.shared.budget.take(len(chunk))
        except ApiError as error:
            self._drop_body()
            self.refuse(error)
        else:
            self._body += chunk
        return None

    def _drop_body(self) -> None:
        if self._body is not None:
            self.shared.budget.give_back(len(self._body))
            self._body = None

    @property
    def body_type(self) -> str:
        """Media type of the body, in lower case, without parameters."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def text_body(self) -> str:
        """Return the body as text.  Raises `InvalidDocument`."""
        assert self._body is not None  # noqa: S101  (the route's table announces a body)
        return bodies.text_of(self._body)

    async def json_body(self, most_values: int = bodies.MAX_VALUES) -> Any:
        """Return the decoded body, of at most so many values.  Raises `InvalidDocument`."""
        assert self._body is not None  # noqa: S101  (the route's table announces a body)
        return await bodies.decoded(self._body, most_values)

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
