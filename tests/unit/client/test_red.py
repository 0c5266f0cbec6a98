"""Experiments through the client: documents, batches, secrets."""

from __future__ import annotations

import copy
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ccp_jupyter.client import (
    AsyncClient,
    CcpError,
    Client,
    InvalidDocument,
    InvalidRequest,
    NotFound,
    RedDocument,
    ServiceError,
)
from ccp_jupyter.client.batches import BatchRecord
from ccp_jupyter.client.record import Record
from ccp_jupyter.model import red as model
from tests.unit.cli.documents import ID, PLAIN, RED, VALUES, batch, experiment, failed, serve
from tests.unit.client.peer import TOKEN, answer, status

DOCUMENT: Any = model.read(RED).document


async def sent(client: AsyncClient, peer: Any, source: Any, **more: Any) -> Any:
    """Submit, and return the document that arrived."""
    serve(peer)
    assert (await client.submit_red(source, **more)).id == ID
    return peer.requests("POST", "agency/red")[-1].json()


async def test_sources(client, peer, tmp_path, monkeypatch):
    path = tmp_path / "red.yml"
    path.write_text(PLAIN)
    monkeypatch.setenv("HOME", str(tmp_path))
    plain = model.read(PLAIN).document
    sources = [
        path,
        str(path),
        "~/red.yml",
        PLAIN,
        json.dumps(plain),
        plain,
        RedDocument.read(path),
    ]
    documents = [await sent(client, peer, source) for source in sources]
    assert all(document == documents[0] for document in documents)
    assert "access" not in documents[0]["execution"]["settings"]


async def test_the_given_document_is_left_alone(client, peer):
    before = copy.deepcopy(DOCUMENT)
    await sent(client, peer, DOCUMENT, variables=VALUES)
    assert before == DOCUMENT
    read = RedDocument.read(DOCUMENT)
    assert read.document["execution"]["settings"]["access"]
    assert "hub_token" not in read.variables


async def test_order_of_members_is_kept(client, peer):
    """The order of `cli.inputs` decides the command line."""
    found = await sent(client, peer, PLAIN)
    assert list(found) == ["redVersion", "cli", "container", "batches", "execution"]


async def test_parameters(client, peer):
    given: dict[str, Any] = {"retry": False, "validate_connectors": False, "use_vault": True}
    after = [Record(experiment()), "j1"]
    found = await sent(client, peer, RED, variables={"user": SecretStr("me")}, after=after, **given)
    assert peer.requests("POST", "agency/red")[-1].query == {
        "disableRetry": "1",
        "disableConnectorValidation": "1",
        "useVault": "1",
        "after": f"{ID},j1",
    }
    auth = found["container"]["settings"]["image"]["auth"]
    assert auth == {"username": "me", "password": "{{reg_pw}}"}


async def test_variables_without_values(client, peer):
    with pytest.raises(InvalidRequest) as caught:
        await client.submit_red(RED, variables={"user": "me"})
    assert [each.member for each in caught.value.problems] == ["web_pw", "reg_pw", "dir"]
    with pytest.raises(InvalidRequest, match="the value of this variable holds"):
        await client.submit_red(RED, variables={**VALUES, "dir": "a}}"})
    for wrong in (3, None, b"S3CRET", ["S3CRET"]):
        with pytest.raises(TypeError, match="must be a text") as shown:
            await client.submit_red(RED, variables={**VALUES, "dir": wrong})
        assert "S3CRET" not in str(shown.value)
    assert peer.seen == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{}", "redVersion"),
        ("{\n", "line"),
        ({3: 4}, "keys must be text"),
        ({**DOCUMENT, "x": 1}, "x"),
        ({**DOCUMENT, "doc": float("nan")}, "finite"),
        ({**DOCUMENT, "doc": object()}, "not a JSON value but object"),
    ],
)
async def test_invalid(client, peer, source, text):
    with pytest.raises(InvalidDocument, match=text):
        await client.submit_red(source)
    assert peer.seen == []


async def test_places(client, tmp_path):
    path = tmp_path / "red.yml"
    path.write_text(RED.replace("ram: 256", "ram: 2").replace('"9"', "9", 1))
    with pytest.raises(InvalidDocument) as caught:
        await client.submit_red(path)
    assert caught.value.places == {"redVersion": (1, 1), "container.settings.ram": (14, 5)}
    assert f"{path}:1:1: redVersion: " in str(caught.value)
    with pytest.raises(InvalidDocument) as caught:
        await client.submit_red(path.read_text())
    assert "line 14, column 5: container.settings.ram" in str(caught.value)


