"""The embedded store: one SQLite file, one service process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.store.connections import Lock, Settings
from ccp_jupyter.hub_service.store.documents import encoded
from ccp_jupyter.hub_service.store.schema import migrate
from ccp_jupyter.hub_service.store.sqlite_executions import Executions
from ccp_jupyter.hub_service.store.sqlite_methods import Methods
from ccp_jupyter.hub_service.store.sqlite_records import Records
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.stored_method import StoredMethod

CACHE_BYTES: Final = 8 * 2**20


class SqliteStore(Methods, Executions, Records):
    """Methods, Executions and Tasks in one SQLite file; see `hub_service.store.base.Store`.

    All writes go through one thread, which commits together what waits together. Reads have
    threads and connections of their own, and never wait for a write. May be used from several
    event loops. Made by `open`.
    """

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        journal_mode: str = "WAL",
        synchronous: str = "FULL",
        busy_timeout: float = 30.0,
        cache_bytes: int = CACHE_BYTES,
    ) -> SqliteStore:
        """Open a database file; make it, or bring it to the newest schema, when needed.

        Parameters
        ----------
        path : Path
            On a local disk. Folders above it are made when they are not there.
        journal_mode, synchronous, busy_timeout
            See `connections.Settings`.
        cache_bytes : int
            Most bytes of texts kept in memory, for Executions and again for Methods; 0 for none.

        Raises
        ------
        StoreUnusable
            Somebody else uses it, it is damaged or not ours, or a newer version wrote it.
        StoreFull
            There is no room for it.
        ValueError
            An option has no such value.
        """
        settings = Settings(path, journal_mode, synchronous, busy_timeout)
        return await asyncio.to_thread(cls._open, settings, cache_bytes)

    @classmethod
    def _open(cls, settings: Settings, cache_bytes: int) -> SqliteStore:
        lock = Lock(settings.path)
        try:
            migrate(settings)
            return cls(settings, lock, cache_bytes)
        except BaseException:
            lock.release()
            raise

    async def restore(
        self,
        record: StoredMethod | Execution | NodeRecord | ShareLink,
        tasks: list[Task] | None = None,
        revisions: list[StoredMethod] | None = None,
    ) -> None:
        """See `Store.restore`."""
        match record:
            case StoredMethod():
                await self._keep_method(record, record.version, revisions or [])
            case Execution():
                await self._keep_execution(record, tasks or [], restored=True)
            case NodeRecord():
                node_text, node = encoded(record, record.version)
                await self._keep_node(node, node_text)
            case ShareLink():
                link_text, link = encoded(record, record.version)
                await self._keep_link(link, link_text)
