"""OGC API - Processes 1.0, class by class, as its official test suite asks for it.

The requests are those that the suite makes of its process ``echo``, with its rules of what counts
as an answer; ``make conformance`` runs the suite itself where it can be had. The comments name the
abstract tests of annex A.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from ccp_jupyter.hub_service.api.errors import (
    DUPLICATED_PROCESS,
    EXECUTION_FAILED,
    IMMUTABLE_PROCESS,
    INVALID_DOCUMENT,
    INVALID_PARAMETER,
    NO_SUCH_JOB,
    NO_SUCH_OUTPUT,
    NO_SUCH_PROCESS,
    RESULT_NOT_AVAILABLE,
    RESULT_NOT_READY,
    UNSUPPORTED_MEDIA_TYPE,
)
from tests.jobs import method
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error, check_ogc

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
PART1 = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
COMMON = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
BOX = {"bbox": [345345345] * 4, "crs": "urn:ogc:def:crs:EPSG:6.6:4326"}
SOME = {"echo": "teststring", "numbers": [1, 2], "mixed": {"value": {"value": "in"}}, "box": BOX}


def links(document: dict[str, Any]) -> dict[str, str]:
    """Return the links of a document by relation; each has what a link needs."""
    check_ogc_links(document)
    return {each["rel"]: each["href"] for each in document["links"]}


def check_ogc_links(document: dict[str, Any]) -> None:
    for each in document["links"]:
        check_ogc("link", each)
        assert each["rel"] and each["href"]
        assert each["rel"] == "compatibleWith" or each["href"].startswith("http")


def post(
    caller: CheckedCaller,
    body: object,
    prefer: str | None = None,
    process: str = "echo",
    **headers: str,
) -> httpx.Response:
    """Execute as the suite does: always with ``Accept: application/json``."""
    sent = {"Accept": "application/json", **headers}
    if prefer is not None:
        sent["Prefer"] = prefer
    return caller.http.post(f"processes/{process}/execution", json=body, headers=sent)


def started(caller: CheckedCaller, body: object, **headers: str) -> str:
    answer = post(caller, body, "respond-async", **headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["jobID"])


def finished_job(caller: CheckedCaller, body: object, **headers: str) -> str:
    job = started(caller, body, **headers)
    assert caller.wait(job)["status"] == "successful"
    return job


def parts(answer: httpx.Response) -> dict[str, email.message.EmailMessage]:
    kind = answer.headers["content-type"]
    assert kind.startswith("multipart/related; boundary=")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    return {str(part["Content-ID"]): part for part in message.iter_parts()}  # type: ignore[misc]


def content(part: email.message.EmailMessage) -> bytes:
    found = part.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


@pytest.fixture(scope="module")
def job(callers) -> str:
    """Id of a job of alice that gave back a text, numbers, an object and a box."""
    return finished_job(callers["alice"], {"inputs": SOME})


@pytest.fixture
def paused(alice) -> Iterator[str]:
    """Id of a job of alice that runs until it is dismissed."""
    job = started(alice, {"inputs": {"echo": "teststring", "pause": 30}})
    yield job
    alice.http.delete(f"jobs/{job}")


# --- landing page, API definition, conformance, HTTP -------------------------------------------


def test_landing_page_leads_everywhere(alice):
    # /conf/core/landingpage-op, landingpage-success
    answer = alice.http.get("", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.http_version == "HTTP/1.1"  # /conf/core/http
    check_ogc("landingPage", answer.json())
    found = links(answer.json())
    assert {"self", "alternate", "service-desc"} <= set(found)
    for rel in ("service-desc", REL + "conformance", REL + "processes", REL + "job-list"):
        assert alice.http.get(found[rel]).status_code == 200, rel


def test_api_definition_is_openapi_without_anything_from_elsewhere(alice):
    # /conf/core/api-definition-op, api-definition-success; /conf/oas30/*
    landing = alice.http.get("").json()
    described = next(each for each in landing["links"] if each["rel"] == "service-desc")
    assert described["type"] == "application/vnd.oai.openapi+json;version=3.0"
    answer = alice.http.get(described["href"])
    assert answer.headers["content-type"] == described["type"]
    document = answer.json()
    assert document["openapi"].startswith("3.0")
    assert not list(OpenAPIV30SpecValidator(document).iter_errors())
    assert not [ref for ref in re.findall(r'"\$ref": "([^"]*)"', answer.text) if ref[0] != "#"]
    assert document["components"]["securitySchemes"] and document["security"]
    needed = {
        "/": {"get"},
        "/conformance": {"get"},
        "/api": {"get"},
        "/processes": {"get"},
        "/processes/{}": {"get"},
        "/processes/{}/execution": {"post"},
        "/jobs": {"get"},
        "/jobs/{}": {"get", "delete"},
        "/jobs/{}/results": {"get"},
    }
    there = {re.sub(r"\{\w+\}", "{}", path): set(item) for path, item in document["paths"].items()}
    for path, verbs in needed.items():
        assert verbs <= there[path], path


def test_conformance_declares_what_is_met(alice):
    # /conf/core/conformance-op, conformance-success
    answer = alice.http.get("conformance")
    check_ogc("confClasses", answer.json())
    declared = set(answer.json()["conformsTo"])
    assert len(declared) == len(answer.json()["conformsTo"])
    for name in ("core", "ogc-process-description", "json", "oas30", "job-list", "dismiss"):
        assert PART1 + name in declared
    for name in ("core", "landing-page", "json", "oas30"):
        assert COMMON + name in declared


@pytest.mark.parametrize("path", ["", "conformance", "processes", "processes/echo", "jobs"])
def test_json_is_what_one_gets_without_asking(alice, path):
    # /conf/json/definition, /conf/json/content
    for accept in ({}, {"Accept": "application/json"}):
        request = alice.http.build_request("GET", path, headers=accept)
        if not accept:
            del request.headers["Accept"]
        answer = alice.http.send(request)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"


# --- processes ---------------------------------------------------------------------------------


def test_process_list(alice):
    # /conf/core/process-list-success, pl-links; echo is in it, and nobody's to change
    answer = alice.http.get("processes", params={"limit": 10_000})
    check_ogc("processList", answer.json())
    assert "self" in links(answer.json())
    summaries = answer.json()["processes"]
    assert all(isinstance(each["mutable"], bool) for each in summaries)
    echo = next(each for each in summaries if each["id"] == "echo")
    assert echo["mutable"] is False
    assert echo["jobControlOptions"] == ["sync-execute", "async-execute", "dismiss"]
    assert alice.http.get(links(echo)["self"]).json()["id"] == "echo"


def test_process_list_goes_on_where_its_limit_ends_it(alice, finished):
    # /conf/core/pl-limit-definition, pl-limit-response; also across what the service has itself
    every = [each["id"] for each in alice.http.get("processes?limit=10000").json()["processes"]]
    assert finished.method["id"] in every
    url: str | None = "processes?limit=1"
    seen: list[str] = []
    while url and len(seen) < 4:
        page = alice.http.get(url).json()
        assert len(page["processes"]) == 1
        seen += [each["id"] for each in page["processes"]]
        url = links(page).get("next")
    assert seen == every[:4]
    assert "prev" in links(page)
    beyond = alice.http.get("processes", params={"limit": 1, "offset": len(every)}).json()
    assert beyond["processes"] == []
    for limit in ("0", "-1", "10001", "1.5", "", "x"):
        check_error(alice.http.get(f"processes?limit={limit}"), 400, INVALID_PARAMETER)


def test_the_search_of_the_list_finds_what_the_service_has_itself(alice):
    found = alice.http.get("processes", params={"q": "ECHO", "limit": 10_000}).json()["processes"]
    assert [each["id"] for each in found][:1] == ["echo"]
    none = alice.http.get("processes", params={"q": "no such words anywhere"}).json()["processes"]
    assert none == []


def test_process_description(alice, finished):
    # /conf/core/process-success; /conf/ogc-process-description/{json-encoding,inputs-def,…}
    for name in ("echo", "red", finished.method["id"]):
        answer = alice.http.get(f"processes/{name}")
        document = answer.json()
        check_ogc("process", document)
        assert isinstance(document["inputs"], dict) and isinstance(document["outputs"], dict)
        for each in (*document["inputs"].values(), *document["outputs"].values()):
            assert each["schema"] and None not in each["schema"].values()
        assert links(document)[REL + "execute"].endswith(f"processes/{name}/execution")
        assert links(document)["self"].endswith(f"processes/{name}")
    echo = alice.http.get("processes/echo").json()
    assert [kind["type"] for kind in echo["inputs"]["mixed"]["schema"]["oneOf"]] == [
        "string",
        "object",
    ]
    first = next(iter(echo["inputs"].values()))
    assert first["schema"] == {"type": "string"} and first["minOccurs"] == 1
    assert set(echo["inputs"]) & set(echo["outputs"])


def test_no_such_process(alice):
    # /conf/core/process-exception-no-such-process
    check_error(alice.http.get("processes/none"), 404, NO_SUCH_PROCESS)
    check_error(post(alice, {"inputs": {}}, process="none"), 404, NO_SUCH_PROCESS)


@pytest.mark.parametrize("name", ["echo", "red"])
def test_what_the_service_has_itself_cannot_be_changed(alice, admin, shell, name):
    # Part 2: /conf/deploy-replace-undeploy; the media type is looked at first
    path = f"processes/{name}"
    document = {**method(shell, "true"), "id": name}
    for caller in (alice, admin):
        check_error(caller.http.put(path, json=document), 403, IMMUTABLE_PROCESS)
        check_error(caller.http.delete(path), 403, IMMUTABLE_PROCESS)
        check_error(caller.http.post("processes", json=document), 409, DUPLICATED_PROCESS)
    answer = alice.http.put(path, content=b"x", headers={"Content-Type": "text/plain"})
    check_error(answer, 415, UNSUPPORTED_MEDIA_TYPE)
    assert alice.http.get(path).json()["mutable"] is False


# --- execution: mode ---------------------------------------------------------------------------


def test_at_once_unless_otherwise_asked(alice):
    # /conf/core/process-execute-default-execution-mode, -auto-execution-mode
    answer = post(alice, {"inputs": {"echo": "teststring"}, "response": "document"})
    assert answer.status_code == 200
    assert answer.json() == {"echo": "teststring"}
    assert "location" not in answer.headers and "link" not in answer.headers
    assert "preference-applied" not in answer.headers


def test_later_when_that_is_preferred(alice, stack):
    # /conf/core/process-execute-success-async, -async-success header
    answer = post(alice, {"inputs": {"echo": "teststring"}}, "respond-async")
    assert answer.status_code == 201
    check_ogc("statusInfo", answer.json())
    job = answer.json()["jobID"]
    assert answer.headers["location"] == f"{stack.service_url}jobs/{job}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert "link" not in answer.headers
    assert {"monitor", "self"} <= set(links(answer.json()))
    done = alice.wait(job)
    check_ogc("statusInfo", done)
    assert (done["status"], done["progress"], done["processID"]) == ("successful", 100, "echo")
    assert done["started"] <= done["finished"]
    found = alice.http.get(links(done)[REL + "results"])
    assert found.json() == {"echo": "teststring"}


def test_methods_are_executed_later_whatever_is_preferred(alice, finished):
    for prefer in (None, "wait=1", "return=minimal"):
        answer = post(alice, {"inputs": {}}, prefer, finished.method["id"])
        assert answer.status_code == 201
        applied = answer.headers.get("preference-applied")
        assert applied == ("return=minimal" if prefer == "return=minimal" else None)
        alice.http.delete(f"jobs/{answer.json()['jobID']}")


def test_waiting_no_longer_than_is_preferred(alice):
    quick = post(alice, {"inputs": {"echo": "a"}, "response": "raw"}, "wait=60")
    assert (quick.status_code, quick.text) == (200, "a")
    assert quick.headers["preference-applied"] == "wait=60"
    # It is a job, so 1.0 wants a link to it.
    job = quick.links["monitor"]["url"]
    assert alice.http.get(job).json()["status"] == "successful"
    slow = post(alice, {"inputs": {"echo": "a", "pause": 30}}, "wait=0")
    assert slow.status_code == 201
    assert alice.http.get(slow.headers["location"]).json()["status"] in ("accepted", "running")
    alice.http.delete(slow.headers["location"])


def test_the_same_key_is_one_execution_at_once_too(alice):
    key = {"Idempotency-Key": "conformance-echo-once"}
    body = {"inputs": {"echo": "once"}, "response": "raw"}
    jobs = [post(alice, body, **key).links["monitor"]["url"] for _ in range(2)]
    assert jobs[0] == jobs[1]


# --- execution: inputs -------------------------------------------------------------------------

GOOD = {
    "text": ("echo", "teststring", "teststring"),
    "qualified text": ("echo", {"value": "teststring"}, "teststring"),
    "array": ("numbers", [1, 2, 3], [1, 2, 3]),
    "box": ("box", BOX, {"value": BOX, "mediaType": "application/json"}),
    "mixed: text": ("mixed", {"value": "in", "mediaType": "text/plain"}, "in"),
    "mixed: object": (
        "mixed",
        {"value": {"value": "in"}, "mediaType": "application/json"},
        {"value": {"value": "in"}, "mediaType": "application/json"},
    ),
    "not ASCII": ("echo", "é 漢字 \u2028 😀", "é 漢字 \u2028 😀"),
    "empty": ("numbers", [], []),
}


@pytest.mark.parametrize("case", GOOD)
def test_inputs_come_back(alice, case):
    # /conf/core/process-execute-input-{array,inline-object,inline-mixed,inline-bbox}
    name, value, expected = GOOD[case]
    inputs = {"echo": "teststring", name: value, "record": {"value": "teststring"}}
    body = {"inputs": inputs, "outputs": {name: {}}, "response": "document"}
    answer = post(alice, body)
    assert answer.status_code == 200
    check_ogc("results", answer.json())
    assert answer.json() == {name: expected}


BAD: dict[str, object] = {
    "not an execute request": {"invalid-execute-request": "true)"},
    "input missing": {"inputs": {}},
    "wrong type of a mixed input": {
        "inputs": {"echo": "a", "mixed": {"type": "wrong/type_5a1f"}},
    },
    "several values of one": {"inputs": {"echo": ["a", "b"]}},
    "text for numbers": {"inputs": {"echo": "a", "numbers": "teststring"}},
    "too many coordinates": {"inputs": {"echo": "a", "box": {"bbox": [1] * 7}}},
    "beyond the maximum": {"inputs": {"echo": "a", "pause": 31}},
    "unknown input": {"inputs": {"echo": "a", "other": 1}},
    "unknown output": {"inputs": {"echo": "a"}, "outputs": {"other": {}}},
    "unknown mode": {"inputs": {"echo": "a"}, "outputs": {"echo": {"transmissionMode": "x"}}},
    "outputs in a list": {"inputs": {"echo": "a"}, "outputs": ["echo"]},
    "output without object": {"inputs": {"echo": "a"}, "outputs": {"echo": "value"}},
    "unknown response": {"inputs": {"echo": "a"}, "response": "both"},
    "no object": ["echo"],
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("prefer", [None, "respond-async", "wait=5"])
def test_bad_inputs_are_refused(alice, case, prefer):
    # /conf/core/process-execute-input-validation: exactly application/json, after exception.yaml
    check_error(post(alice, BAD[case], prefer), 400, INVALID_DOCUMENT)


# --- results: the table ------------------------------------------------------------------------


def asked(*modes: tuple[str, str | None], response: str | None = None) -> dict[str, Any]:
    """Return a request for outputs, each with its transmission mode, None for none."""
    outputs = {name: {} if mode is None else {"transmissionMode": mode} for name, mode in modes}
    found: dict[str, Any] = {"inputs": SOME, "outputs": outputs}
    return found if response is None else {**found, "response": response}


def one_text(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "teststring"


def one_json(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [1, 2]


def document(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    check_ogc("results", answer.json())
    assert answer.json() == {"echo": "teststring", "numbers": [1, 2]}


def multipart(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    found = parts(answer)
    assert set(found) == {"<echo>", "<numbers>"}
    assert found["<echo>"].get_content() == "teststring"
    assert found["<numbers>"].get_content_type() == "application/json"
    assert json.loads(content(found["<numbers>"])) == [1, 2]


def nothing(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (204, b"")


TABLE = {
    "1.0 raw, one": (asked(("echo", "value"), response="raw"), "*/*", one_text),
    "1.0 raw, one, JSON asked for": (
        asked(("echo", "value"), response="raw"),
        "application/json",
        one_text,
    ),
    "1.0 raw by default, one": (asked(("numbers", "value")), "*/*", one_json),
    "1.0 raw, several": (
        asked(("echo", "value"), ("numbers", "value"), response="raw"),
        "application/json",
        multipart,
    ),
    "1.0 raw by default, several": (
        asked(("echo", "value"), ("numbers", None)),
        "*/*",
        multipart,
    ),
    "1.0 document": (
        asked(("echo", "value"), ("numbers", None), response="document"),
        "application/json",
        document,
    ),
    "2.0 one, native": (asked(("echo", None)), "text/plain", one_text),
    "2.0 one, anything": (asked(("echo", None)), "*/*", one_text),
    "2.0 several": (asked(("echo", None), ("numbers", None)), "application/json", document),
    "neither, several, anything": (asked(("echo", None), ("numbers", None)), "*/*", document),
    "neither, several, parts": (
        asked(("echo", None), ("numbers", None)),
        "multipart/related, application/json;q=0.5",
        multipart,
    ),
    "2.0 none": (asked(), "application/json", nothing),
}


@pytest.mark.parametrize("case", TABLE)
def test_results_are_the_same_at_once_and_later(alice, case):
    # /conf/core/process-execute-sync-{document,raw-value-one,raw-value-multi}, job-results-async-*
    body, accept, check = TABLE[case]
    at_once = post(alice, body, Accept=accept)
    check(at_once)
    assert "link" not in at_once.headers
    job = finished_job(alice, body)
    check(alice.http.get(f"jobs/{job}/results", headers={"Accept": accept}))


def test_one_output_in_json_for_who_takes_nothing_else(alice):
    answer = post(alice, asked(("echo", None)))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == "teststring"


def test_results_by_reference(alice):
    # /conf/core/process-execute-sync-raw-ref, -raw-mixed-multi; job-results-async-raw-ref, …
    by_reference = asked(("echo", "reference"), ("numbers", "reference"), response="raw")
    mixed = asked(("echo", "reference"), ("numbers", "value"), response="raw")
    linked = asked(("echo", "reference"), ("numbers", "value"), response="document")
    for get in (post, later):
        nothing(answer := get(alice, by_reference))
        found = re.findall(rf'<([^>]*)>; rel="{re.escape(REL)}results"', answer.headers["link"])
        assert [alice.http.get(href).text for href in found] == ["teststring", "[1, 2]"]
        both = parts(get(alice, mixed))
        assert content(both["<echo>"]).strip() == b""
        assert alice.http.get(both["<echo>"]["Content-Location"]).text == "teststring"
        assert json.loads(content(both["<numbers>"])) == [1, 2]
        shown = get(alice, linked).json()
        check_ogc("results", shown)
        assert shown["numbers"] == [1, 2]
        assert shown["echo"]["type"] == "text/plain"
        assert alice.http.get(shown["echo"]["href"]).text == "teststring"


def later(caller: CheckedCaller, body: object) -> httpx.Response:
    job = finished_job(caller, body)
    accept = {"Accept": "application/json"}
    return caller.http.get(f"jobs/{job}/results", headers=accept)


def test_links_or_values_as_preferred(alice, job):
    body = {"inputs": {"echo": "teststring"}, "response": "document"}
    at_once = post(alice, body, "return=minimal")
    assert at_once.headers["preference-applied"] == "return=minimal"
    assert set(at_once.json()["echo"]) == {"href", "type"}
    assert post(alice, body, "return=representation").json() == {"echo": "teststring"}
    answer = post(alice, body, "respond-async, return=minimal")
    assert answer.headers["preference-applied"] == "respond-async, return=minimal"
    kept = answer.json()["jobID"]
    alice.wait(kept)
    assert set(alice.http.get(f"jobs/{kept}/results").json()["echo"]) == {"href", "type"}
    values = alice.http.get(f"jobs/{kept}/results", headers={"Prefer": "return=representation"})
    assert values.json() == {"echo": "teststring"}
    assert values.headers["preference-applied"] == "return=representation"
    assert "preference-applied" not in alice.http.get(f"jobs/{job}/results").headers


def test_some_outputs(alice, job, finished):
    # 2.0: /conf/core/job-results-param-outputs, job-results-exception-invalid-query-parameter-value
    results = alice.http.get(f"jobs/{job}/results")
    assert set(results.json()) == {"echo", "numbers", "box", "mixed"}
    some = alice.http.get(f"jobs/{job}/results", params={"outputs": "numbers,box"})
    assert set(some.json()) == {"numbers", "box"}
    one_text(alice.http.get(f"jobs/{job}/results", params={"outputs": "echo"}))
    nothing(alice.http.get(f"jobs/{job}/results", params={"outputs": ""}))
    files = alice.http.get(f"jobs/{finished.job}/results", params={"outputs": "stats,stdout"})
    assert set(files.json()) == {"stats", "stdout"}
    for wrong in ("none", "echo,none", "echo,,numbers", ","):
        answer = alice.http.get(f"jobs/{job}/results", params={"outputs": wrong})
        check_error(answer, 400, INVALID_PARAMETER)


def test_one_output(alice, job, finished):
    # 2.0: /conf/core/job-result-op, job-result-exception-*
    one_text(answer := alice.http.get(f"jobs/{job}/results/echo"))
    assert answer.headers["ogc-output-values-count"] == "1"
    one_json(alice.http.get(f"jobs/{job}/results/numbers"))
    one_text(alice.http.get(f"jobs/{job}/results/echo/0"))
    one = alice.http.get(f"jobs/{finished.job}/results/random")
    assert (one.status_code, len(one.content)) == (200, 3_000_000)
    check_error(alice.http.get(f"jobs/{job}/results/none"), 400, NO_SUCH_OUTPUT)
    for number in ("1", "-1", "x", "0x0", "9" * 30, "\u0660"):
        answer = alice.http.get(f"jobs/{job}/results/echo/{number}")
        check_error(answer, 404, RESULT_NOT_AVAILABLE)
    absent = alice.http.get(f"jobs/{finished.job}/results/absent")
    check_error(absent, 404, RESULT_NOT_AVAILABLE)
    only = finished_job(alice, asked(("echo", None)))
    check_error(alice.http.get(f"jobs/{only}/results/numbers"), 404, RESULT_NOT_AVAILABLE)
    none = finished_job(alice, asked())
    check_error(alice.http.get(f"jobs/{none}/results/echo"), 404, RESULT_NOT_AVAILABLE)


def test_the_output_of_several_replicas(alice, finished):
    # 2.0: /req/core/job-results-async-one-multi-valued, -Nth (from 0)
    body = {"inputs": {"ccpreplicas": 2}, "outputs": {"stats": {}}}
    answer = post(alice, body, process=finished.method["id"])
    job = answer.json()["jobID"]
    assert alice.wait(job)["status"] == "successful"
    both = alice.http.get(f"jobs/{job}/results/stats")
    assert both.headers["ogc-output-values-count"] == "2"
    assert both.links["profile"]["url"].endswith("ogc-values")
    assert [each["value"] for each in both.json()] == [{"mean": 1.5}] * 2
    for number in (0, 1):
        value = alice.http.get(f"jobs/{job}/results/stats/{number}")
        assert value.headers["content-type"] == "application/json"
        assert value.json() == {"mean": 1.5}
    beyond = alice.http.get(f"jobs/{job}/results/stats/2")
    check_error(beyond, 404, RESULT_NOT_AVAILABLE)


def test_a_document_of_any_results(alice):
    # 2.0: /req/core/job-results-profile
    job = finished_job(alice, asked(("echo", "value"), response="raw"))
    profile = "https://www.opengis.net/def/profile/OGC/0/ogc-results"
    path = f"jobs/{job}/results"
    for answer in (
        alice.http.get(path, params={"profile": "ogc-results"}),
        alice.http.get(path, params={"profile": profile}),
        alice.http.get(path, headers={"Accept": f'application/json; profile="{profile}"'}),
    ):
        assert answer.json() == {"echo": "teststring"}
        assert answer.links["profile"]["url"] == profile
    check_error(alice.http.get(path, params={"profile": "x"}), 400, INVALID_PARAMETER)
    assert "link" not in alice.http.get(path).headers


# --- jobs --------------------------------------------------------------------------------------


def test_no_such_job(alice, bob, job):
    # /conf/core/job-exception-no-such-job, job-results-exception/no-such-job
    for path in ("", "/results", "/results/echo", "/results/echo/0"):
        check_error(alice.http.get(f"jobs/none{path}"), 404, NO_SUCH_JOB)
        check_error(bob.http.get(f"jobs/{job}{path}"), 404, NO_SUCH_JOB)


def test_results_that_are_not_there_yet(alice, paused):
    # /conf/core/job-results-exception/results-not-ready
    status = alice.status(paused)
    check_ogc("statusInfo", status)
    assert REL + "results" not in links(status)
    for path in ("", "/echo", "/echo/0"):
        check_error(alice.http.get(f"jobs/{paused}/results{path}"), 404, RESULT_NOT_READY)


def test_results_of_what_failed(alice, failed):
    # /conf/core/job-results-failed
    for path in ("", "/stdout"):
        check_error(alice.http.get(f"jobs/{failed}/results{path}"), 422, EXECUTION_FAILED)


def test_dismissing(alice):
    # /conf/dismiss/job-dismiss-op, job-dismiss-success
    job = started(alice, {"inputs": {"echo": "a", "pause": 30}})
    answer = alice.http.delete(f"jobs/{job}")
    assert answer.status_code == 200
    check_ogc("statusInfo", answer.json())
    assert answer.json()["status"] == "dismissed"
    assert alice.status(job)["status"] == "dismissed"
    check_error(alice.http.get(f"jobs/{job}/results"), 404, RESULT_NOT_AVAILABLE)
    assert alice.http.delete(f"jobs/{job}").json()["status"] == "dismissed"
    check_error(alice.http.get(f"jobs/{job}"), 404, NO_SUCH_JOB)
    check_error(alice.http.delete(f"jobs/{job}"), 404, NO_SUCH_JOB)


def test_the_job_list(carol):
    # /conf/job-list/*: type, processID, status, datetime, duration, limit
    done = finished_job(carol, {"inputs": {"echo": "a"}})
    runs = started(carol, {"inputs": {"echo": "a", "pause": 30}})
    created = carol.status(done)["created"]
    every = {"limit": 10_000, "datetime": f"{created}/.."}

    def ids(**query: Any) -> set[str]:
        answer = carol.http.get("jobs", params={**every, **query})
        assert answer.status_code == 200, answer.text
        check_ogc("jobList", answer.json())
        assert {each["type"] for each in answer.json()["jobs"]} <= {"process"}
        for each in answer.json()["jobs"]:
            check_ogc_links(each)
        return {each["jobID"] for each in answer.json()["jobs"]}

    assert ids() == ids(type="process") == ids(processID="echo") == {done, runs}
    assert ids(processID=["none", "echo"]) == ids(processID="echo,none") == {done, runs}
    assert ids(processID="none") == ids(datetime="../2020-01-01T00:00:00Z") == set()
    assert ids(status=["accepted", "running"]) == {runs}
    assert ids(status="successful,failed,dismissed") == ids(datetime=created) == {done}
    assert ids(minDuration=0) == ids(maxDuration=3600) == {done, runs}
    assert ids(minDuration=3600) == set()
    first = carol.http.get("jobs", params={**every, "limit": 1}).json()
    second = carol.http.get(links(first)["next"]).json()
    assert [page["jobs"][0]["jobID"] for page in (first, second)] == [runs, done]
    assert "next" not in links(second) and "prev" in links(second)
    carol.http.delete(f"jobs/{runs}")


def test_its_folder_log_and_events(alice, job):
    assert alice.http.get(f"jobs/{job}/folder").content[:2] == b"PK"
    assert alice.http.get(f"jobs/{job}/log").text == ""
    outputs = alice.http.get(f"jobs/{job}/outputs").json()
    assert [each["path"] for each in outputs["files"]] == [
        "echo.txt",
        "numbers.json",
        "box.json",
        "mixed.json",
    ]
    states = [e["status"] for e in alice.events(job) if e["kind"] == "status"]
    assert states == ["accepted", "running", "successful"]


def test_it_can_be_tried_repeated_and_verified(alice, job):
    request = {"inputs": {"echo": "a"}}
    dry = alice.http.post("processes/echo/dry-run", json=request).json()
    assert dry["message"] == "It would begin at once, in the service itself"
    for path in ("repeat", "repeat?revision=newest", "verify"):
        again = alice.http.post(f"jobs/{job}/{path}", json={})
        assert again.status_code == 201, again.text
        done = alice.wait(again.json()["jobID"])
        assert done["status"] == "successful"
        same = alice.http.get(f"jobs/{done['jobID']}/results").json()
        assert same == alice.http.get(f"jobs/{job}/results").json()
    verified = alice.http.get(f"jobs/{done['jobID']}/verification").json()
    assert verified["verdict"] == "same", verified
