"""Documents as CC-Agency writes them into its database (versions 5 to 9)."""

from __future__ import annotations

import uuid
from typing import Any

import gridfs
from bson import ObjectId

START = 1_795_294_867.7324772


def entry(state: str, after: float, node: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an entry of a history, `after` seconds after the registration."""
    return {
        "state": state,
        "time": START + after,
        "node": node,
        "debugInfo": None,
        "ccagent": None,
        **more,
    }


def agent(state: str, code: int | None, debug: list[str] | None = None) -> dict[str, Any]:
    """Return what the agent in the container reported."""
    return {
        "command": ["grep"],
        "debugInfo": debug,
        "state": state,
        "process": {"executed": True, "returnCode": code, "stdout": "out.txt", "stderr": "err.txt"},
        "inputs": {"text": {"class": "File", "path": "/cc/inputs/x/text", "size": 16}},
        "outputs": {"hits": {"class": "File", "glob": "hits.txt", "path": None}},
    }


SUCCEEDED = [
    entry("registered", 0),
    entry("scheduled", 0.03, "node1"),
    entry("processing", 0.5, "node1"),
    entry("succeeded", 2.15, "node1", ccagent=agent("succeeded", 0)),
]
FAILED_TWICE = [
    entry("registered", 0),
    entry("scheduled", 1, "node1"),
    entry("processing", 2, "node1"),
    entry("registered", 3, debugInfo="Batch failed.\nfirst", ccagent=agent("failed", 1, ["a\n"])),
    entry("scheduled", 4, "node2"),
    entry("processing", 5, "node2"),
    entry(
        "failed", 6, "node2", debugInfo=["Batch failed.\n", "second"], ccagent=agent("failed", 3)
    ),
]


def experiment_9(**changes: Any) -> dict[str, Any]:
    """Return an experiment of version 9."""
    return {
        "_id": ObjectId(),
        "username": "alice",
        "registrationTime": START,
        "redVersion": "9",
        "cli": {
            "cwlVersion": "v1.0",
            "class": "CommandLineTool",
            "baseCommand": ["grep"],
            "inputs": {
                "term": {"type": "string", "inputBinding": {"position": 0}},
                "text": {"type": "File", "inputBinding": {"position": 1}},
                "access": {"type": "string?", "inputBinding": {"prefix": "--access"}},
            },
            "outputs": {"hits": {"type": "stdout"}},
            "stdout": "out.txt",
        },
        "container": {
            "engine": "docker",
            "settings": {
                "image": {"url": "registry.example.org/grep:1", "auth": str(uuid.uuid4())},
                "ram": 256,
                "gpus": {"vendor": "nvidia", "devices": [{"vramMin": 1024}, {}]},
            },
        },
        "execution": {
            "engine": "ccagency",
            "settings": {
                "batchConcurrencyLimit": 8,
                "retryIfFailed": True,
                "disableConnectorValidation": True,
            },
        },
        "protectedKeysVoided": True,
        **changes,
    }


def batch_9(
    experiment: dict[str, Any], index: int, state: str | None, **changes: Any
) -> dict[str, Any]:
    """Return a batch of version 9."""
    return {
        "_id": ObjectId(),
        "experimentId": str(experiment["_id"]),
        "batchesListIndex": index,
        "username": experiment["username"],
        "registrationTime": experiment["registrationTime"],
        "state": state,
        "node": "node1",
        "attempts": 1,
        "mount": False,
        "usedGPUs": [0, 1],
        "usedSpecifiedStdout": True,
        "usedSpecifiedStderr": False,
        "cliStdout": "out.txt",
        "cliStderr": "71cdb85c.stderr",
        "protectedKeysVoided": True,
        "notificationsSent": True,
        "inputs": {
            "term": "QUERY",
            "access": "plain",
            "text": {
                "class": "File",
                "basename": "text",
                "dirname": "/cc/inputs/2b05039b",
                "nameroot": "text",
                "nameext": "",
                "path": "/cc/inputs/2b05039b/text",
                "connector": {"command": "red-connector-http", "access": str(uuid.uuid4())},
            },
        },
        "outputs": {
            "hits": {
                "class": "stdout",
                "connector": {"command": "red-connector-http", "access": str(uuid.uuid4())},
            }
        },
        "history": SUCCEEDED,
        **changes,
    }


def experiment_5(**changes: Any) -> dict[str, Any]:
    """Return an experiment of version 5, whose secrets are in the database."""
    return {
        "_id": ObjectId(),
        "username": "bob",
        "registrationTime": START,
        "redVersion": "5",
        "cli": {
            "cwlVersion": 1.0,
            "class": "CommandLineTool",
            "baseCommand": "grep",
            "inputs": {"term": {"type": "string", "inputBinding": {"position": 0}}},
            "outputs": {},
        },
        "container": {
            "engine": "nvidia-docker",
            "settings": {
                "image": {"url": "docker.io/x:1", "auth": {"username": "r", "password": "PLANTED"}},
                "ram": 256,
                "gpus": [{"min_vram": 2048}],
            },
        },
        "execution": {
            "engine": "ccagency",
            "settings": {"access": {"url": "https://a", "auth": {"password": "PLANTED"}}},
        },
        **changes,
    }


def batch_5(experiment: dict[str, Any], state: str, **changes: Any) -> dict[str, Any]:
    """Return a batch of version 5: no index, no stream names, its secrets in plain."""
    access = {"url": "https://example.org/?token=PLANTED", "auth": {"_username": "PLANTED"}}
    return {
        "_id": ObjectId(),
        "experimentId": str(experiment["_id"]),
        "username": experiment["username"],
        "registrationTime": experiment["registrationTime"],
        "state": state,
        "node": None,
        "attempts": 0,
        "inputs": {
            "term": "QUERY",
            "text": {
                "class": "File",
                "connector": {
                    "pyModule": "cc_core.commons.connectors.http",
                    "pyClass": "Http",
                    "access": access,
                },
            },
        },
        "outputs": {"hits": {"class": "File", "connector": {"access": {"auth": "PLANTED"}}}},
        "history": [entry("registered", 0)],
        **changes,
    }


class Agency:
    """A CC-Agency database to put documents into."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.files = gridfs.GridFSBucket(database)

    def add(self, experiment: dict[str, Any], *batches: dict[str, Any]) -> str:
        """Add an experiment with batches; return its id."""
        self.database.experiments.insert_one(experiment)
        if batches:
            self.database.batches.insert_many(batches)
        return str(experiment["_id"])

    def stream(self, batch: dict[str, Any], name: str, data: bytes) -> None:
        """Add what a batch wrote."""
        self.files.upload_from_stream(f"{batch['_id']}_{name}", data)

    def user(self, name: str, admin: bool = False) -> None:
        """Add a user."""
        self.database.users.insert_one(
            {"username": name, "password": b"x" * 32, "salt": b"y" * 16, "is_admin": admin}
        )
