"""``ccp share`` and ``ccp link``."""

from __future__ import annotations

from tests.unit.client.peer import answer
from tests.unit.client.test_sharing import LINK, SHARED


def test_share(ccp, peer):
    peer.on("PUT", "jobs/j1/sharing", answer(SHARED))
    ran = ccp("share", "jobs/j1", "--user", "bob")
    assert (ran.code, ran.out) == (0, "")
    assert "jobs/j1 is shared with bob" in ran.err
    assert ccp("share", "jobs/j1", "--public", "--json").json()["users"] == ["bob"]
    assert peer.requests("PUT", ".*")[1].json() == {"public": True, "contexts": [], "users": []}
    assert ccp("share", "j1").code != 0


def test_link(ccp, peer):
    peer.on("POST", "links", answer(LINK, 201))
    peer.on("GET", "links", answer({"shareLinks": [LINK], "links": []}))
    peer.on("DELETE", "links/l1", answer(b"", 204))
    assert ccp("link", "make", "jobs/j1", "--days", "1").out == f"{LINK['url']}\n"
    assert peer.requests("POST", "links")[0].json()["expiresIn"] == 86_400
    assert ccp("link", "list").out.split("\t")[:3] == ["l1", "execution", "j1"]
    assert ccp("link", "list", "--json").json()["links"][0]["uses"] == 2
    assert "works no more" in ccp("link", "revoke", "l1").err
    assert ccp("link", "make", "jobs/j1", "--days", "-1").code == 2
