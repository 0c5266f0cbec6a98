"""Executions and Tasks in the MongoDB store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ccp_jupyter.hub_service.store.base import (
    BatchQuery,
    Duplicate,
    ExecutionQuery,
    Page,
    Usage,
    UserUsage,
)
from ccp_jupyter.hub_service.store.documents import check_belongs, encoded
from ccp_jupyter.hub_service.store.mongodb import queries
from ccp_jupyter.hub_service.store.mongodb.connection import Document, Session
from ccp_jupyter.hub_service.store.mongodb.database import Database, conflict, off_loop
from ccp_jupyter.hub_service.store.pages import check_page, page
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.sharing import Viewer

_TOGETHER: Final = 1000  # Tasks in one message
_SLOTS: Final = 16


class Executions(Database):
    """The part of `store.MongoStore` that keeps Executions and Tasks."""

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """See `Store.add_execution`."""
        return await self._keep_execution(execution, tasks, restored=False)

    async def _keep_execution(
        self, execution: Execution, tasks: list[Task], *, restored: bool
    ) -> Execution:
        text, kept = encoded(execution, execution.version if restored else 1)
        stored = queries.execution_document(kept, text)
        rows = await off_loop(len(tasks), lambda: _new_tasks(execution, tasks, restored))

        async def work(session: Session) -> None:
            await self._executions.insert_one(stored, session=session)
            await self._insert_tasks(session, rows)
            await self._count(session, stored, 1)

        try:
            await self._connection.transact(work)
        except Duplicate as error:
            raise Duplicate(
                f"Execution {execution.id}: the id, the owner's idempotency key,"
                f" or the number of a Task is there already"
            ) from error
        return kept

    async def get_execution(self, execution_id: str) -> Execution | None:
        """See `Store.get_execution`."""
        return await self._one(Execution, self._executions, {"_id": execution_id})

    async def find_execution(self, owner: str, idempotency_key: str) -> Execution | None:
        """See `Store.find_execution`."""
        return await self._one(
            Execution, self._executions, {"owner": owner, "key": idempotency_key}
        )

    async def save_execution(self, execution: Execution) -> Execution:
        """See `Store.save_execution`."""
        text, kept = encoded(execution, execution.version + 1)
        stored = queries.execution_document(kept, text)
        counted = {name: stored[name] for name in ("owner", "infrastructure", "size")}
        # Nearly every save leaves what `usage` counts as it is; then one record is all.
        if await self._replace(self._executions, stored, execution.version, counted):
            return kept
        try:
            await self._replace_and_count(stored, execution, [])
        except Duplicate as error:
            raise Duplicate(f"Execution {execution.id}: its key is taken") from error
        return kept

    async def begin_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """See `Store.begin_execution`."""
        text, kept = encoded(execution, execution.version + 1)
        stored = queries.execution_document(kept, text)
        rows = await off_loop(len(tasks), lambda: _new_tasks(execution, tasks, False))
        try:
            await self._replace_and_count(stored, execution, rows)
        except Duplicate as error:
            raise Duplicate(f"Execution {execution.id} has one of these Tasks already") from error
        return kept

    async def _replace_and_count(
        self, stored: Document, execution: Execution, new_tasks: list[Document]
    ) -> None:
        """Replace an Execution of this version, and keep Tasks.  Raises `Conflict`."""

        async def work(session: Session) -> bool:
            old = await self._executions.find_one_and_replace(
                {"_id": stored["_id"], "version": execution.version}, stored, session=session
            )
            if old is None:
                return False
            await self._insert_tasks(session, new_tasks)
            if any(old[name] != stored[name] for name in ("owner", "infrastructure", "size")):
                await self._count(session, old, -1)
                await self._count(session, stored, 1)
            return True

        if not await self._connection.transact(work):
            raise conflict(f"Execution {execution.id}", execution.version)

    async def _insert_tasks(self, session: Session, rows: list[Document]) -> None:
        for begin in range(0, len(rows), _TOGETHER):
            await self._tasks.insert_many(rows[begin : begin + _TOGETHER], session=session)

    async def find_reusable(
        self, reuse_key: str, viewer: Viewer, limit: int = 10
    ) -> list[Execution]:
        """See `Store.find_reusable`."""
        check_page(limit, 0)
        search = queries.reusable(reuse_key, viewer)
        return await self._all(Execution, self._executions, search, limit)

    async def remove_execution(self, execution_id: str) -> None:
        """See `Store.remove_execution`."""

        async def work(session: Session) -> None:
            old = await self._executions.find_one_and_delete({"_id": execution_id}, session=session)
            if old is not None:
                await self._tasks.delete_many(queries.of_execution(execution_id), session=session)
                await self._count(session, old, -1)

        await self._connection.transact(work)

    async def list_executions(self, query: ExecutionQuery) -> Page[Execution]:
        """See `Store.list_executions`."""
        check_page(query.limit, query.offset)
        search = queries.executions(query)
        found = await self._all(Execution, self._executions, search, query.limit + 1, query.offset)
        return page(found, query)

    async def count_executions(self, query: ExecutionQuery) -> int:
        """See `Store.count_executions`."""
        return await self._how_many(self._executions, queries.executions(query))

    async def open_executions(
        self, after: Execution | None = None, limit: int | None = None
    ) -> list[Execution]:
        """See `Store.open_executions`."""
        search = queries.open_executions(after)
        return await self._all(Execution, self._executions, search, limit)

    async def usage(self, owner: str, infrastructure_id: str) -> Usage:
        """See `Store.usage`."""
        ids = [_usage_key(owner, infrastructure_id, slot) for slot in range(_SLOTS)]

        async def work(session: Session) -> list[Document]:
            return await self._usage.find({"_id": {"$in": ids}}, session=session).to_list()

        found = await self._connection.look(work)
        return Usage(sum(x["executions"] for x in found), sum(x["bytes"] for x in found))

    async def list_usage(self) -> list[UserUsage]:
        """See `Store.list_usage`."""
        total: Document = {
            "_id": {"owner": "$_id.owner", "infrastructure": "$_id.infrastructure"},
            "executions": {"$sum": "$executions"},
            "bytes": {"$sum": "$bytes"},
        }
        steps = [
            {"$group": total},
            {"$match": {"executions": {"$ne": 0}}},
            {"$sort": {"_id.owner": 1, "_id.infrastructure": 1}},
        ]

        async def work(session: Session) -> list[Document]:
            return await (await self._usage.aggregate(steps, session=session)).to_list()

        return [
            UserUsage(x["_id"]["owner"], x["_id"]["infrastructure"], x["executions"], x["bytes"])
            for x in await self._connection.look(work)
        ]

    async def _count(self, session: Session, stored: Document, sign: int) -> None:
        """Add an Execution to what its owner keeps, or take it off.

        The sum is kept in slots, as several transactions of one owner would wait for one record.
        Another try takes another slot: what was killed leaves its slot locked for a minute.
        """
        key = _usage_key(stored["owner"], stored["infrastructure"], next(self._slot) % _SLOTS)
        change = {"$inc": {"executions": sign, "bytes": sign * stored["size"]}}
        await self._usage.update_one({"_id": key}, change, upsert=True, session=session)

    async def list_batches(self, query: BatchQuery) -> Page[Task]:
        """See `Store.list_batches`."""
        check_page(query.limit, query.offset)
        search = queries.batches(query)
        return page(
            await self._all(Task, self._tasks, search, query.limit + 1, query.offset), query
        )

    async def count_batches(self, query: BatchQuery) -> int:
        """See `Store.count_batches`."""
        return await self._how_many(self._tasks, queries.batches(query))

    async def get_task(self, execution_id: str, index: int) -> Task | None:
        """See `Store.get_task`."""
        return await self._one(Task, self._tasks, {"_id": queries.task_key(execution_id, index)})

    async def list_tasks(self, execution_id: str) -> list[Task]:
        """See `Store.list_tasks`."""
        return await self._all(Task, self._tasks, queries.by_id(queries.of_execution(execution_id)))

    async def open_tasks(
        self,
        *,
        execution_ids: Collection[str] | None = None,
        node: str | None = None,
        after: Task | None = None,
        limit: int | None = None,
    ) -> list[Task]:
        """See `Store.open_tasks`."""
        wanted = None if execution_ids is None else [*dict.fromkeys(execution_ids)]
        return await self._all(Task, self._tasks, queries.open_tasks(wanted, node, after), limit)

    async def save_task(self, task: Task) -> Task:
        """See `Store.save_task`."""
        text, kept = encoded(task, task.version + 1)
        if not await self._replace(self._tasks, queries.task_document(kept, text), task.version):
            raise conflict(f"Task {task.id}", task.version)
        return kept

    async def walk_executions(self, after: str | None, limit: int) -> list[Execution]:
        """See `Store.walk_executions`."""
        return await self._all(Execution, self._executions, queries.walk(after), limit)


def _usage_key(owner: str, infrastructure_id: str, slot: int) -> Document:
    return {"owner": owner, "infrastructure": infrastructure_id, "slot": slot}


def _new_tasks(execution: Execution, tasks: list[Task], restored: bool) -> list[Document]:
    stored = []
    for task in tasks:
        check_belongs(task, execution)
        text, kept = encoded(task, task.version if restored else 1)
        stored.append(queries.task_document(kept, text))
    return stored
