"""The embedded store: one SQLite file, one service process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ccp_jupyter.hub_service.store import statements as sql
from ccp_jupyter.hub_service.store.base import (
    Conflict,
    Duplicate,
    ExecutionQuery,
    MethodQuery,
    Page,
    Usage,
)
from ccp_jupyter.hub_service.store.cache import Cache
from ccp_jupyter.hub_service.store.connections import READERS, Lock, Settings, engine, translated
from ccp_jupyter.hub_service.store.documents import decoded, encoded
from ccp_jupyter.hub_service.store.schema import migrate
from ccp_jupyter.hub_service.store.writer import Kept, Writer
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.stored_method import StoredMethod

CACHE_BYTES: Final = 8 * 2**20
MOST_READ_HERE: Final = 101

_METHODS = "methods"

T = TypeVar("T")
R = TypeVar("R", Execution, Task)
Texts = tuple[str, ...]
Parameters = dict[str, Any]
Work = Callable[[sa.Connection], object]


class SqliteStore:
    """Methods, Executions and Tasks in one SQLite file; see `hub_service.store.base.Store`.

    All writes go through one thread, which commits together what waits together. Reads have
    threads and connections of their own, and never wait for a write. May be used from several
    event loops. Made by `open`.

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
        # Methods change rarely: any change drops all pages and texts of them.
        self._methods = Cache[Texts](cache_bytes, lambda texts: sum(map(len, texts)))

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

    async def close(self) -> None:
        """Finish what is being written, then let go of the file. May be called twice."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._writer.close():
            self._readers.shutdown()
            self._read_engine.dispose()
            self._write_engine.dispose()
            self._lock.release()

    async def add_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.add_method`."""
        text, kept = encoded(method, 1)
        row, contexts = sql.method_row(kept, text), sql.context_rows(kept)

        def work(connection: sa.Connection) -> None:
            connection.execute(sql.ADD_METHOD, row)
            _add_all(connection, sql.ADD_CONTEXT, contexts)

        try:
            await self._write(work, Kept(self._methods, _METHODS))
        except Duplicate as error:
            raise Duplicate(f"there is a Method {method.id} already") from error
        return kept

    async def get_method(self, method_id: str) -> StoredMethod | None:
        """See `Store.get_method`."""
        texts = await self._method_texts(method_id, sql.GET_METHOD, {"b_key": method_id})
        return decoded(StoredMethod, texts[0]) if texts else None

    async def save_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.save_method`."""
        text, kept = encoded(method, method.version + 1)
        row, contexts = sql.method_row(kept, text), sql.context_rows(kept)
        row |= {"b_key": method.id, "b_version": method.version}

        def work(connection: sa.Connection) -> None:
            _save(connection, sql.SAVE_METHOD, row, f"Method {method.id}")
            connection.execute(sql.REMOVE_CONTEXTS, {"b_key": method.id})
            _add_all(connection, sql.ADD_CONTEXT, contexts)

        await self._write(work, Kept(self._methods, _METHODS))
        return kept

    async def remove_method(self, method_id: str) -> None:
        """See `Store.remove_method`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_METHOD, {"b_key": method_id}),
            Kept(self._methods, _METHODS),
        )

    async def list_methods(self, query: MethodQuery) -> Page[StoredMethod]:
        """See `Store.list_methods`."""
        sql.check_page(query.limit, query.offset)
        parameters = sql.method_parameters(query)
        key = tuple(parameters.values())
        texts = await self._method_texts(key, sql.LIST_METHODS, parameters)

        def read() -> list[StoredMethod]:
            return [decoded(StoredMethod, text) for text in texts]

        # A usual page is read at once; a long one must not stop the event loop.
        items = read() if len(texts) <= MOST_READ_HERE else await self._read(read)
        return _page(items, query)

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """See `Store.add_execution`."""
        text, kept = encoded(execution, 1)
        row = sql.execution_row(kept, text)
        rows = [_first_task_row(task, execution.id) for task in tasks]

        def work(connection: sa.Connection) -> None:
            connection.execute(sql.ADD_EXECUTION, row)
            _add_all(connection, sql.ADD_TASK, rows)

        try:
            await self._write(work, Kept(self._executions, execution.id, value=text))
        except Duplicate as error:
            raise Duplicate(
                f"Execution {execution.id}: the id, the owner's idempotency key,"
                f" or the number of a Task is there already"
            ) from error
        return kept

    async def get_execution(self, execution_id: str) -> Execution | None:
        """See `Store.get_execution`."""
        text = self._executions.get(execution_id, None)
        if text is None:
            text = await self._read(
                lambda: self._executions.through(
                    execution_id, None, lambda: self._text(sql.GET_EXECUTION, b_key=execution_id)
                )
            )
        return None if text is None else decoded(Execution, text)

    async def find_execution(self, owner: str, idempotency_key: str) -> Execution | None:
        """See `Store.find_execution`."""
        text = await self._read(
            lambda: self._text(sql.FIND_EXECUTION, b_owner=owner, b_key=idempotency_key)
        )
        return None if text is None else decoded(Execution, text)

    async def save_execution(self, execution: Execution) -> Execution:
        """See `Store.save_execution`."""
        text, kept = encoded(execution, execution.version + 1)
        row = sql.execution_row(kept, text)
        row |= {"b_key": execution.id, "b_version": execution.version}
        await self._write(
            lambda connection: _save(
                connection, sql.SAVE_EXECUTION, row, f"Execution {execution.id}"
            ),
            Kept(self._executions, execution.id, value=text),
        )
        return kept

    async def remove_execution(self, execution_id: str) -> None:
        """See `Store.remove_execution`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_EXECUTION, {"b_key": execution_id}),
            Kept(self._executions, execution_id),
        )

    async def list_executions(self, query: ExecutionQuery) -> Page[Execution]:
        """See `Store.list_executions`."""
        sql.check_page(query.limit, query.offset)
        return _page(await self._all(Execution, sql.listing(query)), query)

    async def open_executions(
        self, after: Execution | None = None, limit: int | None = None
    ) -> list[Execution]:
        """See `Store.open_executions`."""
        return await self._all(Execution, sql.open_executions(after, limit))

    async def usage(self, owner: str, infrastructure_id: str) -> Usage:
        """See `Store.usage`."""
        parameters = {"b_owner": owner, "b_infrastructure": infrastructure_id}

        def read() -> Usage:
            with self._read_engine.connect() as connection:
                row = connection.execute(sql.USAGE, parameters).one_or_none()
            return Usage(*row) if row else Usage(0, 0)

        return await self._read(read)

    async def get_task(self, execution_id: str, index: int) -> Task | None:
        """See `Store.get_task`."""
        text = await self._read(lambda: self._text(sql.GET_TASK, b_key=execution_id, b_index=index))
        return None if text is None else decoded(Task, text)

    async def list_tasks(self, execution_id: str) -> list[Task]:
        """See `Store.list_tasks`."""
        return await self._all(Task, sql.LIST_TASKS, {"b_key": execution_id})

    async def open_tasks(self) -> list[Task]:
        """See `Store.open_tasks`."""
        return await self._all(Task, sql.OPEN_TASKS)

    async def save_task(self, task: Task) -> Task:
        """See `Store.save_task`."""
        text, kept = encoded(task, task.version + 1)
        row = sql.task_row(kept, text)
        row |= {"b_key": task.execution_id, "b_index": task.index, "b_version": task.version}
        await self._write(
            lambda connection: _save(connection, sql.SAVE_TASK, row, f"Task {task.id}")
        )
        return kept

    async def _write(self, work: Work, kept: Kept | None = None) -> None:
        await asyncio.wrap_future(self._writer.submit(work, kept))

    async def _read(self, read: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return read()
            except DBAPIError as error:
                raise translated(error, self._settings) from error

        return await asyncio.wrap_future(self._readers.submit(guarded))

    async def _all(
        self, kind: type[R], statement: sa.Select[Any], parameters: Parameters | None = None
    ) -> list[R]:
        # Decoded there too: all open Executions are many.
        return await self._read(
            lambda: [decoded(kind, text) for text in self._texts(statement, parameters or {})]
        )

    async def _method_texts(
        self, key: Hashable, statement: sa.Select[Any], parameters: Parameters
    ) -> Texts:
        texts = self._methods.get(_METHODS, key)
        if texts is None:
            texts = await self._read(
                lambda: self._methods.through(
                    _METHODS, key, lambda: self._texts(statement, parameters) or None
                )
            )
        return texts or ()

    def _texts(self, statement: sa.Select[Any], parameters: Parameters) -> Texts:
        with self._read_engine.connect() as connection:
            return tuple(connection.execute(statement, parameters).scalars())

    def _text(self, statement: sa.Select[Any], **parameters: Any) -> str | None:
        texts = self._texts(statement, parameters)
        return texts[0] if texts else None


def _add_all(connection: sa.Connection, statement: sa.Insert, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _save(connection: sa.Connection, statement: sa.Update, row: dict[str, Any], name: str) -> None:
    if connection.execute(statement, row).rowcount == 0:
        raise Conflict(f"{name} was saved or removed since version {row['b_version']} was read")


def _first_task_row(task: Task, execution_id: str) -> dict[str, Any]:
    if task.execution_id != execution_id:
        raise ValueError(f"Task {task.id} is not one of Execution {execution_id}")
    text, kept = encoded(task, 1)
    return sql.task_row(kept, text)


def _page(items: list[T], query: ExecutionQuery | MethodQuery) -> Page[T]:
    more = len(items) > query.limit
    return Page(items[: query.limit], query.offset + query.limit if more else None)