@pytest.mark.parametrize("name", ["none.yml", "", ".", "x" * 300, "a\0b"])
async def test_files_that_cannot_be_read(client, name):
    with pytest.raises(CcpError, match="cannot be read"):
        await client.submit_red(Path(name))


async def test_no_secret_in_tracebacks(client, peer):
    """Also where local variables are shown, as some notebooks do."""
    serve(peer)
    peer.on("POST", "agency/red", answer("400 Bad Request: no", 400))
    hidden = {name: SecretStr(value) for name, value in VALUES.items()}
    with pytest.raises(InvalidRequest) as caught:
        await client.submit_red(RED, variables=hidden)
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "S3CRET" not in "".join(found.format())
    hidden["dir"] = SecretStr("S3CRET{{")
    with pytest.raises(InvalidRequest) as caught:
        await client.submit_red(RED, variables=hidden)
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "S3CRET" not in "".join(found.format())


async def test_batches(client, peer):
    serve(peer, "failed", [batch(3, "cancelled", node=None), failed(2, "", "a", "b"), batch(1)])
    execution = await client.execution(ID)
    found = await execution.batches()
    assert [(each.index, each.state, each.reason) for each in found] == [
        (1, "succeeded", ""),
        (2, "failed", "a"),
        (3, "cancelled", ""),
    ]
    assert found[1].debug_info == "a\nb"
    assert (found[0].node, found[2].node) == ("n1", None)
    (seen,) = peer.requests("GET", "agency/batches")
    assert seen.query == {"experimentId": ID}
    assert len(peer.requests("GET", "agency/batches/.*")) == 1
    assert "failed" in found._repr_html_()
    assert repr(found[1]) == "<Batch 2, failed on n1: a>"


async def test_streams(client, peer):
    serve(peer)
    peer.on("GET", "agency/batches/[0-9a-f]{23}1/stdout", answer("ä\n".encode()))
    one = await (await client.execution(ID)).batch(1)
    assert await one.stdout() == "ä\n"
    with pytest.raises(NotFound):
        await one.stderr()


async def test_batches_of_a_method(client, peer):
    peer.on("GET", "jobs/j1", answer(status()))
    execution = await client.execution("j1")
    for call in (execution.batches(), execution.batch(1)):
        with pytest.raises(NotFound, match="runs a Method"):
            await call


@pytest.mark.parametrize(
    "document",
    [None, [], {}, batch(1, _id=3), {**batch(1), "state": None}, batch(1, batchesListIndex="0"),
     batch(1, batchesListIndex=None)],
)  # fmt: skip
def test_batches_of_the_wrong_shape(document):
    with pytest.raises(ServiceError, match="wrong shape"):
        BatchRecord(document)


@pytest.mark.parametrize(
    "history", [None, 3, [], [3], [{}], [{"debugInfo": 3}], [{"ccagent": "x"}], [{"ccagent": {}}],
                [{"ccagent": {"debugInfo": {}}}]],
)  # fmt: skip
def test_strange_histories(history):
    found = BatchRecord(batch(1, "failed", history=history))
    assert isinstance(found.reason + found.debug_info, str)
    assert isinstance(found.history, list)


def test_plain_face(peer):
    serve(peer, "successful", [failed(1, "exit code 3"), batch(2)])
    peer.on("GET", "agency/batches/[0-9a-f]+/stderr", answer(b"wrong\n"))
    with Client(peer.url, TOKEN, timeout=5) as client:
        execution = client.submit_red(PLAIN, after=[client.execution(ID)])
        assert (execution.title, execution.replicas, execution.is_experiment) == (
            "Experiment",
            2,
            True,
        )
        assert execution.batches()[0].reason == "exit code 3"
        assert execution.batch(1).stderr() == "wrong\n"
        assert "Batches" in execution.summary()
        peer.on("PUT", "secrets/a", answer(b"", 204))
        client.set_secret("a", "S3CRET")
        with pytest.raises(TypeError):
            client.set_secret("a", 3)  # type: ignore[arg-type]
        peer.on("GET", "secrets", answer({"secrets": [{"name": "a", "links": []}]}))
        assert client.secrets() == [{"name": "a"}]
        peer.on("DELETE", "secrets/a", answer(b"", 204))
        client.remove_secret("a")
