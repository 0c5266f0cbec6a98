"""Execution folders as zips, good ones and bad ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.exchange.archives import Bounds, opened
from ccp_jupyter.hub_service.exchange.executions import (
    Importer,
    ReadExecution,
    read_execution,
    unwrapped,
)
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from tests.unit.client import zips

HERE = Infrastructure(id="local-docker", name="Here", limits=Limits(output_size=2**20))
OTHER = Infrastructure(id="other", name="Other")
OUTPUT = {"output/copy.csv": b"a,b\n1,2\n", "A": b"1", "a": b"2"}
STATUS = {
    "jobID": "5d1c0a3e-0000-4000-8000-000000000000",
    "status": "successful",
    "message": "Successful",
    "progress": 100,
    "created": "2026-11-01T10:00:00.000Z",
    "started": "2026-11-01T10:00:01.000Z",
    "finished": "2026-11-01T10:00:09.000Z",
    "links": [],
}
EVENTS = [
    {"kind": "status", "status": "accepted", "message": "Accepted", "progress": 0},
    {"kind": "phase", "task": 1, "attempt": 1, "node": "n1", "phase": "execute"},
    {"kind": "log", "task": 1, "attempt": 1, "stream": "stdout", "lines": ["hello", "wörld"]},
    {"kind": "status", "status": "successful", "message": "Successful", "progress": 100},
]


def a_method(**inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a Method with these inputs."""
    image = {"id": "ccpimage", "schema": {"type": "string", "default": "debian:12"}}
    replicas = {"id": "ccpreplicas", "minOccurs": 0, "schema": {"type": "integer"}}
    descriptors = {"ccpimage": image, "ccpreplicas": replicas}
    for name, given in inputs.items():
        descriptors[name] = {"id": name, "schema": {"type": "string"}, **given}
    return {
        "id": "copy",
        "title": "<script>alert(1)</script>",
        "version": "1.0.0",
        "inputs": descriptors,
        "additionalParameters": {"parameters": [{"name": "execute-script", "value": ["true"]}]},
        "links": [{"rel": "compatibleWith", "href": "infrastructures/local-docker"}],
    }


TABLE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}
KEY = {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}}


def an_attempt(**members: Any) -> dict[str, Any]:
    """Return an Attempt as ``metadata/folder.json`` has it."""
    return {
        "number": 1,
        "node": "n1",
        "phase": "ended",
        "phases": [{"phase": "launch", "at": "2026-11-01T10:00:01Z"}],
        "image": "sha256:1",
        "container_id": "c1",
        "exit_code": 0,
        "outcome": "successful",
        **members,
    }


def a_folder(**changes: object) -> dict[str, bytes]:
    """Return the files of an Execution folder; `changes` by name, with ``__`` for a slash.

    None leaves a file out, bytes stand for themselves, everything else becomes JSON.
    """
    files: dict[str, object] = {
        "metadata/folder.json": {
            "format": "ccp-execution",
            "formatVersion": 1,
            "service": "https://hub.example.org/services/ccp/",
            "executionID": STATUS["jobID"],
            "tasks": [{"index": 1, "state": "successful", "attempts": [an_attempt()]}],
            "inputs": {"inputs/table": hashlib.sha256(b"hello").hexdigest()},
        },
        "metadata/method.json": a_method(table=TABLE, key=KEY),
        "metadata/request.json": {
            "inputs": {
                "table": {"href": "inputs/table", "type": "text/csv"},
                "key": {"secret": True},
            }
        },
        "metadata/infrastructure.json": {"id": "elsewhere", "name": "Elsewhere"},
        "metadata/jobStatus.json": STATUS,
        "metadata/events.jsonl": events(),
        "auth/jwt.json": {"name": "mallory", "admin": True, "token": "ey.secret.token"},
        "inputs/table": b"hello",
        "outputs/output.zip": zips.make(OUTPUT),
        "outputs/stdout.1.txt": "hello\nwörld\n".encode(),
    }
    for name, value in changes.items():
        files[_path(name, files)] = value
    return {
        name: value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in files.items()
        if value is not None
    }


def _path(name: str, files: dict[str, object]) -> str:
    path = name.replace("__", "/")
    return next((each for each in files if each.partition(".")[0] == path), path)


def events(found: list[dict[str, Any]] | None = None) -> bytes:
    """Return a journal."""
    common = {"execution_id": "other", "at": "2026-11-01T10:00:05Z"}
    lines = [
        json.dumps({"seq": number, **common, **each})
        for number, each in enumerate(EVENTS if found is None else found, 1)
    ]
    return "".join(line + "\n" for line in lines).encode()


def read(content: bytes, work: Path, largest: int = 2**20, service: str = "") -> ReadExecution:
    """Read an Execution folder as the service does."""
    path = work.with_suffix(".zip")
    path.write_bytes(content)
    work.mkdir()
    importer = Importer("bob", {"name": "bob"}, {"other": OTHER, HERE.id: HERE}, service, largest)
    with opened(path, Bounds(1000, 16 * largest)) as archive:
        return read_execution(unwrapped(archive), importer, work)
