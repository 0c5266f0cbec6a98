"""The landing page, conformance, API document, login."""

from __future__ import annotations

from typing import Any, Final

from jupyterhub.services.auth import HubOAuthCallbackHandler

from ccp_jupyter.hub_service.api.answering import JsonHandler
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.links import OGC_REL, link, page_link
from ccp_jupyter.hub_service.api.operations import HTML

TITLE: Final = "ccp: Methods on remote container engines"
DESCRIPTION: Final = "OGC API - Processes: Methods are processes, Executions are jobs."
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"

CLASSES: Final = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/callback",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
    "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/deploy-replace-undeploy",
    "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/ogcapppkg",
    "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/docker",
    "http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/cwl",
    "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/job-management",
    "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/ogcapi-processes",
    "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/provenance",
)


class LandingHandler(ApiHandler):
    """Where everything is."""

    async def get(self) -> None:
        """Show what is here."""
        base = self.base_url
        self.reply(
            {
                "title": TITLE,
                "description": DESCRIPTION,
                "links": [
                    link(base, "self", "This document"),
                    page_link(base),
                    link(base + "api", "service-desc", "API document", OPENAPI),
                    link(base + "api?f=html", "service-doc", "API document as a page", HTML),
                    link(base + "conformance", OGC_REL + "conformance", "Conformance"),
                    link(base + "processes", OGC_REL + "processes", "Methods"),
                    link(base + "jobs", OGC_REL + "job-list", "Executions"),
                    link(base + "infrastructures", "item", "Infrastructures"),
                ],
            }
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
        if self.form == HTML:
            self.reply_rendered(self.shared.openapi)
            return
        self.set_header("Content-Type", OPENAPI)
        self.finish(self.shared.openapi)


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
