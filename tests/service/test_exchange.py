"""Methods and Executions as files, out of the running service and into it again."""

from __future__ import annotations

import io
import json
import socket
import time
import uuid
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from ccp_jupyter.hub_service.api.errors import (
    INVALID_DOCUMENT,
    INVALID_PARAMETER,
    NO_SUCH_PROCESS,
    NOT_EXECUTABLE,
)
from tests import red
from tests.agency import Agency
from tests.jobs import method
from tests.service.conftest import FILE, CheckedCaller, file_output
from tests.service.documents import check_error

ZIP = {"Content-Type": "application/zip"}
SCRIPT = """
mkdir -p /ccp_data/output
cat {{ table }} > /ccp_data/output/copy.csv
test -n {{ key }} && echo has a key
echo "replica $ccptaskid"; echo to stderr >&2
"""
INPUTS: dict[str, dict[str, Any]] = {
    "table": FILE,
    "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
}
OUTPUTS = {"copy": file_output("output/copy.csv", "text/csv")}


def take(caller: CheckedCaller, content: bytes | list[Any] | dict[str, Any], **query: str):
    """Import something; return the report."""
    if isinstance(content, bytes):
        answer = caller.http.post("imports", content=content, headers=ZIP, params=query)
    else:
        answer = caller.http.post("imports", json=content, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def one(report: dict[str, Any]) -> dict[str, Any]:
    (found,) = report["results"]
    return dict(found)


def changed(content: bytes, **files: bytes | None) -> bytes:
    """Return a zip with other contents under some names; None leaves a file out."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in source.namelist():
            if name not in files:
                archive.writestr(name, source.read(name))
        for name, data in files.items():
            if data is not None:
                archive.writestr(name, data)
    return target.getvalue()


def left_over(stack) -> list[str]:
    folder = stack.data_dir / "executions" / "incoming"
    return [each.name for each in folder.iterdir()] if folder.exists() else []


# --- Methods -------------------------------------------------------------------------------------


def test_a_method_to_a_file_and_back(alice, bob, shell):
    document = method(shell, "true", title="Möbius / ../strips", version="1.2.0")
    document["metadata"] = [
        {"role": "visibility", "title": "public"},
        {"role": "category", "title": "geometry"},
    ]
    alice.deploy(document)
    answer = alice.http.get(f"processes/{document['id']}/export")
    assert answer.status_code == 200
    name = answer.headers["content-disposition"]
    assert name == "attachment; filename*=UTF-8''M%C3%B6bius%20strips-1.2.0.json"
    exported = answer.json()
    assert "mutable" not in exported
    assert {each["rel"] for each in exported["links"]} == {"compatibleWith"}
    assert one(take(alice, exported))["outcome"] == "equal"

    # Somebody else gets it without whom it is shared with, and it is theirs under a new id only.
    theirs = bob.http.get(f"processes/{document['id']}/export").json()
    assert {each["role"] for each in theirs["metadata"]} == {"author", "category"}
    refused = one(take(bob, theirs))
    assert (refused["outcome"], refused["problems"][0]["member"]) == ("refused", "id")
    renewed = one(take(bob, theirs, renew="true"))
    assert renewed["outcome"] == "created" and renewed["id"] != document["id"]
    copy = bob.http.get(f"processes/{renewed['id']}").json()
    assert copy["mutable"] and copy["title"] == document["title"]
    assert alice.http.get(f"processes/{renewed['id']}").status_code == 404

    # A newer version of one's own needs a word, and makes a revision; who may see it stays.
    newer = {**exported, "version": "1.3.0"}
    assert one(take(alice, newer))["outcome"] == "refused"
    assert one(take(alice, [newer], replace="true"))["outcome"] == "replaced"
    assert bob.http.get(f"processes/{document['id']}").json()["version"] == "1.3.0"
    old = alice.http.get(f"processes/{document['id']}/export", params={"revision": 1})
    assert old.json()["version"] == "1.2.0"
    missing = alice.http.get(f"processes/{document['id']}/export", params={"revision": 9})
    check_error(missing, 404, NO_SUCH_PROCESS)


def test_many_methods_as_a_zip(alice, carol, shell):
    category = f"category {uuid.uuid4().hex[:8]}"
    ids = []
    for number in range(3):
        document = method(shell, "true", title="Same" if number else "NUL")
        document["metadata"] = [{"role": "category", "title": category}]
        ids.append(alice.deploy(document))
    answer = alice.http.get("processes/export", params={"category": category})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert set(archive.namelist()) == {
            "_NUL-1.0.0.json",
            "Same-1.0.0.json",
            "Same-1.0.0 (2).json",
        }
    some = alice.http.get("processes/export", params={"ids": ",".join(ids[:2])})
    with zipfile.ZipFile(io.BytesIO(some.content)) as archive:
        assert len(archive.namelist()) == 2
    check_error(carol.http.get("processes/export", params={"ids": ids[0]}), 404, NO_SUCH_PROCESS)
    check_error(alice.http.get("processes/export"), 400, INVALID_PARAMETER)
    nothing = carol.http.get("processes/export", params={"category": category})
    with zipfile.ZipFile(io.BytesIO(nothing.content)) as archive:
        assert archive.namelist() == []

    # Carol may not see them, but has the file: each entry is told by itself.
    content = changed(answer.content, **{"bad.json": b'{"id":"x","id":"y"}', "README.txt": b"hi"})
    report = take(carol, content, renew="true")
    assert (report["created"], report["refused"]) == (3, 2)
    told = {each["name"]: each for each in report["results"]}
    assert told["bad.json"]["problems"][0]["value"] == "'id'"
    assert told["README.txt"]["kind"] == ""
    assert told["_NUL-1.0.0.json"]["notes"] == [f"its id was {ids[0]}"]
    for each in ids:
        assert alice.http.delete(f"processes/{each}").status_code == 204


def test_sharing_only_on_request(alice, callers, shell):
    document = method(shell, "true")
    document["metadata"] = [{"role": "context", "title": "physics"}]
    submitter = callers["alice-submit"]
    answer = submitter.http.post("imports", json=document, params={"sharing": "keep"})
    check_error(answer, 403)
    assert one(take(submitter, document))["outcome"] == "created"
    assert "context" not in submitter.http.get(f"processes/{document['id']}/export").text
    other = {**document, "id": f"test-{uuid.uuid4()}"}
    assert one(take(alice, other, sharing="keep"))["outcome"] == "created"
    foreign = {**other, "id": f"test-{uuid.uuid4()}"}
    foreign["metadata"] = [{"role": "context", "title": "chemistry"}]
    assert "chemistry" in one(take(alice, foreign, sharing="keep"))["problems"][0]["rule"]


# --- Executions ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(callers, shell) -> tuple[str, bytes]:
    """Id of a job of alice with two replicas, a file and a secret; and its folder."""
    alice = callers["alice"]
    document = method(shell, SCRIPT, inputs=INPUTS, outputs=OUTPUTS, title="Copy <b>it</b>")
    job = alice.start(document, table="aGVsbG8=", key="hush-hush", ccpreplicas=2)
    assert alice.wait(job)["status"] == "successful"
    answer = alice.http.get(f"jobs/{job}/folder")
    assert b"hush-hush" not in answer.content
    return job, answer.content


def test_an_execution_to_a_zip_and_back(alice, bob, stack, ran):
    job, content = ran
    entry = one(take(bob, content))
    assert (entry["outcome"], entry["kind"], entry["notes"]) == ("created", "execution", [])
    new = entry["id"]
    before, after = alice.status(job), bob.status(new)
    same = ("status", "created", "started", "finished", "progress", "replicas", "title")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert (after["owner"], after["jobID"]) == ("bob", new)
    assert bob.outputs(new) == alice.outputs(job)
    for task in (1, 2):
        for stream in ("stdout", "stderr"):
            query = {"task": task, "stream": stream}
            assert bob.log(new, **query) == alice.log(job, **query) != ""
    assert [each["seq"] for each in bob.events(new)] == list(range(1, len(bob.events(new)) + 1))
    results = bob.http.get(f"jobs/{new}/results")
    assert results.status_code == 200, results.text
    assert alice.http.get(f"jobs/{new}").status_code == 404

    # It can be repeated, with the Method and the file that came with it; secrets are given anew.
    answer = bob.http.post(f"jobs/{new}/repeat", json={"inputs": {"key": "another"}})
    assert answer.status_code == 201, answer.text
    again = answer.json()["jobID"]
    assert bob.wait(again)["status"] == "successful"
    copied = "replica-2/output/copy.csv"
    assert bob.outputs(again)[copied] == bob.outputs(new)[copied] == b"hello"
    assert bob.http.get(f"jobs/{new}/prov").status_code == 200

    # Out again: everything is there still, with where it came from; nobody is taken for alice.
    second = zipfile.ZipFile(io.BytesIO(bob.http.get(f"jobs/{new}/folder").content))
    first = zipfile.ZipFile(io.BytesIO(content))
    for name in ("inputs/table", "metadata/method.json", "metadata/manifest.json"):
        assert second.read(name) == first.read(name)
    imported = json.loads(second.read("metadata/imported.json"))
    assert imported["claims"]["name"] == "alice"
    assert imported["origin"]["id"] == job
    assert json.loads(second.read("auth/jwt.json"))["name"] == "bob"
    # The container's removal may follow the final status, so that the phases may end earlier.
    assert attempts(first) == attempts(second) != []
    assert bob.http.delete(f"jobs/{new}").status_code == 200
    assert left_over(stack) == []


def test_an_experiment_to_a_zip_and_back(alice, bob, stack):
    script = "echo out $0; [ $0 != 2 ]"
    document = red.shell(
        stack.images["red"], script, batches=2, cli={"stdout": "words.txt"}, doc="Two words"
    )
    inputs = {"document": document, "disableRetry": True}
    answer = alice.http.post("processes/red/execution", json={"inputs": inputs})
    assert answer.status_code == 201, answer.text
    job = answer.json()["jobID"]
    before = alice.wait(job)
    content = alice.http.get(f"jobs/{job}/folder").content
    entry = one(take(bob, content))
    assert (entry["outcome"], entry["title"], entry["notes"]) == ("created", "Two words", [])
    new = entry["id"]
    after = bob.status(new)
    same = ("status", "kind", "created", "finished", "progress", "replicas", "title", "processID")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert bob.outputs(new) == alice.outputs(job)
    query = {"task": 2, "stream": "stdout"}
    assert bob.log(new, **query) == alice.log(job, **query) == "out 2\n"
    assert bob.http.get(f"jobs/{new}/prov").status_code == 200
    check_error(bob.http.post(f"jobs/{new}/repeat", json={}), 409, NOT_EXECUTABLE)

    # To clients of CC-Agency it is an experiment like any other.
    theirs, ours = Agency(stack, "bob"), Agency(stack)
    try:
        found, was = theirs.batches(new), ours.batches(job)
        assert [each["state"] for each in found] == ["succeeded", "failed"]
        assert [theirs.stream(each) for each in found] == ["out 1\n", "out 2\n"]
        for here, there in zip(found, was, strict=True):
            assert here["inputs"] == there["inputs"]
            assert here["history"] == there["history"]
        full = theirs.http.get(f"experiments/{new}").json()
        assert full["cli"] == document["cli"]
    finally:
        theirs.close()
        ours.close()

    # Out again, and in: nothing is lost on the way.
    second = one(take(alice, bob.http.get(f"jobs/{new}/folder").content))
    assert (second["outcome"], second["notes"]) == ("created", [])
    for caller, name in ((bob, new), (alice, second["id"])):
        assert caller.http.delete(f"jobs/{name}").status_code == 200
    assert left_over(stack) == []


def attempts(folder: zipfile.ZipFile) -> list[tuple[Any, ...]]:
    return [
        (task["index"], task["state"], *(each[name] for name in ("node", "image", "exit_code")))
        for task in json.loads(folder.read("metadata/folder.json"))["tasks"]
        for each in task["attempts"]
    ]


def test_an_old_zip_without_a_manifest(alice, ran):
    _, content = ran
    gone = ("metadata/folder.json", "metadata/manifest.json", "metadata/events.jsonl")
    old = changed(content, **dict.fromkeys(gone))
    entry = one(take(alice, old))
    assert entry["outcome"] == "created"
    assert alice.log(entry["id"], task=2, stream="stdout").splitlines()[-1] == "replica 2"
    assert alice.status(entry["id"])["status"] == "successful"


def test_what_is_changed_is_told(alice, ran):
    _, content = ran
    outputs = io.BytesIO()
    with zipfile.ZipFile(outputs, "w") as archive:
        archive.writestr("replica-1/output/copy.csv", b"forged")
    request = json.dumps(
        {
            "inputs": {
                "table": {"href": "inputs/table", "type": "application/octet-stream"},
                "key": "in the clear",
                "ccpreplicas": 2,
            },
            "subscriber": {"successUri": "https://example.org/hear"},
        }
    )
    files: dict[str, bytes | None] = {
        "outputs/output.zip": outputs.getvalue(),
        "metadata/request.json": request.encode(),
        "evil/run.sh": b"#!/bin/sh",
        "inputs/table": b"other",
    }
    entry = one(take(alice, changed(content, **files)))
    assert entry["outcome"] == "created"
    told = "\n".join(entry["notes"])
    for each in ("subscriber", "inputs.key", "evil/run.sh", "copy.csv", "inputs/table"):
        assert each in told
    assert "in the clear" not in told
    folder = alice.http.get(f"jobs/{entry['id']}/folder").content
    with zipfile.ZipFile(io.BytesIO(folder)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"in the clear" not in everything and b"example.org/hear" not in everything


def test_what_is_refused_leaves_nothing(alice, stack, ran):
    _, content = ran
    before = {each["jobID"] for each in alice.http.get("jobs?limit=1000").json()["jobs"]}
    bad = [
        changed(content, **{"metadata/method.json": b"{"}),
        changed(content, **{"metadata/jobStatus.json": b'{"status":"splendid"}'}),
        changed(content, **{"metadata/folder.json": b'{"format":"ccp-execution"}'}),
        changed(content, **{"inputs/table": None}),
        changed(content, **{"outputs/output.zip": content[:5000]}),
        changed(content, **{"metadata/request.json": b'{"inputs":{"table":1}}'}),
    ]
    for each in bad:
        entry = one(take(alice, each))
        assert (entry["outcome"], entry["kind"]) == ("refused", "execution"), entry
        assert entry["problems"][0]["member"]
    for broken in (b"", b"PK", content[:-1000], b"x" * 100):
        answer = alice.http.post("imports", content=broken, headers=ZIP)
        check_error(answer, 400, INVALID_DOCUMENT)
    check_error(
        alice.http.post("imports", content=b"[]", headers={"Content-Type": "text/csv"}),
        415,
        "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/unsupported-media-type",
    )
    assert {each["jobID"] for each in alice.http.get("jobs?limit=1000").json()["jobs"]} == before
    assert left_over(stack) == []


# --- links ---------------------------------------------------------------------------------------


def test_links(alice, bob, stack, ran, shell):
    job, _ = ran
    made = alice.http.post("links", json={"target": f"{stack.service_url}jobs/{job}"})
    assert made.status_code == 201, made.text
    href = made.json()["url"]
    entry = one(take(bob, {"href": href}))
    assert (entry["outcome"], entry["kind"], entry["notes"]) == ("created", "execution", [])
    assert bob.outputs(entry["id"]) == alice.outputs(job)
    folder = bob.http.get(f"jobs/{entry['id']}/folder").content
    with zipfile.ZipFile(io.BytesIO(folder)) as archive:
        imported = json.loads(archive.read("metadata/imported.json"))
    assert imported["origin"]["service"] == stack.service_url
    assert imported["claims"] == {}, "a link tells nothing of who made it"
    token = href.rpartition("/")[2]
    assert token not in folder.decode("latin-1")

    document = method(shell, "true")
    alice.deploy(document)
    shared = alice.http.post(
        "links", json={"target": f"{stack.service_url}processes/{document['id']}"}
    ).json()
    entry = one(take(bob, {"href": shared["url"]}, renew="true"))
    assert (entry["outcome"], entry["kind"]) == ("created", "method")
    for bad in (
        {"href": f"{stack.service_url}shared/wrong.token"},
        {"href": "file:///etc/passwd"},
        {"href": "http://127.0.0.1:1/x.json"},
        {"href": "http://169.254.169.254/latest"},
        {"href": 5},
        {"href": "https://example.org/", "more": 1},
    ):
        error = check_error(bob.http.post("imports", json=bad), 400, INVALID_DOCUMENT)
        assert error["problems"][0]["member"] in ("href", "more")


# --- uploads -------------------------------------------------------------------------------------


def test_uploads_of_one_user_are_few_and_leave_nothing(alice, bob, stack, shell):
    url = urlsplit(stack.service_url)
    assert url.hostname
    begun = []
    for _ in range(2):
        connection = socket.create_connection((url.hostname, url.port or 80))
        connection.sendall(
            f"POST {url.path}imports HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Authorization: token {alice.token}\r\nContent-Type: application/zip\r\n"
            f"Content-Length: {10 * 2**20}\r\n\r\n".encode()
        )
        connection.sendall(b"PK\x03\x04" + bytes(2 * 2**20))
        begun.append(connection)
    until(lambda: len(left_over(stack)) == 2)
    refused = alice.http.post("imports", content=b"PK", headers=ZIP)
    assert refused.status_code == 429 and refused.headers["Retry-After"]
    assert one(take(bob, method(shell, "true")))["outcome"] == "created"
    for connection in begun:
        connection.close()
    until(lambda: left_over(stack) == [])
    assert one(take(alice, method(shell, "true")))["outcome"] == "created"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
