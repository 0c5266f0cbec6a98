"""The landing page, for programs and for people; conformance, API document, health, login."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, ClassVar, Final

from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado.template import Loader

from ccp_jupyter.hub_service.api.answering import JsonHandler
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.links import OGC_REL, link
from ccp_jupyter.hub_service.store.base import ExecutionQuery, MethodQuery
from ccp_jupyter.model.stored_method import Viewer

log = logging.getLogger(__name__)

TITLE: Final = "ccp: Methods on remote container engines"
DESCRIPTION: Final = "OGC API - Processes: Methods are processes, Executions are jobs."
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
_RECENT: Final = 10
_CHECK_TIMEOUT: Final = 3.0
_CHECK_AGE: Final = 1.0

CLASSES: Final = (
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
    "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/deploy-replace-undeploy",
)


def wants_page(accept: str) -> bool:
    """Tell whether an ``Accept`` header is a browser's, which prefers a page to JSON."""
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    return "text/html" in kinds and "application/json" not in kinds


class LandingHandler(ApiHandler):
    """Where everything is: a document for programs, a page for people."""

    templates: ClassVar[Loader] = Loader(str(Path(__file__).with_name("templates")))

    async def check(self) -> None:
        """Send browsers that nobody knows to the hub's login, and only them."""
        self._page = self.request.method == "GET" and wants_page(
            self.request.headers.get("Accept", "")
        )
        self._login = self._page and await self._nobody()
        if not self._login:
            await super().check()

    async def _nobody(self) -> bool:
        # A token that counts no more gets the plain answer 401.
        if self.hub_auth.get_token(self, in_cookie=False):
            return False
        return await self.hub_auth.get_user(self, sync=False) is None

    async def get(self) -> None:
        """Show what is here."""
        if self._login:
            self.redirect(self.get_login_url())  # type: ignore[no-untyped-call]
            return
        self.set_header("Vary", "Accept")
        if self._page:
            await self._send_page()
            return
        base = self.base_url
        self.reply(
            {
                "title": TITLE,
                "description": DESCRIPTION,
                "links": [
                    link(base, "self", "This document"),
                    link(base, "alternate", "This document as a page", "text/html"),
                    link(base + "api", "service-desc", "API document", OPENAPI),
                    link(base + "conformance", OGC_REL + "conformance", "Conformance"),
                    link(base + "processes", OGC_REL + "processes", "Methods"),
                    link(base + "jobs", OGC_REL + "job-list", "Executions"),
                    link(base + "infrastructures", "item", "Infrastructures"),
                ],
            }
        )

    async def _send_page(self) -> None:
        query = ExecutionQuery(owner=self.caller.name, limit=_RECENT)
        page = await self.services.store.list_executions(query)
        self.xsrf_token  # noqa: B018  (reading it sets the cookie that scripts must send back)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        template = self.templates.load("landing.html")
        self.finish(
            template.generate(
                title=TITLE,
                caller=self.caller,
                executions=page.items,
                base=self.base_url,
            )
        )


class ConformanceHandler(ApiHandler):
    """What of the standard is met."""

    async def get(self) -> None:
        """List the conformance classes."""
        self.reply({"conformsTo": list(CLASSES)})


class ApiDocumentHandler(ApiHandler):
    """The OpenAPI document."""

    async def get(self) -> None:
        """Send it."""
        self.set_header("Content-Type", OPENAPI)
        self.finish(self.shared.openapi)


class HealthHandler(ApiHandler):
    """Whether the service works; open to everybody, and tells nothing else."""

    async def get(self) -> None:
        """Ask every part."""
        checks = await self._checks()
        good = all(value == "ok" for value in checks.values())
        self.reply({"status": "ok" if good else "failing", "checks": checks}, 200 if good else 503)

    async def _checks(self) -> dict[str, str]:
        at, known = self.shared.health
        if time.monotonic() - at < _CHECK_AGE:
            return known
        names = ["store", *self.services.checks]
        asked = [self._store(), *(check() for check in self.services.checks.values())]
        outcomes = await asyncio.gather(
            *(asyncio.wait_for(each, _CHECK_TIMEOUT) for each in asked), return_exceptions=True
        )
        found: dict[str, str] = {}
        for name, outcome in zip(names, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                log.warning("health: %s: %s", name, outcome)
            found[name] = "failing" if isinstance(outcome, BaseException) else "ok"
        self.shared.health = (time.monotonic(), found)
        return found

    async def _store(self) -> None:
        await self.services.store.list_methods(MethodQuery(Viewer(name=""), limit=1))


class CallbackHandler(HubOAuthCallbackHandler, JsonHandler):
    """The end of a browser's login."""

    hub_auth_class = ServiceHubAuth

    def initialize(self, **_: Any) -> None:
        """Take nothing: it works before anybody is known."""

    def check_xsrf_cookie(self) -> None:
        """Skip: there is only GET, and the OAuth state guards it."""

    async def check(self) -> None:
        """Allow GET alone."""
        if self.request.method != "GET":
            raise ApiError(405, "Only GET is possible here", headers={"Allow": "GET"})
