"""The base of the agency's handlers: its ways of login, its errors, its lenient parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final

from ccp_jupyter.hub_service.api.agency.logins import COOKIE, Login, credentials_of
from ccp_jupyter.hub_service.api.agency.sessions import Kind
from ccp_jupyter.hub_service.api.answering import JsonHandler, NotFound
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.operations import Operation
from ccp_jupyter.hub_service.api.params import parse_query
from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import batch_name, is_id

PATH: Final = "agency"
"""Below the service's prefix."""
_REALM: Final = "JupyterHub user name and API token"
_UNAUTHORIZED: Final = (
    "sign in with your JupyterHub user name and an API token of yours as the password"
)
_READ_ONLY: Final = ("GET", "HEAD", "OPTIONS")


class JsonStrings(JsonHandler):
    """Errors as CC-Agency writes them: a JSON string with status and text."""

    def reply_error(self, error: ApiError) -> None:
        """Finish with an error; each broken rule of a document has a line."""
        detail = error.detail
        if "problems" in error.members:
            detail = "\n".join(str(Problem(**each)) for each in error.members["problems"])
        if "request_id" in error.members:
            detail += f" {error.members['request_id']}"
        status = error.status_code
        self.reply(f"{status} {HTTPStatus(status).phrase}: {detail}", status)


class AgencyNotFound(JsonStrings, NotFound):
    """Answers for paths below the agency's that do not exist."""

    async def check(self) -> None:
        """Answer 404, whatever the verb."""
        raise ApiError(404, "there is nothing at this address")


class AgencyHandler(JsonStrings, ApiHandler):
    """Base of all handlers of the agency.

    A browser sends Basic and the cookie by itself, also for pages of others. So requests of
    browsers with them need the hub's XSRF token, unless their page's origin is configured.
    """

    pages = False
    kinds: ClassVar[tuple[Kind | None, ...]] = (None, Kind.ACCESS, Kind.PASSWORD, Kind.COOKIE)
    """Tokens that count here; None: those of the hub."""
    hub_ways: ClassVar[bool] = True
    """Whether the hub's own login in a browser counts too."""
    login: Login | None = None

    def set_default_headers(self) -> None:
        """Add what pages of configured origins need."""
        super().set_default_headers()
        if self._listed_origin():
            self.set_header("Access-Control-Allow-Origin", self.request.headers["Origin"])
            self.set_header("Access-Control-Allow-Credentials", "true")
            self.set_header("Access-Control-Expose-Headers", "Link, X-Total-Count")
        self.set_header("Vary", "Origin")

    def _listed_origin(self) -> bool:
        # Tornado asks for the headers once before `initialize`, and again for every error.
        if not hasattr(self, "services"):
            return False
        return self.request.headers.get("Origin", "") in self.services.options.agency_origins

    async def check(self) -> None:
        """Check as for any route; questions of browsers before the request proper come first."""
        self.set_default_headers()
        if self.request.method == "OPTIONS" and self._listed_origin():
            return
        await super().check()

    def options(self, **_: str) -> None:
        """Tell a browser what pages of a configured origin may do here."""
        self.set_header("Access-Control-Allow-Methods", ", ".join(self.operations))
        self.set_header(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
        )
        self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)
        self.finish()

    # --- who is calling ---

    async def find_user(self) -> Mapping[str, Any] | None:
        """Return the hub's model of who is calling, by the agency's ways or the hub's own."""
        given = credentials_of(self.request)
        if given.scheme:
            address = self.shared.logins.address(self.request)
            login = await self.shared.logins.check(given, address)
            if login is not None and login.kind in self.kinds:
                self.login = login
                # Tells the hub's library that the XSRF check is not needed.
                self._token_authenticated = not given.ambient or not self._by_page()
                if given.scheme == "basic" and login.kind is None:
                    await self._send_cookie(login)
                return login.model
            if given.scheme != "cookie":
                return None
        return await super().find_user() if self.hub_ways else None

    def _by_page(self) -> bool:
        """Tell whether a page in a browser asks that is not of a configured origin."""
        headers = self.request.headers
        if self._listed_origin():
            return False
        site = headers.get("Sec-Fetch-Site", "none")
        return site != "none" or "Origin" in headers or "Referer" in headers

    async def _send_cookie(self, login: Login) -> None:
        cookie = await self.shared.logins.cookie(login)
        if cookie is None:
            return
        self.set_cookie(
            COOKIE,
            cookie.value,
            path=self.services.prefix + PATH,
            max_age=cookie.left,
            httponly=True,
            samesite="Strict",
            secure=self.base_url.startswith("https:"),
        )

    def hub_token(self) -> tuple[str, str]:
        """Return the hub's token behind the request, and the hub session's id."""
        if self.login is not None:
            return self.login.hub_token, ""
        return self.hub_auth.get_token(self), self.hub_auth.get_session_id(self)

    def unauthorized(self) -> ApiError:
        """Return the one answer to all whom the hub does not know, for whatever reason."""
        scheme = self.request.headers.get("Authorization", "").partition(" ")[0].lower()
        # The answer to a page's Bearer must not make the browser ask for a password.
        kind = "Bearer" if scheme in ("bearer", "token") else "Basic"
        headers = {"WWW-Authenticate": f'{kind} realm="{_REALM}"'}
        return ApiError(401, _UNAUTHORIZED, headers=headers)

    # --- parameters and records ---

    def parsed_query(self, operation: Operation) -> dict[str, Any]:
        """Return the value of every parameter; unknown and repeated ones are passed over."""
        known = {param.name: param.many for param in operation.query}
        given = {
            name: values if known[name] else values[:1]
            for name, values in self.request.query_arguments.items()
            if name in known
        }
        return parse_query(operation.query, given)

    async def new_id(self, old: str) -> str | None:
        """Return what an id of CC-Agency became; None when nothing of it was taken over."""
        return await asyncio.to_thread(self.services.new_id, old)


