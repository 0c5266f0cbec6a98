"""``ccp prov`` and ``ccp rocrate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccp_jupyter.cli.provenance import FORMS
from ccp_jupyter.provenance import formats
from tests.unit.client import zips
from tests.unit.client.peer import answer, status

TEXT = "document\n  prefix exec <http://x/>\n☃\nendDocument"


@pytest.fixture
def ended(peer):
    """The service with an Execution ``j1`` that has ended."""
    peer.on("GET", "jobs/j1", answer({**status("successful"), "title": "Copy it"}))
    peer.on("GET", "jobs/j1/prov", answer(TEXT.encode()))
    peer.on("GET", "jobs/j1/rocrate", answer(zips.make({"a": b"x"})))
    return peer


def test_every_form_of_the_service_has_a_name():
    assert sorted(FORMS.values()) == sorted(formats.FORMS)


def test_the_text_goes_to_stdout(ccp, ended):
    for name, form in FORMS.items():
        ran = ccp("prov", "j1", "--format", name)
        assert (ran.code, ran.out, ran.err) == (0, TEXT + "\n", "")
        assert ended.requests("GET", "jobs/j1/prov")[-1].query == {"f": form}
    assert ccp("prov", "j1").code == 0
    assert ended.requests("GET", "jobs/j1/prov")[-1].query == {"f": "json"}
    assert ccp("prov", "j1", "--format", "turtle", "--json").json() == {
        "format": "turtle",
        "text": TEXT,
    }


def test_a_file_is_never_replaced_unasked(ccp, ended, home):
    file = Path("a.provn")
    assert ccp("prov", "j1", "--format", "provn", "--output", file).out == ""
    assert file.read_text(encoding="utf-8") == TEXT
    asked = len(ended.requests("GET", "jobs/j1/prov"))
    ran = ccp("prov", "j1", "--output", file)
    assert ran.code == 2 and "is there already" in ran.err
    assert len(ended.requests("GET", "jobs/j1/prov")) == asked
    found = ccp("prov", "j1", "--output", file, "--force", "--json").json()
    assert found == {"format": "provjson", "path": "a.provn"}
    ran = ccp("prov", "j1", "--output", "none/a.json")
    assert ran.code == 2 and "cannot be written" in ran.err
    assert [each.name for each in Path().iterdir()] == ["a.provn"]


def test_a_crate_becomes_a_file(ccp, ended, home):
    assert ccp("rocrate", "j1").out == "Copy it-j1.crate.zip\n"
    assert ended.requests("GET", "jobs/j1/rocrate")[0].query == {"f": "zip"}
    assert Path("Copy it-j1.crate.zip").read_bytes() == zips.make({"a": b"x"})
    assert ccp("rocrate", "j1").out == "Copy it-j1.crate (2).zip\n"
    assert ccp("rocrate", "j1", "--output", "mine.zip").out == "mine.zip\n"
    Path("out").mkdir()
    found = ccp("rocrate", "j1", "--output", "out", "--json").json()
    assert found == {"path": "out/Copy it-j1.crate.zip"} and Path(found["path"]).exists()


def test_what_is_not_there(ccp, ended):
    for command in ("prov", "rocrate"):
        ran = ccp(command, "none", "--json")
        assert ran.code == 4 and json.loads(ran.out)["error"]["type"] == "NotFound"
        assert ccp(command).code == 2
    assert ccp("prov", "j1", "--format", "pdf").code == 2
