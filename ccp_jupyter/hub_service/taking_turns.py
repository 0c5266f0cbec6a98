"""One of several service processes over MongoDB, from start to end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from ccp_jupyter.hub_service.api.forwarding import make_stand_by
from ccp_jupyter.hub_service.api.relay import Relay
from ccp_jupyter.hub_service.driving import Deployment, Driver, end
from ccp_jupyter.hub_service.leadership import Leadership
from ccp_jupyter.hub_service.listening import Server
from ccp_jupyter.hub_service.store.base import StoreAway, StoreUnusable
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.hub_service.store.mongodb.takeover import end_unfinished

_log = logging.getLogger(__name__)

_FAREWELL: Final = 5.0  # seconds


async def serve_in_turn(deployment: Deployment, asked: asyncio.Event) -> None:
    """Stand by until this process has the lease, then drive until it is asked to stop.

    Raises
    ------
    StoreUnusable, VaultUnreachable
        It cannot start.
    """
    store = await MongoStore.open(deployment.store_url)
    leadership = Leadership(store, deployment.own_url)
    relay = Relay(leadership, deployment.prefix)
    options = deployment.options
    server = Server(make_stand_by(relay, max(options.max_drain, options.max_import)))
    server.open(deployment.address)
    winning = asyncio.create_task(leadership.win())
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(asked.wait()), winning]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        driver = None
        if not asked.is_set():
            await winning
            tasks.append(asyncio.create_task(leadership.keep()))
            await _end_unfinished(deployment.store_url)
            driver = Driver(deployment, store, leadership.fence)
            await driver.start()
            server.app = driver.app
            await asked.wait()
        await end(server, driver)
    finally:
        for task in tasks:
            task.cancel()
        await leadership.give()
        await relay.close()
        with suppress(TimeoutError):  # it finishes its writes, which needs a database
            async with asyncio.timeout(_FAREWELL):
                await store.close()


async def _end_unfinished(store_url: str) -> None:
    try:
        await end_unfinished(store_url)
    except (StoreAway, StoreUnusable) as error:
        _log.warning("what earlier processes left unfinished in the database stays: %s", error)
