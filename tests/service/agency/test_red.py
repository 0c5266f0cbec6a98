"""Submission: what is taken, and how what is not is refused."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.service.agency.conftest import said

JSON = {"Content-Type": "application/json"}


def test_what_the_original_client_sends(ann):
    """Both flags, the password in the body, keys with underscore (reference, section 6.1)."""
    document = ann.red("true")
    document["container"]["settings"]["image"]["auth"] = {"_username": "u", "_password": "PLANTED"}
    document["container"]["settings"]["image"]["url"] = "registry.invalid/none:1"
    answer = ann.http.post(
        "red",
        params={"disableRetry": "1", "disableConnectorValidation": "0"},
        content=json.dumps(document),
        headers={**JSON, "User-Agent": "python-requests/2.34.2"},
    )
    assert answer.status_code == 200
    experiment = answer.json()["experimentId"]
    ann.http.delete(f"experiments/{experiment}")
    shown = ann.http.get(f"experiments/{experiment}").text
    assert "PLANTED" not in shown
    assert ann.token not in shown
    assert "access" not in ann.get(f"experiments/{experiment}")["execution"]["settings"]


def test_a_document_without_batches(ann):
    document = ann.red("echo single")
    document |= document.pop("batches")[0]
    experiment = ann.submit(document)
    assert ann.wait(experiment) == "succeeded"
    assert len(ann.batches(experiment)) == 1


def older(version: str, image: str) -> dict[str, Any]:
    return {
        "redVersion": version,
        "cli": {
            "cwlVersion": "v1.0",
            "class": "CommandLineTool",
            "baseCommand": "echo",
            "inputs": {"word": {"type": "string", "inputBinding": {"position": 0}}},
            "outputs": {},
        },
        "container": {"engine": "docker", "settings": {"image": {"url": image}, "ram": 256}},
        "inputs": {"word": "hello"},
        "outputs": {},
        "execution": {"engine": "ccagency", "settings": {"retryIfFailed": True}},
    }


@pytest.mark.parametrize("version", ["6", "7", "8"])
def test_older_documents_without_query(ann, version):
    experiment = ann.submit(older(version, ann.image))
    assert ann.wait(experiment) == "succeeded"
    found = ann.get(f"experiments/{experiment}")
    assert found["redVersion"] == version
    assert found["changes"]
    assert "hello" in ann.http.get(f"experiments/{experiment}/log").text


def test_retry_is_the_documents_before_9_and_the_querys_since(ann):
    """A batch that fails by itself gets one more Attempt where that is asked for."""
    eight = older("8", ann.image)
    eight["cli"]["baseCommand"] = "false"
    never = {**eight, "execution": {"engine": "ccagency", "settings": {}}}
    nine = ann.red("false")
    submitted = {
        ann.submit(eight): 2,
        ann.submit(eight, "disableRetry=1"): 1,
        ann.submit(never): 1,
        ann.submit(nine): 2,
        ann.submit(nine, "disableRetry=0"): 2,
        ann.submit(nine, "disableRetry=yes"): 1,
    }
    for experiment, attempts in submitted.items():
        assert ann.wait(experiment) == "failed"
        batch = ann.get(f"batches/{ann.batches(experiment)[0]}")
        assert batch["attempts"] == attempts
        states = [each["state"] for each in batch["history"]]
        assert states.count("registered") == attempts
        assert states[-1] == "failed"


def test_all_problems_one_a_line(ann):
    document = ann.red("true")
    document["cli"]["inputs"]["script"]["type"] = "strin"
    document["surprise"] = 1
    del document["container"]["settings"]["ram"]
    text = said(ann.post(document), 400, "Bad Request")
    lines = text.split("\n")
    assert len(lines) >= 3
    for place in ("cli.inputs.script.type", "surprise", "ram"):
        assert any(place in line for line in lines), text


def test_problems_name_no_secret(ann):
    document = ann.red("true")
    access = {"url": 1, "auth": {"username": "u", "password": 987654321, "_key": ["PLANTED"]}}
    document["cli"]["inputs"]["data"] = {"type": "int", "inputBinding": {}}
    document["batches"][0]["inputs"]["data"] = {
        "class": "File",
        "connector": {"command": "red-connector-http", "access": access},
    }
    document["password"] = "PLANTED"
    document["doc"] = "{{PLANTED"
    answer = ann.post(document)
    text = said(answer, 400, "Bad Request")
    assert "987654321" not in text
    assert ann.token not in text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "not JSON"),
        (b"[]", ""),
        (b"null", ""),
        (b"1", ""),
        (b'"x"', ""),
        (b"\xff", "UTF-8"),
        (b'{"redVersion": NaN}', "finite"),
        (b'{"a": 1, "a": 2}', "once"),
        (b"[" * 50_000, "nested"),
        (b'{"redVersion": 9}', "redVersion"),
        (b'{"redVersion": "4"}', "redVersion"),
        (b'{"redVersion": "10"}', "redVersion"),
    ],
)
def test_bodies_that_are_no_red(ann, body, word):
    text = said(ann.http.post("red", content=body, headers=JSON), 400, "Bad Request")
    assert word in text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "*/*"])
def test_other_media_types(ann, kind):
    headers = {"Content-Type": kind}
    said(ann.http.post("red", content=b"{}", headers=headers), 415, "Unsupported Media Type")


def test_a_body_that_is_cut_off_makes_nothing(ann):
    body = json.dumps(ann.red("true")).encode()
    before = ann.get("experiments/count")["count"]
    url = urlsplit(ann.url)
    head = (
        f"POST {url.path}red HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {ann.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head + body[:-20])
    assert ann.get("experiments/count")["count"] == before


def test_a_body_of_very_many_values(ann):
    body = b'{"redVersion": "9", "x": [' + b"1," * 2_000_001 + b"1]}"
    text = said(ann.http.post("red", content=body, headers=JSON), 400, "Bad Request")
    assert "2000000 values" in text


def test_thousands_of_batches_with_connectors_are_read(ann):
    """More values than other documents may hold; one is wrong at the end, so none is kept."""
    document = ann.red("true")
    connector = {"command": "c", "access": {"url": "https://example.org", "auth": {"_u": "x"}}}
    document["cli"]["inputs"]["data"] = {"type": "File", "inputBinding": {}}
    data = {"class": "File", "connector": connector}
    document["batches"] = [
        {"inputs": {"script": "true", "data": data}, "outputs": {}} for _ in range(10_000)
    ]
    document["batches"].append({"inputs": {"script": 1, "data": data}, "outputs": {}})
    text = said(ann.post(document), 400, "Bad Request")
    assert "batches[10000]" in text or "batches.10000" in text, text


def test_unresolved_variables_are_named(ann):
    document = ann.red("true")
    document["container"]["settings"]["image"]["auth"] = {"username": "u", "password": "{{my_pw}}"}
    assert "my_pw" in said(ann.post(document), 400, "Bad Request")


def test_variables_from_the_vault(ann, callers):
    secret = callers["alice"].http.put("secrets/agency_pw", json={"value": "PLANTED-123"})
    assert secret.status_code < 300, secret.text
    document = ann.red("true")
    auth = {"username": "u", "password": "{{agency_pw}}"}
    document["container"]["settings"]["image"] = {"url": "registry.invalid/x:1", "auth": auth}
    said(ann.post(document), 400, "Bad Request")
    experiment = ann.submit(document, "useVault=1&disableRetry=1")
    ann.http.delete(f"experiments/{experiment}")
    assert "PLANTED" not in ann.http.get(f"experiments/{experiment}").text
    callers["alice"].http.delete("secrets/agency_pw")


def test_the_same_key_makes_one_experiment(ann):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    document = ann.red("true")
    first, second = (ann.post(document, headers=key) for _ in range(2))
    assert first.json() == second.json()
    said(ann.post(ann.red("false"), headers=key), 422, "Unprocessable Entity")
    bad = {"Idempotency-Key": "two words"}
    assert "Idempotency-Key" in said(ann.post(document, headers=bad), 400, "Bad Request")


def test_one_after_the_other(ann, ben, asleep, done):
    document = ann.red("true")
    waiting = ann.submit(document, f"after={asleep}&after={done}")
    assert ann.get(f"experiments/{waiting}")["after"] == [asleep, done]
    assert ann.get(f"experiments/{waiting}/state")["state"] == "registered"
    listed = ann.submit(document, f"after={done}")
    assert ann.wait(listed) == "succeeded"
    ann.http.delete(f"experiments/{asleep}")
    assert ann.wait(waiting) in ("failed", "cancelled"), "what it waited for was cancelled"
    for unknown in ("6b0206930123456789000000", "none"):
        text = said(ann.post(document, f"after={unknown}"), 400, "Bad Request")
        assert unknown in text
    # Somebody else's is as unknown as none.
    assert done in said(ben.post(ben.red("true"), f"after={done}"), 400, "Bad Request")
    said(ann.post(document, "after=a%20b"), 400, "Bad Request")
