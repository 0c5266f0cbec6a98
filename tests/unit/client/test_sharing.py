"""Sharing, links and the key of callbacks, by the plain client and by ``ccp``."""

from __future__ import annotations

import pytest

from ccp_jupyter.client import Client, InvalidRequest, Method, NotAllowed, ServiceError
from tests.unit.client.peer import TOKEN, answer, status

SHARED = {"public": False, "contexts": [], "users": ["bob"], "links": []}
LINK = {
    "id": "l1",
    "url": "https://hub.example.org/services/ccp/shared/l1.sig",
    "kind": "execution",
    "target": "j1",
    "expires": "2026-12-22T10:00:00.000Z",
    "uses": 2,
    "links": [],
}


@pytest.fixture
def client(peer):
    with Client(peer.url, TOKEN) as made:
        yield made


def test_share(client, peer):
    peer.on("PUT", "(jobs/j1|processes/m%201)/sharing", answer(SHARED))
    peer.on("GET", "jobs/j1/sharing", answer(SHARED))
    peer.on("GET", "jobs/j1", answer(status(id="j1", jobID="j1")))
    method = Method({"id": "m 1"})
    found = {name: SHARED[name] for name in ("public", "contexts", "users")}
    assert client.sharing.share(method, users=["bob"]) == found
    assert client.execution("j1").share(contexts=("physics",)) == found
    client.sharing.share("jobs/j1", public=True)
    assert client.sharing.shared_with("jobs/j1") == found
    sent = [each.json() for each in peer.requests("PUT", ".*")]
    assert sent == [
        {"public": False, "contexts": [], "users": ["bob"]},
        {"public": False, "contexts": ["physics"], "users": []},
        {"public": True, "contexts": [], "users": []},
    ]


@pytest.mark.parametrize("what", ["j1", "links/x", "jobs/", "", "https://x/jobs/j1"])
def test_what_names_nothing(client, peer, what):
    with pytest.raises(InvalidRequest, match="jobs/ID"):
        client.sharing.share(what)
    with pytest.raises(InvalidRequest, match="list of names"):
        client.sharing.share("jobs/j1", users="bob")
    assert not peer.requests(".*", ".*")


def test_links(client, peer):
    peer.on("POST", "links", answer(LINK, 201))
    peer.on("GET", "links", answer({"shareLinks": [LINK], "links": []}))
    peer.on("DELETE", "links/l1", answer(b"", 204))
    made = client.sharing.make_link(Method({"id": "m1"}), days=0.5, revision=3)
    assert made["url"] == LINK["url"]
    sent = peer.requests("POST", "links")[0].json()
    assert sent == {"target": "processes/m1", "expiresIn": 43_200, "revision": 3}
    (listed,) = client.sharing.links("jobs/j1")
    assert peer.requests("GET", "links")[0].query["target"] == "j1"
    client.sharing.revoke(listed)
    client.sharing.revoke("l1")
    assert len(peer.requests("DELETE", "links/l1")) == 2
    peer.on("GET", "links", answer({"links": []}))
    with pytest.raises(ServiceError, match="list of links"):
        client.sharing.links()
    peer.on("POST", "links", answer({"detail": "Only its owner"}, 403))
    with pytest.raises(NotAllowed, match="Only its owner"):
        client.sharing.make_link("m1")


def test_callbacks_and_what_others_share(client, peer):
    peer.on("GET", "callback-key", answer({"key": "k1", "algorithm": "HMAC-SHA256"}))
    peer.on("POST", "callback-key", answer({"key": "k2", "algorithm": "HMAC-SHA256"}))
    peer.on("POST", "jobs/j1/callbacks/retry", answer(status(id="j1")))
    peer.on("GET", "jobs", answer({"jobs": [status(owner="bob")]}))
    assert client.sharing.callback_key() == "k1"
    assert client.sharing.callback_key(rotate=True) == "k2"
    client.sharing.retry_callbacks("j1")
    (theirs,) = client.executions(shared=True)
    assert theirs.owner == "bob"
    assert peer.requests("GET", "jobs")[0].query["shared"] == "true"
