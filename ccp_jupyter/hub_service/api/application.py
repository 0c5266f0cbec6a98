"""The tornado application, made from the table of routes."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from tornado import web

from ccp_jupyter.hub_service.api.agency.handler import PATH as AGENCY_PATH
from ccp_jupyter.hub_service.api.agency.handler import AgencyNotFound
from ccp_jupyter.hub_service.api.answering import NotFound
from ccp_jupyter.hub_service.api.handler import Shared
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.openapi import openapi_document
from ccp_jupyter.hub_service.api.pages import CallbackHandler
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.routes import ALL_ROUTES
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.observing.metrics import Metrics

OTHER: Final = "other"
"""Stands for routes and verbs that the table does not have."""
_TOKEN_AGE: Final = 30
"""Seconds for which a token that the hub has revoked still works; the hub's default is 300."""


class Application(web.Application):
    """An application that counts its answers.

    Parameters
    ----------
    metrics : Metrics
        Where.
    rules, **settings
        As for `tornado.web.Application`.
    """

    def __init__(self, metrics: Metrics, rules: list[Any], **settings: Any) -> None:
        super().__init__(rules, **settings)
        self._count = metrics.count_request
        self._routes = {id(route.operations): route.path for route in ALL_ROUTES}

    def log_request(self, handler: web.RequestHandler) -> None:
        """Count an answer; log it as tornado does."""
        super().log_request(handler)
        request = handler.request
        operations = getattr(handler, "operations", {})
        route = self._routes.get(id(operations), OTHER)
        method = request.method if request.method in operations else OTHER
        self._count(f"/{route}", str(method), handler.get_status(), request.request_time())


def make_app(services: Services, **settings: Any) -> web.Application:
    """Return the application.

    Its server needs no limit for bodies: the application sets its own on every connection.

    Parameters
    ----------
    services : Services
        The parts behind the API.
    **settings : object
        Further settings for `tornado.web.Application`.
    """
    hub = ServiceHubAuth.instance(cache_max_age=_TOKEN_AGE)
    shared = Shared(services, hub)
    shared.openapi = json.dumps(openapi_document(services.prefix)).encode()
    rules: list[Any] = [_rule(services.prefix, route, shared) for route in ALL_ROUTES]
    rules.append((re.escape(services.prefix) + "oauth_callback", CallbackHandler))
    rules.append((re.escape(services.prefix + AGENCY_PATH) + "/.*", AgencyNotFound))
    return Application(
        services.observing.metrics,
        rules,
        default_handler_class=NotFound,
        cookie_secret=services.options.cookie_secret or os.urandom(32),
        xsrf_cookies=True,
        max_drain=services.options.max_drain,
        **settings,
    )


def _rule(prefix: str, route: Route, shared: Shared) -> tuple[str, type[web.RequestHandler], Any]:
    pattern = re.sub(
        r"\\\{(\w+)\\\}",
        lambda match: f"(?P<{match[1]}>{'.+' if match[1] == 'path' else '[^/]+'})",
        re.escape(prefix + route.path),
    )
    if pattern.endswith("/"):
        pattern += "?"  # the landing pages are there without the slash too
    return pattern, route.handler, {"shared": shared, "operations": route.operations}
