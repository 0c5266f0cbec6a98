"""Documents of the standard: published schemas, links, and what is declared."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from ccp_jupyter.hub_service.api.errors import (
    EXECUTION_FAILED,
    NO_SUCH_JOB,
    NO_SUCH_PROCESS,
    RESULT_NOT_AVAILABLE,
    RESULT_NOT_READY,
)
from ccp_jupyter.hub_service.api.routes import ALL_ROUTES
from tests.service.conftest import CheckedCaller
from tests.service.documents import OPENAPI, check_error, check_ogc

REL = "http://www.opengis.net/def/rel/ogc/1.0/"


def links(document: dict[str, Any]) -> dict[str, str]:
    return {each["rel"]: each["href"] for each in document["links"]}


@pytest.mark.parametrize("slash", ["/", ""])
def test_landing(alice, stack, slash):
    answer = alice.http.get(stack.service_url.rstrip("/") + slash)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    check_ogc("landingPage", answer.json())
    found = links(answer.json())
    assert found["self"] == stack.service_url
    for rel in ("service-desc", REL + "conformance", REL + "processes", REL + "job-list"):
        assert alice.http.get(found[rel]).status_code == 200, rel


def test_conformance(alice):
    answer = alice.http.get("conformance")
    assert answer.headers["content-type"] == "application/json"
    check_ogc("confClasses", answer.json())


def test_process_list_and_description(alice, finished):
    answer = alice.http.get("processes", params={"limit": 1000})
    assert answer.headers["content-type"] == "application/json"
    check_ogc("processList", answer.json())
    summary = next(e for e in answer.json()["processes"] if e["id"] == finished.method["id"])
    assert "inputs" not in summary
    assert summary["mutable"] is True
    answer = alice.http.get(links(summary)["self"])
    assert answer.headers["content-type"] == "application/json"
    check_ogc("process", answer.json())
    described = answer.json()
    assert set(described["outputs"]) == set(finished.method["outputs"])
    assert links(described)[REL + "execute"].endswith(f"{finished.method['id']}/execution")


def test_status_and_job_list(alice, finished, failed, sleeping):
    for job, status in ((finished.job, "successful"), (failed, "failed"), (sleeping, "running")):
        answer = alice.http.get(f"jobs/{job}")
        assert answer.headers["content-type"] == "application/json"
        document = answer.json()
        check_ogc("statusInfo", document)
        assert document["status"] == status
        assert document["id"] == document["jobID"] == job
        assert document["processingEntityType"] == "ogc-api-processes"
        assert None not in document.values()
        assert (REL + "results" in links(document)) == (status == "successful")
        assert links(document)["monitor"].endswith(job)
    answer = alice.http.get("jobs", params={"limit": 1000})
    check_ogc("jobList", answer.json())
    assert answer.headers["content-type"] == "application/json"


def test_submission_is_answered_201(alice, finished, stack):
    answer = alice.http.post(
        f"processes/{finished.method['id']}/execution",
        json={"inputs": {}},
        headers={"Prefer": "respond-async", "Accept": "application/json"},
    )
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    check_ogc("statusInfo", answer.json())
    assert answer.headers["location"] == f"{stack.service_url}jobs/{answer.json()['jobID']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert "link" not in answer.headers
    assert alice.wait(answer.json()["jobID"])["status"] == "successful"


def test_results(alice, finished):
    answer = alice.http.get(f"jobs/{finished.job}/results")
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    check_ogc("results", document)
    assert document["stats"] == {"value": {"mean": 1.5}, "mediaType": "application/json"}
    assert document["table"] == "a,b\n1,2\n"
    assert document["stdout"] == "to stdout\n"
    assert document["stderr"] == "to stderr\n"
    assert "absent" not in document
    for name, size in (("random", 3_000_000), ("long", 2_000_000), ("output.zip", None)):
        assert set(document[name]) == {"href", "type"}, name
        got = alice.http.get(document[name]["href"])
        assert got.status_code == 200
        assert size in (None, len(got.content))


def test_results_as_asked_for(alice, finished):
    request = {
        "inputs": {},
        "outputs": {
            "stats": {"transmissionMode": "reference"},
            "table": {"transmissionMode": "value"},
            "stdout": {"transmissionMode": "reference"},
        },
        "response": "document",
    }
    answer = alice.http.post(f"processes/{finished.method['id']}/execution", json=request)
    job = answer.json()["jobID"]
    alice.wait(job)
    document = alice.http.get(f"jobs/{job}/results").json()
    check_ogc("results", document)
    assert set(document) == {"stats", "table", "stdout", "output.zip"}
    assert document["table"] == "a,b\n1,2\n"
    assert document["stats"]["type"] == "application/json"
    assert alice.http.get(document["stats"]["href"]).json() == {"mean": 1.5}
    assert alice.http.get(document["stdout"]["href"]).text == "to stdout\n"


def raw(caller: CheckedCaller, document: dict[str, Any], **modes: str) -> httpx.Response:
    """Run a Method and return its raw results; `modes` maps outputs to transmission modes."""
    outputs = {name: {"transmissionMode": mode} for name, mode in modes.items()}
    request = {"inputs": {}, "outputs": outputs, "response": "raw"}
    answer = caller.http.post(f"processes/{document['id']}/execution", json=request)
    job = answer.json()["jobID"]
    assert caller.wait(job)["status"] == "successful"
    return caller.http.get(f"jobs/{job}/results")


def test_raw_results(alice, finished):
    one = raw(alice, finished.method, stats="value")
    assert one.headers["content-type"] == "application/json"
    assert one.json() == {"mean": 1.5}
    text = raw(alice, finished.method, stdout="value")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == "to stdout\n"
    large = raw(alice, finished.method, random="value")
    assert large.headers["content-type"] == "application/octet-stream"
    assert len(large.content) == 3_000_000
    linked = raw(alice, finished.method, stats="reference", table="reference")
    assert (linked.status_code, linked.content) == (204, b"")
    hrefs = [each["url"] for each in linked.links.values()]
    assert hrefs
    assert all(alice.http.get(href).status_code == 200 for href in hrefs)
    none = raw(alice, finished.method, absent="value")
    check_error(none, 404, RESULT_NOT_AVAILABLE)


def test_raw_results_of_several_outputs(alice, finished):
    answer = raw(alice, finished.method, stats="value", table="reference", stderr="value")
    kind = answer.headers["content-type"]
    assert kind.startswith("multipart/related; boundary=")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    parts = {str(part["Content-ID"]): part for part in message.iter_parts()}
    assert set(parts) == {"<stats>", "<table>", "<stderr>"}
    assert parts["<stats>"].get_content_type() == "application/json"
    bodies = {name: part.get_payload(decode=True) for name, part in parts.items()}
    assert bodies["<stderr>"] == b"to stderr\n"
    assert bodies["<table>"] in (b"", b"\r\n")
    assert json.loads(str(parts["<stats>"].get_payload())) == {"mean": 1.5}
    assert alice.http.get(parts["<table>"]["Content-Location"]).text == "a,b\n1,2\n"


def test_each_replica_may_have_its_file(alice, finished):
    request = {"inputs": {"ccpreplicas": 2}, "outputs": {"stats": {}, "random": {}}}
    answer = alice.http.post(f"processes/{finished.method['id']}/execution", json=request)
    job = answer.json()["jobID"]
    alice.wait(job)
    document = alice.http.get(f"jobs/{job}/results").json()
    assert [each["value"] for each in document["stats"]] == [{"mean": 1.5}] * 2
    for number, each in enumerate(document["random"], 1):
        assert f"replica-{number}/" in each["href"]
        assert len(alice.http.get(each["href"]).content) == 3_000_000


def test_exceptions(alice, failed, sleeping):
    check_error(alice.http.get("processes/none"), 404, NO_SUCH_PROCESS)
    check_error(alice.execute("none"), 404, NO_SUCH_PROCESS)
    for path in ("", "/results", "/outputs", "/outputs/x", "/folder", "/log", "/events"):
        check_error(alice.http.get(f"jobs/none{path}"), 404, NO_SUCH_JOB)
    check_error(alice.http.delete("jobs/none"), 404, NO_SUCH_JOB)
    check_error(alice.http.get(f"jobs/{sleeping}/results"), 404, RESULT_NOT_READY)
    check_error(alice.http.get(f"jobs/{sleeping}/outputs/output.zip"), 404, RESULT_NOT_READY)
    error = check_error(alice.http.get(f"jobs/{failed}/results"), 422, EXECUTION_FAILED)
    assert error["detail"] == alice.status(failed)["message"]


def test_the_openapi_document_is_valid_and_complete(alice):
    answer = alice.http.get("api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = answer.json()
    assert document == OPENAPI
    assert not list(OpenAPIV30SpecValidator(document).iter_errors())
    assert '"$ref": "#' in answer.text
    assert answer.text.count('"$ref"') == answer.text.count('"$ref": "#/components/schemas/')
    stated = {
        (path, verb.upper())
        for path, item in document["paths"].items()
        for verb in item
        if verb != "parameters"
    }
    assert stated == {(f"/{r.path}", verb) for r in ALL_ROUTES for verb in r.operations}
    assert document["components"]["securitySchemes"]


def test_links_name_the_host_that_was_asked(alice, stack):
    port = stack.service_url.split(":")[2].split("/")[0]
    url = f"http://localhost:{port}/services/ccp/"
    answer = alice.http.get(url)
    assert links(answer.json())["self"] == url


@pytest.mark.parametrize("host", ["evil.example/x?", "a b", 'x"><script>', "a@b", "x,y" * 200])
def test_headers_that_hold_no_host_name_are_not_repeated(alice, stack, host):
    answer = alice.http.get(
        "", headers={"X-Forwarded-Host": host, "X-Forwarded-Proto": "javascript"}
    )
    assert answer.status_code == 200
    for href in links(answer.json()).values():
        assert href.startswith((stack.service_url, "http://x/")), href


def test_health_is_open_and_tells_nothing(nobody):
    answer = nobody.http.get("health")
    assert answer.status_code == 200
    document = answer.json()
    assert document["status"] == "ok"
    assert {each["status"] for each in document["checks"]} == {"ok"}


def test_infrastructures(alice, admin, stack):
    listed = alice.http.get("infrastructures").json()["infrastructures"]
    assert [each["id"] for each in listed] == ["local-docker"]
    assert listed[0]["available"] is True
    assert listed[0]["nodes_online"] == len(stack.engines)
    one = alice.http.get("infrastructures/local-docker").json()
    assert one == listed[0]
    nodes = alice.http.get("infrastructures/local-docker/nodes")
    assert {each["id"] for each in nodes.json()["nodes"]} == set(stack.engines)
    assert ".sock" not in nodes.text and "tcp://" not in nodes.text
    full = admin.http.get("infrastructures/local-docker/nodes").json()["nodes"]
    assert all(each["base_url"] for each in full)
    runtimes = alice.http.get("infrastructures/local-docker/runtimes").json()["runtimes"]
    assert stack.images["shell"] in [each["reference"] for each in runtimes]
    for path in ("", "/nodes", "/runtimes"):
        check_error(alice.http.get(f"infrastructures/none{path}"), 404)


def test_security_headers(alice, nobody):
    for answer in (alice.http.get("jobs"), nobody.http.get("jobs"), nobody.http.get("nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
