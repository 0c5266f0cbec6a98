"""Nodes, leases and links in the SQLite store."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ccp_jupyter.hub_service.store import leases
from ccp_jupyter.hub_service.store import statements as sql
from ccp_jupyter.hub_service.store.base import Duplicate, Lease, Page
from ccp_jupyter.hub_service.store.database import Database, save_row
from ccp_jupyter.hub_service.store.documents import (
    check_lease_time,
    decoded,
    encoded,
    milliseconds,
)
from ccp_jupyter.hub_service.store.pages import Part, check_page, page
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink


class Records(Database):
    """The part of `sqlite.SqliteStore` that keeps Nodes, leases and links."""

    async def list_nodes(self) -> list[NodeRecord]:
        """See `Store.list_nodes`."""
        return await self._all(NodeRecord, sql.LIST_NODES)

    async def save_node(self, record: NodeRecord) -> NodeRecord:
        """See `Store.save_node`."""
        text, kept = encoded(record, record.version + 1)
        if record.version == 0:
            await self._keep_node(kept, text)
        else:
            row = sql.node_row(kept, text) | {"b_key": record.id, "b_version": record.version}
            await self._write(
                lambda connection: save_row(connection, sql.SAVE_NODE, row, f"Node {record.id}")
            )
        return kept

    async def _keep_node(self, record: NodeRecord, text: str) -> None:
        row = sql.node_row(record, text)
        try:
            await self._write(lambda connection: connection.execute(sql.ADD_NODE, row))
        except Duplicate as error:
            raise Duplicate(f"Node {record.id} is kept already") from error

    async def remove_node(self, node_id: str) -> None:
        """See `Store.remove_node`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_NODE, {"b_key": node_id})
        )

    async def take_lease(self, name: str, holder: str, address: str, seconds: float) -> Lease:
        """See `Store.take_lease`."""
        check_lease_time(seconds)
        taken: list[Lease] = []
        await self._write(
            lambda connection: taken.append(leases.take(connection, name, holder, address, seconds))
        )
        return taken[-1]

    async def find_lease(self, name: str) -> Lease | None:
        """See `Store.find_lease`."""

        def read() -> Lease | None:
            with self._read_engine.connect() as connection:
                return leases.find(connection, name)

        return await self._read(read)

    async def give_lease(self, name: str, holder: str) -> None:
        """See `Store.give_lease`."""
        await self._write(lambda connection: leases.give(connection, name, holder))

    async def add_link(self, link: ShareLink) -> ShareLink:
        """See `Store.add_link`."""
        text, kept = encoded(link, 1)
        await self._keep_link(kept, text)
        return kept

    async def _keep_link(self, link: ShareLink, text: str) -> None:
        row = sql.link_row(link, text)
        try:
            await self._write(lambda connection: connection.execute(sql.ADD_LINK, row))
        except Duplicate as error:
            raise Duplicate(f"there is a link {link.id} already") from error

    async def get_link(self, link_id: str) -> ShareLink | None:
        """See `Store.get_link`."""
        text = await self._read(lambda: self._text(sql.GET_LINK, b_key=link_id))
        return None if text is None else decoded(ShareLink, text)

    async def save_link(self, link: ShareLink) -> ShareLink:
        """See `Store.save_link`."""
        text, kept = encoded(link, link.version + 1)
        row = sql.link_row(kept, text) | {"b_key": link.id, "b_version": link.version}
        await self._write(
            lambda connection: save_row(connection, sql.SAVE_LINK, row, f"link {link.id}")
        )
        return kept

    async def list_links(
        self, owner: str, target: str | None = None, limit: int = 100, offset: int = 0
    ) -> Page[ShareLink]:
        """See `Store.list_links`."""
        check_page(limit, offset)
        statement = sql.list_links(owner, target, limit, offset)
        return page(await self._all(ShareLink, statement), Part(limit, offset))

    async def remove_link(self, link_id: str) -> None:
        """See `Store.remove_link`."""
        await self._write(
            lambda connection: connection.execute(sql.REMOVE_LINK, {"b_key": link_id})
        )

    async def remove_expired_links(self, before: datetime) -> int:
        """See `Store.remove_expired_links`."""
        parameters = {"b_before": milliseconds(before)}
        removed: list[int] = []

        def work(connection: sa.Connection) -> None:
            removed.append(connection.execute(sql.REMOVE_EXPIRED_LINKS, parameters).rowcount)

        await self._write(work)
        return removed[-1]  # an earlier one was undone

    async def walk_links(self, after: str | None, limit: int) -> list[ShareLink]:
        """See `Store.walk_links`."""
        return await self._all(ShareLink, sql.walk(sql.WALK_LINKS, after, limit))
