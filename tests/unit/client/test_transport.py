"""Errors, retries, limits, and where the token must never appear."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback

import pytest

from ccp_jupyter.client import (
    AsyncClient,
    Conflict,
    InvalidRequest,
    LimitReached,
    NotAllowed,
    NotConfigured,
    NotFound,
    NotLoggedIn,
    ServiceError,
    ServiceUnavailable,
)
from ccp_jupyter.client.answers import retry_after
from ccp_jupyter.client.transport import Call, path_of
from tests.unit.client.peer import TOKEN, Peer, answer, cut, silent, status

JOB = "jobs/j1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, InvalidRequest),
        (401, NotLoggedIn),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (413, InvalidRequest),
        (429, LimitReached),
        (500, ServiceError),
        (507, ServiceError),
    ],
)
async def test_each_status_has_its_error(peer: Peer, client, code, kind):
    peer.on("GET", JOB, answer({"title": "T", "detail": "told by the service"}, code))
    with pytest.raises(kind, match="told by the service") as caught:
        await client.execution("j1")
    assert caught.value.status == code
    assert len(peer.seen) == 1


async def test_problems_are_listed(peer, client):
    problems = [
        {"member": "inputs.column", "rule": "must be text", "value": "3"},
        {"member": "inputs.x", "rule": "is unknown", "value": ""},
        "garbage",
    ]
    peer.on("GET", JOB, answer({"detail": "two problems", "problems": problems}, 400))
    with pytest.raises(InvalidRequest) as caught:
        await client.execution("j1")
    assert [each.member for each in caught.value.problems] == ["inputs.column", "inputs.x"]
    assert "inputs.column: must be text (found 3)" in str(caught.value)


async def test_limit_is_known_by_its_type(peer, client):
    document = {"type": "urn:ccp:error:limit-reached", "detail": "delete some"}
    peer.on("GET", JOB, answer(document, 409))
    with pytest.raises(LimitReached, match="delete some"):
        await client.execution("j1")


@pytest.mark.parametrize(
    "body",
    [b"<html>hub</html>", b"{", b"[" * 100_000, b'"text"', b"\xff\xfe", b"", b"null", b"[]", b"{}"],
)
async def test_garbage_with_200_is_a_clear_error(peer, client, body):
    peer.on("GET", JOB, answer(body))
    with pytest.raises(ServiceError, match="right"):
        await client.execution("j1")


async def test_garbage_with_an_error_status(peer, client):
    peer.on("GET", JOB, answer(b"<html>404</html>", 404))
    with pytest.raises(NotFound, match="is the service's url right"):
        await client.execution("j1")


async def test_redirect_to_login(peer, client):
    peer.on("GET", JOB, answer(b"", 302, Location="/hub/login?next=x"))
    with pytest.raises(NotLoggedIn, match="login page"):
        await client.execution("j1")


async def test_endless_answer_is_bounded(peer, client, monkeypatch):
    monkeypatch.setattr("ccp_jupyter.client.transport.LARGEST_ANSWER", 1000)
    peer.on("GET", JOB, answer({"jobID": "x" * 2000}))
    with pytest.raises(ServiceError, match="longer than 1000 bytes"):
        await client.execution("j1")


@pytest.mark.parametrize("bad", [answer(b"", 502), answer(b"", 503), answer(b"", 504), cut()])
async def test_comes_again_when_the_service_is_away(peer, client, bad):
    peer.on("GET", JOB, bad, bad, answer(status()))
    assert (await client.execution("j1")).status == "running"
    assert len(peer.seen) == 3


async def test_comes_again_after_a_cut_in_the_answer(peer, client):
    peer.on("GET", JOB, cut(b'{"jobID":', Content_Length="500"), answer(status()))
    assert (await client.execution("j1")).id == "j1"


async def test_waits_as_long_as_asked(peer, client):
    peer.on("GET", JOB, answer(b"", 503, Retry_After="1"), answer(status()))
    begun = time.monotonic()
    await client.execution("j1")
    assert time.monotonic() - begun >= 1


async def test_gives_up_at_once_when_asked_to_wait_longer_than_the_timeout(peer, client):
    peer.on("GET", JOB, answer({"detail": "back tomorrow"}, 503, Retry_After="600"))
    begun = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="back tomorrow"):
        await client.execution("j1")
    assert time.monotonic() - begun < 2
    assert len(peer.seen) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("0.5", 0.5),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("x", None),
    ],
)
def test_retry_after(text, expected):
    assert retry_after({"retry-after": text}) == expected


def test_retry_after_as_a_date():
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}) is None


async def test_nobody_listens(peer):
    peer.stop()
    begun = time.monotonic()
    async with AsyncClient(peer.url, TOKEN, timeout=1) as client:
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await client.execution("j1")
    assert time.monotonic() - begun < 4


async def test_silent_service(peer):
    peer.on("GET", JOB, silent())
    async with AsyncClient(peer.url, TOKEN, timeout=0.5) as client:
        with pytest.raises(ServiceUnavailable, match=r"no answer within 0\.5 s"):
            await client.execution("j1")


async def test_post_is_not_repeated_when_it_may_have_arrived(peer, client):
    peer.on("POST", "processes", cut())
    with pytest.raises(ServiceUnavailable):
        await client.deploy({"id": "m1"})
    assert len(peer.seen) == 1


async def test_delete_that_an_earlier_try_did(peer, client):
    peer.on("GET", "processes/m1", answer({"id": "m1"}))
    peer.on("DELETE", "processes/m1", cut(), answer({"detail": "gone"}, 404))
    await client.undeploy("m1")
    assert len(peer.requests("DELETE", ".*")) == 2


async def test_several_loops_one_after_the_other(peer):
    peer.on("GET", JOB, answer(status()))
    client = AsyncClient(peer.url, TOKEN, timeout=5)

    def in_own_loop() -> str:
        async def ask() -> str:
            found = (await client.execution("j1")).status
            await client.close()
            return found

        return asyncio.run(ask())

    assert await asyncio.to_thread(in_own_loop) == "running"
    assert await asyncio.to_thread(in_own_loop) == "running"


def test_not_configured(monkeypatch):
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    with pytest.raises(NotConfigured, match=r"CCP_SERVICE_URL.*JUPYTERHUB_API_TOKEN"):
        AsyncClient()
    with pytest.raises(NotConfigured, match=r"JUPYTERHUB_API_TOKEN.*CCP_SERVICE_URL"):
        AsyncClient("http://127.0.0.1:1/")


def test_configured_by_the_environment(monkeypatch):
    monkeypatch.setenv("CCP_SERVICE_URL", "https://hub.example.org/services/ccp")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
    assert AsyncClient().url == "https://hub.example.org/services/ccp/"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "hub",
        "http://",
        "http://u:p@x/",
        "http://x/?token=1",
        "http://[::1",
        "http://x:y",
    ],
)
def test_unusable_urls(url):
    with pytest.raises(NotConfigured, match="url"):
        AsyncClient(url, TOKEN)


@pytest.mark.parametrize("token", ["a b\n", "ä", "\x00"])
def test_unusable_tokens(token):
    with pytest.raises(NotConfigured, match="token"):
        AsyncClient("http://127.0.0.1:1/", token)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_unusable_timeouts(timeout):
    with pytest.raises(ValueError, match="timeout"):
        AsyncClient("http://127.0.0.1:1/", TOKEN, timeout)


def test_paths_cannot_climb():
    assert path_of("jobs", "../admin", "..", "a b") == "jobs/..%2Fadmin/%2E%2E/a%20b"


async def test_hostile_ids_stay_in_their_place(peer, client):
    with pytest.raises(NotFound):
        await client.execution("../../hub/api?x=1#y")
    assert peer.seen[0].path.startswith("/ccp/jobs/")


def everything_in(error: BaseException | None) -> list[str]:
    """What a traceback with local variables shows, of the error and those that it came from."""
    found = []
    while error is not None:
        found.append(str(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for name, value in frame.f_locals.items():
                try:
                    found.append(f"{name} = {value!r}")
                except AttributeError:
                    continue  # not complete yet
        error = error.__cause__ if error.__suppress_context__ else error.__context__
    return found


async def test_token_is_shown_nowhere(peer, client, caplog):
    """Not in reprs, not in logs, not in a traceback that shows local variables."""
    caplog.set_level(logging.DEBUG)
    peer.on("GET", JOB, cut(), answer({"detail": "no"}, 403))
    shown = [repr(client), repr(client._transport), repr(vars(client._transport))]
    nowhere = AsyncClient("http://127.0.0.1:1/", TOKEN, 0.1)
    # Fails where all headers are local variables of the HTTP library.
    impossible = Call("GET", JOB, headers={"X-Broken": "a\nb"})
    calls = [
        client.execution("j1"),
        nowhere.methods(),
        client._transport.answer(impossible, patience=0),
    ]
    for broken in calls:
        with pytest.raises(ServiceError) as caught:
            await broken
        shown += everything_in(caught.value)
    text = "".join(shown) + caplog.text
    assert "Transport" in text
    assert TOKEN not in text


async def test_call_repeatability():
    assert not Call("POST", "x").may_repeat
    assert Call("GET", "x").may_repeat
    assert Call("POST", "x", repeatable=True).may_repeat
