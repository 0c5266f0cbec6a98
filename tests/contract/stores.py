"""The stores that the contract suite runs against. A new one is a class here and a line in PLACES.

A place is where one store's data lies. The suite opens stores only through places, so it never
knows which one it has.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.store.sqlite import SqliteStore


class Place(Protocol):
    """Where a store's data lies; empty at first."""

    async def open(self) -> Store:
        """Open the store, again after `Store.close` or after its process died."""

    async def check(self) -> None:
        """Assert that what lies there is sound. No store is open then."""


class SqlitePlace:
    """As sites run it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.sqlite"

    async def open(self) -> Store:
        return await SqliteStore.open(self.path)

    async def check(self) -> None:
        assert await asyncio.to_thread(integrity, self.path) == "ok"


class TruncatePlace(SqlitePlace):
    """The other journal, and no memory of what was read: every read goes to the file."""

    async def open(self) -> Store:
        return await SqliteStore.open(self.path, journal_mode="TRUNCATE", cache_bytes=0)


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
}
