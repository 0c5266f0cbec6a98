"""Methods and their revisions in the MongoDB store."""

from __future__ import annotations

from ccp_jupyter.hub_service.store.base import Category, Duplicate, MethodQuery, Page
from ccp_jupyter.hub_service.store.documents import (
    categories_in_order,
    check_revision,
    check_revisions,
    decoded,
    encoded,
)
from ccp_jupyter.hub_service.store.mongodb import queries
from ccp_jupyter.hub_service.store.mongodb.connection import Document, Session
from ccp_jupyter.hub_service.store.mongodb.database import Database, conflict, off_loop
from ccp_jupyter.hub_service.store.pages import Part, check_page, page
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.stored_method import Revision, StoredMethod


class Methods(Database):
    """The part of `store.MongoStore` that keeps Methods."""

    async def add_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.add_method`."""
        return await self._keep_method(method, 1, [])

    async def _keep_method(
        self, method: StoredMethod, version: int, older: list[StoredMethod]
    ) -> StoredMethod:
        text, kept = encoded(method, version)
        check_revisions(method, older)
        stored = queries.method_document(kept, text)
        taken = f"there is a Method {method.id} already"
        if not older:
            await self._insert(self._methods, stored, taken)
            return kept
        rows = await off_loop(len(older), lambda: _older(older))

        async def work(session: Session) -> None:
            await self._methods.insert_one(stored, session=session)
            for row in rows:  # one by one: each may have as much as a message
                await self._revisions.insert_one(row, session=session)

        try:
            await self._connection.transact(work)
        except Duplicate as error:
            raise Duplicate(f"{taken}, or one of its revisions is given twice") from error
        return kept

    async def get_method(self, method_id: str) -> StoredMethod | None:
        """See `Store.get_method`."""
        return await self._one(StoredMethod, self._methods, {"_id": method_id})

    async def save_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.save_method`."""
        text, kept = encoded(method, method.version + 1)
        stored = queries.method_document(kept, text)
        same = {"revision": method.revision}
        if not await self._replace(self._methods, stored, method.version, same):
            await self._next_revision(stored, method)
        return kept

    async def _next_revision(self, stored: Document, method: StoredMethod) -> None:
        """Replace a Method of this version, and keep it as it was.  Raises `Conflict`."""
        where = {"_id": method.id, "version": method.version}

        async def work(session: Session) -> None:
            old = await self._methods.find_one_and_replace(where, stored, session=session)
            if old is None:
                raise conflict(f"Method {method.id}", method.version)
            check_revision(method, old["revision"])
            if old["revision"] != method.revision:
                text = old["document"]
                row = queries.revision_document(decoded(StoredMethod, text), text)
                await self._revisions.insert_one(row, session=session)

        await self._connection.transact(work)

    async def remove_method(self, method_id: str) -> None:
        """See `Store.remove_method`."""

        async def work(session: Session) -> None:
            if (await self._methods.delete_one({"_id": method_id}, session=session)).deleted_count:
                await self._revisions.delete_many(queries.of_method(method_id), session=session)

        await self._connection.transact(work)

    async def list_methods(self, query: MethodQuery) -> Page[StoredMethod]:
        """See `Store.list_methods`."""
        check_page(query.limit, query.offset)
        search = queries.methods(query)
        found = await self._all(StoredMethod, self._methods, search, query.limit + 1, query.offset)
        return page(found, query)

    async def list_categories(self, viewer: Viewer) -> list[Category]:
        """See `Store.list_categories`."""
        steps = queries.categories(viewer)

        async def work(session: Session) -> list[Document]:
            return await (await self._methods.aggregate(steps, session=session)).to_list()

        found = await self._connection.look(work)
        return categories_in_order({each["_id"]: each["methods"] for each in found})

    async def get_revision(self, method_id: str, revision: int) -> StoredMethod | None:
        """See `Store.get_revision`."""
        # In this order: what stops to be the present one in between is found as an older one.
        return await self._one(
            StoredMethod, self._methods, {"_id": method_id, "revision": revision}
        ) or await self._one(
            StoredMethod, self._revisions, {"_id": queries.revision_key(method_id, revision)}
        )

    async def list_revisions(
        self, method_id: str, limit: int = 100, offset: int = 0
    ) -> Page[Revision]:
        """See `Store.list_revisions`."""
        check_page(limit, offset)

        async def work(session: Session) -> tuple[list[str], list[str]]:
            present, wanted = list[str](), limit + 1
            if offset == 0:
                found = await self._methods.find_one({"_id": method_id}, session=session)
                present, wanted = [found["document"]] if found else [], limit
            older = self._revisions.find(
                queries.of_method(method_id),
                {"summary": 1, "_id": 0},
                sort=[("_id", -1)],
                skip=max(offset - 1, 0),
                limit=wanted,
                session=session,
            )
            return present, [each["summary"] async for each in older]

        texts, summaries = await self._connection.look(work)
        found = [decoded(StoredMethod, text).summary for text in texts]
        found += [decoded(Revision, summary) for summary in summaries]
        return page(found, Part(limit, offset))

    async def walk_methods(self, after: str | None, limit: int) -> list[StoredMethod]:
        """See `Store.walk_methods`."""
        return await self._all(StoredMethod, self._methods, queries.walk(after), limit)


def _older(revisions: list[StoredMethod]) -> list[Document]:
    rows = []
    for method in revisions:
        text, kept = encoded(method, method.version)
        rows.append(queries.revision_document(kept, text))
    return rows
