"""What passes between browser and service, and what does not."""

from __future__ import annotations

import asyncio
import json

import pytest
from tornado.httpclient import HTTPClientError

from tests.unit.client.peer import TOKEN, Handler, answer, cut, silent, status


async def test_get(call, peer, jp_auth_header):
    peer.on("GET", "jobs/j1", answer(status()))
    own = {"token": jp_auth_header["Authorization"].split()[1], "_xsrf": "x"}
    code, document = await call("GET", "api/jobs/j1", params={"a": "1", **own})
    assert (code, document["jobID"]) == (200, "j1")
    (seen,) = peer.requests("GET", "jobs/j1")
    assert seen.query == {"a": "1"}


async def test_only_listed_headers_pass(jp_fetch, peer, jp_auth_header):
    async def behave(handler: Handler) -> None:
        handler.set_header("Set-Cookie", "evil=1")
        handler.set_header("X-Secret", TOKEN)
        handler.set_header("Etag", '"v1"')
        handler.set_header("Location", peer.url + "jobs/j2")
        handler.set_header("Content-Type", "text/html")
        handler.finish(b"<script>alert(1)</script>")

    peer.on("GET", "jobs/j1", behave)
    sent = {
        "Cookie": "a=b",
        "X-Evil": "1",
        "Range": "bytes=0-",
        "If-Range": '"v1"',
        "X-Forwarded-For": "1.2.3.4",
    }
    reply = await jp_fetch("ccp_jupyter", "api", "jobs", "j1", headers=sent)
    (seen,) = peer.requests("GET", "jobs/j1")
    assert seen.headers["Authorization"] == f"token {TOKEN}"
    assert seen.headers["Range"] == "bytes=0-"
    assert not {"Cookie", "X-Evil", "X-Forwarded-For"} & set(seen.headers)
    assert reply.headers["Etag"] == '"v1"'
    assert reply.headers["Location"].endswith("/ccp_jupyter/api/jobs/j2")
    assert "evil" not in str(reply.headers)
    assert TOKEN not in str(reply.headers)
    # A user's HTML must not act as a page of this server.
    assert "sandbox" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert jp_auth_header["Authorization"] != seen.headers["Authorization"]


async def test_location_of_somewhere_else_is_dropped(jp_fetch, peer):
    peer.on("GET", "jobs/j1", answer({}, Location="https://evil.example.org/"))
    reply = await jp_fetch("ccp_jupyter", "api", "jobs", "j1")
    assert "Location" not in reply.headers


async def test_post(call, peer):
    peer.on("POST", "processes/m1/execution", answer(status(), 201))
    body = {"inputs": {"x": "ü" * 100_000}}
    code, document = await call(
        "POST",
        "api/processes/m1/execution",
        body,
        headers={"Idempotency-Key": "k1", "Content-Type": "application/json", "Prefer": "x"},
    )
    assert (code, document["jobID"]) == (201, "j1")
    (seen,) = peer.requests("POST", ".*")
    assert seen.json() == body
    assert seen.headers["Idempotency-Key"] == "k1"


@pytest.mark.parametrize("code", [400, 401, 404, 409, 422, 429, 500, 503])
async def test_errors_of_the_service_come_as_they_are(call, peer, code):
    problem = {"type": "about:blank", "title": "T", "detail": "told", "problems": []}
    peer.on("GET", "jobs/j1", answer(problem, code))
    assert await call("GET", "api/jobs/j1") == (code, problem)


async def test_delete_and_put(call, peer):
    peer.on("DELETE", "processes/m1", answer(b"", 204))
    peer.on("PUT", "processes/m1", answer({"id": "m1"}))
    assert await call("DELETE", "api/processes/m1") == (204, b"")
    peer.on("PATCH", "jobs/j1", answer({"id": "j1"}))
    assert (await call("PATCH", "api/jobs/j1", body={"inputs": {}}))[0] == 200
    assert peer.requests("PATCH", "jobs/j1")[0].json() == {"inputs": {}}
    assert await call("PUT", "api/processes/m1", {"id": "m1"}) == (200, {"id": "m1"})


