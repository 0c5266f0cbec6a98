"""``ccp red wait``, ``status``, ``logs``, ``cancel``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.unit.cli.documents import ID, batch, experiment, failed, serve
from tests.unit.client.peer import answer, by_accept, cut, done, event, journal, sse, status


@pytest.mark.parametrize(("state", "code"), [("successful", 0), ("failed", 1), ("dismissed", 6)])
def test_wait(ccp, peer, state, code):
    serve(peer, state, [batch(1), failed(2, "exit code 3")])
    peer.on("GET", f"jobs/{ID}/events", sse([event(1), done(2, state)]))
    ran = ccp("red", "wait", ID)
    assert (ran.code, ran.out) == (code, "")
    assert "line 1" in ran.err
    assert "batch 2 failed on n1: exit code 3" in ran.err
    assert "line 1" not in ccp("red", "wait", ID, "--quiet").err
    found = ccp("red", "wait", ID, "--json").json()
    assert (found["status"], len(found["batches"])) == (state, 2)


def test_wait_through_cuts(ccp, peer):
    serve(peer, "successful")
    peer.on("GET", f"jobs/{ID}", answer(experiment("running")), cut(), answer({}, 503),
            answer(experiment("successful")))  # fmt: skip
    events = [event(1), event(2), done(3)]
    peer.on("GET", f"jobs/{ID}/events", sse(events[:1], "cut"), answer({}, 503),
            by_accept(sse(events[1:]), journal(events)))  # fmt: skip
    assert ccp("red", "wait", ID).code == 0


def test_status(ccp, peer):
    serve(peer, "running", [failed(2, "exit code 3\nmore", "last"), batch(1, "processing")])
    ran = ccp("red", "status", ID)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"{ID} running 10 %: it is running",
        "    1 processing n1",
        "    2 failed     n1 exit code 3",
    ]
    found = ccp("red", "status", ID, "--json").json()
    assert [each["state"] for each in found["batches"]] == ["processing", "failed"]
    assert found["batches"][1]["debugInfo"] == "exit code 3\nmore\nlast"


@pytest.mark.parametrize("command", ["status", "wait", "logs", "cancel"])
def test_unknown(ccp, peer, command):
    ran = ccp("red", command, "f" * 24)
    assert (ran.code, ran.out) == (4, "")
    assert ccp("red", command, "no-such-file.yml", "--json").json()["exitCode"] == 4


@pytest.mark.parametrize("hostile", ["../../x", "a/b", "%2e", "é", "x" * 3000, "-", ""])
def test_hostile_names(ccp, peer, hostile):
    assert ccp("red", "status", hostile).code in (2, 4)
    assert all(seen.path.startswith("/ccp/jobs/") for seen in peer.seen)


def test_cancel(ccp, peer):
    serve(peer)
    peer.on("DELETE", f"jobs/{ID}", answer(experiment("dismissed")))
    peer.on("GET", f"jobs/{ID}", answer(experiment("running")), answer(experiment("running")),
            answer(experiment("dismissed")))  # fmt: skip
    ran = ccp("red", "cancel", ID)
    assert (ran.code, ran.out) == (0, "")
    assert "is dismissed" in ran.err
    (seen,) = peer.requests("DELETE", ".*")
    assert seen.query == {"finished": "keep"}
    assert ccp("red", "cancel", ID, "--json").json()["status"] == "dismissed"
    assert len(peer.requests("DELETE", ".*")) == 1


EVENTS = [
    event(1, "status"),
    event(2, lines=["one", "two"]),
    event(3, task=2, lines=["other"]),
    event(4, task=2, stream="stderr", lines=["wrong"], truncated=True),
    done(5),
]


def with_log(peer, state: str = "successful") -> None:
    serve(peer, state)
    peer.on("GET", f"jobs/{ID}/events", by_accept(sse(EVENTS), journal(EVENTS)))


@pytest.mark.parametrize("follow", [(), ("--follow",)])
def test_logs(ccp, peer, follow):
    with_log(peer)
    ran = ccp("red", "logs", ID, *follow)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "[1] one",
        "[1] two",
        "[2] other",
        "[2] wrong",
        "[2] … the rest of this log was not kept",
    ]
    assert ccp("red", "logs", ID, "--batch", "1", *follow).out == "one\ntwo\n"
    chosen = ("--batch", "2", "--stream", "stdout", *follow)
    assert ccp("red", "logs", ID, *chosen).out == "other\n"


def test_logs_until_now(ccp, peer):
    """Without --follow nobody waits for what comes."""
    with_log(peer, "running")
    peer.on("GET", f"jobs/{ID}/events", journal(EVENTS[:2]))
    assert ccp("red", "logs", ID).out == "[1] one\n[1] two\n"


def test_logs_of_a_batch_that_is_not_there(ccp, peer):
    with_log(peer)
    ran = ccp("red", "logs", ID, "--batch", "3")
    assert (ran.code, "has 2 batches" in ran.err) == (4, True)


def test_logs_as_json(ccp, peer):
    with_log(peer)
    peer.on("GET", f"jobs/{ID}/log", answer(b"one\ntwo\n"))
    found = ccp("red", "logs", ID, "--json", "--batch", "1").json()
    assert found == {"experimentId": ID, "batch": 1, "stream": None, "text": "one\ntwo\n"}
    assert peer.requests("GET", ".*/log")[0].query == {"task": "1"}
    ran = ccp("red", "logs", ID, "--json", "--follow")
    assert (ran.code, "do not go together" in ran.err) == (2, True)


def test_log_cannot_steer_a_terminal(monkeypatch):
    from ccp_jupyter.cli.output import line_for

    class Terminal:
        def isatty(self) -> bool:
            return True

    assert line_for(Terminal(), "a\x1b[2Jb\tc\x9b") == "a�[2Jb\tc�"  # type: ignore[arg-type]


def test_characters_that_the_terminal_does_not_have(ccp, peer):
    serve(peer)
    events = [event(1, lines=["\ud800 ä …"]), done(2)]
    peer.on("GET", f"jobs/{ID}/events", journal(events))
    assert ccp("red", "logs", ID).out == "[1] \\ud800 ä …\n"
    command = [sys.executable, "-m", "ccp_jupyter.cli", "red", "logs", ID]
    ran = subprocess.run(
        command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, timeout=60
    )
    assert ran.stdout == b"[1] \\ud800 \xe4 \\u2026\n"


def test_follow_while_the_service_is_away(ccp, peer):
    serve(peer, "running")
    away = answer("down", 503)
    peer.on("GET", f"jobs/{ID}", answer(experiment("running")))
    peer.on("GET", f"jobs/{ID}/events", by_accept(away, away), by_accept(away, away),
            by_accept(away, away), by_accept(sse(EVENTS), journal(EVENTS)))  # fmt: skip
    ran = ccp("red", "logs", ID, "--follow")
    assert ran.code == 0
    assert ran.err.count("trying again") == 1
    assert "[2] other" in ran.out


def test_method_executions_can_be_waited_for_too(ccp, peer):
    peer.on("GET", "jobs/j1", answer(status("successful")))
    peer.on("GET", "jobs/j1/events", sse([done(1)]))
    ran = ccp("red", "wait", "j1", "--json")
    assert (ran.code, ran.json()["batches"]) == (0, [])


def test_service_that_sends_nonsense(ccp, peer):
    serve(peer, "running")
    broken: list[Any] = [{}, [{}], [3], [{"_id": 1, "state": "x", "batchesListIndex": 0}], "text"]
    for nonsense in broken:
        peer.on("GET", "agency/batches", answer(nonsense))
        assert ccp("red", "status", ID).code == 5
    peer.on("GET", f"jobs/{ID}", answer({"jobID": ID, "status": 3}))
    assert ccp("red", "status", ID, "--json").json()["status"] == "3"
    assert json.loads(ccp("red", "status", ID, "--json").out)
