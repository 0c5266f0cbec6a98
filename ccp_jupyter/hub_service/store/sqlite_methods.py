"""Methods and their revisions in the SQLite store."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Final

import sqlalchemy as sa

from ccp_jupyter.hub_service.store import method_statements as sql
from ccp_jupyter.hub_service.store.base import Category, Duplicate, MethodQuery, Page
from ccp_jupyter.hub_service.store.database import (
    Database,
    Parameters,
    Question,
    Rows,
    Texts,
    add_rows,
    conflict,
    save_row,
)
from ccp_jupyter.hub_service.store.documents import (
    categories_in_order,
    check_revision,
    check_revisions,
    decoded,
    encoded,
)
from ccp_jupyter.hub_service.store.pages import Part, check_page, page
from ccp_jupyter.hub_service.store.statements import walk
from ccp_jupyter.hub_service.store.writer import Kept
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.stored_method import Revision, StoredMethod

MOST_READ_HERE: Final = 101

_ALL: Final = "methods"


class Methods(Database):
    """The part of `sqlite.SqliteStore` that keeps Methods."""

    async def add_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.add_method`."""
        return await self._keep_method(method, 1, [])

    async def _keep_method(
        self, method: StoredMethod, version: int, older: list[StoredMethod]
    ) -> StoredMethod:
        text, kept = encoded(method, version)
        check_revisions(method, older)
        row, parts = sql.method_row(kept, text), sql.part_rows(kept)
        revisions = await asyncio.to_thread(_revision_rows, older) if older else []

        def work(connection: sa.Connection) -> None:
            connection.execute(sql.ADD_METHOD, row)
            _add_parts(connection, parts)
            add_rows(connection, sql.ADD_REVISION, revisions)

        try:
            await self._write(work, Kept(self._methods, _ALL))
        except Duplicate as error:
            raise Duplicate(
                f"there is a Method {method.id} already, or one of its revisions is given twice"
                if older
                else f"there is a Method {method.id} already"
            ) from error
        return kept

    async def get_method(self, method_id: str) -> StoredMethod | None:
        """See `Store.get_method`."""
        texts = await self._method_texts(method_id, sql.GET_METHOD, {"b_key": method_id})
        return decoded(StoredMethod, texts[0]) if texts else None

    async def save_method(self, method: StoredMethod) -> StoredMethod:
        """See `Store.save_method`."""
        text, kept = encoded(method, method.version + 1)
        row, parts = sql.method_row(kept, text), sql.part_rows(kept)
        row |= {"b_key": method.id, "b_version": method.version}

        def work(connection: sa.Connection) -> None:
            _keep_older(connection, method)
            save_row(connection, sql.SAVE_METHOD, row, f"Method {method.id}")
            for statement in sql.REMOVE_PARTS:
                connection.execute(statement, {"b_key": method.id})
            _add_parts(connection, parts)

        await self._write(work, Kept(self._methods, _ALL))
        return kept

    async def remove_method(self, method_id: str) -> None:
        """See `Store.remove_method`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_METHOD, {"b_key": method_id}),
            Kept(self._methods, _ALL),
        )

    async def list_methods(self, query: MethodQuery) -> Page[StoredMethod]:
        """See `Store.list_methods`."""
        check_page(query.limit, query.offset)
        parameters = sql.method_parameters(query)
        key = tuple(parameters.values())
        texts = await self._method_texts(key, sql.list_methods(query), parameters)

        def read() -> list[StoredMethod]:
            return [decoded(StoredMethod, text) for text in texts]

        # A usual page is read at once; a long one must not stop the event loop.
        items = read() if len(texts) <= MOST_READ_HERE else await self._read(read)
        return page(items, query)

    async def list_categories(self, viewer: Viewer) -> list[Category]:
        """See `Store.list_categories`."""
        parameters = sql.viewer_parameters(viewer)

        def read() -> dict[str, int]:
            with self._read_engine.connect() as connection:
                rows = connection.execute(sql.COUNT_CATEGORIES, parameters)
                return {row.category: row.methods for row in rows}

        return categories_in_order(await self._read(read))

    async def get_revision(self, method_id: str, revision: int) -> StoredMethod | None:
        """See `Store.get_revision`."""
        parameters = {"b_key": method_id, "b_revision": revision}
        key = (method_id, revision)
        texts = await self._method_texts(key, sql.GET_REVISION, parameters)
        return decoded(StoredMethod, texts[0]) if texts else None

    async def list_revisions(
        self, method_id: str, limit: int = 100, offset: int = 0
    ) -> Page[Revision]:
        """See `Store.list_revisions`."""
        check_page(limit, offset)
        present = int(offset == 0)
        older = {
            "b_key": method_id,
            "b_limit": limit + 1 - present,
            "b_offset": offset - 1 + present,
        }

        def read() -> list[Revision]:
            found = []
            with self._read_engine.connect() as connection:
                if present:
                    text = connection.execute(sql.GET_METHOD, older).scalar()
                    found += [] if text is None else [decoded(StoredMethod, text).summary]
                texts = connection.execute(sql.OLDER_REVISIONS, older).scalars()
                return found + [decoded(Revision, text) for text in texts]

        return page(await self._read(read), Part(limit, offset))

    async def walk_methods(self, after: str | None, limit: int) -> list[StoredMethod]:
        """See `Store.walk_methods`."""
        return await self._all(StoredMethod, walk(sql.WALK_METHODS, after, limit))

    async def _method_texts(
        self, key: Hashable, statement: Question, parameters: Parameters
    ) -> Texts:
        def read() -> Texts | None:
            return self._texts(statement, parameters) or None

        return await self._cached(self._methods, _ALL, key, read) or ()


def _keep_older(connection: sa.Connection, method: StoredMethod) -> None:
    """Keep the Method as it is stored, if it is about to get another revision."""
    parameters = {"b_key": method.id, "b_version": method.version}
    present = connection.execute(sql.PRESENT_REVISION, parameters).one_or_none()
    if present is None:
        raise conflict(f"Method {method.id}", method.version)
    check_revision(method, present.revision)
    if present.revision != method.revision:
        older = decoded(StoredMethod, present.document)
        connection.execute(sql.ADD_REVISION, sql.revision_row(older, present.document))


def _add_parts(connection: sa.Connection, parts: tuple[Rows, ...]) -> None:
    for statement, rows in zip(sql.ADD_PARTS, parts, strict=True):
        add_rows(connection, statement, rows)


def _revision_rows(revisions: list[StoredMethod]) -> Rows:
    rows = []
    for method in revisions:
        text, kept = encoded(method, method.version)
        rows.append(sql.revision_row(kept, text))
    return rows
