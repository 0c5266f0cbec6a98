"""The Python client against the running service: what docs/client.md promises."""

from __future__ import annotations

import asyncio
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.client import (
    AsyncClient,
    Client,
    Conflict,
    ExecutionFailed,
    FetchFailed,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    ServiceError,
    WaitTimeout,
)
from ccp_jupyter.model.events import LogEvent
from tests.jobs import method, nothing_left
from tests.service.conftest import ACCESS, FILE, file_output

INPUTS: dict[str, dict[str, Any]] = {
    "table": {**FILE, "title": "A file"},
    "extra": {**FILE, "minOccurs": 0, "maxOccurs": 3},
    "my-text": {"minOccurs": 0, "schema": {"type": "string", "default": "plain"}},
    "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
}
SCRIPT = """
mkdir -p /ccp_data/output
cat {{ table }} > /ccp_data/output/copy.csv
printf '%s' {{ my-text }} > /ccp_data/output/text
ls -l /ccp_data/input >&2
printf '{"size": %s}' "$(wc -c < /ccp_data/output/copy.csv)" > /ccp_data/output/size.json
for n in 1 2 3; do echo "line $n"; done
"""
OUTPUTS = {
    "size": file_output("output/size.json", "application/json"),
    "stdout": {"schema": {"type": "string", "contentMediaType": "text/plain"}},
}


@pytest.fixture
def client(stack) -> Iterator[Client]:
    with Client(stack.service_url, stack.users["alice"]) as client:
        yield client


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CCP_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def copier(client, shell):
    """A Method that copies its input."""
    return client.deploy(
        method(shell, SCRIPT, inputs=INPUTS, outputs=OUTPUTS, title="Copy: a / b & <c>")
    )


def test_whole_way(client, copier, workspace, capsys):
    data = bytes(range(256)) * 1000
    (workspace / "data.csv").write_bytes(data)
    nasty = "a'b\"c $(rm -rf /) `x` \\ ü\n{{ table }}"
    execution = client.run(
        copier, table="data.csv", extra=[b"1", b"2"], inputs={"my-text": nasty}, key="hush-hush"
    )
    execution.wait(timeout=60)
    assert (execution.status, execution.progress) == ("successful", 100)
    assert execution.created <= execution.started <= execution.finished
    shown = capsys.readouterr().err
    assert "  line 3" in shown
    assert "hush-hush" not in shown
    folder = execution.fetch()
    assert folder.parent == workspace / "CCP/executions"
    assert folder.name == f"Copy a b c-{execution.id[:8]}"
    assert (folder / "output/copy.csv").read_bytes() == data
    assert (folder / "output/text").read_text() == nasty
    assert execution.results()["size"] == {
        "value": {"size": len(data)},
        "mediaType": "application/json",
    }
    assert "line 1\nline 2\nline 3\n" in execution.log(stream="stdout")
    assert execution.log(task=2) == ""


def test_files_and_folder(client, copier, workspace):
    execution = client.run(copier, table=b"hello").wait(timeout=60, progress=False)
    sizes = {each.path: each.size for each in execution.files()}
    assert sizes["output/copy.csv"] == 5
    assert execution.read("output/copy.csv") == b"hello"
    with execution.open("output/text") as file:
        assert file.read() == b"plain"
    with pytest.raises(NotFound):
        execution.read("../../etc/passwd")
    first, second = execution.fetch(), execution.fetch()
    assert second.name == first.name + " (2)"
    with zipfile.ZipFile(execution.folder()) as archive:
        assert archive.testzip() is None
        assert "metadata/request.json" in archive.namelist()


def test_events_are_numbered(client, copier):
    execution = client.run(copier, table=b"x").wait(timeout=60, progress=False)
    events = execution.events()
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    lines = [line for e in events if isinstance(e, LogEvent) for line in e.lines]
    assert [line for line in lines if line.startswith("line")] == ["line 1", "line 2", "line 3"]
    # The container's removal may follow the final status.
    assert execution.events(after=len(events) - 1)[:1] == events[-1:]


def test_failure_shows_the_log(client, shell):
    failing = client.deploy(method(shell, "echo why >&2; exit 3"))
    execution = client.run(failing)
    with pytest.raises(ExecutionFailed, match="why") as caught:
        execution.wait(timeout=60, progress=False)
    assert caught.value.status == "failed"
    assert execution.wait(check=False, progress=False).status == "failed"
    with pytest.raises(ExecutionFailed):
        execution.results()


