"""Logins with a real vault, and a small hub that can forget tokens and go away."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.testing import bind_unused_port

from ccp_jupyter.hub_service.api.agency import sessions
from ccp_jupyter.hub_service.api.agency.logins import Credentials, Login, Logins, credentials_of
from ccp_jupyter.hub_service.api.agency.sessions import Kind, Sessions
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Options, Services
from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running

HOME, AWAY = "192.0.2.1", "198.51.100.2"
TOKEN = "0123456789abcdef" * 2


class Hub:
    """Knows tokens of users, and counts questions."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {
            TOKEN: {"kind": "user", "name": "alice"},
            "f" * 32: {"kind": "service", "name": "alice"},
        }
        self.questions = 0
        self.status = 200
        hub = self

        class User(web.RequestHandler):
            def get(self) -> None:
                hub.questions += 1
                model = hub.tokens.get(self.request.headers["Authorization"].split()[1])
                self.set_status(hub.status if model else 403)
                self.finish({"scopes": ["x"], **model} if model else {})

        self.server = HTTPServer(web.Application([("/hub/api/user", User)]))
        socket, self.port = bind_unused_port()
        self.server.add_sockets([socket])


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    yield hub
    hub.server.stop()
    await hub.server.close_all_connections()


class RealVault:
    """A vault process that can be restarted."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ccp-vault-"))
        self.client = VaultClient(self.folder / "vault.sock", timeout=2)
        self._pid = 0

    async def start(self) -> None:
        self._pid = await ensure_running(self.folder / "vault.sock", self.folder / "vault.log")

    async def stop(self) -> None:
        os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while (self.folder / "vault.sock").exists() or _alive(self._pid):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
async def vault() -> AsyncIterator[RealVault]:
    vault = RealVault()
    await vault.start()
    yield vault
    await vault.client.close()
    await vault.stop()
    shutil.rmtree(vault.folder)


def logins_with(hub: Hub, vault: RealVault, **options: Any) -> Logins:
    auth = ServiceHubAuth(
        api_url=f"http://127.0.0.1:{hub.port}/hub/api", api_token="service", cache_max_age=1
    )
    services = Services(
        store=None,  # type: ignore[arg-type]  # logins ask neither of these
        controller=None,  # type: ignore[arg-type]
        events=None,  # type: ignore[arg-type]
        folders=None,  # type: ignore[arg-type]
        vault=vault.client,
        prefix="/services/ccp/",
        keys=None,  # type: ignore[arg-type]
        options=Options(**options),
    )
    return Logins(services, auth)


@pytest.fixture
def logins(hub, vault):
    return logins_with(hub, vault, num_login_attempts=3, block_for_seconds=1.5)


def basic(user: str, secret: str) -> Credentials:
    return Credentials("basic", user, secret)


async def alice(logins: Logins) -> Login:
    login = await logins.check(basic("alice", TOKEN), HOME)
    assert login is not None
    return login


async def test_basic_with_name_and_token(logins):
    login = await alice(logins)
    assert (login.model["name"], login.kind, login.hub_token) == ("alice", None, TOKEN)


@pytest.mark.parametrize(
    ("user", "secret"),
    [
        ("alice", "x"),
        ("alice", ""),
        ("", TOKEN),
        ("", ""),
        ("bob", TOKEN),
        ("Alice", TOKEN),
        ("alice ", TOKEN),
        ("alice", TOKEN + "\n"),
        ("alice", "tökén"),
        ("alice", "f" * 32),
        ("alice", sessions.PREFIX + "0" * 48),
        ("alice", sessions.PREFIX + "0" * 100_000),
    ],
)
async def test_basic_that_does_not_fit(logins, user, secret):
    assert await logins.check(basic(user, secret), HOME) is None


async def test_bearer_with_a_token_of_the_hub(logins):
    login = await logins.check(Credentials("bearer", "", TOKEN), HOME)
    assert login is not None
    assert login.model["name"] == "alice"
    assert await logins.check(Credentials("bearer", "", "e" * 32), HOME) is None


async def test_many_requests_ask_the_hub_once(logins, hub):
    for _ in range(20):
        await alice(logins)
    assert hub.questions == 1


async def test_each_token_is_good_for_one_thing(logins):
    login = await alice(logins)
    opened = {kind: (await logins.open(kind, login))[0] for kind in Kind}
    assert len(set(opened.values())) == len(Kind)
    for kind, token in opened.items():
        as_password = await logins.check(basic("alice", token), AWAY)
        assert (as_password is not None) == (kind is Kind.PASSWORD)
        bearer = await logins.check(Credentials("bearer", "", token), AWAY)
        assert (bearer is not None) == (kind in (Kind.ACCESS, Kind.REFRESH))
        assert bearer is None or bearer.kind is kind
        cookie = await logins.check(Credentials("cookie", "alice", token), AWAY)
        assert (cookie is not None) == (kind is Kind.COOKIE)
        assert await logins.check(Credentials("cookie", "bob", token), AWAY) is None
        assert await logins.check(basic("bob", token), AWAY) is None


async def test_a_token_ends_in_time(hub, vault):
    logins = logins_with(hub, vault, access_token_expires=1)
    token, seconds = await logins.open(Kind.ACCESS, await alice(logins))
    assert seconds == 1
    bearer = Credentials("bearer", "", token)
    assert await logins.check(bearer, HOME) is not None
    await asyncio.sleep(1.1)
    assert await logins.check(bearer, HOME) is None  # by the cache's word
    assert await logins_with(hub, vault).check(bearer, HOME) is None  # by the vault's


async def test_a_revoked_token_ends_what_was_made_with_it(logins, hub, vault):
    bearer = Credentials("bearer", "", (await logins.open(Kind.ACCESS, await alice(logins)))[0])
    model = hub.tokens.pop(TOKEN)
    await asyncio.sleep(1.1)  # the hub's answer is remembered
    assert await logins.check(bearer, HOME) is None
    hub.tokens[TOKEN] = model
    await asyncio.sleep(1.1)
    assert await logins.check(bearer, HOME) is None, "it must not come back"


async def test_a_token_that_became_somebody_elses(logins, hub):
    bearer = Credentials("bearer", "", (await logins.open(Kind.ACCESS, await alice(logins)))[0])
    hub.tokens[TOKEN]["name"] = "bob"
    await asyncio.sleep(1.1)
    assert await logins.check(bearer, HOME) is None


async def test_sessions_survive_the_service_but_not_the_vault(hub, vault):
    first = logins_with(hub, vault)
    token, _ = await first.open(Kind.ACCESS, await alice(first))
    bearer = Credentials("bearer", "", token)
    assert await logins_with(hub, vault).check(bearer, HOME) is not None
    await vault.stop()
    with pytest.raises(VaultUnreachable):
        await logins_with(hub, vault).check(bearer, HOME)
    await vault.start()
    assert await logins_with(hub, vault).check(bearer, HOME) is None


async def test_the_vault_has_no_token_that_somebody_could_use(vault):
    kept = Sessions(vault.client)
    token = await kept.open(Kind.ACCESS, "alice", TOKEN, 60)
    assert await vault.client.session(token) is None
    found = await kept.find(token)
    assert found is not None
    assert token not in str(found)


async def test_very_many_sessions_of_one_user_end_only_their_own(vault):
    kept = Sessions(vault.client)
    other = await kept.open(Kind.ACCESS, "bob", TOKEN, 60)
    tokens = [
        await kept.open(Kind.ACCESS, "alice", TOKEN, 60) for _ in range(sessions.MOST_OF_USER)
    ]
    assert await kept.find(tokens[0]) is not None
    newest = await kept.open(Kind.ACCESS, "alice", TOKEN, 60)
    assert await kept.find(tokens[0]) is None
    for token in (tokens[1], tokens[-1], newest, other):
        assert await kept.find(token) is not None


async def test_sessions_that_are_over_need_no_room(vault):
    kept = Sessions(vault.client)
    first = await kept.open(Kind.ACCESS, "alice", TOKEN, 60)
    for _ in range(sessions.MOST_OF_USER - 1):
        await kept.open(Kind.ACCESS, "alice", TOKEN, 0.01)
    await asyncio.sleep(0.05)
    await kept.open(Kind.ACCESS, "alice", TOKEN, 60)
    assert await kept.find(first) is not None


async def test_one_cookie_serves_for_a_while(logins, vault):
    login = await alice(logins)
    first = await logins.cookie(login)
    assert first is not None
    name, _, secret = first.value.partition(":")
    assert base64.b64decode(name) == b"alice"
    assert len(secret) == 48
    assert 86_390 < first.left <= 86_400
    assert await logins.cookie(login) == first
    assert await logins.check(Credentials("cookie", "alice", secret), HOME) is not None


async def test_a_cookie_that_the_vault_lost_is_replaced(hub, vault):
    logins = logins_with(hub, vault)
    login = await alice(logins)
    first = await logins.cookie(login)
    await vault.stop()
    fresh = logins_with(hub, vault)
    assert await fresh.cookie(login) is None, "no vault, no cookie, but no error"
    await vault.start()
    second = await logins.cookie(login)
    assert first is not None
    assert second is not None
    assert second != first


async def test_a_cookie_is_replaced_at_half_of_its_life(hub, vault):
    logins = logins_with(hub, vault, tokens_valid_for_seconds=2)
    login = await alice(logins)
    first = await logins.cookie(login)
    await asyncio.sleep(1.2)
    second = await logins.cookie(login)
    assert first is not None
    assert second is not None
    assert second.value != first.value
    for cookie in (first, second):
        secret = cookie.value.split(":")[1]
        assert await logins.check(Credentials("cookie", "alice", secret), HOME) is not None


async def test_blocked_with_the_right_token_too_but_nobody_else(logins):
    for _ in range(4):
        assert await logins.check(basic("alice", "wrong"), HOME) is None
    assert await logins.check(basic("alice", TOKEN), HOME) is None
    assert await logins.check(basic("alice", TOKEN), AWAY) is not None
    await asyncio.sleep(1.6)
    assert await logins.check(basic("alice", TOKEN), HOME) is not None


async def test_a_block_asks_neither_hub_nor_vault(logins, hub):
    for number in range(4):
        await logins.check(basic("alice", f"wrong{number}"), HOME)
    asked = hub.questions
    await logins.check(basic("alice", "another"), HOME)
    assert hub.questions == asked == 4


@pytest.mark.parametrize("status", [500, 502])
async def test_a_hub_in_trouble_is_no_failed_login(logins, hub, status):
    hub.status = status
    for _ in range(5):
        with pytest.raises(web.HTTPError) as caught:
            await logins.check(basic("alice", TOKEN), HOME)
        assert caught.value.status_code >= 500
    hub.status = 200
    await alice(logins)


LINE = RequestStartLine("GET", "/", "HTTP/1.1")


def sent(**headers: str) -> Credentials:
    given = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    given["Host"] = "hub.example.org"
    return credentials_of(HTTPServerRequest(headers=given, start_line=LINE))


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize("word", ["Basic", "basic", "BASIC"])
def test_what_basic_says(word):
    assert sent(Authorization=f"{word} {b64(b'alice:a:b')}") == basic("alice", "a:b")
    assert sent(Authorization=f"{word}  {b64('älice:ö'.encode())} ") == basic("älice", "ö")


@pytest.mark.parametrize("word", ["Bearer", "bearer", "token", "Token"])
def test_what_bearer_says(word):
    assert sent(Authorization=f"{word} abc") == Credentials("bearer", "", "abc")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        f"Basic {b64(b'alice')}",
        f"Basic {b64(bytes([255, 58, 255]))}",
        "Basic YWxpY2U6YQ",
        "Basic " + "A" * 10_000,
        "Digest username=alice",
        "Bearer",
        "x",
    ],
)
def test_headers_that_say_nothing(header):
    assert sent(Authorization=header, Cookie=f"authorization_cookie=YWxpY2U=:{'0' * 48}") == (
        Credentials("basic")
    ), "who sends a header means it: no other way of login is tried"


@pytest.mark.parametrize("quote", ["", '"'])
def test_what_the_cookie_says(quote):
    value = f"{quote}YWxpY2U=:{'0a' * 24}{quote}"
    assert sent(Cookie=f"a=b; authorization_cookie={value}") == Credentials(
        "cookie", "alice", "0a" * 24
    )


@pytest.mark.parametrize(
    "value", ["", "x", "YWxpY2U=:", f"!:{'0' * 48}", f"YWxpY2:{'0' * 48}", f"/w==:{'0' * 48}"]
)
def test_cookies_that_say_nothing(value):
    assert sent(Cookie=f"authorization_cookie={value}") == Credentials("")
