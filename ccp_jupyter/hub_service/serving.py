"""A service process from start to end: alone over SQLite, or one of several over MongoDB."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
from typing import Any, Final

from ccp_jupyter.hub_service.driving import Deployment, Driver, end
from ccp_jupyter.hub_service.leadership import Fence
from ccp_jupyter.hub_service.listening import Server
from ccp_jupyter.hub_service.only_one import OnlyOne
from ccp_jupyter.hub_service.store.sqlite import SqliteStore

_log = logging.getLogger(__name__)

_LATE: Final = 15.0
"""Seconds after which a stop is late: answers, engines and database have a few each, not more."""
_LONGEST: Final = 20.0
"""Seconds after which a process that was asked to stop ends, whatever it waits for."""


async def serve(deployment: Deployment) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    InUse, StoreUnusable, VaultUnreachable
        It cannot start.
    """
    asked = asked_to_stop()
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


def asked_to_stop(late: float = _LATE, longest: float = _LONGEST) -> asyncio.Event:
    """Return what is set by the first SIGTERM or SIGINT.

    A second signal ends the process at once, and so does the end of the time for an orderly stop:
    nothing that was accepted is lost by either, as little as by SIGKILL.

    Parameters
    ----------
    late : float
        Seconds from the first signal until the log says what the process waits for.
    longest : float
        Seconds until it ends, with exit code 1 and the stacks of its threads on stderr.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        if asked.is_set():
            _log.warning("%s again: ending at once; nothing that was accepted is lost", number.name)
            os._exit(128 + number)
        asked.set()
        loop.call_later(late, _tell_what_is_left)
        # Needs neither the event loop nor the interpreter, whichever of them hangs.
        faulthandler.dump_traceback_later(longest, exit=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    return asked


def _tell_what_is_left() -> None:
    left = sorted(_where(task) for task in asyncio.all_tasks())
    _log.error("the stop takes too long; it waits for %s", ", ".join(left))


def _where(task: asyncio.Task[object]) -> str:
    """Return what a task does, and the line where it waits."""
    work: Any = task.get_coro()
    lines = []
    while work is not None:
        frame = getattr(work, "cr_frame", None) or getattr(work, "ag_frame", None)
        if frame is not None:
            lines.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        work = getattr(work, "cr_await", None) or getattr(work, "ag_await", None)
    return " > ".join(lines) or task.get_name()
