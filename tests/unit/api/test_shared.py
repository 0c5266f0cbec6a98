"""What a shareable link gives, and when it gives nothing: a server of our own, a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado import httpserver, netutil, web

from ccp_jupyter.hub_service.api.handler import Shared
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.sharing_routes import SHARING_ROUTES
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.signing_keys import SigningKeys
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.states import Target
from ccp_jupyter.model.times import now
from tests.contract.store_data import a_method, an_execution


class World:
    """A server with one route."""

    def __init__(self, store: SqliteStore, folder: Path) -> None:
        self.store = store
        self.keys = SigningKeys(folder / "keys")
        services = Services(
            store=store,
            controller=None,  # type: ignore[arg-type]  # Methods need none of these
            events=None,  # type: ignore[arg-type]
            folders=Folders(folder / "executions"),
            vault=None,  # type: ignore[arg-type]
            prefix="/",
            keys=self.keys,
        )
        hub = ServiceHubAuth(api_url="http://127.0.0.1:1/hub/api", api_token="x", access_scopes=[])
        (route,) = (each for each in SHARING_ROUTES if each.path == "shared/{token}")
        handler = type("Handler", (route.handler,), {"hub_auth": hub})
        members = {"shared": Shared(services, hub), "operations": route.operations}
        application = web.Application(
            [("/shared/(?P<token>[^/]+)", handler, members)], max_drain=1000, cookie_secret="x"
        )
        (listening,) = netutil.bind_sockets(0, "127.0.0.1")
        self.server = httpserver.HTTPServer(application)
        self.server.add_sockets([listening])
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/shared/",
            trust_env=False,
            timeout=60,
        )

    async def link(self, **changes: Any) -> str:
        """Make a link; returns its last part."""
        values: dict[str, Any] = {
            "id": f"l{len((await self.store.list_links('alice')).items)}",
            "owner": "alice",
            "kind": "method",
            "target": "m1",
            "expires": now() + timedelta(days=1),
        }
        made = await self.store.add_link(ShareLink(**{**values, **changes}))
        return f"{made.id}.{self.keys.link_signature(made.id)}"

    async def status(self, token: str) -> int:
        return (await self.http.get(token)).status_code


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    made = World(store, tmp_path)
    document = {
        "id": "m1",
        "title": "Größe",
        "version": "1.2.0",
        "metadata": [{"role": "context", "title": "physics"}, {"role": "author", "title": "a"}],
    }
    await store.add_method(a_method("m1", owner="alice", document=document))
    yield made
    await made.http.aclose()
    made.server.stop()
    await made.server.close_all_connections()
    await store.close()


async def test_what_it_gives(world: World) -> None:
    token = await world.link()
    answer = await world.http.get(token)
    assert answer.json()["metadata"] == [{"role": "author", "title": "a"}]
    assert answer.headers["Content-Disposition"].endswith("Gr%C3%B6%C3%9Fe-1.2.0.json")
    about = (await world.http.get(token, params={"f": "json"})).json()
    assert (about["kind"], about["id"], about["name"]) == ("method", "m1", "Größe-1.2.0.json")
    assert await world.status(token) == 200
    (kept,) = (await world.store.list_links("alice")).items
    assert kept.uses == 2  # to ask what it is is no use


async def test_what_works_no_longer(world: World) -> None:
    good = await world.link()
    assert await world.status(good) == 200
    wrong = {
        "expired": await world.link(expires=now() - timedelta(seconds=1)),
        "made before what is there now": await world.link(created=now() - timedelta(days=9999)),
        "of something that is gone": await world.link(target="gone"),
        "of a revision that is not there": await world.link(revision=7),
        "of no Execution": await world.link(kind="execution"),
        "signed with another key": good.partition(".")[0] + "." + "A" * 43,
        "without a signature": good.partition(".")[0],
    }
    await world.store.add_execution(an_execution("e1", target=Target.DELETED), [])
    wrong["of what is being deleted"] = await world.link(kind="execution", target="e1")
    answers = {why: await world.http.get(token) for why, token in wrong.items()}
    assert {why: answer.status_code for why, answer in answers.items()} == dict.fromkeys(wrong, 404)
    # Nobody can tell one from the other.
    details = {answer.json()["detail"] for answer in answers.values()}
    assert len(details) == 1


async def test_guessing_ends(world: World) -> None:
    good = await world.link()
    codes = [await world.status(f"guess{n}.x") for n in range(25)]
    assert codes[:21] == [404] * 21
    assert codes[21:] == [429] * 4
    refused = await world.http.get(good)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "60"
