"""Version, logins, Nodes, schemas; who gets in and who does not."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft202012Validator

from ccp_jupyter.hub_service.api.agency.routes import AGENCY_ROUTES
from ccp_jupyter.hub_service.api.identity import OPEN
from tests.service.agency.conftest import Agency, said
from tests.service.conftest import ACCESS

ID = "6b0206930123456789000000"
NAMES = {"experiment_id": ID, "job_id": ID, "batch_id": ID[:-1] + "1", "stream": "stdout"}
CLOSED = [
    (verb, route.path.format(**NAMES).removeprefix("agency/"))
    for route in AGENCY_ROUTES
    for verb, operation in route.operations.items()
    if operation.scope != OPEN
]


@pytest.fixture
def anybody(ann):
    with ann.client() as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_open_routes(ann, anybody):
    assert anybody.get("").json() == {"Hello": "World"}
    assert anybody.get(str(anybody.base_url).rstrip("/")).json() == {"Hello": "World"}
    Draft202012Validator(anybody.get("schema/red").json()).validate(ann.red("true"))
    settings = ann.red("true")["container"]["settings"]
    found = anybody.get("schema/engines/container").json()
    Draft202012Validator(found["docker"]).validate(settings)
    wrong = {"Authorization": "Basic !!!"}
    assert anybody.get("", headers=wrong).status_code == 200


def test_version(ann):
    found = ann.get("version")
    assert found["agencyVersion"].split(".")[0] == "9"
    assert found["ccpVersion"]


@pytest.mark.parametrize(("verb", "path"), CLOSED)
def test_nobody_gets_in(anybody, verb, path):
    answer = anybody.request(verb, path, json={})
    said(answer, 401, "Unauthorized")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["version", "experiments", "batches/count", "nodes"])
def test_all_ways_of_login(ann, callers, path):
    tokens = ann.http.post("login").json()
    password = ann.get("token")
    cookie = ann.http.get("version").cookies["authorization_cookie"]
    ways: list[dict[str, object]] = [
        {"auth": ("alice", ann.token)},
        {"auth": ("alice", password["token"])},
        {"headers": bearer(ann.token)},
        {"headers": {"Authorization": f"token {ann.token}"}},
        {"headers": bearer(tokens["access_token"])},
        {"cookies": {"authorization_cookie": cookie}},
    ]
    answers = []
    for way in ways:
        with ann.client(**way) as client:
            answer = client.get(path)
            assert answer.status_code == 200, (way, answer.text)
            answers.append(answer.json())
    assert all(type(each) is type(answers[0]) for each in answers)


def test_login_and_refresh(ann, anybody):
    found = ann.http.post("login").json()
    assert found["username"] == "alice"
    access, refresh = found["access_token"], found["refresh_token"]
    assert anybody.get("version", headers=bearer(access)).status_code == 200
    said(anybody.get("version", headers=bearer(refresh)), 401, "Unauthorized")
    said(anybody.post("refreshtoken", headers=bearer(access)), 401, "Unauthorized")
    said(anybody.post("refreshtoken", headers=bearer(ann.token)), 401, "Unauthorized")
    answer = anybody.post("refreshtoken", headers=bearer(refresh))
    assert set(answer.json()) == {"access_token"}
    again = answer.json()["access_token"]
    assert again != access
    assert anybody.get("version", headers=bearer(again)).status_code == 200
    # What has a short life must not prolong itself.
    said(anybody.post("login", headers=bearer(again)), 401, "Unauthorized")
    said(anybody.get("token", headers=bearer(again)), 401, "Unauthorized")


def test_the_token_for_basic(ann, anybody):
    found = ann.get("token")
    assert set(found) == {"token", "validForSeconds"}
    assert found["validForSeconds"] == 86_400
    basic = ("alice", found["token"])
    answer = anybody.get("version", auth=basic)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    said(anybody.get("version", auth=("bob", found["token"])), 401, "Unauthorized")
    said(anybody.get("token", auth=basic), 401, "Unauthorized")
    said(anybody.get("version", headers=bearer(found["token"])), 401, "Unauthorized")


def test_the_cookie(ann):
    with ann.client() as client:
        answer = client.get("version", auth=("alice", ann.token))
        header = answer.headers["set-cookie"]
        assert re.fullmatch(
            r'authorization_cookie="?YWxpY2U=:[0-9a-f]{48}"?; HttpOnly; Max-Age=[0-9]+;'
            r" Path=/services/ccp/agency; SameSite=Strict",
            header,
        ), header
        assert client.get("version").status_code == 200, "the cookie alone is enough"
        assert "set-cookie" not in client.get("version").headers
    value = re.search(r'="?([^";]+)', header)
    assert value is not None
    forged = base64.b64encode(b"bob").decode() + value[1][value[1].index(":") :]
    with ann.client(cookies={"authorization_cookie": forged}) as client:
        said(client.get("version"), 401, "Unauthorized")


def test_the_cookie_is_secure_behind_https(ann):
    answer = ann.http.get("version", headers={"X-Forwarded-Proto": "https"})
    assert "; Secure" in answer.headers["set-cookie"]
    assert "; Secure" not in ann.http.get("version").headers["set-cookie"]


PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": "http://127.0.0.1"}


def test_pages_of_others_cannot_use_what_a_browser_sends_by_itself(ann):
    """Another user's page at the same hub can send requests with the cookie or with Basic."""
    document = ann.red("true")
    with ann.client(auth=("alice", ann.token)) as client:
        assert client.get("version").status_code == 200
        said(client.post("red", json=document, headers=PAGE), 403, "Forbidden")
        said(client.post("login", headers=PAGE), 403, "Forbidden")
        said(client.get("batches", headers=PAGE), 403, "Forbidden")
        client.auth = None  # the cookie is left
        said(client.post("red", json=document, headers=PAGE), 403, "Forbidden")
        said(client.delete(f"batches/{ID[:-1]}1", headers=PAGE), 403, "Forbidden")
        said(client.get("batches", headers=PAGE), 403, "Forbidden")
    with ann.client(headers={**PAGE, **bearer(ann.token)}) as client:
        assert client.get("batches", params={"limit": 1}).status_code == 200


