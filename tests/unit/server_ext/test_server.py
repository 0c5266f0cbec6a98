"""Being on or off, the environment of kernels, and who may call."""

from __future__ import annotations

import os

import pytest
from tornado.httpclient import HTTPClientError

from tests.unit.client.peer import TOKEN
from tests.unit.server_ext.conftest import until

PATHS = [
    ("GET", "status"),
    ("GET", "api/jobs"),
    ("POST", "api/processes/m1/execution"),
    ("PUT", "api/processes/m1"),
    ("DELETE", "api/jobs/j1"),
    ("POST", "fetch/j1"),
    ("GET", "fetch/j1"),
    ("DELETE", "fetch/j1"),
    ("POST", "files"),
]


async def test_on(call, jp_serverapp, jp_root_dir, peer, heard):
    await until(lambda: heard)
    status, document = await call("GET", "status")
    assert status == 200
    assert document["session"]
    assert document["events"] > 0
    told = {name: document[name] for name in ("enabled", "connected", "reason")}
    assert told == {"enabled": True, "connected": True, "reason": ""}
    assert os.environ["CCP_WORKSPACE"] == str(jp_root_dir)
    assert os.environ["CCP_SERVICE_URL"] == peer.url
    extension = jp_serverapp.web_app.settings["ccp_jupyter"]
    await extension.stop_extension()
    assert "CCP_WORKSPACE" not in os.environ


@pytest.fixture
def outside_of_a_hub(monkeypatch):
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    monkeypatch.delenv("CCP_WORKSPACE", raising=False)


async def test_off_outside_of_a_hub(outside_of_a_hub, jp_serverapp, jp_fetch, caplog):
    reply = await jp_fetch("ccp_jupyter", "status")
    assert b'"enabled": false' in reply.body
    assert b"CCP_SERVICE_URL" in reply.body
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("ccp_jupyter", "api", "jobs")
    assert caught.value.code == 503
    assert caught.value.response is not None
    assert b"switched off" in caught.value.response.body
    assert "CCP_WORKSPACE" not in os.environ


@pytest.mark.parametrize(("verb", "path"), PATHS)
async def test_nobody_gets_in_without_login(call, peer, verb, path):
    before = len(peer.requests(verb, ".*"))
    status, _ = await call(verb, path, headers={"Authorization": "token wrong"})
    assert status == 403
    assert len(peer.requests(verb, ".*")) == before or verb == "GET"


@pytest.mark.parametrize(("verb", "path"), PATHS)
async def test_authorizer_is_asked(call, jp_serverapp, peer, verb, path, monkeypatch):
    asked = []

    async def no(handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", no)
    status, _ = await call(verb, path)
    assert status == 403
    (seen,) = asked
    action = {"GET": "read"}.get(verb, "write")
    assert seen == (("read", "contents") if path == "files" else (action, "ccp_jupyter"))


@pytest.mark.parametrize("verb", ["TRACE", "HEAD"])
async def test_other_verbs(call, verb):
    status, _ = await call(verb, "api/jobs", allow_nonstandard_methods=True)
    assert status == 405


async def test_token_is_logged_nowhere(call, peer, caplog, capfd, heard):
    caplog.set_level(0)
    await call("GET", "api/jobs")
    peer.stop()
    await call("GET", "api/jobs")
    await call("POST", "fetch/j1")
    peer.start()
    out, err = capfd.readouterr()
    assert caplog.text
    assert TOKEN not in caplog.text + out + err


async def test_files_become_values(call, jp_root_dir):
    (jp_root_dir / "sub").mkdir()
    (jp_root_dir / "sub/a.csv").write_bytes(b"x\n\xff")
    status, value = await call("POST", "files", {"path": "sub/a.csv"})
    assert (status, value) == (
        200,
        {"name": "a.csv", "value": "eAr/", "mediaType": "text/csv", "encoding": "base64"},
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nothing.csv", 404),
        ("sub", 400),
        ("", 400),
        (None, 400),
        (3, 400),
        ("a\x00b", 400),
        ("../outside", 404),
        ("/etc/passwd", 404),
        (".hidden", 404),
        ("large", 413),
    ],
)
async def test_files_that_are_none(call, jp_root_dir, path, expected):
    (jp_root_dir / "sub").mkdir()
    (jp_root_dir.parent / "outside").write_text("secret")
    (jp_root_dir / ".hidden").write_text("secret")
    (jp_root_dir / "large").write_bytes(bytes(1001))
    status, reply = await call("POST", "files", {"path": path})
    assert status == expected, reply


@pytest.mark.parametrize("body", ["", "[]", "3", "{", "[" * 5000])
async def test_bodies_that_are_none(call, body):
    status, _ = await call("POST", "files", body=body)
    assert status == 400
