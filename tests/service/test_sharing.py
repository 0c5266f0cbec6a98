"""Sharing of Methods and Executions, shareable links, callbacks: as several users see them."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests.jobs import WAIT, method
from tests.receiver import Receiver

PRIVATE = {"public": False, "contexts": [], "users": []}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def share(caller, path, **sharing):
    answer = caller.http.put(f"{path}/sharing", json=sharing)
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in PRIVATE}


@pytest.mark.parametrize(
    ("name", "contexts"), [("alice", ["physics"]), ("bob", ["physics"]), ("carol", [])]
)
def test_everybody_learns_who_they_are(callers, name, contexts):
    answer = callers[name].http.get("me").json()
    assert {each: answer[each] for each in ("name", "admin", "contexts")} == {
        "name": name,
        "admin": False,
        "contexts": contexts,
    }


def test_a_method_is_shared_by_name_in_a_context_and_with_all(callers, alice, bob, carol, shell):
    document = method(shell, "true")
    path = f"processes/{alice.deploy(document)}"

    def seen_by():
        names = {"bob": bob, "carol": carol}
        found = {name for name, each in names.items() if each.http.get(path).status_code == 200}
        listed = {
            name
            for name, each in names.items()
            if document["id"]
            in [m["id"] for m in each.http.get("processes?limit=1000").json()["processes"]]
        }
        assert listed == found
        return found

    assert seen_by() == set()
    # Nobody is told whether a user exists; the owner is left out.
    nobody = f"nobody-{uuid.uuid4()}"
    users = ["bob", nobody, "alice"]
    assert share(alice, path, users=users) == {**PRIVATE, "users": ["bob", nobody]}
    assert seen_by() == {"bob"}
    assert "bob" not in bob.http.get(path).text
    for refused in (
        bob.http.put(f"{path}/sharing", json={"public": True}),
        bob.http.get(f"{path}/sharing"),
        bob.http.put(path, json=document),
        bob.http.delete(path),
        alice.http.put(f"{path}/sharing", json={"contexts": ["chemistry"]}),
        callers["alice-submit"].http.put(f"{path}/sharing", json={"public": True}),
    ):
        assert refused.status_code == 403, refused.text
    assert carol.http.get(f"{path}/sharing").status_code == 404
    # A replacement says of itself who may see it, but for users, of whom documents say nothing.
    tag = alice.http.get(path).headers["ETag"]
    assert alice.http.put(path, json=document, headers={"If-Match": tag}).status_code == 200
    assert alice.http.get(f"{path}/sharing").json()["users"] == ["bob", nobody]
    share(alice, path, contexts=["physics"])
    assert seen_by() == {"bob"}
    assert {"role": "context", "title": "physics"} in alice.http.get(path).json()["metadata"]
    share(alice, path, public=True)
    assert seen_by() == {"bob", "carol"}
    # To share less needs no right to share.
    share(callers["alice-submit"], path, **PRIVATE)
    assert seen_by() == set()
    alice.http.delete(path)


def test_others_look_at_a_shared_execution_and_change_nothing(alice, bob, carol, finished):
    path = f"jobs/{finished.job}"
    assert bob.http.get(path).status_code == 404
    share(alice, path, users=["bob"])
    try:
        status = bob.http.get(path).json()
        assert (status["owner"], status["status"]) == ("alice", "successful")
        for part in ("/results", "/outputs", "/outputs/page.html", "/log", "/events", "/inputs"):
            assert bob.http.get(path + part).status_code == 200, part
            assert carol.http.get(path + part).status_code == 404, part
        with bob.http.stream("GET", f"{path}/events", headers={"Accept": "text/event-stream"}) as s:
            assert any(
                line.startswith("data: ") and "successful" in line for line in s.iter_lines()
            )
        assert "auth/jwt.json" in names_in(alice.http.get(f"{path}/folder").content)
        assert "auth/jwt.json" not in names_in(bob.http.get(f"{path}/folder").content)
        for refused in (
            bob.http.delete(path),
            bob.http.put(f"{path}/sharing", json=PRIVATE),
            bob.http.get(f"{path}/sharing"),
            bob.http.post(f"{path}/callbacks/retry"),
            bob.http.post("links", json={"target": path}),
        ):
            assert refused.status_code == 403, refused.text
        assert finished.job in shared_with(bob)
        assert finished.job not in shared_with(carol) + shared_with(alice)
        assert finished.job not in [j["id"] for j in bob.http.get("jobs?limit=1000").json()["jobs"]]
        for other in ("owner=alice", "status=failed", "processID=x", "datetime=2026-01-01"):
            assert bob.http.get(f"jobs?shared=true&{other}").status_code == 400
    finally:
        share(alice, path, **PRIVATE)
    assert bob.http.get(path).status_code == 404
    assert finished.job not in shared_with(bob)


def shared_with(caller):
    return [each["id"] for each in caller.http.get("jobs?shared=true&limit=1000").json()["jobs"]]


@pytest.fixture
def nobody():
    """Somebody without a login, at an address of their own: other tests try wrong links."""
    transport = httpx.HTTPTransport(local_address="127.0.9.9")
    with httpx.Client(transport=transport, timeout=WAIT) as client:
        yield client


def names_in(data):
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return found.namelist()


def test_whoever_has_a_link_gets_a_copy_without_a_login(callers, alice, carol, finished, nobody):
    made = alice.http.post("links", json={"target": f"jobs/{finished.job}"})
    assert made.status_code == 201, made.text
    link = made.json()
    about = nobody.get(link["url"], params={"f": "json"})
    assert about.headers["Content-Type"] == "application/json"
    assert (about.json()["kind"], about.json()["id"]) == ("execution", finished.job)
    page = nobody.get(link["url"], headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "f=file" in page.text
    folder = nobody.get(link["url"])
    assert folder.headers["Content-Type"] == "application/zip"
    names = names_in(folder.content)
    assert "outputs/output.zip" in names
    assert not [name for name in names if name.startswith("auth/")]
    assert b"hunter2" not in folder.content
    assert used(alice, link["id"]) == 1
    id_, _, signature = link["url"].rpartition("/")[2].partition(".")
    for wrong in (f"{id_}.{signature[:-1]}", f"{id_}x.{signature}", id_, f".{signature}", "ä"):
        base = link["url"].rpartition("/")[0]
        assert nobody.get(f"{base}/{wrong}").status_code == 404, wrong
    assert carol.http.delete(f"links/{link['id']}").status_code == 404
    assert callers["alice-submit"].http.get("links").status_code == 403
    assert alice.http.delete(f"links/{link['id']}").status_code == 204
    assert nobody.get(link["url"]).status_code == 404
    assert alice.http.delete(f"links/{link['id']}").status_code == 404
    assert used(alice, link["id"]) is None


def test_a_link_to_a_revision_of_a_method(alice, bob, shell, nobody):
    document = method(
        shell, "true", title="First", metadata=[{"role": "context", "title": "physics"}]
    )
    name = alice.deploy(document)
    first = alice.http.post("links", json={"target": name, "revision": 1}).json()
    newest = alice.http.post("links", json={"target": f"processes/{name}"}).json()
    assert (
        alice.http.put(f"processes/{name}", json={**document, "title": "Second"}).status_code == 200
    )
    old = nobody.get(first["url"])
    assert old.json()["title"] == "First"
    assert "First-1.0.0.json" in old.headers["Content-Disposition"]
    assert "physics" not in old.text
    assert nobody.get(newest["url"]).json()["title"] == "Second"
    copy = {**old.json(), "id": f"copy-{name}"}
    assert bob.deploy(copy) == f"copy-{name}"
    for body, status in (
        ({"target": name, "revision": 9}, 400),
        ({"target": f"jobs/{name}"}, 404),
        ({"target": "no-such"}, 404),
    ):
        assert alice.http.post("links", json=body).status_code == status
    assert bob.http.post("links", json={"target": name}).status_code == 403
    assert alice.http.delete(f"processes/{name}").status_code == 204
    assert nobody.get(newest["url"]).status_code == 404
    # One of the same id that came later is another one.
    alice.deploy(document)
    assert nobody.get(newest["url"]).status_code == 404
    alice.http.delete(f"processes/{name}")


def used(caller, link_id):
    links = caller.http.get("links").json()["shareLinks"]
    return next((each["uses"] for each in links if each["id"] == link_id), None)


def told(receiver, count):
    """Wait for callbacks; returns kind and document of each."""
    deadline = time.monotonic() + WAIT
    while len(receiver.requests) < count:
        assert time.monotonic() < deadline, receiver.requests
        time.sleep(0.05)
    return [
        (headers["X-Ccp-Delivery"].rpartition(".")[2], json.loads(body))
        for headers, body in receiver.requests
    ]


def test_callbacks_tell_how_it_goes(alice, bob, shell, receiver):
    name = alice.deploy(
        method(shell, "echo hello", outputs={"stdout": {"schema": {"type": "string"}}})
    )
    url = f"{receiver.url}?token=hunter2"
    subscriber = {"successUri": url, "inProgressUri": url, "failedUri": url}
    answer = alice.http.post(f"processes/{name}/execution", json={"subscriber": subscriber})
    assert answer.status_code == 201, answer.text
    job = answer.json()["jobID"]
    (first, status), (second, results) = told(receiver, 2)
    assert (first, status["status"], status["jobID"]) == ("inProgress", "running", job)
    assert (second, results["stdout"]) == ("success", "hello\n")
    assert alice.http.get(status["links"][0]["href"]).status_code == 200
    key = alice.http.get("callback-key").json()["key"]
    headers, body = receiver.requests[1]
    signed = f"{headers['X-Ccp-Timestamp']}.{headers['X-Ccp-Delivery']}.".encode() + body
    wanted = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Ccp-Signature"] == f"sha256={wanted}"
    deadline = time.monotonic() + WAIT
    while [c["state"] for c in alice.status(job)["callbacks"]] != [
        "delivered",
        "delivered",
        "notNeeded",
    ]:
        assert time.monotonic() < deadline, alice.status(job)["callbacks"]
        time.sleep(0.05)
    assert "hunter2" not in alice.http.get(f"jobs/{job}").text
    share(alice, f"jobs/{job}", users=["bob"])
    assert "callbacks" not in bob.status(job)
    assert "hunter2" not in bob.http.get(f"jobs/{job}/definition").text
    newer = alice.http.post("callback-key").json()["key"]
    assert newer != key
    assert (
        alice.http.get("callback-key").json()["key"]
        == newer
        != bob.http.get("callback-key").json()["key"]
    )
    assert alice.http.post(f"jobs/{job}/callbacks/retry").status_code == 200
    alice.http.delete(f"jobs/{job}")


def test_a_dismissed_execution_tells_so_and_private_receivers_are_refused(alice, shell, receiver):
    name = alice.deploy(method(shell, "sleep 600"))
    subscriber = {"successUri": receiver.url, "failedUri": receiver.url}
    body = {"subscriber": subscriber}
    job = alice.http.post(f"processes/{name}/execution", json=body).json()["jobID"]
    alice.http.delete(f"jobs/{job}")
    ((kind, status),) = told(receiver, 1)
    assert (kind, status["status"]) == ("failed", "dismissed")
    for uri in (
        "http://10.0.0.1/",
        "http://[::1]/x",
        "ftp://example.org/",
        "http://u:p@example.org/",
    ):
        refused = alice.http.post(
            f"processes/{name}/execution", json={"subscriber": {"successUri": uri}}
        )
        assert refused.status_code == 400
        assert refused.json()["problems"][0]["member"] == "subscriber.successUri"
    alice.http.delete(f"jobs/{job}")
