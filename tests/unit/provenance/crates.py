"""The rules of Process Run Crate 0.5, from the profile's text, for a crate in a folder."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rocrate.rocrate import ROCrate

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE = {"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"}
ACTIONS = {"CreateAction", "ActivateAction", "UpdateAction"}
THINGS = {"File", "Dataset", "Collection", "CreativeWork", "PropertyValue"}
STATUS = {
    f"http://schema.org/{name}ActionStatus"
    for name in ("Completed", "Failed", "Active", "Potential")
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def types_of(entity: dict[str, Any]) -> set[str]:
    return set(many(entity["@type"]))


def check_metadata(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Assert the rules that need no files; returns the entities by id."""
    assert metadata["@context"] == [
        "https://w3id.org/ro/crate/1.1/context",
        "https://w3id.org/ro/terms/workflow-run/context",
    ]
    graph = metadata["@graph"]
    entities = {each["@id"]: each for each in graph}
    assert len(entities) == len(graph), "ids are unique"
    for each in graph:
        assert each["@type"] and not re.search(r"[\s<>\"{}|\\^`\x00-\x1f]", each["@id"]), each
        for value in each.values():
            for part in many(value):
                assert not isinstance(part, dict) or set(part) == {"@id"}, "the graph is flat"
    # RO-Crate 1.1: metadata descriptor and root data entity.
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = entities["./"]
    assert root["@type"] == "Dataset" and TIME.fullmatch(root["datePublished"])
    assert root["name"] and root["description"] and root["license"]["@id"] in entities
    parts = [each["@id"] for each in root["hasPart"]]
    assert len(set(parts)) == len(parts)
    for each in parts:
        assert types_of(entities[each]) & {"File", "Dataset"}
    files = {name for name, each in entities.items() if "File" in types_of(each)}
    assert files == set(parts), "every file is part of the crate"
    # Process Run Crate: conformsTo MUST reference a CreativeWork with the profile's address.
    assert PROFILE in [each["@id"] for each in many(root["conformsTo"])]
    assert "CreativeWork" in types_of(entities[PROFILE])
    actions = [each for each in graph if types_of(each) & ACTIONS]
    assert actions
    mentioned = [each["@id"] for each in root["mentions"]]
    assert mentioned == [each["@id"] for each in actions]
    for action in actions:
        _check_action(action, entities)
    return entities


def _check_action(action: dict[str, Any], entities: dict[str, dict[str, Any]]) -> None:
    tool = entities[action["instrument"]["@id"]]
    assert types_of(tool) & SOFTWARE
    assert tool["name"] and tool["url"]
    assert not ("version" in tool and "softwareVersion" in tool)
    assert action["name"] and action["description"]
    agent = entities[action["agent"]["@id"]]
    assert types_of(agent) & {"Person", "Organization", "SoftwareApplication"} and agent["name"]
    for member in ("startTime", "endTime"):
        assert member not in action or TIME.fullmatch(action[member])
    for member in ("object", "result"):
        for each in many(action.get(member)):
            assert types_of(entities[each["@id"]]) & THINGS
    assert action["actionStatus"]["@id"] in STATUS
    failed = action["actionStatus"]["@id"].endswith("/FailedActionStatus")
    assert ("error" in action) is failed
    for each in many(action.get("containerImage")):
        image = entities[each["@id"]]
        assert image["@type"] == "ContainerImage"
        assert image["additionalType"]["@id"].endswith("workflow-run#DockerImage")
        assert image["registry"] and image["name"]
        assert re.fullmatch("[0-9a-f]{64}", image.get("sha256", "0" * 64))
    for each in [*many(action.get("environment")), *many(action.get("resourceUsage"))]:
        value = entities[each["@id"]]
        assert value["@type"] == "PropertyValue" and value["name"] and value["value"]


def check_process_run_crate(folder: Path) -> ROCrate:
    """Assert all rules for a crate with its files; returns it as the library reads it."""
    entities = check_metadata(json.loads((folder / "ro-crate-metadata.json").read_text()))
    here = set()
    for name, each in entities.items():
        if "File" not in types_of(each) or urlsplit(name).scheme:
            continue
        path = folder / unquote(name)
        here.add(path)
        assert path.is_file(), name
        data = path.read_bytes()
        assert each.get("contentSize", str(len(data))) == str(len(data)), name
        assert each.get("sha256") in (None, hashlib.sha256(data).hexdigest()), name
    there = {path for path in folder.rglob("*") if path.is_file()}
    assert there - here == {folder / "ro-crate-metadata.json"}, "every file is described"
    crate = ROCrate(folder)
    assert {each.id for each in crate.get_entities()} >= set(entities)
    return crate
