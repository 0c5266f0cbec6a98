"""What the service does while the hub does not answer; here the hub is a small server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.identity import Caller, Groups, ServiceHubAuth


class Hub:
    """Knows one user, counts questions, and can go away."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.groups = ["physics"]
        self.status = 200
        hub = self

        class User(web.RequestHandler):
            async def get(self, *_: str) -> None:
                hub.questions.append(self.request.headers["Authorization"])
                await asyncio.sleep(0.05)
                self.set_status(hub.status)
                self.finish({"name": "alice", "groups": hub.groups, "scopes": ["x"]})

        app = web.Application([("/hub/api/users/alice", User), ("/hub/api/user", User)])
        self.server = HTTPServer(app)
        socket, self.port = bind_unused_port()
        self.server.add_sockets([socket])


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    yield hub
    hub.server.stop()
    await hub.server.close_all_connections()


@pytest.fixture
def auth(hub):
    return ServiceHubAuth(
        api_url=f"http://127.0.0.1:{hub.port}/hub/api", api_token="service", cache_max_age=30
    )


ALICE = Caller("alice", frozenset(), {"kind": "user", "name": "alice"})


async def test_groups_are_asked_as_the_service_and_only_once(hub, auth):
    groups = Groups(auth)
    found = await asyncio.gather(*(groups.of(ALICE) for _ in range(20)))
    assert set(found) == {frozenset({"physics"})}
    assert hub.questions == ["token service"]


async def test_groups_are_asked_again_after_a_while(hub, auth):
    groups = Groups(auth, fresh=0.1)
    assert await groups.of(ALICE) == {"physics"}
    hub.groups = ["chemistry"]
    assert await groups.of(ALICE) == {"physics"}
    await asyncio.sleep(0.2)
    assert await groups.of(ALICE) == {"chemistry"}


@pytest.mark.parametrize("status", [500, 502, 404, 403])
async def test_old_groups_help_for_a_while_when_the_hub_is_away(hub, auth, status):
    groups = Groups(auth, fresh=0, stale=1.0)
    assert await groups.of(ALICE) == {"physics"}
    hub.status = status
    assert await groups.of(ALICE) == {"physics"}
    await asyncio.sleep(1.1)
    with pytest.raises(ApiError) as caught:
        await groups.of(ALICE)
    assert caught.value.status_code == 503
    assert "127.0.0.1" not in str(caught.value.document())


async def test_a_hub_that_is_not_there(hub, auth):
    hub.server.stop()
    with pytest.raises(ApiError) as caught:
        await Groups(auth).of(ALICE)
    assert caught.value.status_code == 503


async def test_services_are_in_no_group_and_are_no_users(hub, auth):
    model = {"kind": "service", "name": "alice", "scopes": ["custom:ccp:submit"]}
    service = Caller.of(model)
    assert service.name == "service/alice"
    assert await Groups(auth).of(service) == frozenset()
    assert hub.questions == []


async def test_many_requests_with_a_new_token_ask_the_hub_once(hub, auth):
    found = await asyncio.gather(*(auth.user_for_token("t", sync=False) for _ in range(20)))
    assert {each["name"] for each in found} == {"alice"}
    assert hub.questions == ["token t"]


async def test_claims_hold_nothing_secret():
    model = {
        "kind": "user",
        "name": "alice",
        "scopes": [],
        "token_id": "a5",
        "session_id": "secret",
        "auth_state": {"password": "x"},
    }
    assert set(Caller.of(model).claims) == {"kind", "name", "scopes"}
