"""``ccp export`` and ``ccp import``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.client import zips
from tests.unit.client.peer import answer, status

METHOD = {"id": "copy", "title": "Copy it", "version": "1.0.0", "inputs": {}}
CREATED = {"name": "", "kind": "method", "outcome": "created", "id": "copy", "title": "Copy it"}
REFUSED = {
    "name": "b.json",
    "kind": "method",
    "outcome": "refused",
    "title": "",
    "problems": [{"member": "id", "rule": "is the id of somebody else's Method", "value": "'b'"}],
}


def test_export(ccp, peer, home):
    peer.on("GET", "processes/copy", answer(METHOD))
    peer.on("GET", "processes/copy/export", answer(METHOD))
    ran = ccp("export", "method", "copy")
    assert (ran.code, ran.out) == (0, "Copy it-1.0.0.json\n")
    assert json.loads(Path("Copy it-1.0.0.json").read_text()) == METHOD
    assert ccp("export", "method", "copy").out == "Copy it-1.0.0 (2).json\n"
    peer.on("GET", "processes/export", answer(zips.make({"a": b"x"})))
    assert ccp("export", "category", "a/../b", "--to", "out", "--json").json() == {
        "path": "out/a b.zip"
    }
    assert peer.requests("GET", "processes/export")[0].query == {"category": "a/../b"}
    peer.on("GET", "jobs/j1", answer({**status("successful"), "title": "Copy it"}))
    peer.on("GET", "jobs/j1/folder", answer(zips.make({"a": b"x"})))
    ran = ccp("export", "execution", "j1", "--to", "out")
    assert ran.out.endswith("out/Copy it-j1.zip\n")
    assert sorted(each.name for each in Path("out").iterdir()) == ["Copy it-j1.zip", "a b.zip"]
    assert ccp("export", "method", "none").code == 4


def test_import(ccp, peer, home):
    Path("a.json").write_text(json.dumps(METHOD))
    Path("b.zip").write_bytes(zips.make({"a.json": b"{}"}))
    peer.on("POST", "imports", answer({"results": [CREATED]}))
    ran = ccp("import", "a.json", "--renew")
    assert (ran.code, ran.out) == (0, "created\tmethod\tcopy\tCopy it\n")
    noted = {**CREATED, "notes": ["its id was x"], "title": "\x1b[2J"}
    peer.on("POST", "imports", answer({"results": [noted, REFUSED]}))
    ran = ccp("import", "b.zip", "https://example.org/shared/x", "--replace", "--keep-sharing")
    assert ran.code == 3
    assert "b.zip: b.json: id: is the id of somebody else's Method (found 'b')" in ran.err
    assert "its id was x" in ran.err
    first, second, third = peer.requests("POST", "imports")
    assert (first.query, first.headers["Content-Type"]) == ({"renew": "true"}, "application/json")
    assert second.query == {"replace": "true", "sharing": "keep"}
    assert second.headers["Content-Type"] == "application/zip"
    assert third.json() == {"href": "https://example.org/shared/x"}
    found = ccp("import", "b.zip", "--json").json()
    assert found["refused"] == 1 and found["results"][1]["problems"] == REFUSED["problems"]


def test_what_cannot_be_imported(ccp, peer, home):
    ran = ccp("import", "gone.json")
    assert (ran.code, peer.seen) == (2, [])
    assert "gone.json: cannot be read" in ran.err
    peer.on("POST", "imports", answer({"title": "Bad Request", "detail": "broken"}, 400))
    Path("a.json").write_text("{")
    assert ccp("import", "a.json").code == 3
