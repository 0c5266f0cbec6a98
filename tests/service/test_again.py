"""Executions once more: dry runs, reuse, repetitions, verifications, comparisons."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ccp_jupyter.cli import main
from ccp_jupyter.client import Client, InvalidRequest
from ccp_jupyter.hub_service.api.errors import (
    INVALID_DOCUMENT,
    INVALID_PARAMETER,
    NO_SUCH_JOB,
    NO_SUCH_PROCESS,
    NOT_EXECUTABLE,
    RESULT_NOT_AVAILABLE,
)
from tests.jobs import method
from tests.service.conftest import FILE, CheckedCaller, file_output
from tests.service.documents import check_error

SECRET = {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}}
INPUTS = {"word": {}, "table": {"minOccurs": 0, **FILE}, "key": SECRET}
COPY = "cp input/table copy 2>/dev/null; echo {{ word }} | tee word; echo {{ key }} >/dev/null"
DICE = "head -c 8 /dev/urandom >dice; echo constant >same"


@pytest.fixture(scope="module")
def copying(callers, shell) -> dict[str, Any]:
    """A Method of alice whose outputs are its inputs."""
    outputs = {"word": file_output("word", "text/plain")}
    document = method(shell, COPY, inputs=INPUTS, outputs=outputs)
    callers["alice"].deploy(document)
    return document


@pytest.fixture(scope="module")
def first(callers, copying) -> str:
    """Id of a successful Execution of it."""
    alice = callers["alice"]
    job = alice.execute(copying["id"], word="one", table="aGVsbG8=").json()["jobID"]
    assert alice.wait(job)["status"] == "successful"
    return str(job)


def post(caller: CheckedCaller, path: str, body: object = None) -> Any:
    return caller.http.post(path) if body is None else caller.http.post(path, json=body)


def done(caller: CheckedCaller, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(answer.json()["id"])
    return caller.wait(answer.json()["id"])


def test_outputs_have_digests(alice, first):
    listed = alice.http.get(f"jobs/{first}/outputs").json()
    digests = {each["path"]: each["sha256"] for each in listed["files"]}
    content = alice.outputs(first)
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    assert content == {"word": b"one\n", "copy": b"hello", "input/table": b"hello"}
    assert len(listed["digest"]) == 64


def test_a_dry_run_tells_what_would_happen_and_keeps_nothing(alice, copying, first):
    before = alice.http.get("jobs?limit=1").json()["jobs"]
    body = {"inputs": {"word": "one", "table": "aGVsbG8="}}
    answer = post(alice, f"processes/{copying['id']}/dry-run", body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["nodes"] and set(said["imageOn"]) <= set(said["nodes"])
    assert said["infrastructure"] == "local-docker"
    assert said["replicas"] == 1 and said["resources"]["memory"] > 0
    assert said["atOnce"] is ("position" not in said)
    assert said["message"].startswith("It would begin at once" if said["atOnce"] else "It would")
    assert said["reusable"] == first
    assert alice.http.get("jobs?limit=1").json()["jobs"][0]["id"] == before[0]["id"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"inputs": {}}, 400, INVALID_DOCUMENT),
        ({"inputs": {"word": "x", "key": {"$secret": "no-such"}}}, 400, INVALID_DOCUMENT),
        ({"inputs": {"word": "x", "ccpreplicas": 10**6}}, 400, INVALID_DOCUMENT),
        ([], 400, INVALID_DOCUMENT),
    ],
)
def test_a_dry_run_refuses_as_a_run_does(alice, copying, body, status, kind):
    dry = check_error(post(alice, f"processes/{copying['id']}/dry-run", body), status, kind)
    real = check_error(post(alice, f"processes/{copying['id']}/execution", body), status, kind)
    assert dry.pop("instance") != real.pop("instance")
    assert dry == real


def test_outputs_are_taken_over_only_where_everything_is_equal(alice, bob, copying, first):
    path = f"processes/{copying['id']}/execution"
    body: dict[str, Any] = {"inputs": {"word": "one", "table": "aGVsbG8=", "ccpmaxtime": 77}}
    taken = post(alice, f"{path}?reuse=true", body)
    assert taken.status_code == 201, taken.text
    status = taken.json()
    assert status["status"] == "successful" and status["progress"] == 100
    assert status["message"].startswith(f"Outputs taken over from Execution {first} of 20")
    assert (status["origin"]["kind"], status["origin"]["id"]) == ("reuse", first)
    assert alice.outputs(status["id"]) == alice.outputs(first)
    assert alice.http.get(f"jobs/{status['id']}/results/word").text == "one\n"
    assert alice.log(status["id"]) == ""
    assert [event["status"] for event in alice.events(status["id"])] == ["successful"]
    # What it was taken from may go.
    other = done(alice, post(alice, path, {"inputs": {"word": "two"}}))
    again = post(alice, f"{path}?reuse=true", {"inputs": {"word": "two"}}).json()
    assert again["origin"]["id"] == other["id"]
    assert alice.http.delete(f"jobs/{other['id']}").status_code == 200
    assert alice.outputs(again["id"])["word"] == b"two\n"

    # Another word, and nobody has run it with that.
    body = {"inputs": {"word": f"{uuid.uuid4()}", "table": "aGVsbG8="}}
    assert "origin" not in done(alice, post(alice, f"{path}?reuse=true", body))
    # A secret is not comparable, so it runs.
    with_secret = {"inputs": {"word": "one", "key": "hunter2"}}
    assert "origin" not in done(alice, post(alice, f"{path}?reuse=true", with_secret))
    check_error(post(alice, f"{path}?reuse=yes", body), 400, INVALID_PARAMETER)


def test_outputs_of_others_are_not_taken_over(alice, bob, shell):
    document = method(shell, COPY, inputs=INPUTS)
    body = {"inputs": {"word": f"private {uuid.uuid4()}"}}
    alice.deploy(document)
    path = f"processes/{document['id']}/execution"
    assert done(alice, post(alice, path, body))["status"] == "successful"
    mine = {**document, "id": f"test-{uuid.uuid4()}"}
    bob.deploy(mine)
    status = done(bob, post(bob, f"processes/{mine['id']}/execution?reuse=true", body))
    assert "origin" not in status
    # A copy of a Method is as good as the Method, for whoever may see its Execution.
    alices = {**document, "id": f"test-{uuid.uuid4()}"}
    alice.deploy(alices)
    taken = post(alice, f"processes/{alices['id']}/execution?reuse=true", body).json()
    assert taken["origin"]["kind"] == "reuse"


def test_a_repetition_is_the_same_request(alice, copying, first):
    same = done(alice, post(alice, f"jobs/{first}/repeat", {}))
    assert same["status"] == "successful"
    assert (same["origin"]["kind"], same["origin"]["id"]) == ("repeat", first)
    assert alice.outputs(same["id"]) == alice.outputs(first)


def test_the_method_is_as_it_was_then_or_as_it_is_now(alice, shell):
    document = method(shell, "echo then >word")
    then = alice.wait(alice.start(document))["id"]
    new = method(shell, "echo now >word", id=document["id"], version="2.0.0")
    assert alice.http.put(f"processes/{document['id']}", json=new).status_code == 200
    kept = done(alice, post(alice, f"jobs/{then}/repeat", {}))
    newest = done(alice, post(alice, f"jobs/{then}/repeat?revision=newest", {}))
    assert alice.outputs(kept["id"])["word"] == b"then\n"
    assert alice.outputs(newest["id"])["word"] == b"now\n"
    assert (kept["methodVersion"], newest["methodVersion"]) == ("1.0.0", "2.0.0")

    found = alice.http.get(f"jobs/{newest['id']}/comparison?with={kept['id']}").json()
    assert found["method"]["revision"] == {"this": 2, "other": 1, "same": False}
    assert found["method"]["scripts"]["execute-script"]["lines"][1:] == [
        "-echo then >word",
        "+echo now >word",
    ]
    assert found["outputs"]["counts"] == {"same": 0, "changed": 1, "added": 0, "removed": 0}
    assert found["log"]["same"] and found["inputs"]["changed"] == {}
    assert found["digests"]["same"] and found["digests"]["this"]
    assert {each["phase"] for each in found["times"]} >= {"launch", "deploy", "execute", "fetch"}

    assert alice.http.delete(f"processes/{document['id']}").status_code == 204
    gone = post(alice, f"jobs/{then}/repeat?revision=newest", {})
    check_error(gone, 404, NO_SUCH_PROCESS)


def test_secrets_must_be_given_again(alice, copying):
    inputs = {"word": "x", "key": "hunter2"}
    job = alice.wait(alice.execute(copying["id"], **inputs).json()["jobID"])["id"]
    error = check_error(post(alice, f"jobs/{job}/repeat", {}), 400, INVALID_DOCUMENT)
    assert [each["member"] for each in error["problems"]] == ["inputs.key"]
    again = done(alice, post(alice, f"jobs/{job}/repeat", {"inputs": {"key": "hunter3"}}))
    assert again["status"] == "successful"
    check_error(post(alice, f"jobs/{job}/verify"), 400, INVALID_DOCUMENT)
    found = alice.http.get(f"jobs/{again['id']}/comparison?with={job}")
    assert found.json()["inputs"]["secrets"] == ["key"]
    assert "hunter" not in found.text


def test_a_verification_tells_same_from_different(alice, first, shell):
    answer = post(alice, f"jobs/{first}/verify")
    status = done(alice, answer)
    found = alice.http.get(f"jobs/{status['id']}/verification").json()
    assert (found["verdict"], found["original"]) == ("same", first)
    assert found["outputs"]["counts"]["same"] == 3 and found["digests"]["same"]

    dice = alice.wait(alice.start(method(shell, DICE)))["id"]
    status = done(alice, post(alice, f"jobs/{dice}/verify"))
    found = alice.http.get(f"jobs/{status['id']}/verification").json()
    assert found["verdict"] == "different"
    assert [each["path"] for each in found["outputs"]["changed"]] == ["dice"]
    assert alice.http.delete(f"jobs/{dice}").status_code == 200
    found = alice.http.get(f"jobs/{status['id']}/verification").json()
    assert found["verdict"] == "unknown"


def test_what_cannot_be_verified(alice, failed, first, sleeping):
    check_error(post(alice, f"jobs/{failed}/verify"), 409, NOT_EXECUTABLE)
    check_error(post(alice, f"jobs/{sleeping}/verify"), 409, NOT_EXECUTABLE)
    answer = alice.http.get(f"jobs/{first}/verification")
    check_error(answer, 404, RESULT_NOT_AVAILABLE)


def test_others_see_nothing(bob, alice, first, failed):
    for path in ("repeat", "verify"):
        refused = post(bob, f"jobs/{first}/{path}", {} if path == "repeat" else None)
        check_error(refused, 404, NO_SUCH_JOB)
    check_error(bob.http.get(f"jobs/{first}/verification"), 404, NO_SUCH_JOB)
    mine = bob.http.get("jobs?limit=1").json()["jobs"][0]["id"]
    check_error(bob.http.get(f"jobs/{mine}/comparison?with={first}"), 404, NO_SUCH_JOB)
    check_error(bob.http.get(f"jobs/{first}/comparison?with={mine}"), 404, NO_SUCH_JOB)
    check_error(alice.http.get(f"jobs/{first}/comparison"), 400, INVALID_PARAMETER)
    found = alice.http.get(f"jobs/{first}/comparison?with={failed}").json()
    assert found["exit_codes"] == {"this": [0], "other": [3], "same": False}
    assert not found["outputs"]["known"] and not found["log"]["same"]


def test_the_status_links_to_the_filled_in_form(alice, copying, first):
    links = {each["rel"]: each["href"] for each in alice.status(first)["links"]}
    parts = urlsplit(links["edit-form"])
    assert parts.path.endswith(f"/processes/{copying['id']}/form")
    assert parse_qs(parts.query) == {"inputs": ['{"word":"one"}']}
    assert alice.http.get(links["edit-form"]).status_code == 200


@pytest.fixture
def environment(stack, monkeypatch) -> None:
    monkeypatch.setenv("CCP_SERVICE_URL", stack.service_url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", stack.users["alice"])


def test_from_python(environment, copying, first, tmp_path):
    with Client() as client:
        told = client.dry_run(copying["id"], word="one", table=b"hello")
        assert told["reusable"] and str(told) == told["message"]
        taken = client.run(copying["id"], word="one", table=b"hello", reuse=True)
        assert taken.message.startswith("Outputs taken over from Execution")
        (tmp_path / "table.csv").write_text("new")
        execution = client.execution(first)
        again = execution.repeat(word="two", table=tmp_path / "table.csv").wait(progress=False)
        assert (again.read("word"), again.read("copy")) == (b"two\n", b"new")
        found = again.compare(execution)
        assert set(found.inputs.changed) == {"word", "table"}
        assert found.outputs.counts == {"same": 0, "changed": 3, "added": 0, "removed": 0}
        with pytest.raises(InvalidRequest, match=r"word.*cannot be sent as JSON"):
            execution.repeat(word=object())


def test_from_the_command_line(environment, first, capsys, tmp_path):
    (tmp_path / "table.csv").write_text("typed")
    changes = ["--input", "word=typed", "--input", f"table=@{tmp_path / 'table.csv'}"]
    assert main(["repeat", first, "--wait", *changes]) == 0
    made = capsys.readouterr().out.strip()
    assert main(["diff", first, made]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [f"--- {first}", f"+++ {made}"]
    assert '+ input word: [{"value": "typed"}]' in shown
    assert "Outputs: 0 same, 3 changed, 0 added, 0 removed" in shown
    assert "-one" in shown and "+typed" in shown
    assert main(["verify", made, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "same"
    assert main(["repeat", first, "--input", "word"]) == 2
    assert "must be NAME=VALUE" in capsys.readouterr().err
