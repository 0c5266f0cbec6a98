"""Nodes, leases and links in the MongoDB store."""

from __future__ import annotations

from datetime import datetime

from ccp_jupyter.hub_service.store.base import Lease, Page
from ccp_jupyter.hub_service.store.documents import check_lease_time, encoded, milliseconds
from ccp_jupyter.hub_service.store.mongodb import leases, queries
from ccp_jupyter.hub_service.store.mongodb.connection import Session
from ccp_jupyter.hub_service.store.mongodb.database import Database, conflict
from ccp_jupyter.hub_service.store.pages import Part, check_page, page
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink


class Records(Database):
    """The part of `store.MongoStore` that keeps Nodes, leases and links."""

    async def list_nodes(self) -> list[NodeRecord]:
        """See `Store.list_nodes`."""
        return await self._all(NodeRecord, self._nodes, queries.by_id())

    async def save_node(self, record: NodeRecord) -> NodeRecord:
        """See `Store.save_node`."""
        text, kept = encoded(record, record.version + 1)
        if record.version == 0:
            await self._keep_node(kept, text)
        elif not await self._replace(
            self._nodes, queries.node_document(kept, text), record.version
        ):
            raise conflict(f"Node {record.id}", record.version)
        return kept

    async def _keep_node(self, record: NodeRecord, text: str) -> None:
        stored = queries.node_document(record, text)
        await self._insert(self._nodes, stored, f"Node {record.id} is kept already")

    async def remove_node(self, node_id: str) -> None:
        """See `Store.remove_node`."""
        await self._delete(self._nodes, node_id)

    async def take_lease(self, name: str, holder: str, address: str, seconds: float) -> Lease:
        """See `Store.take_lease`.

        With `StoreAway` the caller may have got it all the same; asking again tells.
        """
        check_lease_time(seconds)
        return await self._connection.read(
            lambda session: leases.take(self._leases, session, name, holder, address, seconds)
        )

    async def find_lease(self, name: str) -> Lease | None:
        """See `Store.find_lease`."""
        return await self._connection.read(lambda session: leases.find(self._leases, session, name))

    async def give_lease(self, name: str, holder: str) -> None:
        """See `Store.give_lease`."""
        await self._connection.read(
            lambda session: leases.give(self._leases, session, name, holder)
        )

    async def add_link(self, link: ShareLink) -> ShareLink:
        """See `Store.add_link`."""
        text, kept = encoded(link, 1)
        await self._keep_link(kept, text)
        return kept

    async def _keep_link(self, link: ShareLink, text: str) -> None:
        stored = queries.link_document(link, text)
        await self._insert(self._links, stored, f"there is a link {link.id} already")

    async def get_link(self, link_id: str) -> ShareLink | None:
        """See `Store.get_link`."""
        return await self._one(ShareLink, self._links, {"_id": link_id})

    async def save_link(self, link: ShareLink) -> ShareLink:
        """See `Store.save_link`."""
        text, kept = encoded(link, link.version + 1)
        if not await self._replace(self._links, queries.link_document(kept, text), link.version):
            raise conflict(f"link {link.id}", link.version)
        return kept

    async def list_links(
        self, owner: str, target: str | None = None, limit: int = 100, offset: int = 0
    ) -> Page[ShareLink]:
        """See `Store.list_links`."""
        check_page(limit, offset)
        search = queries.links(owner, target)
        found = await self._all(ShareLink, self._links, search, limit + 1, offset)
        return page(found, Part(limit, offset))

    async def remove_link(self, link_id: str) -> None:
        """See `Store.remove_link`."""
        await self._delete(self._links, link_id)

    async def remove_expired_links(self, before: datetime) -> int:
        """See `Store.remove_expired_links`."""
        expired = {"expires": {"$lt": milliseconds(before)}}

        async def work(session: Session) -> int:
            return (await self._links.delete_many(expired, session=session)).deleted_count

        # A transaction, as one that is interrupted and repeated still knows how many.
        return await self._connection.transact(work)

    async def walk_links(self, after: str | None, limit: int) -> list[ShareLink]:
        """See `Store.walk_links`."""
        return await self._all(ShareLink, self._links, queries.walk(after), limit)
