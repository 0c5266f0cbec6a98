"""The stores that the contract suite runs against. A new one is a class here and a line in PLACES.

A place is where one store's data lies. The suite opens stores only through places, so it never
knows which one it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from pymongo import AsyncMongoClient

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.hub_service.store.sqlite import SqliteStore

MONGO_SERVER: Final = "CCP_TEST_MONGO_SERVER"
"""Environment variable with the address of the server that `MongoPlace` uses."""


class Place(Protocol):
    """Where a store's data lies; empty at first."""

    async def open(self) -> Store:
        """Open the store, again after `Store.close` or after its process died."""

    async def check(self) -> None:
        """Assert that what lies there is sound. No store is open then."""

    async def remove(self) -> None:
        """Remove what lies there. No store is open then."""


class SqlitePlace:
    """As sites run it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.sqlite"

    async def open(self) -> Store:
        return await SqliteStore.open(self.path)

    async def check(self) -> None:
        assert await asyncio.to_thread(integrity, self.path) == "ok"

    async def remove(self) -> None:
        for path in self.path.parent.glob(self.path.name + "*"):
            path.unlink()


class TruncatePlace(SqlitePlace):
    """The other journal, and no memory of what was read: every read goes to the file."""

    async def open(self) -> Store:
        return await SqliteStore.open(self.path, journal_mode="TRUNCATE", cache_bytes=0)


class MongoPlace:
    """A database of its own at the server of the session; other processes find it by the folder."""

    def __init__(self, folder: Path) -> None:
        self.name = "ccp-" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        self.uri = database_uri(os.environ[MONGO_SERVER], self.name)

    async def open(self) -> Store:
        return await MongoStore.open(self.uri)

    def client(self) -> AsyncMongoClient[dict[str, Any]]:
        """Return a client of another program, which sees what is durable."""
        return AsyncMongoClient(self.uri, readConcernLevel="majority")

    async def check(self) -> None:
        """Every Task has its Execution, and what is counted is what is there.

        Without the server's own "validate": it waits a minute for transactions of killed clients.
        """
        async with self.client() as client:
            database = client[self.name]
            executions = await database["executions"].find({}, {"document": 0}).to_list()
            tasks = await database["tasks"].distinct("_id.e")
            assert set(tasks) <= {execution["_id"] for execution in executions}
            kept, counted = Counter[str](), Counter[str]()
            for execution in executions:
                kept[execution["owner"]] += execution["size"]
                kept[execution["owner"] + " number"] += 1
            async for slot in database["usage"].find():
                counted[slot["_id"]["owner"]] += slot["bytes"]
                counted[slot["_id"]["owner"] + " number"] += slot["executions"]
            assert +kept == +counted

    async def remove(self) -> None:
        async with self.client() as client:
            # What a killed client had begun would keep the database for a minute.
            await client.admin.command("killAllSessions", [])
            await client.drop_database(self.name)


UNCLOSED: Final = "ignore:unclosed .*socket:ResourceWarning"
"""For tests in which nobody answers: pymongo drops the socket of a connection that it gives up.
They collect garbage at their end, so that no other test is blamed."""


def database_uri(server: str, database: str) -> str:
    """Return the address of a database at a server, which is given as in `tests.mongod`."""
    begin, _, options = server.partition("?")
    hosts = begin.split("//", 1)[1].split("/", 1)[0]
    return f"mongodb://{hosts}/{database}" + (f"?{options}" if options else "")


def integrity(path: Path) -> str:
    """Return what SQLite says about a file: "ok", or what is wrong."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


PLACES: Final[dict[str, Callable[[Path], Place]]] = {
    "sqlite": SqlitePlace,
    "sqlite-truncate": TruncatePlace,
    "mongodb": MongoPlace,
}
