"""What a process does to a MongoDB when it takes over from one that is no more."""

from __future__ import annotations

import logging
from typing import Final

from pymongo.errors import PyMongoError

from ccp_jupyter.hub_service.store.mongodb.connection import Connection, address

_log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0  # seconds


async def end_unfinished(uri: str) -> None:
    """End the operations and transactions that other processes with this login have begun.

    The server keeps the transaction of a process that was killed or frozen for a minute, and with
    it what it was about to write: whoever writes the same (the same request, sent again) gets
    conflicts for so long. Nothing of a transaction that is ended here is ever committed. Processes
    that live are interrupted at most once, and try again.

    Parameters
    ----------
    uri : str
        As for `MongoStore.open`.

    Raises
    ------
    StoreAway, StoreUnusable
        The server does not answer, or refuses.
    """
    connection = Connection(address(uri), _PATIENCE)
    try:
        # Without a word on users, those of this login.
        found = await connection.client.admin.aggregate([{"$listLocalSessions": {}}])
        sessions = [{"id": each["_id"]["id"]} async for each in found]
        if sessions:
            await connection.client.admin.command("killSessions", sessions)
        _log.info("ended what was unfinished in %d sessions of the database", len(sessions))
    except PyMongoError as error:
        raise connection.translated(error) from error
    finally:
        await connection.close()
