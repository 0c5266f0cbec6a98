"""Reading Execution folders of Experiments that somebody sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.model import red
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.experiment import is_id
from ccp_jupyter.model.states import Status, TaskState
from tests.red import document, http_file
from tests.unit.client import zips
from tests.unit.exchange.folders import STATUS, a_folder, an_attempt, read

TABLE = {"type": "File", "inputBinding": {"position": 0}}
TREE = {"type": "Directory?", "inputBinding": {"position": 1}}
SENT = {
    "class": "File",
    "connector": {"command": "red-connector-http", "access": {"url": "https://x", "_key": "hush"}},
}
REPORT = {"outputs": {"copy": {"size": 5, "sha256": "0" * 64}}}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def submitted(batches: int = 2, **members: Any) -> dict[str, Any]:
    """Return ``metadata/experiment.json`` of a document as the service exports it."""
    tree = {"class": "Directory", "connector": SENT["connector"], "listing": []}
    given = {
        "inputs": {"table": http_file("https://y/t.csv", _password="hush"), "tree": tree},
        "outputs": {"copy": SENT},
    }
    prepared = red.prepare(
        document(
            "debian:12",
            ["cat"],
            {"table": TABLE, "tree": TREE},
            [{**given, "doc": f"number {number}"} for number in range(1, batches + 1)],
            outputs={"copy": {"type": "File", "outputBinding": {"glob": "copy"}}},
            auth={"username": "ann", "password": "hush"},
            cli={"stdout": "copy"},
            limit=3,
        ),
        disable_retry=True,
        disable_connector_validation=False,
    )
    found = prepared.experiment.model_dump(mode="json", exclude_none=True)
    found["batches"] = [
        each.model_dump(mode="json", exclude_none=True) for each in prepared.batches
    ]
    return {**found, **members}


def folder(experiment: object, **changes: object) -> bytes:
    gone = dict.fromkeys(("metadata__method", "metadata__request", "inputs__table", "auth__jwt"))
    tasks = [
        {"index": 1, "state": "successful", "attempts": [an_attempt(result=REPORT)]},
        {"index": 2, "state": "failed", "attempts": [an_attempt(outcome="failed", exit_code=3)]},
    ]
    files = {
        **gone,
        "metadata/experiment.json": experiment,
        "metadata__folder": {"format": "ccp-execution", "formatVersion": 1, "tasks": tasks},
        "metadata__jobStatus": {**STATUS, "status": "failed", "message": "batch 2 failed"},
        "outputs__output": zips.make({"batch-1/copy": b"hello"}),
        **changes,
    }
    return zips.make(a_folder(**files))


def test_everything_is_taken_but_secrets(work):
    exported = submitted(red_version="8", changes=["gpus were written differently"])
    found = read(folder(exported), work)
    execution, tasks = found.imported.execution, found.imported.tasks
    assert found.notes == []
    assert is_id(execution.id) and execution.id.endswith("000000")
    assert (execution.status, execution.replicas, execution.image) == (
        Status.FAILED,
        2,
        "debian:12",
    )
    assert execution.owner == "bob" and execution.origin and execution.origin.kind == "import"
    experiment = execution.experiment
    assert experiment is not None and not execution.has_secrets
    for member in ("cli", "execution", "red_version", "changes", "retry", "concurrency"):
        assert getattr(experiment, member) == exported[member], member
    assert experiment.container["settings"] == {"image": {"url": "debian:12"}, "ram": 256}
    assert [task.state for task in tasks] == [TaskState.SUCCESSFUL, TaskState.FAILED]
    assert [task.execution_id for task in tasks] == [execution.id] * 2
    assert not any(task.to_notify for task in tasks)
    batch = tasks[1].batch
    assert batch is not None and batch.doc == "number 2" and batch.stdout == "copy"
    before = exported["batches"][1]["inputs"]["table"]
    gone = {"connector": {**before["connector"], "access": ""}}
    assert batch.inputs["table"] == {**before, **gone}
    assert batch.inputs["tree"]["listing"] == []
    assert batch.outputs["copy"]["connector"]["access"] == ""
    assert tasks[0].attempt and tasks[0].attempt.result == REPORT
    kept = json.dumps([task.model_dump(mode="json") for task in tasks])
    assert exported["container"]["settings"]["image"]["auth"] not in kept
    assert before["connector"]["access"] not in kept


def test_secrets_that_somebody_wrote_into_it_are_left_out(work):
    exported = submitted()
    connector = exported["batches"][0]["inputs"]["table"]["connector"]
    connector["access"] = {"url": "https://y", "password": "smuggled"}
    exported["container"]["settings"]["image"]["auth"] = {"username": "x", "password": "smuggled"}
    exported["execution"]["settings"]["access"] = {"url": "https://z", "auth": "smuggled"}
    exported["has_secrets"] = True
    imported = read(folder(exported), work).imported
    everything = [imported.execution, *imported.tasks]
    assert not imported.execution.has_secrets
    assert "smuggled" not in "".join(each.model_dump_json() for each in everything)


def test_without_the_folder_document_the_tasks_come_from_the_containers(work):
    members = {"attempt": 1, "node": "n1", "phases": []}
    instances = [
        {"batch": 1, **members, "outcome": "successful"},
        {"batch": 2, **members, "outcome": "failed"},
    ]
    changes = {"metadata__folder": None, "metadata/instance.json": {"instances": instances}}
    imported = read(folder(submitted(), **changes), work).imported
    assert [task.state for task in imported.tasks] == [TaskState.SUCCESSFUL, TaskState.FAILED]


BAD: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "", "must be an object"),
    "nothing": ({}, "cli", "is missing"),
    "no batches": ({"batches": None}, "batches", "list"),
    "empty batches": ({"batches": []}, "batches", ""),
    "a batch of another type": ({"batches": ["x"]}, "batches[0]", "object"),
    "an unknown engine": ({"container": {"engine": "lxc", "settings": {}}}, "container.engine", ""),
    "a container of another type": ({"container": "docker"}, "container", "object"),
    "a secret where none may be": ({"doc": {"password": "x"}}, "doc", ""),
    "a variable": ({"doc": "{{ token }}"}, "", ""),
    "inputs that are not declared": (
        {"batches": [{"inputs": {"other": 1}, "outputs": {}}]},
        "batches",
        "",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(work, name):
    changes, member, rule = BAD[name]
    changed = {**submitted(), **changes} if changes else changes
    with pytest.raises(InvalidDocument) as caught:
        read(folder(changed), work)
    assert all(p.member.startswith("metadata/experiment.json") for p in caught.value.problems)
    assert any(member in p.member and rule in p.rule for p in caught.value.problems)


def test_more_tasks_than_batches_are_refused(work):
    with pytest.raises(InvalidDocument, match="replicas"):
        read(folder(submitted(batches=1)), work)
