"""The plain face: in scripts, threads, running loops, forks and interrupted cells."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import pytest

from ccp_jupyter import AsyncClient as TopAsyncClient
from ccp_jupyter import Client as TopClient
from ccp_jupyter.client import (
    AsyncClient,
    AsyncExecution,
    Client,
    Conflict,
    Execution,
    ExecutionFailed,
    InvalidRequest,
    NotConfigured,
    NotFound,
)
from tests.unit.client.peer import TOKEN, Peer, answer, cut, done, event, sse, status
from tests.unit.client.test_fetch import ARCHIVE, DATA, FILES, contents, served

METHOD = {
    "id": "m1",
    "title": "Column statistics",
    "version": "1.0.0",
    "inputs": {"table": {"schema": {"type": "string", "format": "file"}}},
    "outputs": {},
}


@pytest.fixture
def blocking(peer: Peer):
    peer.on("GET", "processes/m1", answer(METHOD))
    peer.on("GET", "processes", answer({"processes": [METHOD], "links": []}))
    peer.on("GET", "jobs/j1", answer(status()))
    with Client(peer.url, TOKEN, timeout=5) as client:
        yield client


def test_names_at_the_top():
    assert (TopClient, TopAsyncClient) == (Client, AsyncClient)


@pytest.mark.parametrize(("plain", "core"), [(Client, AsyncClient), (Execution, AsyncExecution)])
def test_both_faces_have_the_same_calls(plain, core):
    def calls(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    wanted = calls(core)
    for internal in ("follow", "conclude", "past_events"):
        wanted.pop(internal, None)
    assert calls(plain) == wanted


def test_whole_way(blocking, peer, workspace, tmp_path):
    table = tmp_path / "data.csv"
    table.write_text("a\n1\n")
    peer.on("POST", "processes/m1/execution", answer(status("accepted"), 201))
    peer.on("GET", "jobs/j1/events", sse([event(1), done(2)]))
    peer.on("GET", "jobs/j1", answer(status("successful")))
    peer.on("GET", ARCHIVE, served(DATA))
    execution = blocking.run("column-statistics", table=table)
    assert execution.status == "accepted"
    assert execution.wait(progress=False) is execution
    assert execution.status == "successful"
    assert contents(execution.fetch()) == {**FILES, "output.zip": DATA}
    (sent,) = peer.requests("POST", ".*")
    assert sent.json()["inputs"]["table"]["encoding"] == "base64"
    assert len(sent.headers["Idempotency-Key"]) >= 32


def test_submission_is_repeated_with_the_same_key(blocking, peer):
    peer.on("POST", "processes/m1/execution", cut(), answer({}, 503), answer(status(), 201))
    assert blocking.run("m1", table=b"x").id == "j1"
    keys = [seen.headers["Idempotency-Key"] for seen in peer.requests("POST", ".*")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    blocking.run("m1", table=b"x")
    assert peer.requests("POST", ".*")[-1].headers["Idempotency-Key"] != keys[0]


def test_nothing_is_sent_when_something_is_wrong(blocking, peer):
    with pytest.raises(InvalidRequest, match="did you mean"):
        blocking.run("m1", tabel=b"x")
    assert peer.requests("POST", ".*") == []


@pytest.mark.parametrize(
    "name", ["m1", "Column statistics", "column-statistics", "COLUMN  STATISTICS"]
)
def test_methods_by_id_and_title(blocking, name):
    assert blocking.method(name).id == "m1"


def test_methods_that_are_not_there(blocking, peer):
    with pytest.raises(NotFound, match='did you mean "Column statistics"'):
        blocking.method("Colum statistic")
    with pytest.raises(NotFound, match="that you may see"):
        blocking.method("../../x")
    twice = [METHOD, {**METHOD, "id": "m2"}]
    peer.on("GET", "processes", answer({"processes": twice}))
    with pytest.raises(InvalidRequest, match="m1, m2"):
        blocking.method("column statistics")


def test_methods_by_pages(blocking, peer):
    async def paged(handler) -> None:
        offset, limit = (int(handler.get_argument(name)) for name in ("offset", "limit"))
        found = [{"id": f"m{n}"} for n in range(offset, min(offset + limit, 2500))]
        handler.finish({"processes": found})

    peer.on("GET", "processes", paged)
    assert len(blocking.methods("stat")) == 2500
    assert peer.requests("GET", "processes")[-1].query["q"] == "stat"


def test_deploy_replace_undeploy(blocking, peer, tmp_path):
    path = tmp_path / "m.json"
    path.write_text('{"id": "m1"}')
    peer.on("POST", "processes", answer(METHOD, 201), answer({"detail": "there is one"}, 409))
    peer.on("PUT", "processes/m1", answer(METHOD))
    peer.on("DELETE", "processes/m1", answer(b"", 204))
    assert blocking.deploy(path).title == "Column statistics"
    with pytest.raises(Conflict, match="there is one"):
        blocking.deploy({"id": "m1"})
    assert blocking.replace(str(path)).id == "m1"
    blocking.undeploy("column statistics")
    assert [s.verb for s in peer.seen if s.verb != "GET"] == ["POST", "POST", "PUT", "DELETE"]


@pytest.mark.parametrize("text", ["{", "[]", "3", "\xff"])
def test_deploy_of_no_method(blocking, tmp_path, text):
    path = tmp_path / "m.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidRequest, match="JSON"):
        blocking.deploy(path)


def test_deploy_of_no_file(blocking, tmp_path):
    with pytest.raises(Exception, match="cannot be read: No such file"):
        blocking.deploy(tmp_path / "none.json")
    with pytest.raises(InvalidRequest, match="which Method"):
        blocking.replace({})


def test_lists(blocking, peer):
    peer.on("GET", "jobs", answer({"jobs": [status(), status(jobID="j2")]}))
    assert [each.id for each in blocking.executions()] == ["j1", "j2"]
    found = blocking.executions(status=["running", "failed"], method="column statistics", limit=1)
    assert [each.id for each in found] == ["j1"]
    query = peer.requests("GET", "jobs")[-1].query
    assert (query["status"], query["processID"], query["limit"]) == ("running,failed", "m1", "1")
    infrastructures = [{"id": "local", "name": "Local", "links": []}]
    peer.on("GET", "infrastructures", answer({"infrastructures": infrastructures}))
    peer.on("GET", "infrastructures/local/nodes", answer({"nodes": [{"id": "n1", "online": True}]}))
    peer.on("GET", "infrastructures/local/runtimes", answer({"runtimes": [{"reference": "r"}]}))
    assert blocking.infrastructures() == [{"id": "local", "name": "Local"}]
    assert blocking.nodes("local")[0]["online"] is True
    assert blocking.runtimes("local")[0]["reference"] == "r"


def test_cancel_asks_once_and_only_while_it_runs(blocking, peer):
    """To an Execution that has ended, DELETE means "forget it"."""
    execution = blocking.execution("j1")
    peer.on("DELETE", "jobs/j1", cut())
    peer.on("GET", "jobs/j1", answer(status()), answer(status("dismissed")))
    assert execution.cancel().status == "dismissed"
    assert len(peer.requests("DELETE", ".*")) == 1
    assert execution.cancel().status == "dismissed"
    assert len(peer.requests("DELETE", ".*")) == 1


def test_delete_ends_it_first(blocking, peer):
    execution = blocking.execution("j1")
    peer.on("DELETE", "jobs/j1", answer(status("dismissed")))
    peer.on("GET", "jobs/j1/events", sse([event(1), done(2, "dismissed")]))
    execution.delete()
    assert len(peer.requests("DELETE", ".*")) == 2


def test_results(blocking, peer):
    execution = blocking.execution("j1")
    peer.on("GET", "jobs/j1/results", answer({"a": 1}))
    assert execution.results() == {"a": 1}
    failed = {"type": "urn:ccp:error:execution-failed", "detail": "exit code 3"}
    peer.on("GET", "jobs/j1/results", answer(failed, 422))
    with pytest.raises(ExecutionFailed, match="exit code 3"):
        execution.results()
    peer.on("GET", "jobs/j1/results", answer({"detail": "not yet"}, 404))
    with pytest.raises(NotFound, match="not yet"):
        execution.results()


async def test_where_a_loop_runs_already(blocking):
    """As in a notebook."""
    assert blocking.execution("j1").status == "running"


def test_many_threads(blocking):
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(blocking.execution("j1").id))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == ["j1"] * 20


FORK = """
import os, sys
from ccp_jupyter.client import Client
client = Client(sys.argv[1], sys.argv[2], timeout=5)
assert client.execution("j1").id == "j1"
child = os.fork()
if not child:
    assert client.execution("j1").id == "j1"
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert client.execution("j1").id == "j1"
"""


def run(code: str, peer: Peer) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-W", "error", "-c", code, peer.url, TOKEN]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def test_forked_child(blocking, peer):
    ran = run(FORK, peer)
    assert ran.returncode == 0, ran.stderr


def test_end_of_a_script_that_closes_nothing(blocking, peer):
    code = "import sys; from ccp_jupyter.client import Client; c = Client(*sys.argv[1:])"
    ran = run(code + "\nprint(c.execution('j1').status)", peer)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "running\n", "")


def test_interrupt_ends_only_the_waiting(blocking, peer, capsys):
    peer.on("GET", "jobs/j1/events", sse([event(1)], "hang"))
    execution = blocking.execution("j1")
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        execution.wait()
    assert time.monotonic() - begun < 10
    shown = capsys.readouterr().err
    assert "Execution j1 goes on: wait() waits again, cancel() ends it" in shown
    assert peer.requests("DELETE", ".*") == []
    assert execution.refresh().status == "running"


def test_interrupted_fetch_leaves_nothing(blocking, peer, workspace):
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21, wait=3600))
    execution = blocking.execution("j1")
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        execution.fetch()
    assert list((workspace / "CCP/executions").iterdir()) == []


def test_token_is_hidden_in_the_plain_face_too():
    with pytest.raises(NotConfigured) as caught:
        Client("ftp://wrong", TOKEN)
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert TOKEN not in "".join(found.format())


async def test_async_face_in_short():
    """As docs/client.md shows it."""
    async with AsyncClient("http://127.0.0.1:1/", TOKEN, timeout=0.1) as client:
        assert asyncio.iscoroutinefunction(client.run)
