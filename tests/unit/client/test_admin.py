"""What administrators ask, by the plain client."""

from __future__ import annotations

import pytest

from ccp_jupyter.client import Client, Conflict, NotAllowed
from tests.unit.client.peer import TOKEN, answer, status


@pytest.fixture
def admin(peer):
    with Client(peer.url, TOKEN) as client:
        yield client.admin


def test_nodes(admin, peer):
    peer.on("GET", "nodes", answer({"nodes": [{"id": "n1", "links": []}]}))
    peer.on("GET", "nodes/n1", answer({"id": "n1"}))
    peer.on("POST", "infrastructures/lab/nodes", answer({"id": "n1"}, 201))
    peer.on("POST", "nodes/n1/check", answer({"id": "n1", "ok": True, "checks": []}))
    peer.on("PATCH", "nodes/n1", answer({"id": "n1", "state": "draining"}))
    peer.on("DELETE", "nodes/n1", answer(b"", 204))
    assert admin.nodes() == [{"id": "n1"}]
    assert "n1" in admin.nodes()._repr_html_()
    assert admin.node("n1") == {"id": "n1"}
    described = {"id": "n1", "base_url": "unix:///x"}
    assert admin.add_node("lab", described) == {"id": "n1"}
    assert peer.requests("POST", "infra.*")[0].json() == described
    assert admin.check_node("n1")["ok"] is True
    assert admin.drain_node("n1", "why")["state"] == "draining"
    admin.enable_node("n1")
    admin.remove_node("n1", force=True)
    assert peer.requests("DELETE", "nodes/n1")[0].query == {"force": "true"}


def test_the_service(admin, peer):
    peer.on("GET", "admin/status", answer({"version": "1"}))
    peer.on("GET", "admin/usage", answer({"users": []}))
    peer.on("GET", "jobs", answer({"jobs": [status(owner="bob")]}))
    assert admin.status() == {"version": "1"}
    assert admin.usage() == []
    assert [each["owner"] for each in admin.executions(status=["running"])] == ["bob"]


def test_refusals(admin, peer):
    peer.on("POST", "infrastructures/lab/nodes", answer({"detail": "n1 is used"}, 409))
    with pytest.raises(Conflict, match="n1 is used"):
        admin.add_node("lab", {"id": "n1"})
    assert len(peer.requests("POST", ".*")) == 1, "it is not sent twice"
    peer.on("GET", "admin/status", answer({"detail": "Requires scope"}, 403))
    with pytest.raises(NotAllowed):
        admin.status()
