"""The job stores of pygeoapi, filled from outside: its JSON file, and its MongoDB collection."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pymongo

_DATABASE, _COLLECTION = "job_manager_pygeoapi", "jobs"
_TABLE = "_default"
_TOGETHER = 5_000

Job = Mapping[str, Any]


class JobStore(Protocol):
    """Where pygeoapi keeps its jobs."""

    def manager(self) -> dict[str, Any]:
        """Return the member ``server.manager`` of its configuration, without ``output_dir``."""

    def pids(self) -> list[int]:
        """Return the processes of a database server; empty when there is none."""

    def read(self) -> list[Job]:
        """Return all jobs, oldest first."""

    def write(self, jobs: Sequence[Job]) -> None:
        """Replace all jobs. The server opens its store anew for each request."""


class JobFile:
    """A file of TinyDB, which is one JSON object.

    Parameters
    ----------
    file : Path
        Need not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def manager(self) -> dict[str, Any]:
        """See `JobStore`."""
        return {"name": "TinyDB", "connection": str(self._file)}

    def pids(self) -> list[int]:
        """See `JobStore`."""
        return []

    def read(self) -> list[Job]:
        """See `JobStore`."""
        if not self._file.exists():
            return []
        table: dict[str, Job] = json.loads(self._file.read_text()).get(_TABLE, {})
        return [table[number] for number in sorted(table, key=int)]

    def write(self, jobs: Sequence[Job]) -> None:
        """See `JobStore`."""
        table = {str(number): job for number, job in enumerate(jobs, 1)}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({_TABLE: table}))
        new.replace(self._file)


class JobCollection:
    """A collection of MongoDB, without any index, as pygeoapi makes it.

    Parameters
    ----------
    uri : str
        Of the server, which is on this machine.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def manager(self) -> dict[str, Any]:
        """See `JobStore`."""
        return {"name": "MongoDB", "connection": self._uri}

    def pids(self) -> list[int]:
        """See `JobStore`."""
        with self._client() as client:
            return [int(client.admin.command("serverStatus")["pid"])]

    def read(self) -> list[Job]:
        """See `JobStore`."""
        with self._client() as client:
            return list(client[_DATABASE][_COLLECTION].find({}, {"_id": 0}))

    def write(self, jobs: Sequence[Job]) -> None:
        """See `JobStore`."""
        with self._client() as client:
            collection = client[_DATABASE][_COLLECTION]
            collection.drop()
            for begin in range(0, len(jobs), _TOGETHER):
                # Copies, because the driver writes its ids into what it is given.
                collection.insert_many([dict(job) for job in jobs[begin : begin + _TOGETHER]])

    def _client(self) -> pymongo.MongoClient[dict[str, Any]]:
        return pymongo.MongoClient(self._uri)


def copies(jobs: Sequence[Job], wanted: int) -> list[Job]:
    """Return so many jobs, all of them successful: those that are there, and copies of the first.

    Parameters
    ----------
    jobs : sequence of mapping
        As a store has them.
    wanted : int
        At least 1.

    Raises
    ------
    ValueError
        None was successful.
    """
    kept = [job for job in jobs if job["status"] == "successful"][:wanted]
    if not kept:
        raise ValueError(f"no successful job to copy among {len(jobs)}: run one first")
    missing = range(wanted - len(kept))
    return kept + [{**kept[0], "identifier": str(uuid.uuid4())} for _ in missing]
