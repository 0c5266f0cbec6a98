"""Executions and Tasks in the SQLite store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from ccp_jupyter.hub_service.store import listings
from ccp_jupyter.hub_service.store import statements as sql
from ccp_jupyter.hub_service.store.base import (
    BatchQuery,
    Duplicate,
    ExecutionQuery,
    Page,
    Usage,
    UserUsage,
)
from ccp_jupyter.hub_service.store.database import Database, add_rows, save_row
from ccp_jupyter.hub_service.store.documents import check_belongs, decoded, encoded
from ccp_jupyter.hub_service.store.pages import check_page, page
from ccp_jupyter.hub_service.store.writer import Kept
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.sharing import Viewer

MOST_ENCODED_HERE: Final = 16
"""Tasks; more are encoded in a thread, so that the event loop goes on."""

_ALL: Final = ""
"""Group of all usage: a write may change that of two owners."""

TaskRows = list[tuple[Any, ...]]


class Executions(Database):
    """The part of `sqlite.SqliteStore` that keeps Executions and Tasks."""

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """See `Store.add_execution`."""
        return await self._keep_execution(execution, tasks, restored=False)

    async def _keep_execution(
        self, execution: Execution, tasks: list[Task], *, restored: bool
    ) -> Execution:
        text, kept = encoded(execution, execution.version if restored else 1)
        row, shares = sql.new_execution_row(kept, text), sql.share_rows(kept)
        rows = await _encoded_tasks(execution, tasks, restored)
        place = (execution.owner, execution.infrastructure_id)
        counted = Kept(self._usage, _ALL, place)

        def work(connection: sa.Connection) -> None:
            connection.exec_driver_sql(sql.ADD_EXECUTION, row)
            add_rows(connection, sql.ADD_SHARE, shares)
            _add_tasks(connection, rows)
            counted.value = _usage(connection, place)

        try:
            await self._write(work, Kept(self._executions, execution.id, value=text), counted)
        except Duplicate as error:
            raise Duplicate(
                f"Execution {execution.id}: the id, the owner's idempotency key,"
                f" or the number of a Task is there already"
            ) from error
        return kept

    async def get_execution(self, execution_id: str) -> Execution | None:
        """See `Store.get_execution`."""
        text = await self._cached(
            self._executions,
            execution_id,
            None,
            lambda: self._text(sql.GET_EXECUTION, b_key=execution_id),
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
        return await self._save_execution(execution, [])

    async def begin_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """See `Store.begin_execution`."""
        rows = await _encoded_tasks(execution, tasks, restored=False)
        try:
            return await self._save_execution(execution, rows)
        except Duplicate as error:
            raise Duplicate(f"Execution {execution.id} has one of these Tasks already") from error

    async def _save_execution(self, execution: Execution, new_tasks: TaskRows) -> Execution:
        text, kept = encoded(execution, execution.version + 1)
        row, shares = sql.execution_row(kept, text), sql.share_rows(kept)
        row |= {"b_key": execution.id, "b_version": execution.version}

        def work(connection: sa.Connection) -> None:
            save_row(connection, sql.SAVE_EXECUTION, row, f"Execution {execution.id}")
            connection.exec_driver_sql(sql.REMOVE_SHARES, (execution.id,))
            add_rows(connection, sql.ADD_SHARE, shares)
            _add_tasks(connection, new_tasks)

        kept_text = Kept(self._executions, execution.id, value=text)
        await self._write(work, kept_text, Kept(self._usage, _ALL))
        return kept

    async def find_reusable(
        self, reuse_key: str, viewer: Viewer, limit: int = 10
    ) -> list[Execution]:
        """See `Store.find_reusable`."""
        check_page(limit, 0)
        return await self._all(Execution, sql.find_reusable(reuse_key, viewer, limit))

    async def remove_execution(self, execution_id: str) -> None:
        """See `Store.remove_execution`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_EXECUTION, {"b_key": execution_id}),
            Kept(self._executions, execution_id),
            Kept(self._usage, _ALL),
        )

    async def list_executions(self, query: ExecutionQuery) -> Page[Execution]:
        """See `Store.list_executions`."""
        check_page(query.limit, query.offset)
        return page(await self._all(Execution, listings.listing(query)), query)

    async def count_executions(self, query: ExecutionQuery) -> int:
        """See `Store.count_executions`."""
        return await self._count(listings.counting(query))

    async def list_batches(self, query: BatchQuery) -> Page[Task]:
        """See `Store.list_batches`."""
        check_page(query.limit, query.offset)
        return page(await self._all(Task, listings.batch_listing(query)), query)

    async def count_batches(self, query: BatchQuery) -> int:
        """See `Store.count_batches`."""
        return await self._count(listings.batch_counting(query))

    async def open_executions(
        self, after: Execution | None = None, limit: int | None = None
    ) -> list[Execution]:
        """See `Store.open_executions`."""
        return await self._all(Execution, sql.open_executions(after, limit))

    async def usage(self, owner: str, infrastructure_id: str) -> Usage:
        """See `Store.usage`."""
        place = (owner, infrastructure_id)

        def read() -> Usage | None:
            with self._read_engine.connect() as connection:
                return _usage(connection, place)

        return await self._cached(self._usage, _ALL, place, read) or Usage(0, 0)

    async def list_usage(self) -> list[UserUsage]:
        """See `Store.list_usage`."""

        def read() -> list[UserUsage]:
            with self._read_engine.connect() as connection:
                return [UserUsage(*row) for row in connection.execute(sql.LIST_USAGE)]

        return await self._read(read)

    async def get_task(self, execution_id: str, index: int) -> Task | None:
        """See `Store.get_task`."""
        text = await self._read(lambda: self._text(sql.GET_TASK, b_key=execution_id, b_index=index))
        return None if text is None else decoded(Task, text)

    async def list_tasks(self, execution_id: str) -> list[Task]:
        """See `Store.list_tasks`."""
        return await self._all(Task, sql.LIST_TASKS, {"b_key": execution_id})

    async def open_tasks(
        self,
        *,
        execution_ids: Collection[str] | None = None,
        node: str | None = None,
        after: Task | None = None,
        limit: int | None = None,
    ) -> list[Task]:
        """See `Store.open_tasks`."""
        return await self._all(Task, sql.open_tasks(execution_ids, node, after, limit))

    async def walk_executions(self, after: str | None, limit: int) -> list[Execution]:
        """See `Store.walk_executions`."""
        return await self._all(Execution, sql.walk(sql.WALK_EXECUTIONS, after, limit))

    async def save_task(self, task: Task) -> Task:
        """See `Store.save_task`."""
        text, kept = encoded(task, task.version + 1)
        row = sql.task_row(kept, text)
        row |= {"b_key": task.execution_id, "b_index": task.index, "b_version": task.version}
        await self._write(
            lambda connection: save_row(connection, sql.SAVE_TASK, row, f"Task {task.id}")
        )
        return kept


def _usage(connection: sa.Connection, place: tuple[str, str]) -> Usage | None:
    row = connection.exec_driver_sql(sql.USAGE, place).one_or_none()
    return Usage(*row) if row else None


def _add_tasks(connection: sa.Connection, rows: TaskRows) -> None:
    if rows:
        connection.exec_driver_sql(sql.ADD_TASK, rows)


async def _encoded_tasks(execution: Execution, tasks: list[Task], restored: bool) -> TaskRows:
    if len(tasks) <= MOST_ENCODED_HERE:
        return _new_task_rows(execution, tasks, restored)
    return await asyncio.to_thread(_new_task_rows, execution, tasks, restored)


def _new_task_rows(execution: Execution, tasks: list[Task], restored: bool) -> TaskRows:
    rows = []
    for task in tasks:
        check_belongs(task, execution)
        text, kept = encoded(task, task.version if restored else 1)
        rows.append(sql.new_task_row(kept, text))
    return rows
