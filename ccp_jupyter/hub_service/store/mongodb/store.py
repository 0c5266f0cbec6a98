"""The store for many processes: a MongoDB replica set."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.store.documents import encoded
from ccp_jupyter.hub_service.store.mongodb import schema
from ccp_jupyter.hub_service.store.mongodb.connection import Connection, address
from ccp_jupyter.hub_service.store.mongodb.executions import Executions
from ccp_jupyter.hub_service.store.mongodb.methods import Methods
from ccp_jupyter.hub_service.store.mongodb.records import Records
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.stored_method import StoredMethod

PATIENCE: Final = 15.0
"""Seconds; an election takes about ten."""


class MongoStore(Methods, Executions, Records):
    """Methods, Executions and Tasks in a MongoDB database; see `hub_service.store.base.Store`.

    Nothing is kept in memory: what one process writes, every other one sees at once. A write is
    acknowledged when a majority of the replica set has it in its journal. When the server goes away
    in the middle of a write, that is repeated until its outcome is known. For one event loop. Made
    by `open`.
    """

    @classmethod
    async def open(
        cls, uri: str, *, patience: float = PATIENCE, filling: bool = False
    ) -> MongoStore:
        """Open a database; make what it needs when it is empty.

        Parameters
        ----------
        uri : str
            ``mongodb://user:password@host1,host2/database?options``.
        patience : float
            Seconds that a call waits for a server before it raises `StoreAway`.
        filling : bool
            A copy is about to fill it; only that may open what a copy was cut off in.

        Raises
        ------
        StoreUnusable
            No address, no such login, no replica set, a server that does not answer or is too old,
            another program's database, one of a newer version, or one that a copy was cut off in.
            Nothing of user and password is in the text.
        """
        connection = Connection(address(uri), patience)
        try:
            await schema.prepare(connection, filling=filling)
        except BaseException:
            await connection.close()
            raise
        return cls(connection)

    async def half_filled(self) -> bool:
        """Tell whether a copy into this database was begun and not ended."""
        return await schema.half_filled(self._connection)

    async def begin_filling(self) -> None:
        """Let nobody else open the database until `filled`; remove what a cut-off copy left."""
        await schema.begin_filling(self._connection)

    async def filled(self) -> None:
        """End what `begin_filling` began: everybody may use the database now."""
        await schema.filled(self._connection)

    async def close(self) -> None:
        """Finish what is being written, then let go of the server. May be called twice."""
        await self._connection.close()

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
