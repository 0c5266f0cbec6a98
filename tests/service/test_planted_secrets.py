"""Secrets planted in everything that takes one, then looked for everywhere, during and after."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from pathlib import Path

import pytest

from tests import red
from tests.agency import Agency
from tests.connectors import web as web_server
from tests.connectors.fixtures import web
from tests.jobs import method
from tests.stack import images
from tests.stack.registry import PASSWORD, USERNAME

__all__ = ["web"]

PLANTED = {
    "access": 'planted"access/secret+1',
    "number": "83915237461",
    "own": "planted own secret",
    "input": "planted-input-secret",
    "agency": "planted-agency-password",
}


def forms(text: str) -> set[bytes]:
    """Return what to look for; base64 is in headers of connectors only, and so not here."""
    return {text.encode(), json.dumps(text)[1:-1].encode()}


NEEDLES = {form for text in PLANTED.values() for form in forms(text)} | {PASSWORD.encode()}


@pytest.fixture(scope="session")
def server_host(stack):
    return stack.host_address


def found_in(data: bytes) -> set[bytes]:
    return {needle for needle in NEEDLES if needle in data}


def in_files(folder: Path) -> dict[str, set[bytes]]:
    hits = {}
    for path in (folder, *folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if path.suffix == ".zip":
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    data += b"".join(archive.read(name) for name in archive.namelist())
            if hit := found_in(data):
                hits[str(path)] = hit
    return hits


def in_processes(ours: set[int]) -> dict[str, set[bytes]]:
    """Look at arguments and environment of every process but the test's own."""
    hits = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) in ours:
            continue
        for name in ("cmdline", "environ"):
            try:
                data = (folder / name).read_bytes()
            except OSError:
                continue
            if hit := found_in(data):
                hits[f"{folder.name} {name}: {data[:80]!r}"] = hit
    return hits


def everything(stack, agency, alice, names) -> dict[str, object]:
    """Return all places in which a secret is to be seen; of other tests' Executions none.

    The first name is the Experiment's.
    """
    hits: dict[str, object] = {}
    for folder in (Path(stack.document["log_dir"]), *stack.data_dir.iterdir()):
        if folder.name != "executions":
            hits |= in_files(folder)
    for name in names:
        hits |= in_files(stack.data_dir / "executions" / name[:2] / name)
    hits |= in_processes({os.getpid()})
    paths = ["experiments", "batches", "nodes"]
    batches = agency.http.get("batches", params={"experimentId": names[0]}).json()
    paths += [f"batches/{each['_id']}" for each in batches]
    answers = [agency.http.get(path).content for path in paths]
    parts = ("", "/log", "/events?limit=1000", "/results", "/outputs/output.zip")
    answers += [alice.http.get(f"jobs/{name}{part}").content for name in names for part in parts]
    answers += [alice.http.get("jobs").content, alice.http.get("secrets").content]
    for answer in answers:
        if hit := found_in(answer):
            hits[repr(answer[:200])] = hit
    return hits


def experiment(stack, web, reference):
    """One batch that reads a file with a login and shows in its log whatever it can find."""
    web.files["in.txt"] = b"content\n"
    auth = {"username": "u", "password": PLANTED["access"], "_token": PLANTED["number"]}
    good = {"auth": {"username": web_server.USER, "password": web_server.PASSWORD}}
    inputs = {
        "file": {
            "class": "File",
            "connector": {
                "command": "red-connector-http",
                "access": {"url": web.url("basic", "in.txt"), **good},
            },
        },
        "other": {
            "class": "File",
            "connector": {
                "command": "red-connector-http",
                "access": {"url": web.url("open", "in.txt?t={{planted_own}}")},
            },
        },
        "wrong": {
            "class": "File",
            "connector": {
                "command": "red-connector-http",
                "access": {"url": web.url("basic", "in.txt"), "auth": auth},
            },
        },
    }
    declared = {
        name: {"type": "File?", "inputBinding": {"position": n}} for n, name in enumerate(inputs)
    }
    script = "cat /cc/*.json /proc/*/environ /proc/*/cmdline 2>/dev/null; env; sleep 3; exit 1"
    document = red.document(
        reference,
        ["sh", "-c", script],
        declared,
        [
            {"inputs": {k: inputs[k] for k in ("file", "other")}, "outputs": {}},
            {"inputs": inputs, "outputs": {}},
        ],
        auth={"username": USERNAME, "password": PASSWORD},
        cli={"stdout": "out.txt"},
    )
    access = {"url": "http://x", "auth": {"username": "alice", "password": PLANTED["agency"]}}
    document["execution"]["settings"]["access"] = access
    return document


def test_planted_secrets_are_nowhere(stack, alice, web):
    agency = Agency(stack)
    engine = next(iter(stack.engines.values()))
    reference = stack.registry.push(
        engine, images.load(engine, ["red"])["red"], "ccp/planted:1", private=True
    )
    answer = alice.http.put("secrets/planted_own", json={"value": PLANTED["own"]})
    assert answer.status_code in (201, 204), answer.text
    job = alice.start(
        method(
            stack.images["shell"],
            "echo got {{ key }}; echo {{ key }} | tr a-z A-Z; sleep 3; env",
            inputs={"key": {"schema": {"type": "string", "format": "secret"}}},
        ),
        key=PLANTED["input"],
    )
    name = agency.submit(experiment(stack, web, reference), useVault=1)
    try:
        for _ in range(6):
            assert everything(stack, agency, alice, [name, job]) == {}
            time.sleep(0.7)
        first, second = agency.wait(name)
        assert (first["state"], second["state"]) == ("failed", "failed")
        # The variable was filled in: the server saw the value.
        assert ("GET", "/open/in.txt?t=planted%20own%20secret", 200) in web.requests or any(
            "planted" in path for _, path, _ in web.requests
        )
        alice.wait(job)
        assert "got ***" in alice.log(job)
        assert everything(stack, agency, alice, [name, job]) == {}
        [own] = [
            s for s in alice.http.get("secrets").json()["secrets"] if s["name"] == "planted_own"
        ]
        assert [use["execution"] for use in own["uses"]] == [name]
    finally:
        alice.http.delete("secrets/planted_own")
        agency.close()


def test_what_is_looked_for_would_be_found(tmp_path):
    """The search itself finds plain, escaped and zipped secrets."""
    (tmp_path / "a").write_text("x" + PLANTED["own"])
    (tmp_path / "b").write_text(json.dumps([PLANTED["access"]]))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log", PLANTED["number"])
    assert {Path(name).name for name in in_files(tmp_path)} == {"a", "b", "c.zip"}
