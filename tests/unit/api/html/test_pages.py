"""Every page: all data of its document, all links, and no script of anybody."""

from __future__ import annotations

import copy
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ccp_jupyter.codegen.languages import LANGUAGES
from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.errors import NO_SUCH_JOB, ApiError
from ccp_jupyter.hub_service.api.html.forms import form_document
from ccp_jupyter.hub_service.api.html.job_page import (
    job_extras,
    output_files,
    shown_inputs,
    task_row,
)
from ccp_jupyter.hub_service.api.html.page import TEMPLATES, Place, asset, made
from ccp_jupyter.hub_service.api.html.tails import Tail
from ccp_jupyter.hub_service.api.identity import Caller
from ccp_jupyter.hub_service.api.openapi import openapi_document
from ccp_jupyter.hub_service.api.routes import ALL_ROUTES
from ccp_jupyter.hub_service.controller.base import Live
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from ccp_jupyter.model.stored_method import StoredMethod
from tests.unit.api.html.reader import Reader, hrefs, scalars

BASE = "https://hub.test/services/ccp/"
BEGIN = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}{% raw x %}"
ALICE = Caller("alice <&>", frozenset(), {})
KINDS: list[dict[str, Any]] = [
    {"type": "string", "description": HOSTILE},
    {"type": "string", "default": HOSTILE, "maxLength": 9000},
    {"type": "string", "enum": [HOSTILE, "b"], "default": HOSTILE},
    {"type": "string", "format": "file", "contentMediaType": HOSTILE},
    {"type": "string", "format": "secret", "default": "hush"},
    {"type": "boolean", "default": True},
    {"type": "object", "default": {HOSTILE: HOSTILE}},
    {"type": "string", "readOnly": True, "default": HOSTILE},
    {"type": "string", "pattern": HOSTILE, "format": "date"},
    {"type": "integer", "minimum": 0, "default": 5},
]


def method(inputs: int = 10) -> StoredMethod:
    document = {
        "id": "hostile",
        "title": HOSTILE,
        "description": HOSTILE + "\nsecond line",
        "version": "1.2.3",
        "keywords": [HOSTILE, "plain"],
        "metadata": [{"role": "category", "title": HOSTILE}, {"role": "author", "title": "eve"}],
        "inputs": {
            f"input-{number}": {
                "title": f"{number} {HOSTILE}",
                "description": HOSTILE,
                "minOccurs": number % 2,
                "maxOccurs": 1 + number % 3,
                "schema": KINDS[number % len(KINDS)],
            }
            for number in range(inputs)
        },
        "outputs": {"out": {"title": HOSTILE, "schema": {"type": "string"}, "x": HOSTILE}},
        "additionalParameters": {
            "parameters": [{"name": "execute-script", "value": ["echo '</pre>'", HOSTILE]}]
        },
        "links": [
            {"rel": "compatibleWith", "href": "infrastructures/local", "title": HOSTILE},
            {"rel": "license", "href": "https://example.test/licence"},
        ],
    }
    return StoredMethod(id="hostile", owner="alice", document=document)


def execution(status: Status = Status.RUNNING, **members: Any) -> Execution:
    given: dict[str, Any] = {
        "id": "job-1",
        "owner": "alice <&>",
        "method_id": "hostile",
        "method": method().document,
        "request": {"inputs": {"input-0": HOSTILE}},
        "inputs": {},
        "infrastructure_id": "local",
        "limits": Limits(),
        "image": "image:1",
        "replicas": 1,
        "status": status,
        "message": HOSTILE,
        "created": BEGIN,
        "started": BEGIN + timedelta(seconds=2),
    }
    return Execution(**{**given, **members})


def page(template: str, document: Any, path: str = "", **values: object) -> Reader:
    place = Place(BASE, path, {"limit": [b"5"], "_xsrf": [b"token"]}, ALICE)
    found = made(place, template, doc=document, title=HOSTILE, xsrf="token&1", **values)
    read = Reader(found.text)
    check_safe(read, found.headers)
    assert any("f=json" in each for each in read.links) or template in ("log.html", "error.html")
    return read


def check_safe(read: Reader, headers: Any) -> None:
    """Nothing runs or is loaded but what is ours; labels and landmarks are there."""
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
    for script in read.named("script"):
        assert script["src"].startswith(BASE + "assets/")
        assert f"'nonce-{script['nonce']}'" in policy
    assert all(each.get("href", "").startswith(BASE) for each in read.named("link")[:1])
    for tag, given in read.elements:
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, given)
    assert {each["src"] for each in read.named("img")} <= {BASE + "jobs/job-1/outputs/a%20b.png"}
    assert len(read.named("main")) == len(read.named("h1")) == len(read.named("title")) == 1
    labelled = {each.get("for") for each in read.named("label")}
    for tag in ("input", "select", "textarea"):
        for given in read.named(tag):
            wrapped = given.get("type") in ("hidden", "checkbox", "radio")
            assert wrapped or given["id"] in labelled, given
    ids = [given["id"] for _, given in read.elements if "id" in given]
    assert len(ids) == len(set(ids))


