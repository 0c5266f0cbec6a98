"""What all parts of the SQLite store stand on: connections, threads, caches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ccp_jupyter.hub_service.store.base import Conflict, Usage
from ccp_jupyter.hub_service.store.cache import Cache
from ccp_jupyter.hub_service.store.connections import READERS, Lock, Settings, engine, translated
from ccp_jupyter.hub_service.store.documents import decoded
from ccp_jupyter.hub_service.store.writer import Kept, Writer
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.stored_method import StoredMethod

T = TypeVar("T")
R = TypeVar("R", Execution, Task, StoredMethod, NodeRecord, ShareLink)
Texts = tuple[str, ...]
Parameters = dict[str, Any]
Rows = list[dict[str, Any]]
Question = sa.Select[Any] | sa.CompoundSelect[Any] | sa.TextClause
Work = Callable[[sa.Connection], object]

_USAGE_BYTES: Final = 2**20
"""Most bytes in memory for what users keep: thousands of users."""


class Database:
    """One SQLite file, read and written in threads; see `sqlite.SqliteStore`.

    Parameters
    ----------
    settings : Settings
        Of a database that has the newest schema.
    lock : Lock
        Held until `close`.
    cache_bytes : int
        Most bytes of texts kept in memory, for Executions and again for Methods.
    """

    def __init__(self, settings: Settings, lock: Lock, cache_bytes: int) -> None:
        self._settings = settings
        self._lock = lock
        self._read_engine = engine(settings, write=False)
        self._write_engine = engine(settings, write=True)
        self._readers = ThreadPoolExecutor(READERS, "store-reader")
        self._writer = Writer(self._write_engine, settings)
        self._executions = Cache[str](cache_bytes, len)
        # By owner and Infrastructure: every submit asks for it, and leaves what it is then.
        self._usage = Cache[Usage](_USAGE_BYTES, lambda _: 0)
        # Methods change rarely: any change drops all pages and texts of them.
        self._methods = Cache[Texts](cache_bytes, lambda texts: sum(map(len, texts)))

    async def close(self) -> None:
        """Finish what is being written, then let go of the file. May be called twice."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._writer.close():
            self._readers.shutdown()
            self._read_engine.dispose()
            self._write_engine.dispose()
            self._lock.release()

    async def _write(self, work: Work, *kept: Kept) -> None:
        await asyncio.wrap_future(self._writer.submit(work, *kept))

    async def _read(self, read: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return read()
            except DBAPIError as error:
                raise translated(error, self._settings) from error

        return await asyncio.wrap_future(self._readers.submit(guarded))

    async def _cached(
        self, cache: Cache[T], group: str, key: Hashable, read: Callable[[], T | None]
    ) -> T | None:
        """Return what a cache has, else what `read` finds in a thread."""
        known = cache.get(group, key)
        if known is not None:
            return known
        return await self._read(lambda: cache.through(group, key, read))

    async def _all(
        self, kind: type[R], statement: Question, parameters: Parameters | None = None
    ) -> list[R]:
        # Decoded there too: all open Executions are many.
        return await self._read(
            lambda: [decoded(kind, text) for text in self._texts(statement, parameters or {})]
        )

    async def _count(self, statement: Question) -> int:
        def read() -> int:
            with self._read_engine.connect() as connection:
                return int(connection.execute(statement).scalar_one())

        return await self._read(read)

    def _texts(self, statement: Question, parameters: Parameters) -> Texts:
        with self._read_engine.connect() as connection:
            return tuple(connection.execute(statement, parameters).scalars())

    def _text(self, statement: Question, **parameters: Any) -> str | None:
        texts = self._texts(statement, parameters)
        return texts[0] if texts else None


def add_rows(connection: sa.Connection, statement: sa.Insert, rows: Rows) -> None:
    """Insert rows, if there are any."""
    if rows:
        connection.execute(statement, rows)


def save_row(connection: sa.Connection, statement: sa.Update, row: Parameters, name: str) -> None:
    """Update the row of a version.  Raises `Conflict` when there is none."""
    if connection.execute(statement, row).rowcount == 0:
        raise conflict(name, row["b_version"])


def conflict(name: str, version: int) -> Conflict:
    """Return the error for a record that is not there in this version."""
    return Conflict(f"{name} was saved or removed since version {version} was read")
