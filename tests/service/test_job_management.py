"""Part 4: jobs that are kept, changed, and started on request (reference, section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.api.errors import (
    INVALID_DOCUMENT,
    LOCKED,
    NO_SUCH_JOB,
    NO_SUCH_PROCESS,
    RESULT_NOT_READY,
    UNSUPPORTED_JOB_TYPE,
    UNSUPPORTED_SCHEMA,
)
from tests.jobs import method
from tests.service.documents import check_error

INPUTS: dict[str, dict[str, Any]] = {
    "word": {"minOccurs": 0},
    "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
    "table": {
        "minOccurs": 0,
        "schema": {"type": "string", "format": "file", "contentEncoding": "base64"},
    },
}
SCRIPT = "cat {{ table }} > out.txt; echo {{ word }} {{ key }} >> out.txt"
SECRET = "very secret"


@pytest.fixture(scope="module")
def kept(callers, shell):
    """Id of a Method of alice."""
    return callers["alice"].deploy(method(shell, SCRIPT, inputs=INPUTS))


def test_a_job_is_created_changed_and_started(alice, bob, kept):
    process = f"{alice.http.base_url}processes/{kept}"
    first = {"process": process, "inputs": {"word": "one", "table": "b25lCg=="}}
    answer = alice.http.post("jobs", json=first, headers={"Idempotency-Key": "kept-1"})
    assert answer.status_code == 201, answer.text
    job = answer.json()["jobID"]
    assert answer.json()["status"] == "created"
    assert answer.headers.get_list("Location") == [f"{alice.http.base_url}jobs/{job}"]
    again = alice.http.post("jobs", json=first, headers={"Idempotency-Key": "kept-1"})
    assert again.json()["jobID"] == job
    assert job in [e["id"] for e in alice.http.get("jobs?status=created").json()["jobs"]]
    check_error(alice.http.get(f"jobs/{job}/results"), 404, RESULT_NOT_READY)

    wanted = {"inputs": {"word": "two", "key": SECRET, "table": "dHdvCg=="}, "outputs": {}}
    for call in (bob.http.patch, alice.http.patch):
        answer = call(f"jobs/{job}", json=wanted)
        if call is bob.http.patch:
            check_error(answer, 404, NO_SUCH_JOB)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "created"
    refused = alice.http.patch(f"jobs/{job}", json={"inputs": {"other": 1}})
    check_error(refused, 400, INVALID_DOCUMENT)

    definition = alice.http.get(f"jobs/{job}/definition").json()
    assert definition["process"] == f"{process}/revisions/1"
    kept_inputs = {
        "word": "two",
        "key": {"secret": True},
        "table": {"href": "inputs/table", "type": "application/octet-stream"},
    }
    assert definition["inputs"] == kept_inputs
    found = alice.http.get(f"jobs/{job}/inputs").json()
    assert (found["inputs"], found["outputs"]) == (kept_inputs, {})
    for part in ("definition", "inputs"):
        check_error(bob.http.get(f"jobs/{job}/{part}"), 404, NO_SUCH_JOB)

    check_error(bob.http.post(f"jobs/{job}/results"), 404, NO_SUCH_JOB)
    started = alice.http.post(f"jobs/{job}/results")
    assert started.status_code == 200
    assert started.json()["status"] == "accepted"
    check_error(alice.http.post(f"jobs/{job}/results"), 423, LOCKED)
    check_error(alice.http.patch(f"jobs/{job}", json=wanted), 423, LOCKED)
    assert alice.wait(job)["status"] == "successful"
    assert alice.outputs(job)["out.txt"].decode() == f"two\ntwo {SECRET}\n"
    check_error(alice.http.patch(f"jobs/{job}", json=wanted), 423, LOCKED)


def test_a_created_job_is_dismissed_and_removed(alice, kept):
    job = alice.http.post("jobs", json={"process": kept}).json()["jobID"]
    assert alice.http.delete(f"jobs/{job}").json()["status"] == "dismissed"
    assert alice.status(job)["status"] == "dismissed"
    check_error(alice.http.post(f"jobs/{job}/results"), 423, LOCKED)
    assert alice.http.delete(f"jobs/{job}").status_code == 200
    check_error(alice.http.get(f"jobs/{job}"), 404, NO_SUCH_JOB)
    check_error(alice.http.post(f"jobs/{job}/results"), 404, NO_SUCH_JOB)


def test_the_built_in_process_can_be_kept_too(alice):
    process = alice.http.get("processes/echo").json()
    first = next(iter(process["inputs"]))
    body = {"process": "processes/echo", "inputs": {first: "said"}, "outputs": {first: {}}}
    job = alice.http.post("jobs", json=body).json()["jobID"]
    assert alice.http.post(f"jobs/{job}/results").status_code == 200
    assert alice.wait(job)["status"] == "successful"


def test_requests_that_name_no_method(alice, bob, kept):
    for wrong in (5, "https://elsewhere.example/processes/x", "http://[", "jobs/x"):
        answer = alice.http.post("jobs", json={"process": wrong})
        check_error(answer, 400, INVALID_DOCUMENT)
    check_error(alice.http.post("jobs", json={}), 400, INVALID_DOCUMENT)
    check_error(alice.http.post("jobs", json=[]), 400, INVALID_DOCUMENT)
    check_error(alice.http.post("jobs", json={"process": "none"}), 404, NO_SUCH_PROCESS)
    check_error(bob.http.post("jobs", json={"process": kept}), 404, NO_SUCH_PROCESS)
    job = alice.http.post("jobs", json={"process": kept}).json()["jobID"]
    other = alice.http.patch(f"jobs/{job}", json={"process": "echo"})
    check_error(other, 400, INVALID_DOCUMENT)
    alice.http.delete(f"jobs/{job}")


def test_media_types_and_schemas(alice, kept):
    answer = alice.http.post("jobs", content="x", headers={"Content-Type": "text/plain"})
    check_error(answer, 415, UNSUPPORTED_JOB_TYPE)
    body = {"process": kept}
    schema = "http://schemas.opengis.net/ogcapi/processes/part1/1.0/openapi/schemas/execute.yaml"
    answer = alice.http.post("jobs", json=body, headers={"Content-Schema": schema})
    assert answer.status_code == 201
    job = answer.json()["jobID"]
    for wrong in ("https://example.org/other.json", schema + "x", "execute.yaml"):
        answer = alice.http.post("jobs", json=body, headers={"Content-Schema": wrong})
        check_error(answer, 422, UNSUPPORTED_SCHEMA)
        answer = alice.http.patch(f"jobs/{job}", json={}, headers={"Content-Schema": wrong})
        check_error(answer, 422, UNSUPPORTED_SCHEMA)
    alice.http.delete(f"jobs/{job}")
