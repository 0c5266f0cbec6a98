"""``ccp node``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.client.peer import answer


def node(name: str = "n1", **members: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": name,
        "infrastructure": "lab",
        "state": "online",
        "draining": False,
        "online": True,
        "reason": "",
        "since": "2026-11-21T10:00:00.000Z",
        "running": 2,
        "slots": 8,
        "memory": 2**35,
        "cpus": 16.0,
        "gpus": [{"id": "0", "vram": 8000}, {"id": "1"}],
        "used": {"memory": 2**31, "cpus": 1.5, "gpus": ["1"]},
        "outside": {"containers": 3, "memory": 2**30},
        "version": "26.1",
        "base_url": "https://n1:2376",
        "added": True,
        "free": {"slots": 6, "memory": 0, "cpus": 0, "gpus": 1},
    }
    return {**values, **members}


AWAY = {
    "id": "n2",
    "infrastructure": "lab",
    "state": "offline",
    "since": "soon",
    "reason": "no answer",
}
"""As little as a service may say."""
WELL = {"id": "n1", "ok": True, "checks": [{"name": "reach", "ok": True, "message": "it answers"}]}
ILL = {
    "id": "n2",
    "ok": False,
    "checks": [{"name": "certificate", "ok": False, "message": "expired: make a new one"}],
}


def test_list(ccp, peer):
    peer.on("GET", "nodes", answer({"nodes": [node(), AWAY], "links": []}))
    ran = ccp("node", "list")
    assert ran.code == 0
    head, first, second = ran.out.splitlines()
    assert head.split()[:4] == ["NODE", "STATE", "FOR", "INFRASTRUCTURE"]
    assert "2 / 8  2 GiB / 32 GiB  1.5 / 16  1 / 2" in first
    assert " ".join(second.split()) == "n2 offline soon lab 0 / 0 - - - no answer"
    assert ccp("node", "list", "--json").json() == {"nodes": [node(), AWAY]}
    peer.on("GET", "nodes", answer({"nodes": []}))
    assert ccp("node", "list").out.startswith("NODE")


def test_show(ccp, peer):
    peer.on("GET", "nodes/n1", answer(node(reason="new disk", state="draining")))
    ran = ccp("node", "show", "n1")
    assert ran.code == 0
    for text in (
        ": new disk",
        "https://n1:2376",
        "while the service ran",
        "0 (8000 MB) free, 1 used",
        "3 containers, 1 GiB",
    ):
        assert text in ran.out
    assert ccp("node", "show", "n1", "--json").json()["id"] == "n1"
    peer.on("GET", "nodes/n2", answer(AWAY))
    assert "offline for soon: no answer" in ccp("node", "show", "n2").out
    ran = ccp("node", "show", "../x")
    assert (ran.code, ran.out) == (4, "")


def test_add(ccp, peer):
    peer.on("POST", "infrastructures/lab/nodes", answer(node(), 201))
    ran = ccp(
        *("node", "add", "n1", "https://n1:2376", "--infrastructure", "lab"),
        *("--tls-ca", "/ca", "--tls-cert", "/cert", "--tls-key", "/key"),
        *("--slots", "4", "--memory", "64GiB", "--cpus", "2.5", "--disk", "1TiB"),
        *("--gpu", "0:8000", "--gpu", "GPU-ab-cd", "--network", "net"),
        *("--environment", "A=b=c", "--environment", "B="),
    )
    assert ran.code == 0
    assert "https://n1:2376" in ran.out
    assert peer.requests("POST", ".*")[0].json() == {
        "id": "n1",
        "base_url": "https://n1:2376",
        "tls": {"ca": "/ca", "cert": "/cert", "key": "/key"},
        "slots": 4,
        "memory": "64GiB",
        "cpus": 2.5,
        "disk": "1TiB",
        "gpus": [{"id": "0", "vram": 8000}, {"id": "GPU-ab-cd"}],
        "network": "net",
        "environment": {"A": "b=c", "B": ""},
    }


def test_add_to_the_only_infrastructure_and_check(ccp, peer):
    peer.on("GET", "infrastructures", answer({"infrastructures": [{"id": "lab"}]}))
    peer.on("POST", "infrastructures/lab/nodes", answer(node("n2"), 201))
    peer.on("POST", "nodes/n2/check", answer(ILL))
    words = ("node", "add", "n2", "ssh://me@n2", "--ssh-key", "/k", "--insecure", "--check")
    ran = ccp(*words)
    assert ran.code == 1
    assert ran.out == "n2  FAIL  certificate: expired: make a new one\n"
    assert peer.requests("POST", "infrastructures.*")[0].json() == {
        "id": "n2",
        "base_url": "ssh://me@n2",
        "ssh_key": "/k",
        "insecure": True,
    }
    assert ccp(*words, "--json").json()["check"] == ILL


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gpu", "0:many"], "--gpu"),
        (["--gpu", ":5"], "--gpu"),
        (["--environment", "A"], "--environment"),
        (["--environment", "=b"], "--environment"),
        (["--tls-ca", "/ca"], "--tls-cert, --tls-key"),
        (["--slots", "some"], "--slots"),
        ([], "which --infrastructure? There are a, b"),
    ],
)
def test_add_wrongly(ccp, peer, words, said):
    peer.on("GET", "infrastructures", answer({"infrastructures": [{"id": "a"}, {"id": "b"}]}))
    ran = ccp("node", "add", "n1", "https://n1:2376", *words)
    assert ran.code == 2
    assert said in ran.err
    assert not peer.requests("POST", ".*")


def test_a_node_that_breaks_rules(ccp, peer):
    problem = {"member": "base_url", "rule": "is plain TCP", "value": "'tcp://n1'"}
    document = {"title": "Bad Request", "status": 400, "detail": "…", "problems": [problem]}
    peer.on("POST", "infrastructures/lab/nodes", answer(document, 400))
    words = ("node", "add", "n1", "tcp://n1", "--infrastructure", "lab")
    ran = ccp(*words, "--json")
    assert ran.code == 3
    (found,) = ran.json()["error"]["problems"]
    assert (found["member"], found["rule"]) == ("base_url", "is plain TCP")


def test_drain_and_enable(ccp, peer):
    drained = node(state="draining", draining=True, running=0)
    peer.on("PATCH", "nodes/n1", answer(drained))
    ran = ccp("node", "drain", "n1", "--reason", "new disk")
    assert (ran.code, ran.out) == (0, "")
    assert "no Tasks" in ran.err
    assert ccp("node", "enable", "n1", "--json").json() == drained
    sent = [each.json() for each in peer.requests("PATCH", "nodes/n1")]
    assert sent == [{"draining": True, "reason": "new disk"}, {"draining": False}]
    assert ccp("node", "drain", "n1", "--timeout", "5").code == 2


def test_drain_waits_until_nothing_runs(ccp, peer, monkeypatch):
    monkeypatch.setattr("ccp_jupyter.cli.node._POLL", 0.01)
    peer.on("PATCH", "nodes/n1", answer(node(running=2)))
    peer.on(
        "GET", "nodes/n1", answer(node(running=2)), answer(node(running=1)), answer(node(running=0))
    )
    ran = ccp("node", "drain", "n1", "--wait")
    assert ran.code == 0
    assert len(peer.requests("GET", "nodes/n1")) == 3
    peer.on("GET", "nodes/n1", answer(node(running=2)))
    ran = ccp("node", "drain", "n1", "--wait", "--timeout", "0.05", "--json")
    assert ran.code == 7
    assert ran.json()["running"] == 2


def test_remove(ccp, peer):
    peer.on("DELETE", "nodes/n1", answer(b"", 204))
    assert ccp("node", "remove", "n1").code == 0
    assert ccp("node", "remove", "n1", "--force", "--json").json() == {
        "id": "n1",
        "done": "removed",
    }
    assert [each.query for each in peer.requests("DELETE", ".*")] == [{}, {"force": "true"}]
    refused = {"type": "urn:ccp:error/node-refused", "detail": "the configuration has it"}
    peer.on("DELETE", "nodes/n1", answer(refused, 409))
    ran = ccp("node", "remove", "n1")
    assert (ran.code, ran.err) == (4, "ccp: the configuration has it\n")


def test_check(ccp, peer):
    peer.on("GET", "nodes", answer({"nodes": [node(), AWAY]}))
    peer.on("POST", "nodes/n1/check", answer(WELL))
    peer.on("POST", "nodes/n2/check", answer(ILL))
    ran = ccp("node", "check")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "n1  ok    reach: it answers",
        "n2  FAIL  certificate: expired: make a new one",
    ]
    assert ccp("node", "check", "n1").code == 0
    assert ccp("node", "check", "n1", "--json").json() == {"ok": True, "nodes": [WELL]}
    peer.on("GET", "nodes", answer({"nodes": []}))
    assert ccp("node", "check").code == 4


def test_who_is_no_administrator(ccp, peer):
    document = {"title": "Forbidden", "detail": "Requires scope custom:ccp:admin"}
    peer.on("PATCH", "nodes/n1", answer(document, 403))
    ran = ccp("node", "drain", "n1")
    assert (ran.code, ran.err) == (4, "ccp: Requires scope custom:ccp:admin\n")


@pytest.mark.parametrize("body", [b"<html>", [], {"nodes": {}}, {"nodes": [1]}, None])
def test_answers_that_are_none(ccp, peer, body):
    peer.on("GET", "nodes", answer(body))
    ran = ccp("node", "list")
    assert ran.code == 5
    assert "is the url right?" in ran.err
