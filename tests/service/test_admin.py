"""Nodes and the service as a whole, for administrators and for users."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.api.errors import INVALID_DOCUMENT, NODE_REFUSED
from tests.jobs import method
from tests.service.documents import check_error

LAB = "infrastructures/local-docker/nodes"
AWAY = {"id": "away-1", "base_url": "unix:///nowhere/docker.sock"}


@pytest.fixture
def added(admin):
    """Add a Node that does not answer; it is removed."""
    answer = admin.http.post(LAB, json=AWAY)
    assert answer.status_code == 201, answer.text
    yield answer
    admin.http.delete("nodes/away-1", params={"force": "true"})


def test_a_node_is_added_shown_and_removed(admin, alice, added):
    assert added.headers["location"].endswith("/nodes/away-1")
    assert added.json()["added"] is True
    assert added.json()["configuration"] == AWAY
    shown = admin.http.get("nodes/away-1").json()
    assert (shown["state"], shown["infrastructure"]) == ("offline", "local-docker")
    assert shown["free"] == {"slots": 0, "memory": 0, "cpus": 0.0, "gpus": 0}
    again = check_error(admin.http.post(LAB, json=AWAY), 409, NODE_REFUSED)
    assert "away-1" in again["detail"]
    checked = admin.http.post("nodes/away-1/check").json()
    assert checked["ok"] is False
    assert [each["name"] for each in checked["checks"] if not each["ok"]][:1] == ["reach"]
    assert admin.http.delete("nodes/away-1").status_code == 204
    check_error(admin.http.get("nodes/away-1"), 404)
    check_error(admin.http.delete("nodes/away-1"), 404)


def test_users_see_how_nodes_are_and_no_addresses(alice, admin, stack, added):
    nodes = {each["id"]: each for each in alice.http.get("nodes").json()["nodes"]}
    assert set(nodes) == {*stack.engines, "away-1"}
    here = nodes[next(iter(stack.engines))]
    assert here["state"] == "online"
    assert here["free"]["slots"] > 0 and here["free"]["memory"] > 2**28
    assert nodes["away-1"]["reason"].startswith("The engine does not answer")
    for answer in (
        alice.http.get("nodes"),
        alice.http.get("nodes/away-1"),
        alice.http.get(LAB),
    ):
        for private in ("base_url", "sock", "configuration", "nowhere", "outside"):
            assert private not in answer.text
    assert "unix:///nowhere" in admin.http.get("nodes/away-1").text


def problems(answer: Any) -> set[str]:
    return {each["member"] for each in check_error(answer, 400, INVALID_DOCUMENT)["problems"]}


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"id": "../x"}, "id"),
        ({"id": 7}, "id"),
        ({"base_url": "http://10.0.0.1"}, "base_url"),
        ({"base_url": "tcp://10.0.0.1:2375"}, ""),  # plain TCP without "insecure"
        ({"slots": 0}, "slots"),
        ({"slots": True}, "slots"),
        ({"memory": "much"}, "memory"),
        ({"gpus": [{"id": "0", "vram": -1}]}, "gpus.0.vram"),
        ({"tls": {"ca": "/a"}}, "tls.cert"),
        ({"surprise": 1}, "surprise"),
        ({"environment": {"A": 1}}, "environment.A"),
    ],
)
def test_nodes_that_break_rules(admin, change, member):
    answer = admin.http.post(LAB, json={"id": "bad-1", "base_url": "unix:///x", **change})
    assert member in problems(answer)
    check_error(admin.http.get("nodes/bad-1"), 404)


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "{}", '{"environment": {"a": []}}'])
def test_what_is_no_node(admin, body):
    send = {"headers": {"Content-Type": "application/json"}}
    assert problems(admin.http.post(LAB, content=body, **send))


def test_hostile_bodies(admin):
    check_error(admin.http.post("infrastructures/none/nodes", json=AWAY), 404)
    send = {"headers": {"Content-Type": "application/json"}}
    check_error(admin.http.post(LAB, content=b'{"id": "a", "id"', **send), 400, INVALID_DOCUMENT)
    check_error(
        admin.http.post(LAB, content=b'{"id": "a", "id": "b"}', **send), 400, INVALID_DOCUMENT
    )
    huge = {"id": "a", "base_url": "unix:///x", "environment": {str(n): "" for n in range(3000)}}
    check_error(admin.http.post(LAB, json=huge), 400, INVALID_DOCUMENT)


def test_a_node_drains_and_works_again(admin, alice, stack):
    name = sorted(stack.engines)[-1]
    answer = admin.http.patch(f"nodes/{name}", json={"draining": True, "reason": "new disk"})
    try:
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "draining"
        seen = alice.http.get(f"nodes/{name}").json()
        assert seen["draining"] is True
        assert "new disk" in seen["reason"]
        assert seen["free"]["slots"] == 0
        job = alice.start(method(stack.images["shell"], "true", inputs={}))
        assert alice.wait(job)["status"] == "successful"
    finally:
        back = admin.http.patch(f"nodes/{name}", json={"draining": False})
    assert (back.json()["state"], back.json()["reason"]) == ("online", "")


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, "draining"),
        ({"draining": "yes"}, "draining"),
        ({"draining": True, "reason": "x" * 501}, "reason"),
        ({"draining": True, "reason": "two\nlines"}, "reason"),
        ({"draining": True, "by": "somebody else"}, "by"),
    ],
)
def test_changes_that_break_rules(admin, stack, body, member):
    name = min(stack.engines)
    assert problems(admin.http.patch(f"nodes/{name}", json=body)) == {member}
    assert admin.http.get(f"nodes/{name}").json()["state"] == "online"


def test_what_the_configuration_has_stays(admin, stack):
    found = check_error(admin.http.delete(f"nodes/{min(stack.engines)}"), 409, NODE_REFUSED)
    assert "configuration" in found["detail"]


def test_a_node_that_is_well(admin, stack):
    found = admin.http.post(f"nodes/{min(stack.engines)}/check").json()
    assert found["ok"] is True, found
    assert {"reach", "version", "clock"} <= {each["name"] for each in found["checks"]}


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", LAB),
        ("PATCH", "nodes/node-1"),
        ("DELETE", "nodes/node-1"),
        ("POST", "nodes/node-1/check"),
        ("GET", "admin/status"),
        ("GET", "admin/usage"),
        ("GET", "admin"),
        ("GET", "metrics"),
    ],
)
def test_only_administrators(alice, verb, path):
    answer = alice.http.request(verb, path, json={} if verb in ("POST", "PATCH") else None)
    assert check_error(answer, 403)["scope"] == "custom:ccp:admin"


def test_status(admin, failed, stack):
    found = admin.http.get("admin/status").json()
    assert found["health"]["status"] == "ok"
    assert found["nodes"]["online"] == len(stack.engines)
    assert [each["infrastructure"] for each in found["queue"]] == ["local-docker"]
    failure = next(each for each in found["failures"] if each["execution"] == failed)
    assert failure["outcome"] == "failed" and "exit code 3" in failure["reason"]
    details = [each.get("detail", "") for each in found["health"]["checks"]]
    assert any(str(stack.data_dir) in each for each in details)


def test_usage(admin, finished, sleeping):
    found = {each["owner"]: each for each in admin.http.get("admin/usage").json()["users"]}
    assert found["alice"]["executions"] >= 2
    assert found["alice"]["bytes"] > 3_000_000
    assert found["alice"]["running"] >= 1