def check_whole(read: Reader, document: Any) -> None:
    missing = [each for each in scalars(document) if each not in read.text]
    assert not missing
    there = {each for href in read.links for each in (href, href.removeprefix(BASE))}
    assert hrefs(document) <= there


def test_a_method_with_200_inputs_is_there_in_full():
    document = documents.process(method(200), BASE, mutable=True)
    read = page("method.html", document, "processes/hostile")
    check_whole(read, document)
    assert BASE + "processes/hostile/form" in read.links


def test_the_list_of_methods():
    summary = documents.process_summary(method(), BASE, mutable=False)
    links = documents.page_links(BASE, "processes", "q=x", 5, 5, 10)
    document = {"processes": [summary, {**summary, "id": "other"}], "links": links}
    read = page(
        "methods.html",
        document,
        "processes",
        categories=[HOSTILE, "b"],
        asked={"q": HOSTILE, "category": HOSTILE},
    )
    check_whole(read, document)
    assert read.by_id("q")["value"] == HOSTILE
    assert {each["href"] for each in links} <= read.links
    nothing = page("methods.html", {"processes": [], "links": []}, categories=[], asked={"q": "x"})
    assert "There is no Method" in nothing.text


@pytest.mark.parametrize("status", list(Status))
def test_an_execution(status, tmp_path):
    final = status in (Status.SUCCESSFUL, Status.FAILED, Status.DISMISSED)
    record = execution(status, output_size=10 if final else None)
    live = Live(HOSTILE, 40, position=3, start=BEGIN)
    document = documents.status_info(record, BASE, live)
    document["title"] = HOSTILE
    phases = [PhaseTime(phase=each, at=BEGIN) for each in Phase]
    attempt = Attempt(
        number=1, node="n", phases=phases, outcome=Outcome.FAILED, reason=HOSTILE, exit_code=3
    )
    task = Task(
        execution_id="job-1", index=1, state=TaskState.FAILED, attempts=[attempt], reason=HOSTILE
    )
    files, count = output_files(archive(tmp_path), BASE + "jobs/job-1/outputs/")
    read = page(
        "job.html",
        document,
        "jobs/job-1",
        final=final,
        owns=True,
        inputs=shown_inputs(record.request["inputs"]),
        tasks=[task_row(task)],
        more_tasks=7,
        log=Tail(HOSTILE + "\n" + "x" * 100_000, True, 12),
        files=files,
        count=count,
        languages=LANGUAGES,
        refresh=None if final else 5,
        script=None if final else "follow.js",
    )
    check_whole(read, document)
    assert BASE + "jobs/job-1/end" in read.links
    assert ("refresh" in str(read.named("meta"))) == (not final)
    assert bool(read.named("script")) == (not final)
    assert {each["href"] for each in files} <= read.links
    assert {f"{BASE}jobs/job-1/code?language={name}" for name in LANGUAGES} <= read.links
    assert "exit code 3" in read.text and "x" * 100_000 in read.text


async def test_the_page_of_an_execution_that_is_removed_at_this_moment(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    handler: Any = SimpleNamespace(services=SimpleNamespace(store=store))
    try:
        with pytest.raises(ApiError) as caught:
            await job_extras(handler, {"jobID": "gone"})
    finally:
        await store.close()
    assert (caught.value.status_code, caught.value.kind) == (404, NO_SUCH_JOB)


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "output.zip", "w") as target:
        target.writestr("a b.png", b"\x89PNG")
        target.writestr("t.txt", HOSTILE + "y" * 9000)
        target.writestr("binary.csv", b"a\x00b")
        target.writestr("folder/", b"")
        target.writestr('<script>"&.bin', b"1")
        for number in range(60):
            target.writestr(f"many/{number}.txt", b"\xff text")
    return folder / "output.zip"


def test_previews_are_few_short_and_of_what_can_be_shown(tmp_path):
    files, count = output_files(archive(tmp_path), BASE)
    assert count == 64 and len(files) == 50
    by_name = {each["path"]: each for each in files}
    assert by_name["a b.png"]["image"]
    assert by_name["t.txt"]["cut"] and len(by_name["t.txt"]["text"]) == 4000
    assert "text" not in by_name["binary.csv"]
    assert sum("text" in each or "image" in each for each in files) == 12
    assert output_files(tmp_path / "none.zip", BASE) == ([], 0)


def test_what_is_private_of_a_request_is_only_named():
    inputs = {"a": {"secret": True}, "b": [{"href": "inputs/b", "type": "text/csv"}], "c": [1]}
    assert shown_inputs(inputs) == {
        "a": "(a secret)",
        "b": ["(a file that came with the request, text/csv)"],
        "c": [1],
    }


