"""Beside the original: documents, histories, marks, and the scripted engine that speaks HTTP."""

import base64
import io
import json
import sys
import tarfile
import time

import docker
import httpx
import pytest

from benchmarks.agency.documents import connected, trivial
from benchmarks.agency.peer import basic
from benchmarks.agency.scripted import IMAGE
from benchmarks.agency.sides import Ran
from benchmarks.agency.stub import Queued
from benchmarks.report import BEGIN, END, Marks, NoPlace, write_into
from ccp_jupyter.model import red
from tests.stack.daemons import spawn


@pytest.mark.parametrize(
    ("document", "secrets"), [(trivial(IMAGE, 3), 0), (connected(IMAGE, 3), 6)]
)
def test_documents_are_valid(document, secrets):
    prepared = red.prepare(document, disable_retry=True, disable_connector_validation=False)
    assert len(prepared.batches) == 3
    assert len(prepared.secrets) == secrets


def test_a_login():
    kind, _, text = basic("alice", "a:b")["Authorization"].partition(" ")
    assert (kind, base64.b64decode(text)) == ("Basic", b"alice:a:b")


def test_moments_of_histories():
    def history(*entries):
        return [{"state": state, "time": at} for state, at in entries]

    first = history(("registered", 10.0), ("processing", 11.0), ("succeeded", 12.0))
    second = history(("registered", 10.0), ("processing", 12.5), ("succeeded", 14.0))
    ran = Ran(10.0, ["a", "b"], [first, second])
    assert ran.moments("processing") == [1.0, 2.5]
    assert ran.makespan == 4.0


def test_figures_of_the_original_in_words():
    text = Queued(1000, 10.0, 12.0, 90.0, 91.0, 80.0, 53.4, 9.0).text()
    for part in ("1,000 batches", "placed 10.0 s", "last start 90.0 s", "53 engine calls"):
        assert part in text


def test_two_kinds_of_figures_in_one_document(tmp_path):
    marks = Marks("agency figures", "python -m benchmarks.agency --doc")
    document = tmp_path / "performance.md"
    document.write_text(f"{BEGIN}\na\n{END}\n{marks.begin}\nb\n{marks.end}\n")
    write_into(document, "new", marks)
    write_into(document, "first")
    assert document.read_text() == (
        f"{BEGIN}\n\nfirst\n\n{END}\n{marks.begin}\n\nnew\n\n{marks.end}\n"
    )
    document.write_text(f"{BEGIN}\na\n{END}\n")
    with pytest.raises(NoPlace, match="agency figures"):
        write_into(document, "new", marks)


@pytest.fixture
def stub(tmp_path):
    socket = tmp_path / "s"
    command = [sys.executable, "-m", "benchmarks.agency.stub", str(socket), "0.3"]
    daemon = spawn(command, tmp_path / "log", follow_parent=True)
    deadline = time.monotonic() + 20
    while not socket.exists():
        assert time.monotonic() < deadline, daemon.tail()
        time.sleep(0.02)
    yield socket
    daemon.end()


def test_the_scripted_engine_answers_the_docker_sdk(stub):
    client = docker.DockerClient(base_url=f"unix:/{stub}", version="auto")
    try:
        client.containers.run("busybox", ["echo", "test"], user="1000:1000", remove=True)
        assert client.info()["NCPU"] == 64
        client.images.pull(IMAGE)
        container = client.containers.create(IMAGE, ["true"], name="abc", detach=True)
        with io.BytesIO() as spool:
            tarfile.open(fileobj=spool, mode="w").close()
            assert container.put_archive("/", spool.getvalue())
        container.start()
        assert [c.name for c in client.containers.list(filters={"status": "running"})] == ["abc"]
        time.sleep(0.4)
        [ended] = client.containers.list(all=True, filters={"status": "exited"})
        assert json.loads(ended.logs(stderr=False))["state"] == "succeeded"
        assert ended.logs(stdout=False) == b""
        ended.remove()
        assert client.containers.list(all=True) == []
    finally:
        client.close()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(stub))) as http:
        counted = http.get("http://stub/counted").json()
    assert counted["create"] == 3  # two containers, and a pull
    assert counted["container"] >= 8
