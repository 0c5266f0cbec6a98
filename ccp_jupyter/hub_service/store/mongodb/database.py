"""What all parts of the MongoDB store stand on: collections, and how records are kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from ccp_jupyter.hub_service.store.base import Conflict, Duplicate
from ccp_jupyter.hub_service.store.documents import decoded
from ccp_jupyter.hub_service.store.mongodb import queries
from ccp_jupyter.hub_service.store.mongodb.connection import Connection, Document, Session
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.stored_method import StoredMethod

MOST_HANDLED_HERE: Final = 16
"""Records; more are read or written in a thread, so that the event loop goes on."""

T = TypeVar("T")
R = TypeVar("R", Execution, Task, StoredMethod, NodeRecord, ShareLink)


class Database:
    """One MongoDB database; see `store.MongoStore`.

    Parameters
    ----------
    connection : Connection
        To a database that has the newest schema.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._methods = connection.database["methods"]
        self._revisions = connection.database["revisions"]
        self._executions = connection.database["executions"]
        self._tasks = connection.database["tasks"]
        self._nodes = connection.database["nodes"]
        self._links = connection.database["links"]
        self._usage = connection.database["usage"]
        self._leases = connection.database["leases"]
        self._slot = itertools.count(int.from_bytes(ObjectId().binary[-1:], "big"))

    async def _insert(
        self, collection: AsyncCollection[Document], stored: Document, taken: str
    ) -> None:
        stored["write"] = mark = ObjectId()

        async def work(session: Session, again: bool) -> None:
            try:
                await collection.insert_one(stored, session=session)
            except DuplicateKeyError:
                if not again or not await _done(collection, session, stored["_id"], mark):
                    raise

        try:
            await self._connection.write(work)
        except Duplicate as error:
            raise Duplicate(taken) from error

    async def _replace(
        self,
        collection: AsyncCollection[Document],
        stored: Document,
        version: int,
        also: Document | None = None,
    ) -> bool:
        """Replace a record of this version; False when there is none such."""
        stored["write"] = mark = ObjectId()
        where = {"_id": stored["_id"], "version": version, **(also or {})}

        async def work(session: Session, again: bool) -> bool:
            result = await collection.replace_one(where, stored, session=session)
            if result.matched_count:
                return True
            return again and await _done(collection, session, stored["_id"], mark)

        try:
            return await self._connection.write(work)
        except Duplicate as error:
            raise Duplicate(f"{stored['_id']}: a key of it is taken") from error

    async def _delete(self, collection: AsyncCollection[Document], key: str) -> None:
        async def work(session: Session, _: bool) -> None:
            await collection.delete_one({"_id": key}, session=session)

        await self._connection.write(work)

    async def _one(
        self, kind: type[R], collection: AsyncCollection[Document], where: Document
    ) -> R | None:
        async def work(session: Session) -> Document | None:
            return await collection.find_one(where, {"document": 1, "_id": 0}, session=session)

        found = await self._connection.read(work)
        return None if found is None else decoded(kind, found["document"])

    async def _all(
        self,
        kind: type[R],
        collection: AsyncCollection[Document],
        search: queries.Search,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[R]:
        async def work(session: Session) -> list[str]:
            cursor = collection.find(
                search.where,
                {"document": 1, "_id": 0},
                sort=search.order,
                hint=search.index,
                skip=offset,
                limit=limit or 0,
                allow_disk_use=True,
                session=session,
            )
            if search.first is not None:
                cursor = cursor.min(list(search.first.items()))
            if search.last is not None:
                cursor = cursor.max(list(search.last.items()))
            async with cursor:
                return [found["document"] async for found in cursor]

        texts = await self._connection.look(work)
        return await off_loop(len(texts), lambda: [decoded(kind, text) for text in texts])

    async def _how_many(self, collection: AsyncCollection[Document], search: queries.Search) -> int:
        async def work(session: Session) -> int:
            return await collection.count_documents(
                search.where, session=session, hint=search.index
            )

        return await self._connection.look(work)


async def _done(
    collection: AsyncCollection[Document], session: Session, key: Any, mark: ObjectId
) -> bool:
    """Tell whether a write that was interrupted has been done."""
    return await collection.find_one({"_id": key, "write": mark}, session=session) is not None


async def off_loop(count: int, work: Callable[[], T]) -> T:
    """Do work with so many records here, or in a thread when they are many."""
    return work() if count <= MOST_HANDLED_HERE else await asyncio.to_thread(work)


def conflict(name: str, version: int) -> Conflict:
    """Return the error for a record that is not there in this version."""
    return Conflict(f"{name} was saved or removed since version {version} was read")