class ExperimentHandlerBase(AgencyHandler, JobHandlerBase):
    """What the handlers of one Experiment, or one of its batches, have in common."""

    async def visible(self, job_id: str) -> Execution:
        """Return an Experiment that the caller may see.  Raises `ApiError` 400 and 404."""
        _check_id(job_id)
        found = await self._experiment(job_id)
        if found is None and (new := await self.new_id(job_id)) is not None:
            found = await self._experiment(new)
        if found is None:
            raise no_such_experiment(job_id)
        return found

    async def _experiment(self, experiment_id: str) -> Execution | None:
        with suppress(ApiError):
            execution = await super().visible(experiment_id)
            # Those that others share are for the routes of jobs, which let nobody change them.
            if execution.experiment is not None and self.owns(execution):
                return execution
        return None

    async def visible_batch(self, batch_id: str) -> tuple[Execution, Task]:
        """Return a batch that the caller may see.  Raises `ApiError` 400 and 404."""
        _check_id(batch_id)
        found = await self._batch(batch_id)
        if found is None and (new := await self.new_id(batch_id)) is not None:
            found = await self._batch(new)
        if found is None:
            raise no_such_batch(batch_id)
        return found

    async def _batch(self, batch_id: str) -> tuple[Execution, Task] | None:
        name = batch_name(batch_id)
        execution = None if name is None else await self._experiment(name.execution_id)
        if name is None or execution is None:
            return None
        task = await self.services.store.get_task(name.execution_id, name.index)
        return None if task is None else (execution, task)


def _check_id(text: str) -> None:
    if not is_id(text):
        raise ApiError(400, f"an id has 24 digits of 0-9 and a-f (found {shown(text)})")


def no_such_experiment(experiment_id: str) -> ApiError:
    """Return the answer for an Experiment that is not there, or that the caller may not see."""
    return ApiError(404, f"There is no Experiment {shown(experiment_id)}")


def no_such_batch(batch_id: str) -> ApiError:
    """Return the answer for a batch that is not there, or that the caller may not see."""
    return ApiError(404, f"There is no batch {shown(batch_id)}")
