"""The agency's answers while hub or vault are away, and for pages of configured origins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from ccp_jupyter.hub_service.api.agency.routes import AGENCY_ROUTES
from ccp_jupyter.hub_service.api.handler import Shared
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Options, Services
from tests.service.agency.conftest import said
from tests.service.agency.test_logins import TOKEN, Hub, RealVault, hub, vault

__all__ = ["hub", "vault"]  # fixtures

ORIGIN = "https://ui.example.org"
ROUTES = (
    "agency/version",
    "agency/login",
    "agency/token",
    "agency/refreshtoken",
    "agency/batches/{batch_id}",
)


@pytest.fixture
async def client(hub: Hub, vault: RealVault) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the routes that need nothing but hub and vault."""
    hub.tokens[TOKEN]["scopes"] = ["x", "custom:ccp:read"]
    services = Services(
        store=None,  # type: ignore[arg-type]  # these routes ask none of them
        controller=None,  # type: ignore[arg-type]
        events=None,  # type: ignore[arg-type]
        folders=None,  # type: ignore[arg-type]
        vault=vault.client,
        prefix="/services/ccp/",
        keys=None,  # type: ignore[arg-type]
        options=Options(agency_origins=(ORIGIN,)),
    )
    auth = ServiceHubAuth(
        api_url=f"http://127.0.0.1:{hub.port}/hub/api",
        api_token="service",
        cache_max_age=1,
        access_scopes=["x"],
    )
    shared = Shared(services, auth)
    rules: list[Any] = [
        (
            f"/services/ccp/{_pattern(route.path)}",
            _with(auth, route.handler),
            _members(shared, route),
        )
        for route in AGENCY_ROUTES
        if route.path in ROUTES
    ]
    app = web.Application(rules, cookie_secret=b"x", xsrf_cookies=True, max_drain=1000)
    server = HTTPServer(app)
    socket, port = bind_unused_port()
    server.add_sockets([socket])
    url = f"http://127.0.0.1:{port}/services/ccp/agency/"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as found:
        yield found
    server.stop()
    await server.close_all_connections()


def _pattern(path: str) -> str:
    return path.replace("{", "(?P<").replace("}", ">[^/]+)")


def _with(auth: ServiceHubAuth, handler: type[Any]) -> type[Any]:
    return type(handler.__name__, (handler,), {"hub_auth": auth})


def _members(shared: Shared, route: Any) -> dict[str, Any]:
    return {"shared": shared, "operations": route.operations}


ALICE = ("alice", TOKEN)


async def test_it_works_before(client):
    answer = await client.get("version", auth=ALICE)
    assert answer.status_code == 200, answer.text
    assert "authorization_cookie" in answer.cookies


async def test_a_hub_that_is_away(client, hub):
    hub.status = 502
    answer = await client.get("version", auth=ALICE)
    said(answer, 503, "Service Unavailable")
    assert answer.headers["retry-after"]


async def test_a_vault_that_is_away(client, vault):
    tokens = (await client.post("login", auth=ALICE)).json()
    await vault.stop()
    client.cookies.clear()
    answer = await client.get("version", auth=ALICE)
    assert answer.status_code == 200, "Basic needs no vault"
    said(await client.post("login", auth=ALICE), 503, "Service Unavailable")
    said(await client.get("token", auth=ALICE), 503, "Service Unavailable")
    bearer = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    said(await client.post("refreshtoken", headers=bearer), 503, "Service Unavailable")
    await vault.start()
    said(await client.post("refreshtoken", headers=bearer), 401, "Unauthorized")


async def test_a_page_of_a_configured_origin(client):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = await client.options("login", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    answer = await client.options("batches/6b0206930123456789000001", headers=asked)
    assert answer.headers["access-control-allow-methods"] == "GET, DELETE"
    page = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    answer = await client.post("login", headers=page, auth=ALICE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    wrong = await client.post("login", headers=page, auth=("alice", "x"))
    said(wrong, 401, "Unauthorized")
    assert wrong.headers["access-control-allow-origin"] == ORIGIN, "else the page hears nothing"


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null", ""])
async def test_a_page_of_another_origin(client, origin):
    page = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    for answer in (
        await client.options("login", headers=page),
        await client.post("login", headers=page, auth=ALICE),
    ):
        assert answer.status_code in (403, 405)
        assert "access-control-allow-origin" not in answer.headers
        assert "access_token" not in answer.text


async def test_many_logins_at_once(client):
    answers = await asyncio.gather(*(client.post("login", auth=ALICE) for _ in range(30)))
    tokens = {answer.json()["access_token"] for answer in answers}
    assert len(tokens) == 30
