"""Personal secrets over HTTP: written, listed, used by Methods, never read back."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from ccp_jupyter.hub_service.api.errors import INVALID_DOCUMENT, LIMIT_REACHED
from tests.jobs import method
from tests.service.documents import check_error

VALUE = "correct-horse-battery-staple"
SECRET_INPUT = {"schema": {"type": "string", "format": "secret", "minLength": 8}}


@pytest.fixture
def name(alice, bob, admin):
    """Return a name that nobody has; what is kept under it is removed."""
    found = f"s-{uuid.uuid4().hex}"
    yield found
    for caller in (alice, bob, admin):
        caller.http.delete(f"secrets/{found}")


def put(caller, name: str, value: Any = VALUE, **members: Any) -> httpx.Response:
    answer: httpx.Response = caller.http.put(f"secrets/{name}", json={"value": value, **members})
    return answer


def listed(caller, name: str) -> dict[str, Any] | None:
    answer = caller.http.get("secrets")
    assert answer.status_code == 200
    assert VALUE not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document["survives_restart"] is False, "the stack's vault has no key file"
    names = [each["name"] for each in document["secrets"]]
    assert names == sorted(names)
    return next((each for each in document["secrets"] if each["name"] == name), None)


def test_put_list_delete(alice, name):
    answer = put(alice, name)
    assert answer.status_code == 201
    assert answer.json() == {"name": name, "survives_restart": False}
    assert answer.headers["location"].endswith(f"/secrets/{name}")
    found = listed(alice, name)
    assert found is not None
    assert found["uses"] == []
    assert "registry" not in found
    assert datetime.fromisoformat(found["created"]).tzinfo is not None
    answer = put(alice, name, "another value")
    assert answer.status_code == 204
    assert answer.content == b""
    assert alice.http.delete(f"secrets/{name}").status_code == 204
    assert listed(alice, name) is None
    check_error(alice.http.delete(f"secrets/{name}"), 404)


def test_a_registry_login(alice, name):
    assert put(alice, name, registry="Registry.Example:5000", username="al").status_code == 201
    found = listed(alice, name)
    assert found is not None
    assert (found["registry"], found["username"]) == ("registry.example:5000", "al")
    assert put(alice, name).status_code == 204
    found = listed(alice, name)
    assert found is not None
    assert "username" not in found


def test_everybody_has_only_their_own(alice, bob, admin, name):
    assert put(alice, name).status_code == 201
    for other in (bob, admin):
        assert listed(other, name) is None
        check_error(other.http.delete(f"secrets/{name}"), 404)
        assert put(other, name, "not alice's").status_code == 201, "a secret of their own"
        assert other.http.delete(f"secrets/{name}").status_code == 204
    assert listed(alice, name) is not None


def test_there_is_no_way_to_read(alice, name):
    assert put(alice, name).status_code == 201
    for address in (f"secrets/{name}", f"secrets/{name}/value"):
        answer = alice.http.get(address)
        assert answer.status_code in (404, 405)
        assert VALUE not in answer.text


BAD: list[tuple[Any, str]] = [
    ([VALUE], ""),
    ({}, "value"),
    ({"value": ""}, "value"),
    ({"value": None}, "value"),
    ({"value": 5}, "value"),
    ({"value": [VALUE]}, "value"),
    ({"value": VALUE * 3000}, "value"),
    ({"value": "é" * 40_000}, "value"),
    ({"value": VALUE, "extra": VALUE}, "extra"),
    ({"value": VALUE, "registry": "ghcr.io"}, "registry"),
    ({"value": VALUE, "username": "al"}, "registry"),
    ({"value": VALUE, "registry": "https://ghcr.io", "username": "al"}, "registry"),
    ({"value": VALUE, "registry": "ghcr.io/team", "username": "al"}, "registry"),
    ({"value": VALUE, "registry": 7, "username": "al"}, "registry"),
    ({"value": VALUE, "registry": "ghcr.io", "username": ""}, "username"),
    ({"value": VALUE, "registry": "ghcr.io", "username": "a\nb"}, "username"),
    ({"value": VALUE, "registry": "ghcr.io", "username": {}}, "username"),
]


@pytest.mark.parametrize(("body", "member"), BAD, ids=lambda x: str(x)[:60])
def test_what_is_no_secret(alice, name, body, member):
    answer = alice.http.put(f"secrets/{name}", json=body)
    document = check_error(answer, 400, INVALID_DOCUMENT)
    assert member in [problem["member"] for problem in document["problems"]]
    assert VALUE not in answer.text
    assert listed(alice, name) is None


@pytest.mark.parametrize("bad", ["a.b", "a%20b", "%C3%A9", "x" * 101, "a%0A"])
def test_names_that_are_none(alice, bad):
    document = check_error(put(alice, bad), 400, INVALID_DOCUMENT)
    assert document["problems"][0]["member"] == "name"
    check_error(alice.http.delete(f"secrets/{bad}"), 404)


def test_a_body_that_is_broken_does_not_come_back(alice, name):
    answer = alice.http.put(
        f"secrets/{name}",
        content=f'{{"value": "{VALUE}"'.encode(),
        headers={"Content-Type": "application/json"},
    )
    check_error(answer, 400, INVALID_DOCUMENT)
    assert VALUE not in answer.text


def test_one_keeps_only_so_many(carol, name):
    try:
        for number in range(16):
            assert put(carol, f"{name}-{number}", "x" * 2**16).status_code == 201
        document = check_error(put(carol, name, "x"), 409, LIMIT_REACHED)
        assert "1048576 bytes" in document["detail"]
    finally:
        for number in range(16):
            carol.http.delete(f"secrets/{name}-{number}")


PRINTS = r"""
printf 'it is %s\n' {{ key }}
printf '%s' {{ key }} | head -c 10; sleep 0.3; printf '%s' {{ key }} | tail -c +11; echo
printf '%s' {{ key }} | wc -c > /ccp_data/length
"""


def test_a_method_uses_it_and_the_log_of_uses_says_so(alice, bob, name, shell):
    assert put(alice, name).status_code == 201
    document = method(shell, PRINTS, inputs={"key": SECRET_INPUT})
    job = alice.start(document, key={"$secret": name})
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert alice.outputs(job)["length"].strip() == str(len(VALUE)).encode()
    assert alice.log(job) == "it is ***\n***\n"
    found = listed(alice, name)
    assert found is not None
    assert [use["execution"] for use in found["uses"]] == [job]
    assert datetime.fromisoformat(found["uses"][0]["at"]).tzinfo is not None
    folder = alice.http.get(f"jobs/{job}/folder").content
    for answer in (json.dumps(done), json.dumps(alice.events(job)), alice.http.get("jobs").text):
        assert VALUE not in answer
        assert name not in answer
    assert VALUE.encode() not in folder


def test_what_is_said_of_secrets_that_cannot_be_used(alice, bob, name, shell):
    assert put(alice, name).status_code == 201
    document = method(shell, PRINTS, inputs={"key": SECRET_INPUT})
    mine, his = alice.deploy(document), bob.deploy({**document, "id": f"test-{uuid.uuid4()}"})

    def refused(caller, process: str, value: object) -> dict[str, Any]:
        answer = caller.execute(process, key=value)
        assert VALUE not in answer.text
        (problem,) = check_error(answer, 400, INVALID_DOCUMENT)["problems"]
        return dict(problem)

    problem = refused(bob, his, {"$secret": name})
    assert problem["member"] == "inputs.key.$secret"
    assert "there is none of this name" in problem["rule"]
    assert put(alice, name, "short").status_code == 204
    problem = refused(alice, mine, {"$secret": name})
    assert problem["member"] == "inputs.key"
    assert "short" not in str(problem)
    for bad in ({"$secret": "a b"}, {"$secret": 5}, {"$secret": [name]}):
        problem = refused(alice, mine, bad)
        assert problem["member"] == "inputs.key.$secret"
        assert "^[A-Za-z0-9_-]{1,100}$" in problem["rule"]
    for bad in ({"$secret": name, "x": 1}, {"secret": name}):
        assert refused(alice, mine, bad)["member"] == "inputs.key"


def test_only_secret_inputs_take_names(alice, name, shell):
    assert put(alice, name).status_code == 201
    document = method(shell, "printf '%s' {{ text }}", inputs={"text": {}})
    process = alice.deploy(document)
    answer = alice.execute(process, text={"$secret": name})
    check_error(answer, 400, INVALID_DOCUMENT)
