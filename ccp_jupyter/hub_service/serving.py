"""A service process from start to end: alone over SQLite, or one of several over MongoDB."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from ccp_jupyter.hub_service.driving import Deployment, Driver, end
from ccp_jupyter.hub_service.leadership import Fence
from ccp_jupyter.hub_service.listening import Server
from ccp_jupyter.hub_service.only_one import OnlyOne
from ccp_jupyter.hub_service.store.sqlite import SqliteStore

_log = logging.getLogger(__name__)


async def serve(deployment: Deployment) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    InUse, StoreUnusable, VaultUnreachable
        It cannot start.
    """
    asked = _asked_to_stop()
    if deployment.store_url:
        # Not at the top: pymongo takes 13 MB, which a service over SQLite does without.
        from ccp_jupyter.hub_service.taking_turns import serve_in_turn

        await serve_in_turn(deployment, asked)
        return
    with OnlyOne(deployment.data):
        store = await SqliteStore.open(deployment.data / "store.sqlite")
        driver = Driver(deployment, store, Fence())
        await driver.start()
        server = Server(driver.app)
        server.open(deployment.address)
        await asked.wait()
        await end(server, driver)
        await store.close()


def _asked_to_stop() -> asyncio.Event:
    """Return what is set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        if asked.is_set():
            _log.warning("%s again: ending at once; nothing that was accepted is lost", number.name)
            os._exit(128 + number)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    return asked