async def test_service_is_away(call, peer):
    await asyncio.to_thread(peer.stop)
    code, document = await call("GET", "api/jobs/j1")
    peer.start()
    assert code == 503
    assert "cannot be reached" in document["message"]


async def test_cut_answer_is_cut_here_too(jp_fetch, peer):
    peer.on("GET", "jobs/j1", cut(b"x" * 1000, Content_Length="5000"))
    with pytest.raises((HTTPClientError, OSError)):
        await jp_fetch("ccp_jupyter", "api", "jobs", "j1")


async def test_cut_answer_without_length(jp_fetch, peer):
    peer.on("GET", "jobs/j1", cut(b"x" * 1000))
    with pytest.raises((HTTPClientError, OSError)):
        await jp_fetch("ccp_jupyter", "api", "jobs", "j1")


async def test_large_answers_stream(jp_fetch, peer):
    data = bytes(range(256)) * 20_000

    async def behave(handler: Handler) -> None:
        handler.set_header("Content-Type", "application/zip")
        for at in range(0, len(data), 2**16):
            handler.write(data[at : at + 2**16])
            await handler.flush()

    peer.on("GET", "jobs/j1/outputs/output.zip", behave)
    reply = await jp_fetch("ccp_jupyter", "api", "jobs", "j1", "outputs", "output.zip")
    assert reply.body == data
    assert reply.headers["Content-Type"] == "application/zip"


async def test_bodies_that_are_too_large(call, peer):
    code, document = await call("POST", "api/processes", body="x" * 1_000_001)
    assert code == 413
    assert "give files as links" in document["message"]

    async def endless(write) -> None:
        for _ in range(100):
            await write(b"x" * 100_000)

    code, document = await call("POST", "api/processes", body_producer=endless)
    assert code == 413
    assert "give files as links" in document["message"]
    assert peer.requests("POST", ".*") == []


@pytest.mark.parametrize(
    "path", ["..%2f..%2fhub", "jobs/..", "%2e%2e/x", "jobs/.%2e/x", "a%5cb", "a%00b", "a%0d%0ab"]
)
async def test_paths_that_climb(jp_serverapp, http_server_client, jp_auth_header, peer, path):
    seen = len(peer.seen)
    reply = await http_server_client.fetch(
        f"/a%40b/ccp_jupyter/api/{path}", headers=jp_auth_header, raise_error=False
    )
    assert reply.code in (400, 404)
    assert all("hub" not in each.path for each in peer.seen[seen:])


async def test_quoted_ids_pass_as_they_are(http_server_client, jp_auth_header, jp_serverapp, peer):
    peer.on("GET", "processes/a%2Fb%20c", answer({"id": "a/b c"}))
    url = "/a%40b/ccp_jupyter/api/processes/a%2Fb%20c"
    reply = await http_server_client.fetch(url, headers=jp_auth_header)
    assert json.loads(reply.body) == {"id": "a/b c"}


async def test_no_streams_of_events_here(call):
    code, document = await call("GET", "api/events", headers={"Accept": "text/event-stream"})
    assert code == 406
    assert "event bus" in document["message"]


async def test_browser_that_goes_away_while_sending(http_server, jp_serverapp, peer):
    (port,) = {s.getsockname()[1] for s in http_server._sockets.values()}
    token = jp_serverapp.identity_provider.token
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST /a%40b/ccp_jupyter/api/processes HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: token {token}\r\nContent-Length: 500000\r\n\r\n".encode()
    )
    writer.write(b"x" * 100_000)
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.2)
    assert peer.requests("POST", ".*") == []


async def test_browser_that_goes_away_lets_go_of_the_service(jp_fetch, peer):
    peer.on("GET", "jobs/j1", silent())
    with pytest.raises((HTTPClientError, OSError)):
        await jp_fetch("ccp_jupyter", "api", "jobs", "j1", request_timeout=0.5)