def test_cancel_and_delete(stack, client, shell):
    sleeper = client.deploy(method(shell, "echo asleep; sleep 600"))
    execution = client.run(sleeper)
    with pytest.raises(WaitTimeout):
        execution.wait(timeout=2, progress=False)
    execution.cancel()
    with pytest.raises(ExecutionFailed, match="dismissed"):
        execution.wait(timeout=60, progress=False)
    assert execution.cancel().status == "dismissed"
    assert client.execution(execution.id).status == "dismissed"
    execution.delete()
    with pytest.raises(NotFound):
        client.execution(execution.id)
    running = client.run(sleeper)
    running.delete()
    with pytest.raises(NotFound):
        running.refresh()
    nothing_left(stack, running.id)


def test_outputs_that_are_not_there_yet(client, shell, workspace):
    sleeper = client.deploy(method(shell, "sleep 600"))
    execution = client.run(sleeper)
    with pytest.raises(FetchFailed, match="has ended"):
        execution.fetch()
    assert list((workspace / "CCP/executions").iterdir()) == []
    execution.delete()


def test_methods(client, copier, shell, stack):
    assert client.method(copier.id).title == copier.title
    assert copier.id in [each.id for each in client.methods("Copy: a / b")]
    with pytest.raises(Conflict, match="already"):
        client.deploy(copier.document)
    changed = {**copier.document, "version": "1.1.0"}
    assert client.replace(changed).version == "1.1.0"
    client.undeploy(copier)
    with pytest.raises(NotFound):
        client.method(copier.id)


def test_lists(client, copier):
    execution = client.run(copier, table=b"x").wait(timeout=60, progress=False)
    (found,) = client.executions(method=copier)
    assert found.id == execution.id
    assert client.executions(status=["failed"], method=copier) == []
    assert len(client.executions(limit=1)) == 1
    (infrastructure,) = client.infrastructures()
    nodes = client.nodes(infrastructure["id"])
    assert all(node["online"] for node in nodes)
    assert client.runtimes(infrastructure["id"])
    for shown in (client.methods(), copier, found, client.executions(), execution.results(), nodes):
        assert shown._repr_html_()


def test_what_the_service_refuses(stack, client, copier):
    with pytest.raises(InvalidRequest) as caught:
        client.run(copier, table=b"x", replicas=10**6)
    assert caught.value.problems[0].member == "inputs.ccpreplicas"
    with pytest.raises(InvalidRequest, match="id"):
        client.deploy({"title": "nothing else"})
    with Client(stack.service_url, "no-such-token") as nobody, pytest.raises(NotLoggedIn):
        nobody.methods()
    with stack.hub() as hub:
        reader = hub.token("alice", [ACCESS, "custom:ccp:read"])
    with Client(stack.service_url, reader) as readonly, pytest.raises(NotAllowed, match="submit"):
        readonly.run(copier.id, table=b"x")
    with Client(stack.service_url, stack.users["bob"]) as bob, pytest.raises(NotFound):
        bob.method(copier.id)


def test_wrong_addresses(stack):
    token = stack.users["alice"]
    for path in ("/hub/api/", "/services/none/"):
        client = Client(stack.hub_url + path, token)
        with client, pytest.raises(ServiceError, match="url right"):
            client.methods()


def test_bodies_that_are_too_large(client, copier, workspace):
    with (workspace / "huge").open("wb") as file:
        file.truncate(150 * 2**20)
    with pytest.raises(InvalidRequest, match="larger files as links"):
        client.run(copier, table="huge")


def test_many_waits_at_once(client, shell):
    """Each has a stream, until the service says that these are enough: then they poll."""
    slow = client.deploy(method(shell, "sleep 2; echo done"))
    executions = [client.run(slow) for _ in range(25)]
    threads = [
        threading.Thread(target=each.wait, kwargs={"timeout": 100, "progress": False})
        for each in executions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(110)
    assert [each.status for each in executions] == ["successful"] * 25


async def test_async_client(stack, shell, workspace):
    async with AsyncClient(stack.service_url, stack.users["alice"]) as client:
        document = method(shell, "mkdir -p /ccp_data/o; echo $ccptaskid > /ccp_data/o/id")
        deployed = await client.deploy(document)
        executions = [await client.run(deployed, replicas=2) for _ in range(3)]
        await asyncio.gather(*(each.wait(60, progress=False) for each in executions))
        paths = await asyncio.gather(*(each.fetch() for each in executions))
    for path in paths:
        assert (path / "replica-2/o/id").read_text() == "2\n"


def test_document_comes_back_as_it_went(client, copier):
    again = json.loads(json.dumps(copier.document))
    assert client.replace(again).document["inputs"] == copier.document["inputs"]
