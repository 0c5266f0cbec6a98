"""Who may read metrics without a token: whom the configuration names, and nobody who says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network

import httpx
import pytest
from tornado import httpserver, netutil, web

from ccp_jupyter.hub_service.api.admin_routes import ADMIN_ROUTES
from ccp_jupyter.hub_service.api.handler import Shared
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Options, Services

Get = Callable[..., Awaitable[int]]


@pytest.fixture
async def get() -> AsyncIterator[Get]:
    """Ask for the metrics of a service with these networks; returns the status."""
    servers = []

    async def ask(*networks: str, forwarded: str = "", trusted: tuple[str, ...] = ()) -> int:
        options = Options(
            metrics_networks=tuple(map(ip_network, networks)),
            trusted_proxies=tuple(map(ip_network, trusted)),
        )
        services = Services(
            store=None,  # type: ignore[arg-type]  # metrics ask none of them
            controller=None,  # type: ignore[arg-type]
            events=None,  # type: ignore[arg-type]
            folders=None,  # type: ignore[arg-type]
            vault=None,  # type: ignore[arg-type]
            prefix="/",
            keys=None,  # type: ignore[arg-type]
            options=options,
        )
        hub = ServiceHubAuth(api_url="http://127.0.0.1:1/hub/api", api_token="x", access_scopes=[])
        (route,) = (each for each in ADMIN_ROUTES if each.path == "metrics")
        handler = type("Handler", (route.handler,), {"hub_auth": hub})
        members = {"shared": Shared(services, hub), "operations": route.operations}
        application = web.Application(
            [("/metrics", handler, members)], max_drain=1000, cookie_secret="x"
        )
        (listening,) = netutil.bind_sockets(0, "127.0.0.1")
        server = httpserver.HTTPServer(application)
        server.add_sockets([listening])
        servers.append(server)
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            port = listening.getsockname()[1]
            answer = await client.get(f"http://127.0.0.1:{port}/metrics", headers=headers)
        assert (answer.status_code == 200) == ("ccp_build_info" in answer.text)
        return answer.status_code

    yield ask
    for server in servers:
        server.stop()
        await server.close_all_connections()


async def test_closed_until_a_network_is_named(get):
    assert await get() == 401
    assert await get("10.0.0.0/8", "fd00::/8") == 401
    assert await get("127.0.0.1/32") == 200


async def test_what_comes_through_a_proxy_has_the_address_that_the_proxy_saw(get):
    assert await get("127.0.0.1/32", forwarded="192.0.2.7") == 401
    assert await get("192.0.2.0/24", forwarded="192.0.2.7") == 200
    # Everybody can write the first entries; only the proxies' own count.
    assert await get("10.0.0.0/8", forwarded="10.0.0.1, 192.0.2.7") == 401
    assert (
        await get("10.0.0.0/8", forwarded="10.0.0.1, 192.0.2.7", trusted=("192.0.2.7/32",)) == 200
    )
    assert await get("10.0.0.0/8", forwarded="10.0.0.1\x7f") in (400, 401)
    assert await get("10.0.0.0/8", forwarded="no address") == 401
