"""Request bodies of every bad kind get a clear answer, and harm nobody."""

from __future__ import annotations

import base64
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ccp_jupyter.hub_service.api.bodies import MAX_DEPTH, BodyBudget, parse_json
from ccp_jupyter.hub_service.api.errors import (
    INVALID_DOCUMENT,
    KEY_REUSED,
    NOT_EXECUTABLE,
    UNSUPPORTED_MEDIA_TYPE,
    ApiError,
)
from ccp_jupyter.model.errors import InvalidDocument
from tests.jobs import method
from tests.service.documents import check_error

GB = 2**30
MIB = 2**20
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def place(finished) -> str:
    return f"processes/{finished.method['id']}/execution"


def nested(depth: int) -> bytes:
    return b'{"inputs":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


BAD = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "cut off": (b'{"inputs":', "line 1 column 11"),
    "no JSON": (b"inputs=1", "not JSON"),
    "two documents": (b"{}{}", "Extra data"),
    "comma at the end": (b'{"a":1,}', "not JSON"),
    "member twice": (b'{"inputs":{"a":1,"b":2,"a":3}}', "'a'"),
    "NaN": (b'{"inputs":{"a":NaN}}', "NaN"),
    "infinity": (b'{"inputs":{"a":-Infinity}}', "-Infinity"),
    "number too large": (b'{"inputs":{"a":1e999}}', "1e999"),
    "number too long": (b'{"inputs":{"a":' + b"1" * 5000 + b"}}", "digits"),
    "too deep": (nested(MAX_DEPTH + 1), f"{MAX_DEPTH} levels"),
    "deep enough to break a parser": (nested(90_000), f"{MAX_DEPTH} levels"),
    "latin-1": ('{"inputs":{"a":"ü"}}'.encode("latin-1"), "UTF-8"),
    "UTF-16": ('{"inputs":{}}'.encode("utf-16"), "UTF-8"),
    "half a surrogate pair": (b'{"inputs":{"a":"\\ud800"}}', "ud800"),
    "half a surrogate pair as a name": (b'{"inputs":{"\\udfff":1}}', "udfff"),
    "very many values": (b"[" + b"1," * MIB + b"1]", "values"),
    "very many texts": (b"[" + b'"",' * MIB + b"1]", "values"),
    "very many escapes": (b'["' + b"\\n" * (13 * MIB) + b'"]', "escapes"),
    "a text without an end": (b'{"a":"' + b'\\"' * 1000, "Unterminated"),
    "a list": (b"[]", "object"),
    "a number": (b"5", "object"),
    "null": (b"null", "object"),
}


@pytest.mark.parametrize("name", BAD)
def test_documents_that_are_none(alice, place, name):
    body, says = BAD[name]
    for verb, path in (("POST", place), ("POST", "processes")):
        answer = alice.http.request(verb, path, content=body, headers=JSON)
        error = check_error(answer, 400, INVALID_DOCUMENT)
        assert error["problems"]
        assert path != place or says in error["detail"], error["detail"]


