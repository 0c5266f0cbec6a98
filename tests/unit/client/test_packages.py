"""Packages, revisions and copies, by the plain client."""

from __future__ import annotations

import pytest

from ccp_jupyter.client import Client, InvalidRequest, Method, ServiceError
from tests.unit.client.peer import TOKEN, answer

SUMMARY = {"id": "tool", "version": "1.0.0", "title": "Tool"}
WHOLE = {**SUMMARY, "inputs": {}, "outputs": {}}


@pytest.fixture
def client(peer):
    with Client(peer.url, TOKEN) as made:
        yield made


def test_a_package_is_deployed_and_replaces(client, peer, tmp_path):
    peer.on("POST", "processes", answer(SUMMARY, 201))
    peer.on("PUT", "processes/tool", answer(b"", 204))
    peer.on("GET", "processes/tool", answer(WHOLE))
    for name, kind in {
        "a.cwl": "application/cwl",
        "b.YML": "application/cwl+yaml",
        "c.json": "application/ogcapppkg+json",
    }.items():
        (tmp_path / name).write_text(f"text of {name} ü")
        assert client.packages.deploy(tmp_path / name, workflow="w").id == "tool"
        sent = peer.requests("POST", "processes")[-1]
        assert sent.body.decode() == f"text of {name} ü"
        assert (sent.headers["Content-Type"], sent.query) == (kind, {"w": "w"})
    (tmp_path / "other").write_text("{}")
    with pytest.raises(InvalidRequest, match=r"file: must end with \.cwl.*'?other"):
        client.packages.deploy(tmp_path / "other")
    kind = "application/cwl+json"
    replaced = client.packages.deploy(
        tmp_path / "other", replace=Method({"id": "tool"}), media_type=kind
    )
    assert replaced.title == "Tool"
    assert peer.requests("PUT", "processes/tool")[0].headers["Content-Type"] == kind
    with pytest.raises(FileNotFoundError):
        client.packages.deploy(tmp_path / "none.cwl")


def test_revisions(client, peer):
    shown: dict[str, object] = {"title": "t", "version": "1.0.0", "links": []}
    first = [{"revision": n, **shown} for n in (3, 2)]
    following = [{"rel": "next", "href": "x"}]
    peer.on(
        "GET",
        "processes/tool/revisions",
        answer({"revisions": first, "links": following}),
        answer({"revisions": [{"revision": 1}], "links": []}),
        answer({"methods": []}),
    )
    peer.on("GET", "processes/tool/revisions/1", answer(WHOLE))
    found = client.packages.revisions("tool")
    assert [each["revision"] for each in found] == [3, 2, 1]
    assert "links" not in found[0]
    assert client.packages.revision("tool", 1).title == "Tool"
    with pytest.raises(ServiceError, match="no list of revisions"):
        client.packages.revisions("tool")


def test_a_copy(client, peer):
    peer.on("POST", "processes/a%20b/clone", answer(SUMMARY, 201))
    peer.on("GET", "processes/tool", answer(WHOLE))
    assert client.packages.clone("a b", id="tool", version="2.0.0", revision=4).id == "tool"
    sent = peer.requests("POST", "processes/a%20b/clone")[0]
    assert sent.json() == {"id": "tool", "version": "2.0.0"}
    assert sent.query == {"revision": "4"}
