"""Experiments as executions of the process ``red``: the same thing as at the agency."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ccp_jupyter.hub_service.api.errors import (
    IMMUTABLE_PROCESS,
    INVALID_DOCUMENT,
    KEY_REUSED,
    NO_SUCH_PROCESS,
    NOT_EXECUTABLE,
)
from tests import red
from tests.agency import Agency
from tests.receiver import Receiver
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error, check_ogc
from tests.service.test_sharing import told

EXECUTION = "processes/red/execution"
NAMED = {"stdout": "words.txt"}


@pytest.fixture(scope="module")
def image(stack) -> str:
    return str(stack.images["python"])


@pytest.fixture(scope="module")
def agency(stack) -> Iterator[Agency]:
    made = Agency(stack, "carol")
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def post(caller: CheckedCaller, inputs: object, **more: Any) -> httpx.Response:
    """Execute it with inputs; `more`: headers."""
    return caller.http.post(EXECUTION, json={"inputs": inputs}, headers=more)


def problems(answer: httpx.Response) -> dict[str, str]:
    """Return what is wrong with a request, rule by member."""
    found = check_error(answer, 400, INVALID_DOCUMENT)["problems"]
    return {each["member"]: each["rule"] for each in found}


def listed(caller: CheckedCaller, **query: str) -> list[str]:
    jobs = caller.http.get("jobs", params={"limit": 10_000, **query}).json()["jobs"]
    return [each["jobID"] for each in jobs]


def test_both_ways_make_the_same_thing(carol, agency, image):
    document = red.shell(image, "echo out $0", batches=2, cli=NAMED)
    answer = post(carol, {"document": document, "disableRetry": True})
    assert answer.status_code == 201, answer.text
    check_ogc("statusInfo", answer.json())
    one = answer.json()["jobID"]
    assert answer.headers.get_list("Location") == [f"{carol.http.base_url}jobs/{one}"]
    assert "preference-applied" not in answer.headers
    other = agency.submit(document)
    for name in (one, other):
        found = carol.wait(name)
        check_ogc("statusInfo", found)
        assert (found["status"], found["processID"], found["kind"], found["replicas"]) == (
            "successful",
            "red",
            "experiment",
            2,
        )
        batches = agency.batches(name)
        assert [agency.stream(each) for each in batches] == ["out 1\n", "out 2\n"]
        results = carol.http.get(f"jobs/{name}/results").json()
        assert {"stdout", "batches", "output.zip"} <= set(results)
        definition = carol.http.get(f"jobs/{name}/definition").json()
        assert definition["process"] == f"{carol.http.base_url}processes/red"
        check_error(carol.http.post(f"jobs/{name}/repeat", json={}), 409, NOT_EXECUTABLE)
    assert listed(carol, processID="red")[:2] == [other, one]
    assert {one, other} <= set(listed(carol, processID="echo,red", status="successful"))
    assert not {one, other} & set(listed(carol, processID="echo"))


def test_the_same_key_is_one_experiment_by_both_ways(carol, agency, image):
    document, key = red.shell(image, "true"), {"Idempotency-Key": uuid.uuid4().hex}
    first = post(carol, {"document": document, "disableRetry": True}, **key).json()["jobID"]
    query = {"disableRetry": True}
    second = agency.http.post("red", json=document, params=query, headers=key)
    assert second.json()["experimentId"] == first
    check_error(post(carol, {"document": document}, **key), 422, KEY_REUSED)
    carol.wait(first)


def test_what_is_wrong_with_a_document_is_named_below_its_input(alice, image):
    document = red.shell(image, "true")
    document["surprise"] = 1
    del document["container"]["settings"]["ram"]
    connector = {"command": "c", "access": {"url": "x", "password": "PLANTED"}, "more": 1}
    document["batches"][0]["inputs"]["script"] = {"class": "File", "connector": connector}
    for path in (EXECUTION, "processes/red/dry-run"):
        answer = alice.http.post(path, json={"inputs": {"document": document}})
        found = problems(answer)
        assert "inputs.document.container.settings.ram" in found
        assert all(each.startswith("inputs.document.") for each in found), found
        assert "PLANTED" not in answer.text
    for wrong in ("text", [document], 5):
        found = problems(post(alice, {"document": wrong}))
        assert list(found) == ["inputs.document"] and "PLANTED" not in str(found)
    assert list(problems(post(alice, {}))) == ["inputs.document"]
    unknown = {"document": red.shell(image, "true"), "after": ["none"]}
    assert problems(post(alice, unknown)) == {"inputs.after": "you have no Execution none"}


def test_a_request_may_have_as_many_values_as_at_the_agency(alice, image):
    document = red.shell(image, "true")
    batch = {"inputs": {"script": "true", "number": "1"}, "outputs": {}}
    document["batches"] = [batch] * 25_000 + [{**batch, "inputs": {"script": 1, "number": "1"}}]
    places = problems(post(alice, {"document": document}))
    assert any(re.match(r"inputs\.document\.batches\[25000\]", each) for each in places), places


def test_secrets_go_to_the_vault_and_nowhere_else(alice, image):
    alice.http.put("secrets/red_pw", json={"value": "PLANTED-1"}).raise_for_status()
    document = red.shell(image, "true")
    auth = {"username": "u", "password": "{{red_pw}}"}
    document["container"]["settings"]["image"] = {"url": "registry.invalid/x:1", "auth": auth}
    (rule,) = problems(post(alice, {"document": document})).values()
    assert "red_pw" in rule
    inputs = {"document": document, "useVault": True, "disableRetry": True}
    dry = alice.http.post("processes/red/dry-run", json={"inputs": inputs})
    assert (dry.status_code, dry.json()["image"]) == (200, "registry.invalid/x:1")
    (secret,) = (s for s in alice.http.get("secrets").json()["secrets"] if s["name"] == "red_pw")
    assert secret["uses"] == [], "a dry run uses none"
    job = post(alice, inputs).json()["jobID"]
    alice.http.delete(f"jobs/{job}")
    for part in ("", "/definition", "/inputs", "/log", "/prov"):
        answer = alice.http.get(f"jobs/{job}{part}")
        assert answer.status_code == 200 and "PLANTED" not in answer.text, part
    alice.http.delete("secrets/red_pw")


def test_it_tells_how_it_goes(alice, image, receiver):
    document = red.shell(image, "echo hello", cli=NAMED)
    subscriber = {"successUri": receiver.url, "inProgressUri": receiver.url}
    body = {"inputs": {"document": document}, "subscriber": subscriber}
    job = alice.http.post(EXECUTION, json=body).json()["jobID"]
    (first, status), (second, results) = told(receiver, 2)
    assert (first, status["jobID"], status["processID"]) == ("inProgress", job, "red")
    assert second == "success" and job in results["batches"]["href"]
    body["subscriber"] = {"successUri": "http://10.0.0.1/"}
    for path in (EXECUTION, "processes/red/dry-run"):
        assert list(problems(alice.http.post(path, json=body))) == ["subscriber.successUri"]


def test_a_dry_run_keeps_nothing(alice, image):
    before = listed(alice, processID="red")
    document = red.shell(image, "true", batches=3, ram=300)
    answer = alice.http.post("processes/red/dry-run", json={"inputs": {"document": document}})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["infrastructure"], said["image"], said["replicas"]) == ("local-docker", image, 3)
    assert said["resources"]["memory"] == 300 * 2**20
    assert said["nodes"] and said["message"].startswith("It would")
    assert "reusable" not in said
    assert listed(alice, processID="red") == before


def test_what_it_has_no_answer_for_is_refused_in_the_usual_words(alice, image):
    document = red.shell(image, "true")
    kept = {"process": "processes/red", "inputs": {"document": document}}
    check_error(alice.http.post("jobs", json=kept), 409, NOT_EXECUTABLE)
    assert alice.http.post("processes/red/clone", json={}).status_code == 409
    check_error(alice.http.get("processes/red/export"), 404, NO_SUCH_PROCESS)
    answer = alice.http.put("processes/red/sharing", json={"users": ["bob"]})
    check_error(answer, 403, IMMUTABLE_PROCESS)


def test_a_page_of_it_and_of_what_it_made(carol, agency, image):
    html = {"Accept": "text/html"}
    described = carol.http.get("processes/red", headers=html)
    assert described.status_code == 200 and "Run a RED experiment" in described.text
    form = carol.http.get("processes/red/form", headers=html)
    assert form.status_code == 200 and 'name="inputs.document"' in form.text
    sent = {"inputs.document": '{"redVersion": "9"}'}
    files = [(name, (None, value)) for name, value in sent.items()]
    again = carol.http.post("processes/red/form", files=files)
    assert "inputs.document.cli" in problems(again)
    name = agency.submit(red.shell(image, "true"))
    carol.wait(name)
    page = carol.http.get(f"jobs/{name}", headers=html)
    assert page.status_code == 200
    assert f'href="{carol.http.base_url}processes/red"' in page.text
    # Its document has to be handed in again; there is no form to fill in from it.
    assert "Again, with changes" not in page.text