def test_origins_that_are_not_configured_get_nothing(ann, anybody):
    origin = {"Origin": "https://evil.example"}
    answer = ann.http.get("version", headers={**origin, **bearer(ann.token)})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    said(anybody.options("red", headers=origin), 405, "Method Not Allowed")


def test_one_text_for_all_who_do_not_get_in(ann, anybody):
    texts = {
        anybody.get("version", auth=basic).text
        for basic in (
            ("nobody-of-this-name", "x"),
            ("alice", "wrong"),
            ("bob", ann.token),
            ("", ""),
            ("admin", "x" * 1000),
        )
    }
    texts |= {
        anybody.get("version", headers={"Authorization": header}).text
        for header in (
            "Basic",
            "Basic !!!",
            "Digest x",
            "Bearer x",
            "token x",
            "Basic " + "A" * 9999,
        )
    }
    texts.add(anybody.get("version").text)
    assert len(texts) == 1


def test_somebody_else_cannot_lock_out_a_user(ann):
    """The hub's proxy adds the true address at the end, whatever the caller claims to be."""
    from_elsewhere = httpx.HTTPTransport(local_address="127.0.0.7")
    with ann.client(transport=from_elsewhere) as attacker:
        texts = set()
        for number in range(12):
            claimed = {"X-Forwarded-For": "127.0.0.1"}
            answer = attacker.get("version", auth=("alice", f"x{number}"), headers=claimed)
            texts.add(said(answer, 401, "Unauthorized"))
        answer = attacker.get("version", auth=("alice", ann.token))
        texts.add(said(answer, 401, "Unauthorized"))
        assert len(texts) == 1, "a blocked one hears the same"
        # Neither other users from there, nor the user by other ways.
        assert attacker.get("version", auth=("bob", "wrong")).status_code == 401
        assert attacker.get("version", headers=bearer(ann.token)).status_code == 200
    assert ann.http.get("version").status_code == 200


def test_scopes(stack, ann):
    with stack.hub() as hub:
        reader = Agency(stack, "alice", hub.token("alice", [ACCESS, "custom:ccp:read"]))
        stranger = Agency(stack, "alice", hub.token("alice", ["custom:ccp:submit"]))
    assert reader.http.get("experiments").status_code == 200
    said(reader.post(reader.red("true")), 403, "Forbidden")
    said(reader.http.delete(f"experiments/{ID}"), 403, "Forbidden")
    access = reader.http.post("login").json()["access_token"]
    with reader.client(headers=bearer(access)) as client:
        said(client.post("red", json=reader.red("true")), 403, "Forbidden")
    said(stranger.http.get("version"), 403, "Forbidden")
    reader.close()
    stranger.close()


def test_nodes(ann, ben, boss, asleep):
    mine = set(ann.batches(asleep))
    seen = ann.get("nodes")
    assert {each["nodeName"] for each in seen} == {"node-1", "node-2"}
    for node in seen:
        assert node["state"] == "online"
        assert node["ram"] > 0
        assert node["cpus"] > 0
        assert [set(each) for each in node["history"]] == [{"state", "time", "debugInfo"}]
        assert node["history"][0]["time"] < time.time()

    def ids(agency: Agency) -> set[str | None]:
        return {b["batchId"] for node in agency.get("nodes") for b in node["currentBatches"]}

    assert mine <= ids(ann)
    assert mine <= ids(boss)
    assert not mine & ids(ben)
    assert None in ids(ben), "that somebody uses the Node is no secret"
    rams = [b["ram"] for node in seen for b in node["currentBatches"] if b["batchId"] in mine]
    assert rams == [256, 256]


def test_a_small_request_costs_little(ann, stack):
    """At most 5 ms of processor time with login, also by Basic."""
    client = ann.http
    client.get("version")
    pid = stack.document["pids"]["service"]

    def used() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    begin = used()
    for _ in range(200):
        client.get("version")
    assert (used() - begin) / 200 < 0.005
