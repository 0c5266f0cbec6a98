"""The one thread that writes: what waits together is committed together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ccp_jupyter.hub_service.store.base import StoreFull
from ccp_jupyter.hub_service.store.cache import Cache
from ccp_jupyter.hub_service.store.connections import Settings, translated

MOST_TOGETHER: Final = 64
"""Writes in one transaction; more would keep the first one waiting for no gain."""


@dataclass(slots=True)
class Kept:
    """What a write leaves in a cache: `value` in place of all that `group` had.

    The write itself may fill it in: what it leaves counts from the commit on.
    """

    cache: Cache[Any]
    group: str
    key: object = None
    value: object = None


@dataclass(slots=True, eq=False)
class _Write:
    work: Callable[[sa.Connection], object]
    kept: tuple[Kept, ...]
    done: Future[None] = field(default_factory=Future)


class Writer:
    """Runs write transactions one after the other, each answered after its commit.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From `connections.engine` with ``write=True``; used by this thread alone.
    settings : Settings
        Named in errors.
    """

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sa.Connection], object], *kept: Kept) -> Future[None]:
        """Queue a write.

        Parameters
        ----------
        work : callable
            Gets the connection, inside a transaction. May run twice, the first time undone. What
            it raises undoes this write alone.
        *kept : Kept
            What caches hold after the commit.

        Returns
        -------
        concurrent.futures.Future
            Done when the write is durable. Cancelling it before it began drops the write.
        """
        write = _Write(work, kept)
        with self._closing:
            if self._closed:
                raise RuntimeError("the store is closed")
            self._queue.put(write)
        return write.done

    def close(self) -> bool:
        """Finish what is queued, then stop; False when somebody else has called it before."""
        with self._closing:
            first = not self._closed
            if first:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        return first

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            if batch:
                self._answer(batch)

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for a write, take with it what waits too; False when none will follow."""
        batch: list[_Write] = []
        write = self._queue.get()
        while write is not None:
            if write.done.set_running_or_notify_cancel():
                batch.append(write)
            if len(batch) == MOST_TOGETHER:
                return batch, True
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _answer(self, batch: list[_Write]) -> None:
        try:
            refused = self._commit(batch)
        except Exception as error:
            if len(batch) > 1 and isinstance(self._translated(error), StoreFull):
                # Each on its own may still fit, and gets an answer of its own.
                for write in batch:
                    self._answer([write])
                return
            refused = dict.fromkeys(batch, error)
        for write in batch:
            if write in refused:
                write.done.set_exception(self._translated(refused[write]))
            else:
                write.done.set_result(None)

    def _commit(self, batch: list[_Write]) -> dict[_Write, Exception]:
        """Commit what works; return what was undone and why. Raises when nothing was kept."""
        with self._engine.connect() as connection:
            refused = _attempted(connection, batch)
            kept = [entry for w in batch if w not in refused for entry in w.kept]
            for entry in kept:
                entry.cache.hold(entry.group)
            committed = False
            try:
                connection.commit()
                committed = True
            finally:
                for entry in kept:
                    value = entry.value if committed else None
                    entry.cache.release(entry.group, entry.key, value)
        return refused

    def _translated(self, error: Exception) -> Exception:
        return translated(error, self._settings) if isinstance(error, DBAPIError) else error


def _attempted(connection: sa.Connection, batch: list[_Write]) -> dict[_Write, Exception]:
    refused: dict[_Write, Exception] = {}
    for write in batch:
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            write.work(connection)
        except Exception as error:
            driver: Any = connection.connection.dbapi_connection
            if not driver.in_transaction:
                raise  # SQLite itself has undone everything, as it may on a full disk.
            connection.exec_driver_sql("ROLLBACK TO one")
            refused[write] = error
        connection.exec_driver_sql("RELEASE one")
    return refused
