"""RED documents, what a service says of them, what a command did."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tests.unit.client.peer import Peer, answer, status

ID = "65f0aaaaaaaaaaaaaa000000"
RED = """\
redVersion: "9"
cli:
  cwlVersion: "v1.0"
  class: "CommandLineTool"
  baseCommand: ["cat"]
  inputs:
    text: {type: "File", inputBinding: {position: 0}}
  outputs: {hits: {type: "stdout"}}
  stdout: "hits.txt"
container:
  engine: "docker"
  settings:
    image: {url: "registry.example.org/cat:1", auth: {username: "{{user}}", password: "{{reg_pw}}"}}
    ram: 256
batches:
  - inputs:
      text:
        class: "File"
        connector: {command: "c", access: {url: "https://example.org/{{dir}}/in.txt"}}
    outputs: {}
  - inputs:
      text:
        class: "File"
        connector: {command: "c", access: {url: "https://example.org/2", _key: "{{web_pw}}"}}
    outputs: {}
execution:
  engine: "ccagency"
  settings:
    access: {url: "https://hub.example.org/", auth: {username: "a", password: "{{hub_token}}"}}
    batchConcurrencyLimit: 8
"""
PLAIN = re.sub(r"\{\{(\w+)\}\}", r"\1", RED)
"""Without variables."""
OLD = PLAIN.replace('redVersion: "9"', 'redVersion: "8"')
VALUES = {"user": "me", "reg_pw": "S3CRET-reg", "dir": "some/where", "web_pw": "S3CRET-web"}


def experiment(state: str = "accepted", **more: Any) -> dict[str, Any]:
    """Return the status document of an Experiment."""
    members = {"kind": "experiment", "processID": "red", "replicas": 2, "title": ""}
    return status(state, jobID=ID, **members, **more)


def batch(number: int, state: str = "succeeded", **more: Any) -> dict[str, Any]:
    """Return a batch as the agency's list has it."""
    return {
        "_id": f"{ID[:-6]}{number:06x}",
        "experimentId": ID,
        "batchesListIndex": number - 1,
        "username": "alice",
        "registrationTime": 1795294867.73,
        "state": state,
        "node": "n1",
        "history": [{"state": state, "time": 1795294867.73, "node": "n1"}],
        **more,
    }


def failed(number: int, reason: str, *debug: str) -> dict[str, Any]:
    """Return a failed batch in full."""
    entry = {"state": "failed", "time": 1795294867.73, "node": "n1", "debugInfo": reason}
    agent = {"state": "failed", "debugInfo": list(debug)}
    return batch(number, "failed", history=[{**entry, "ccagent": agent}])


def serve(peer: Peer, state: str = "accepted", batches: list[dict[str, Any]] | None = None) -> None:
    """Let a service take an Experiment in and tell of it."""
    peer.on("POST", "agency/red", answer({"experimentId": ID}))
    peer.on("GET", f"jobs/{ID}", answer(experiment(state)))
    listed = [batch(1), batch(2)] if batches is None else batches
    peer.on("GET", "agency/batches", answer(listed))
    for each in listed:
        peer.on("GET", f"agency/batches/{each['_id']}", answer(each))


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON object on stdout."""
        return json.loads(self.out)
