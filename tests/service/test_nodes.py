"""Nodes over HTTP, on real engines: added, drained, looked at, removed while the service runs."""

from __future__ import annotations

import time

import pytest

from tests.jobs import method

LAB = "local-docker"


def get(caller, node):
    answer = caller.http.get(f"nodes/{node}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(caller, node, true, seconds=90):
    deadline = time.monotonic() + seconds
    while not true(found := get(caller, node)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@pytest.fixture
def names(admin):
    """Both Nodes of the stack, online; enabled again after the test."""
    found = [node["id"] for node in admin.http.get("nodes").json()["nodes"]]
    for name in found:
        until(admin, name, lambda node: node["state"] == "online")
    yield found
    for name in found:
        admin.http.patch(f"nodes/{name}", json={"draining": False})


def test_a_drained_node_gets_nothing_new(stack, admin, alice, names):
    drained, other = names
    answer = admin.http.patch(f"nodes/{drained}", json={"draining": True, "reason": "new disk"})
    assert answer.status_code == 200, answer.text
    found = get(admin, drained)
    assert (found["state"], found["reason"]) == ("draining", "new disk (admin)")
    jobs = [alice.start(method(stack.images["shell"], "true")) for _ in range(3)]
    for job in jobs:
        assert alice.wait(job)["status"] == "successful"
        assert {e["node"] for e in alice.events(job) if e.get("node")} == {other}
    answer = admin.http.patch(f"nodes/{drained}", json={"draining": False})
    assert answer.json()["state"] == "online"


def test_everything_that_a_node_needs(stack, admin, alice, names):
    job = alice.start(method(stack.images["shell"], "true", ""), ccpreplicas=2)
    assert alice.wait(job)["status"] == "successful"
    found = admin.http.post(f"nodes/{names[0]}/check").json()
    checks = {each["name"]: each for each in found["checks"]}
    assert list(checks) == ["reach", "version", "clock", "image", "disk", "network"]
    for name in ("reach", "version", "clock"):
        assert checks[name]["ok"], checks[name]


def test_what_others_run_there_is_seen(stack, admin, names):
    before = until(admin, names[0], lambda node: node["outside"]["containers"] == 0)
    client = stack.engines[names[0]].client()
    limits = client.create_host_config(mem_limit="64m", nano_cpus=500_000_000)
    repository, _, tag = stack.images["shell"].rpartition(":")
    client.pull(repository, tag)
    container = client.create_container(
        stack.images["shell"], ["sleep", "1000"], host_config=limits, name="theirs"
    )["Id"]
    try:
        client.start(container)
        found = until(admin, names[0], lambda node: node["outside"]["containers"] == 1)
        assert found["outside"]["memory"] == 64 * 2**20
        assert found["free"]["memory"] == before["free"]["memory"] - 64 * 2**20
    finally:
        client.remove_container(container, force=True)
        client.close()
    found = until(admin, names[0], lambda node: node["outside"]["containers"] == 0)
    assert found["free"]["memory"] == before["free"]["memory"]


def test_an_engine_that_is_a_node_already(admin, names):
    """Whatever it is called: two Nodes would remove each other's containers."""
    address = get(admin, names[0])["base_url"]
    document = {"id": "again", "base_url": address}
    answer = admin.http.post(f"infrastructures/{LAB}/nodes", json=document)
    assert answer.status_code == 201, answer.text
    try:
        found = until(admin, "again", lambda node: "already" in node["reason"])
        assert found["state"] == "offline"
        assert f"as Node {names[0]}; remove one of the two" in found["reason"]
        assert get(admin, names[0])["state"] == "online"
    finally:
        assert admin.http.delete("nodes/again").status_code == 204
    assert admin.http.get("nodes/again").status_code == 404
    assert get(admin, names[0])["state"] == "online"


def test_a_node_that_does_not_answer_yet(admin, names, tmp_path):
    document = {"id": "later", "base_url": f"unix://{tmp_path}/later.sock"}
    answer = admin.http.post(f"infrastructures/{LAB}/nodes", json=document)
    assert answer.status_code == 201, answer.text
    try:
        assert answer.json()["state"] == "offline"
        until(admin, "later", lambda node: "No such file" in node["reason"])
        again = admin.http.post(f"infrastructures/{LAB}/nodes", json=document)
        assert again.status_code == 409
        found = admin.http.post("nodes/later/check").json()
        assert not found["ok"]
        assert [each["name"] for each in found["checks"]] == ["reach"]
    finally:
        assert admin.http.delete("nodes/later").status_code == 204


def test_a_configured_node_stays(admin, names):
    answer = admin.http.delete(f"nodes/{names[0]}")
    assert answer.status_code == 409
    assert "stands in the configuration" in answer.text
