"""The crate: the profile's rules, also read back by the library."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest
from rocrate.rocrate import ROCrate

from ccp_jupyter.provenance.crate import crate_metadata
from ccp_jupyter.provenance.crate_words import image_parts
from tests.unit.provenance.crates import check_metadata, types_of
from tests.unit.provenance.records import SECRET, kinds

KINDS = kinds()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_rules_of_the_profile(kind, packed, tmp_path):
    metadata = crate_metadata(KINDS[kind], packed=packed)
    entities = check_metadata(metadata)
    text = json.dumps(metadata)
    assert SECRET not in text and "random-name-of-a-secret" not in text
    for name, entity in entities.items():
        if "File" in types_of(entity) and not urlsplit(name).scheme:
            path = tmp_path / unquote(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (tmp_path / "ro-crate-metadata.json").write_text(text)
    crate = ROCrate(tmp_path)
    assert {each.id for each in crate.get_entities()} >= set(entities)
    action = crate.get("#execution")
    assert action["instrument"].id.startswith("metadata/")
    assert action["actionStatus"] == _status(KINDS[kind].status)


def _status(status):
    name = {
        "successful": "Completed",
        "failed": "Failed",
        "dismissed": "Failed",
        "running": "Active",
        "created": "Potential",
    }[status]
    return f"http://schema.org/{name}ActionStatus"


def test_where_files_are():
    """In a crate as files, in an Execution folder inside of output.zip."""
    loose = check_metadata(crate_metadata(KINDS["successful"]))
    packed = check_metadata(crate_metadata(KINDS["successful"], packed=True))
    assert "outputs/output/t%C3%A4%20%26%20b.csv" in loose
    assert "inputs/table" in loose and "inputs/more.1" in loose and "logs/stdout.1.txt" in loose
    assert "outputs/output.zip" in packed and "outputs/output.zip" not in loose
    assert "inputs/more.1" not in packed and "outputs/stdout.1.txt" in packed
    assert loose["inputs/table"]["sha256"] == "cd" * 32
    assert loose["#image-1"]["sha256"] == "ab" * 32
    secret = next(each for each in loose.values() if each.get("name") == "key")
    assert secret == {
        "@id": secret["@id"],
        "@type": "PropertyValue",
        "name": "key",
        "description": "secret: not told",
    }


def test_actions_of_tasks():
    entities = check_metadata(crate_metadata(KINDS["replicas"]))
    second = entities["#task-2"]
    assert [each["@id"] for each in second["result"]] == [
        "outputs/replica-2/out.txt",
        "logs/stdout.2.txt",
        "logs/stderr.2.txt",
    ]
    assert "Node rebooted" in entities["#task-1"]["description"]
    entities = check_metadata(crate_metadata(KINDS["experiment"]))
    assert entities["#task-2"]["error"] == "exit code 3"
    assert entities["#task-1"]["actionStatus"]["@id"].endswith("CompletedActionStatus")
    assert "#task-1" not in check_metadata(crate_metadata(KINDS["successful"]))


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("busybox", ("docker.io", "busybox", "")),
        ("docker.io/library/python:3.11", ("docker.io", "library/python", "3.11")),
        ("localhost/a", ("localhost", "a", "")),
        ("r.example.org:5000/a/b:c@sha256:" + "0" * 64, ("r.example.org:5000", "a/b", "c")),
        ("team/app@sha256:" + "0" * 64, ("docker.io", "team/app", "")),
    ],
)
def test_image_references(reference, parts):
    assert image_parts(reference) == parts