def test_the_list_of_executions():
    jobs = [documents.status_info(execution(each), BASE) for each in Status]
    for number, job in enumerate(jobs):
        job["jobID"] = job["id"] = f"job-{number}"
    document = {"jobs": jobs, "links": documents.page_links(BASE, "jobs", "", 0, 10, 10)}
    statuses = [each.value for each in Status]
    read = page(
        "jobs.html",
        document,
        "jobs",
        statuses=statuses,
        asked={"processID": HOSTILE, "datetime": "2026-01-02", "status": "failed"},
    )
    check_whole(read, document)
    assert read.by_id("method")["value"] == HOSTILE
    assert read.by_id("when")["value"] == "2026-01-02"
    nothing = page("jobs.html", {"jobs": [], "links": []}, statuses=statuses, asked={})
    assert "There is none" in nothing.text


def test_the_landing_page():
    document = {
        "title": "ccp",
        "description": "what it is",
        "links": [{"href": BASE + "api", "rel": "service-desc", "type": "application/json"}],
    }
    jobs = [documents.status_info(execution(), BASE)]
    check_whole(page("landing.html", document, executions=jobs), document)
    assert "There are none yet" in page("landing.html", document, executions=[]).text


def test_the_api_document_lists_every_operation():
    document = openapi_document("/services/ccp/")
    read = page("api.html", document, "api")
    for route in ALL_ROUTES:
        assert f"/{route.path}" in read.text
        for operation in route.operations.values():
            assert read.by_id(operation.id)
    anchors = {each for each in read.links if each.startswith("#schema-")}
    assert {f"#schema-{name}" for name in document["components"]["schemas"]} >= anchors
    for given in anchors:
        assert read.by_id(given[1:])


def test_output_files():
    file = {
        "path": HOSTILE,
        "size": 123456,
        "compressed": 77,
        "modified": "2026-11-22T10:00:00",
        "href": BASE + "jobs/job-1/outputs/x",
        "sha256": "ab" * 32,
    }
    links = documents.page_links(BASE, "jobs/job-1/outputs", "", 0, 1, 1)
    document = {"files": [file], "count": 2, "size": 99, "links": links}
    read = page("outputs.html", document, "jobs/job-1/outputs")
    check_whole(read, document)
    assert BASE + "jobs/job-1/outputs/output.zip" in read.links


def test_infrastructures_logs_questions_and_anything_else():
    infrastructure = {
        "id": "a/b",
        "name": HOSTILE,
        "description": HOSTILE,
        "type": "docker",
        "limits": {"memory": 5},
        "nodes": 3,
        "nodes_online": 1,
        "available": True,
        "links": [{"href": BASE + "infrastructures/a%2Fb", "rel": "self"}],
    }
    listed = {"infrastructures": [infrastructure], "links": []}
    check_whole(page("infrastructures.html", listed, "infrastructures"), listed)
    log = {
        "jobID": "job-1",
        "task": "all",
        "stream": "stdout",
        "text": HOSTILE,
        "cut": True,
        "links": [{"href": BASE + "jobs/job-1/log?f=text", "rel": "alternate"}],
    }
    read = page("log.html", log)
    assert HOSTILE in read.text and "Only the end" in read.text
    question = {
        "jobID": "job-1",
        "title": HOSTILE,
        "status": "running",
        "action": "dismiss",
        "links": [{"href": BASE + "jobs/job-1", "rel": "up"}],
    }
    read = page("end.html", question, "jobs/job-1/end")
    check_whole(read, question)
    assert read.field("_xsrf")[0]["value"] == "token&1"
    anything = {"a": [1, {"b": HOSTILE}], "links": [{"href": BASE + "x", "rel": "self"}]}
    check_whole(page("document.html", anything), anything)


def test_a_form_holds_every_input_and_no_secret():
    stored = method(200)
    document = form_document(
        stored, BASE, errors={"input-1": [HOSTILE]}, problems=[HOSTILE], notes=[HOSTILE]
    )
    read = page("form.html", document, "processes/hostile/form", key="once")
    assert hrefs(document["links"]) <= read.links
    for number in range(200):
        name = f"inputs.input-{number}"
        fixed = number % 10 == 7
        assert bool(read.field(name)) != fixed, name
    assert "hush" not in read.text
    assert read.field("inputs.input-3")[0]["type"] == "file"
    assert read.by_id("field-input-1")["aria-invalid"] == "true"
    assert "#field-input-1" in read.links
    form = next(each for each in read.named("form"))
    assert form["enctype"] == "multipart/form-data"
    assert form["action"] == BASE + "processes/hostile/form"


def test_an_error_page_needs_no_caller():
    document = {"type": "about:blank", "title": "Gone", "status": 410, "detail": HOSTILE}
    found = made(Place("/services/ccp/"), "error.html", doc=document, title="Gone", is_error=True)
    read = Reader(found.text)
    assert HOSTILE in read.text and "Log in" in read.text and not read.named("script")


def test_assets_change_their_address_with_their_content():
    for path in (TEMPLATES / "assets").iterdir():
        assert asset(path.name).startswith(f"assets/{path.name}?v=")


def test_a_page_changes_no_document():
    document = documents.process(method(), BASE, mutable=True)
    before = copy.deepcopy(document)
    page("method.html", document)
    assert document == before
