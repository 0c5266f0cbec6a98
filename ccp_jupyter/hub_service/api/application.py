"""The tornado application, made from the table of routes."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Final

from tornado import web

from ccp_jupyter.hub_service.api.answering import NotFound
from ccp_jupyter.hub_service.api.handler import Shared
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.openapi import openapi_document
from ccp_jupyter.hub_service.api.pages import CallbackHandler
from ccp_jupyter.hub_service.api.routes import ROUTES, Route
from ccp_jupyter.hub_service.api.services import Services

_TOKEN_AGE: Final = 30
"""Seconds for which a token that the hub has revoked still works; the hub's default is 300."""


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
    rules: list[Any] = [_rule(services.prefix, route, shared) for route in ROUTES]
    landing = next(route for route in ROUTES if not route.path)
    rules.append(
        (
            re.escape(services.prefix.rstrip("/")),
            landing.handler,
            {"shared": shared, "operations": landing.operations},
        )
    )
    rules.append((re.escape(services.prefix) + "oauth_callback", CallbackHandler))
    return web.Application(
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
    return pattern, route.handler, {"shared": shared, "operations": route.operations}
