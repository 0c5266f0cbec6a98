"""Reading Execution folders that somebody sent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.events.journal import read_journal
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.events import LogEvent
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.states import Phase, Status, Target, TaskState
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import FileValue, SecretValue
from tests.unit.client import zips
from tests.unit.exchange.folders import (
    OUTPUT,
    STATUS,
    a_folder,
    a_method,
    an_attempt,
    events,
    read,
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def made(work: Path, **changes: object):
    return read(zips.make(a_folder(**changes)), work)


def test_everything_is_taken_but_who_it_was(work):
    found = made(work)
    execution = found.imported.execution
    assert found.notes == []
    assert (execution.owner, execution.claims) == ("bob", {"name": "bob"})
    assert execution.id != STATUS["jobID"]
    assert execution.origin and execution.origin.kind == "import"
    assert execution.origin.id == STATUS["jobID"]
    assert execution.origin.service == "https://hub.example.org/services/ccp/"
    assert execution.sharing.with_nobody and not execution.callbacks
    assert execution.infrastructure_id == "local-docker"  # the Method's; the other is not here
    assert (execution.status, execution.target) == (Status.SUCCESSFUL, Target.FINISHED)
    assert execution.inputs["key"] == [SecretValue()]
    (table,) = execution.inputs["table"]
    assert isinstance(table, FileValue) and (table.size, table.media_type) == (5, "text/csv")
    assert execution.request["inputs"] == {
        "table": {"href": "inputs/table", "type": "text/csv"},
        "key": {"secret": True},
    }
    assert (work / table.path).read_bytes() == b"hello"
    (task,) = found.imported.tasks
    assert task.execution_id == execution.id and task.state is TaskState.SUCCESSFUL
    assert task.attempt and task.attempt.exit_code == 0
    assert [each.phase for each in task.attempt.phases] == [Phase.LAUNCH, Phase.ENDED]
    manifest = Manifest.model_validate_json((work / "manifest.json").read_bytes())
    assert {each.path for each in manifest.files} == OUTPUT.keys()
    assert execution.output_digest == manifest.digest
    assert execution.output_size == (work / "output.zip").stat().st_size
    kept = json.loads((work / "imported.json").read_text())
    assert kept["claims"] == {"name": "mallory"}
    assert "ey.secret.token" not in (work / "imported.json").read_text()
    assert {each.name for each in work.iterdir()} == {
        "inputs",
        "output.zip",
        "manifest.json",
        "imported.json",
        "events.jsonl",
    }


def test_the_journal_is_numbered_anew(work):
    journal = events() + b'{"seq":9}\nno event\n' + events([{"kind": "log", "task": 7}])
    found = made(work, metadata__events=journal)
    read_events = read_journal(work / "events.jsonl", 0, 100).events
    assert [each.seq for each in read_events] == [1, 2, 3, 4]
    assert {each.execution_id for each in read_events} == {found.imported.execution.id}
    assert len(found.notes) == 3 and all("no event" in each for each in found.notes)


def test_without_a_journal_the_log_comes_from_its_text(work):
    found = made(
        work,
        metadata__events=None,
        metadata__folder=None,
        **{
            "metadata/instance.json": {
                "instances": [
                    {
                        "replica": 1,
                        "attempt": 1,
                        "node": "n1",
                        "exitCode": 3,
                        "outcome": "platform",
                        "reason": "gone",
                        "phases": [{"phase": "launch", "at": "2026-11-01T10:00:01Z"}],
                    }
                ]
            }
        },
    )
    read_events = read_journal(work / "events.jsonl", 0, 100).events
    lines = [line for each in read_events if isinstance(each, LogEvent) for line in each.lines]
    assert lines == ["hello", "wörld"]
    (task,) = found.imported.tasks
    assert (task.state, task.reason) == (TaskState.FAILED, "gone")
    assert task.attempt and task.attempt.exit_code == 3


def test_files_in_the_request_become_files(work):
    request = {"inputs": {"table": "aGVsbG8="}}
    found = made(work, metadata__request=request, inputs__table=None)
    assert (work / "inputs/table").read_bytes() == b"hello"
    assert found.imported.execution.request["inputs"]["table"]["href"] == "inputs/table"


@pytest.mark.parametrize("status", ["accepted", "running", "created"])
def test_what_went_on_elsewhere_does_not_go_on_here(work, status):
    folder = {
        "format": "ccp-execution",
        "formatVersion": 1,
        "tasks": [
            {
                "index": 1,
                "state": "running",
                "attempts": [an_attempt(phase="execute", outcome=None)],
            }
        ],
    }
    members = {**STATUS, "status": status, "finished": None, "progress": 10}
    found = made(work, metadata__jobStatus=members, metadata__folder=folder)
    execution, (task,) = found.imported.execution, found.imported.tasks
    assert (execution.status, execution.target) == (Status.DISMISSED, Target.DISMISSED)
    assert execution.finished
    assert task.state is TaskState.DISMISSED
    assert task.attempt and task.attempt.phase is Phase.ENDED
    assert status in found.notes[0]


def test_claims_that_cannot_be_true_are_bounded(work):
    far = {**STATUS, "created": "9999-12-31T23:59:59-12:00", "message": "a\x1b[31m" + "x" * 9999}
    execution = made(work, metadata__jobStatus=far).imported.execution
    assert execution.created <= now()
    assert execution.started and execution.finished
    assert execution.created <= execution.started <= execution.finished
    assert len(execution.message) <= 2000 and "\x1b" not in execution.message


def test_what_differs_or_is_unknown_is_told(work):
    manifest = {
        "files": [
            {"path": "A", "size": 1, "sha256": "0" * 64},
            {"path": "gone", "size": 1, "sha256": "0" * 64},
        ]
    }
    found = made(
        work,
        inputs__table=b"other",
        metadata__request={
            "inputs": {"table": {"href": "inputs/table"}, "key": "S3CRET"},
            "subscriber": {"successUri": "https://evil.example.org/"},
        },
        **{
            "metadata/manifest.json": manifest,
            "evil/<b>.sh": b"x",
            "nested.zip": zips.make({"../../x": b"x"}),
            "metadata/prov.ttl": b"@prefix",
        },
    )
    told = "\n".join(found.notes)
    for each in (
        "inputs/table: is not the file",
        "'A' is not the file",
        "'gone' is missing",
        "'a' is not in the manifest",
        "evil/<b>.sh",
        "nested.zip",
        "subscriber",
        "inputs.key",
    ):
        assert each in told
    assert "prov.ttl" not in told
    kept = "".join(each.read_text("latin-1") for each in work.rglob("*") if each.is_file())
    assert "S3CRET" not in kept + told + found.imported.execution.model_dump_json()
    assert not (work / "evil").exists()


def test_one_folder_around_everything_does_not_matter(work):
    wrapped = {f"Copy (1)/{name}": data for name, data in a_folder().items()}
    assert read(zips.make(wrapped), work).notes == []


def test_an_import_of_an_import_remembers_both(work):
    earlier = {"importedAt": "2026-11-01T10:00:00Z", "before": [{"importedAt": "2026"}]}
    made(work, **{"metadata/imported.json": earlier})
    kept = json.loads((work / "imported.json").read_text())
    assert [each["importedAt"] for each in kept["before"]] == ["2026-11-01T10:00:00Z", "2026"]


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no method": ({"metadata__method": None}, "metadata/method.json", "missing"),
    "no status": ({"metadata__jobStatus": None}, "metadata/jobStatus.json", "missing"),
    "method of the wrong type": ({"metadata__method": []}, "metadata/method.json", "object"),
    "unknown status": (
        {"metadata__jobStatus": {**STATUS, "status": "splendid"}},
        "metadata/jobStatus.json: status",
        "must be",
    ),
    "a member twice": (
        {"metadata__jobStatus": b'{"status":"failed","status":"successful"}'},
        "metadata/jobStatus.json",
        "only once",
    ),
    "deep": (
        {"metadata__request": b"[" * 200 + b"]" * 200},
        "metadata/request.json",
        "levels",
    ),
    "huge": (
        {"metadata__request": b'"' + b"x" * 17 * 2**20 + b'"'},
        "metadata/request.json",
        "at most",
    ),
    "newer form": (
        {"metadata__folder": {"format": "ccp-execution", "formatVersion": 2}},
        "metadata/folder.json: formatVersion",
        "version",
    ),
    "form of another type": (
        {"metadata__folder": {"format": "ccp-execution", "formatVersion": True}},
        "metadata/folder.json: formatVersion",
        "version",
    ),
    "other form": ({"metadata__folder": {"format": "x"}}, "metadata/folder.json: format", "must"),
    "an input that is not there": ({"inputs__table": None}, "inputs/table", "missing"),
    "another file as an input": (
        {"metadata__request": {"inputs": {"table": {"href": "metadata/method.json"}}}},
        "metadata/request.json: inputs.table.href",
        "link",
    ),
    "a path as an input": (
        {"metadata__request": {"inputs": {"table": {"href": "inputs/../../etc/passwd"}}}},
        "metadata/request.json: inputs.table.href",
        "link",
    ),
    "an output that the Method does not have": (
        {"metadata__request": {"inputs": {"table": "eA=="}, "outputs": {"x": 5}}},
        "metadata/request.json: outputs.x",
        "no such output",
    ),
    "a Task of no replica": (
        {
            "metadata__folder": {
                "format": "ccp-execution",
                "formatVersion": 1,
                "tasks": [{"index": 2, "state": "failed"}],
            }
        },
        "metadata/folder.json: tasks",
        "replicas",
    ),
    "Tasks of the wrong type": (
        {"metadata__folder": {"format": "ccp-execution", "formatVersion": 1, "tasks": {"a": 1}}},
        "metadata/folder.json: tasks: ",
        "list",
    ),
    "outputs that are no zip": ({"outputs__output": b"no zip"}, "outputs/output.zip", "broken"),
    "outputs with a path outside": (
        {"outputs__output": zips.make({"../x": b"x"})},
        "outputs/output.zip: '../x'",
        '".."',
    ),
    "outputs of more than is allowed": (
        {"outputs__output": zips.make({"x": bytes(2**20 + 1)})},
        "outputs/output.zip",
        "at most 1048576",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(work, name):
    changes, member, rule = BAD[name]
    content = zips.make(a_folder(**changes))
    with pytest.raises(InvalidDocument) as caught:
        read(content, work, largest=32 * 2**20)
    problem = caught.value.problems[0]
    assert problem.member.startswith(member), problem
    assert re.search(re.escape(rule), problem.rule), problem


def test_a_method_that_asks_for_more_than_there_is_here(work):
    method = a_method(table={"schema": {"type": "string"}})
    request = {"inputs": {"table": "x", "ccpreplicas": 50}}
    found = made(work, metadata__method=method, metadata__request=request)
    assert found.imported.execution.replicas == len(found.imported.tasks) == 50
    assert "49 of 50" in found.notes[0]
