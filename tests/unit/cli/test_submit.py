"""``ccp red submit``: what is sent, what is written, which code is returned."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.documents import ID, OLD, PLAIN, RED, VALUES, batch, failed, serve
from tests.unit.client.peer import TOKEN, answer, cut, done, event, sse, status


@pytest.fixture
def plain(red: Path) -> Path:
    """A document without variables."""
    red.write_text(PLAIN)
    return red


def test_first_line_is_the_id(ccp, peer, plain):
    serve(peer)
    ran = ccp("red", "submit", plain)
    assert (ran.code, ran.out) == (0, ID + "\n")
    assert ran.err == ""


def test_what_is_sent(ccp, peer, red, tmp_path):
    serve(peer)
    values = tmp_path / "values.yml"
    values.write_text(json.dumps({**VALUES, "not_there": "x"}))
    values.chmod(0o600)
    arguments = ("--disable-retry", "--after", ID, "--after", "6" * 24)
    assert ccp("red", "submit", red, "--variables-file", values, *arguments).code == 0
    (seen,) = peer.requests("POST", "agency/red")
    assert seen.query == {
        "disableRetry": "1",
        "disableConnectorValidation": "0",
        "after": f"{ID},{'6' * 24}",
    }
    sent = seen.json()
    assert sent["execution"] == {"engine": "ccagency", "settings": {"batchConcurrencyLimit": 8}}
    assert "hub_token" not in seen.body.decode()
    auth = sent["container"]["settings"]["image"]["auth"]
    assert auth == {"username": "me", "password": "S3CRET-reg"}
    access = [each["inputs"]["text"]["connector"]["access"] for each in sent["batches"]]
    assert access[0]["url"] == "https://example.org/some/where/in.txt"
    assert access[1]["_key"] == "S3CRET-web"
    assert len(seen.headers["Idempotency-Key"]) >= 32


def test_flags(ccp, peer, plain):
    serve(peer)
    assert ccp("red", "submit", plain, "--disable-connector-validation").code == 0
    (seen,) = peer.requests("POST", "agency/red")
    assert seen.query == {"disableRetry": "0", "disableConnectorValidation": "1"}


def test_repeated_with_the_same_key(ccp, peer, plain):
    serve(peer)
    peer.on(
        "POST",
        "agency/red",
        cut(),
        answer("503 Service Unavailable: no", 503),
        answer({"experimentId": ID}),
    )
    assert ccp("red", "submit", plain).code == 0
    keys = {seen.headers["Idempotency-Key"] for seen in peer.requests("POST", "agency/red")}
    assert len(peer.requests("POST", "agency/red")) == 3
    assert len(keys) == 1


def test_invalid_document_is_not_sent(ccp, peer, red):
    red.write_text(RED.replace("ram: 256", "ram: 2").replace('"File", input', '"Fil", input'))
    ran = ccp("red", "submit", red)
    assert ran.code == 3
    assert f"{red}:7:12: cli.inputs.text.type" in ran.err
    assert f"{red}:14:5: container.settings.ram" in ran.err
    assert ran.out == ""
    assert peer.seen == []


def test_document_that_the_service_refuses(ccp, peer, plain):
    peer.on(
        "POST", "agency/red", answer("400 Bad Request: container.settings.ram: is missing", 400)
    )
    ran = ccp("red", "submit", plain)
    assert ran.code == 3
    assert "container.settings.ram: is missing" in ran.err
    assert "400 Bad" not in ran.err


@pytest.mark.parametrize(
    ("code", "text", "exit_code"),
    [
        (401, "401 Unauthorized: sign in", 4),
        (403, "403 Forbidden: you may not", 4),
        (409, "409 Conflict: you have 100 already", 4),
        (422, "422 Unprocessable Entity: no such Execution", 3),
        (500, "500 Internal Server Error: sorry", 5),
    ],
)
def test_refusals(ccp, peer, plain, code, text, exit_code):
    peer.on("POST", "agency/red", answer(text, code))
    ran = ccp("red", "submit", plain)
    assert ran.code == exit_code
    assert text.partition(": ")[2] in ran.err
    assert ran.out == ""


def test_wrong_token(ccp, peer, plain, tmp_path):
    token = tmp_path / "token"
    token.write_text("wrong-token\n")
    ran = ccp("red", "submit", plain, "--token-file", token)
    assert (ran.code, ran.out) == (4, "")
    assert "wrong-token" not in ran.err


def test_token_and_service_as_options(ccp, peer, plain, tmp_path, monkeypatch):
    serve(peer)
    monkeypatch.delenv("CCP_SERVICE_URL")
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")
    assert "CCP_SERVICE_URL" in ccp("red", "submit", plain).err
    ran = ccp("red", "submit", plain, "--service", peer.url)
    assert (ran.code, "JUPYTERHUB_API_TOKEN" in ran.err) == (2, True)
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    assert (
        ccp("red", "submit", plain, "--service", peer.url, "--token-file", token).out == f"{ID}\n"
    )


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_token_file_without_token(ccp, peer, plain, tmp_path, content):
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    assert ccp("red", "submit", plain, "--token-file", token).code == 2


def test_service_that_is_not_there(ccp, peer, plain):
    peer.stop()
    # The port is free now; a refused connection is tried again for the client's 30 s.
    ran = ccp(
        "red", "submit", plain, "--service", "http://127.0.0.1:1/", "--service-timeout", "0.5"
    )
    assert (ran.code, ran.out) == (5, "")
    assert "cannot be reached" in ran.err


def test_no_such_file(ccp, peer):
    ran = ccp("red", "submit", "none.yml")
    assert ran.code == 2
    assert "none.yml: cannot be read: No such file" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["red", "submit"],
        ["red", "submit", "x", "--timeout", "-1", "--wait"],
        ["red", "submit", "x", "--timeout", "nan"],
        ["red", "logs", "x", "--batch", "0"],
        ["red", "what"],
        ["what"],
        [],
    ],
)
def test_usage(ccp, words):
    ran = ccp(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "usage: ccp" in ran.err


def test_id_is_remembered(ccp, peer, plain, home, monkeypatch):
    serve(peer, "successful")
    ccp("red", "submit", "red.yml")
    for name in ("red.yml", plain, Path("../here/red.yml"), ID):
        assert ccp("red", "status", name).out.startswith(f"{ID} successful")
    link = home / "link.yml"
    link.symlink_to(plain)
    assert ccp("red", "status", link).code == 0
    (kept,) = (home / "state/ccp/red").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    plain.unlink()
    assert ccp("red", "status", "red.yml").code == 0


def test_nothing_is_remembered_of_another_service_or_file(ccp, peer, plain, home):
    serve(peer)
    ccp("red", "submit", plain)
    other = ccp("red", "status", plain, "--service", "http://127.0.0.1:1/")
    assert (other.code, "nothing was submitted" in other.err) == (4, True)
    (home / "here/b.yml").write_text(PLAIN)
    assert ccp("red", "status", "b.yml").code == 4


def test_broken_state_file(ccp, peer, plain, home):
    serve(peer)
    ccp("red", "submit", plain)
    (kept,) = (home / "state/ccp/red").iterdir()
    for content in (b"{", b"[]", b'{"experimentId": 3}', b"[" * 10**5, b"\xff"):
        kept.write_bytes(content)
        assert ccp("red", "status", plain).code == 4
    kept.unlink()
    kept.mkdir()
    ran = ccp("red", "submit", plain)
    assert (ran.code, ran.out) == (0, ID + "\n")
    assert "not remembered" in ran.err


def test_document_from_stdin(ccp, peer, home, monkeypatch, tmp_path):
    serve(peer)
    given = tmp_path / "given"
    given.write_text(PLAIN)
    with given.open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        assert ccp("red", "submit", "-").out == ID + "\n"
    assert not (home / "state").exists()


def test_service_that_goes_away_after_accepting(ccp, peer, plain):
    """The id is what must not be lost."""
    serve(peer)
    peer.on("GET", f"jobs/{ID}", answer({}, 503))
    ran = ccp("red", "submit", plain, "--service-timeout", "0.5")
    assert (ran.code, ran.out) == (0, ID + "\n")
    found = ccp("red", "submit", plain, "--service-timeout", "0.5", "--json").json()
    assert (found["status"], found["batchCount"]) == ("accepted", 2)


def test_json(ccp, peer, plain):
    serve(peer)
    ran = ccp("red", "submit", plain, "--json")
    assert ran.out.count("\n") == 1
    assert ran.json() == {
        "experimentId": ID,
        "service": peer.url,
        "status": "accepted",
        "message": "it is accepted",
        "progress": 10,
        "batchCount": 2,
        "created": "2026-11-21T10:00:00+00:00",
        "started": None,
        "finished": None,
        "changes": [],
    }


def test_json_of_what_is_wrong(ccp, peer, red):
    red.write_text(RED.replace("ram: 256", "ram: 2"))
    ran = ccp("red", "submit", red, "--json")
    assert ran.json()["exitCode"] == ran.code == 3
    error = ran.json()["error"]
    assert error["type"] == "InvalidDocument"
    (problem,) = error["problems"]
    assert (problem["member"], problem["line"], problem["column"]) == (
        "container.settings.ram",
        14,
        5,
    )
    assert problem["value"] == "2"


@pytest.mark.parametrize(("state", "code"), [("successful", 0), ("failed", 1), ("dismissed", 6)])
def test_wait(ccp, peer, plain, state, code):
    serve(peer, state, [batch(1), failed(2, "no such file: in.txt\nmore")])
    peer.on("GET", f"jobs/{ID}/events", sse([event(1), done(2, state)]))
    ran = ccp("red", "submit", plain, "--wait")
    assert (ran.code, ran.out) == (code, ID + "\n")
    assert "line 1" in ran.err
    assert "batch 2 failed on n1: no such file: in.txt\n" in ran.err


def test_wait_as_json(ccp, peer, plain):
    serve(peer, "failed", [failed(2, "exit code 3", "last line"), batch(1)])
    peer.on("GET", f"jobs/{ID}/events", sse([done(1, "failed")]))
    found = ccp("red", "submit", plain, "--wait", "--json").json()
    assert found["status"] == "failed"
    assert [each["index"] for each in found["batches"]] == [1, 2]
    assert found["batches"][1] == {
        "index": 2,
        "batchId": ID[:-6] + "000002",
        "state": "failed",
        "node": "n1",
        "reason": "exit code 3",
        "debugInfo": "exit code 3\nlast line",
    }


def test_wait_that_is_too_long(ccp, peer, plain):
    serve(peer, "running")
    peer.on("GET", f"jobs/{ID}/events", sse([event(1)], "hang"))
    ran = ccp("red", "submit", plain, "--wait", "--timeout", "0.5")
    assert (ran.code, ran.out) == (7, ID + "\n")
    assert f"ccp red wait {ID}" in ran.err


def test_interrupt_of_a_wait(peer, plain, home):
    """In a process of its own, as it is for real: code 130, no traceback, and it goes on."""
    serve(peer, "running")
    peer.on("GET", f"jobs/{ID}/events", sse([event(1)], "hang"))
    command = [sys.executable, "-W", "error", "-m", "ccp_jupyter.cli", "red", "submit", plain]
    with subprocess.Popen(
        [*command, "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == ID + "\n"  # at once, not only at the end
        deadline = time.monotonic() + 20
        while not peer.requests("GET", f"jobs/{ID}/events") and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"it goes on. `ccp red wait {ID}` waits again" in err
    assert "Traceback" not in err
    assert peer.requests("DELETE", ".*") == []


def test_changes_of_an_old_document_are_told(ccp, peer, plain):
    serve(peer)
    plain.write_text(OLD)
    ran = ccp("red", "submit", plain)
    assert (ran.code, ran.out) == (0, ID + "\n")
    assert "changed: " in ran.err
    (seen,) = peer.requests("POST", "agency/red")
    assert seen.json()["redVersion"] == "8"  # the service keeps what the user wrote


def test_service_that_sends_nonsense(ccp, peer, plain):
    broken: list[Any] = [[], {}, {"experimentId": 3}, "text"]
    for nonsense in broken:
        peer.on("POST", "agency/red", answer(nonsense))
        assert ccp("red", "submit", plain).code == 5


def test_reader_that_goes_away(peer, plain):
    serve(peer, "successful")
    with subprocess.Popen(
        f"{sys.executable} -W error -m ccp_jupyter.cli red status {ID}; echo $? >&2",
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == "0\n"


def test_two_at_once_remember_one_of_them(ccp, peer, plain, home):
    serve(peer)
    command = [sys.executable, "-m", "ccp_jupyter.cli", "red", "submit", str(plain)]
    threads = [
        threading.Thread(target=subprocess.run, args=(command,), kwargs={"capture_output": True})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (kept,) = (home / "state/ccp/red").iterdir()
    assert json.loads(kept.read_text())["experimentId"] == ID


def test_execution_of_a_method_is_no_experiment(ccp, peer, plain):
    peer.on("GET", "jobs/j1", answer(status("successful")))
    ran = ccp("red", "status", "j1")
    assert (ran.code, ran.out) == (0, "j1 successful 100 %: it is successful\n")