def test_the_deepest_document_that_is_taken():
    assert parse_json(nested(MAX_DEPTH))
    assert parse_json(b"\xef\xbb\xbf{}") == {}
    with pytest.raises(InvalidDocument):
        parse_json(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/json; charset=iso-8859-1",
        "application/jsonx",
    ],
)
def test_other_media_types(alice, place, finished, kind):
    for verb, path in (
        ("POST", place),
        ("POST", "processes"),
        ("PUT", f"processes/{finished.method['id']}"),
    ):
        answer = alice.http.request(verb, path, content=b"{}", headers={"Content-Type": kind})
        check_error(answer, 415, UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize("kind", ["application/json;charset=UTF-8", "Application/JSON"])
def test_ways_to_say_json(alice, place, kind):
    answer = alice.http.post(place, content=b"{", headers={"Content-Type": kind})
    check_error(answer, 400, INVALID_DOCUMENT)


def test_compressed_bodies(alice, place):
    answer = alice.http.post(place, content=b"{}", headers={**JSON, "Content-Encoding": "gzip"})
    check_error(answer, 415)


def pieces(size: int) -> Iterator[bytes]:
    piece = b" " * MIB
    for _ in range(size // MIB):
        yield piece


def peak(pid: int) -> int:
    """Most memory that a process has had, bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_a_gigabyte_is_refused_without_being_kept(alice, place, stack):
    before = peak(stack.service.pid)
    answer = alice.http.post(
        place, content=pieces(GB), headers={**JSON, "Content-Length": str(GB)}, timeout=120
    )
    error = check_error(answer, 413)
    assert error["max_bytes"] == 96 * MIB
    assert peak(stack.service.pid) - before < 32 * MIB
    assert alice.http.get("jobs").status_code == 200


def test_a_gigabyte_of_unknown_length(alice, place, stack):
    before = peak(stack.service.pid)
    check_error(alice.http.post(place, content=pieces(GB), headers=JSON, timeout=120), 413)
    assert peak(stack.service.pid) - before < 200 * MIB
    assert alice.http.get("jobs").status_code == 200


def test_a_gigabyte_where_no_body_belongs(alice, nobody, stack):
    before = peak(stack.service.pid)
    sent = {**JSON, "Content-Length": str(GB)}
    for caller, verb, path, status in (
        (nobody, "POST", "processes", 401),
        (nobody, "POST", "nothing/here", 404),
        (nobody, "POST", "oauth_callback", 405),
        (alice, "PATCH", "jobs", 405),
    ):
        answer = caller.http.request(verb, path, content=pieces(GB), headers=sent, timeout=120)
        check_error(answer, status)
    assert peak(stack.service.pid) - before < 32 * MIB


def test_clients_that_read_only_after_they_have_sent(alice, place, stack):
    class Body:
        left = 300 * MIB

        def read(self, size: int) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return b" " * size

    request = urllib.request.Request(
        stack.service_url + place,
        Body(),  # type: ignore[arg-type]
        {
            **JSON,
            "Authorization": f"token {alice.token}",
            "Content-Length": str(Body.left),
        },
        method="POST",
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=120)
    assert caught.value.code == 413
    caught.value.close()


def test_other_requests_go_on_while_a_large_body_is_decoded(alice, bob, place):
    body = b'{"inputs":{"x":"' + base64.b64encode(bytes(60 * MIB)) + b'"}}'
    done = threading.Event()
    slowest = 0.0

    def watch() -> None:
        nonlocal slowest
        while not done.is_set():
            slowest = max(slowest, bob.http.get("health").elapsed.total_seconds())

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        answer = alice.http.post(place, content=body, headers=JSON, timeout=120)
        done.set()
        watching.result()
    check_error(answer, 400, INVALID_DOCUMENT)
    assert slowest < 2.0


def test_a_connection_that_is_cut_in_the_middle_of_a_body(alice, place, stack):
    url = urlsplit(stack.service_url)
    assert url.hostname
    for _ in range(20):
        with socket.create_connection((url.hostname, url.port or 80)) as connection:
            connection.sendall(
                f"POST {url.path}{place} HTTP/1.1\r\nHost: {url.netloc}\r\n"
                f"Authorization: token {alice.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {90 * MIB}\r\n\r\n".encode()
            )
            connection.sendall(b" " * MIB)
    # Twenty times 90 MiB were announced, which is more than all bodies together may have.
    check_error(alice.http.post(place, content=b"{", headers=JSON), 400, INVALID_DOCUMENT)


def test_all_bodies_together_are_bounded():
    budget = BodyBudget(100)
    budget.take(60)
    with pytest.raises(ApiError) as caught:
        budget.take(41)
    assert caught.value.status_code == 503
    budget.give_back(60)
    budget.take(100)


def test_bodies_where_none_belongs_are_dropped(alice):
    answer = alice.http.request("GET", "jobs", content=b"x" * MIB)
    assert answer.status_code == 200


# --- what the controller refuses reaches the caller as it says it --------------------------------


def test_wrong_inputs_name_member_rule_and_value(alice, place):
    answer = alice.http.post(place, json={"inputs": {"nonsense": 1, "ccpmaxtime": "soon"}})
    error = check_error(answer, 400, INVALID_DOCUMENT)
    members = " ".join(each["member"] for each in error["problems"])
    assert "nonsense" in members and "ccpmaxtime" in members
    assert "soon" in answer.text


def test_a_method_for_other_infrastructures(alice, shell):
    document = method(shell, "true")
    document["links"][0]["href"] = "infrastructures/elsewhere"
    alice.deploy(document)
    answer = alice.execute(document["id"])
    assert "elsewhere" in check_error(answer, 409, NOT_EXECUTABLE)["detail"]


def test_an_idempotency_key_makes_one_execution(alice, bob, place, finished):
    headers = {"Idempotency-Key": "once"}
    first = alice.http.post(place, json={"inputs": {}}, headers=headers)
    assert first.status_code == 201
    with ThreadPoolExecutor(4) as pool:
        again = list(
            pool.map(
                lambda _: alice.http.post(place, json={"inputs": {}}, headers=headers), range(8)
            )
        )
    assert {each.status_code for each in again} == {201}
    assert {each.json()["jobID"] for each in again} == {first.json()["jobID"]}
    other = alice.http.post(place, json={"inputs": {"ccpmaxtime": 5}}, headers=headers)
    check_error(other, 422, KEY_REUSED)
    assert alice.wait(first.json()["jobID"])["status"] == "successful"


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ü".encode("latin-1")])
def test_idempotency_keys_that_are_none(alice, place, key):
    answer = alice.http.post(place, json={"inputs": {}}, headers={"Idempotency-Key": key})
    check_error(answer, 400, INVALID_DOCUMENT)
