"""Fetches that run in the server: started by a request, told by events, outliving the page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from ccp_jupyter.client.errors import CcpError
from ccp_jupyter.client.fetch import fetch_outputs
from ccp_jupyter.client.record import Record
from ccp_jupyter.client.transport import Call, Transport, path_of

MOST_KEPT: Final = 200
"""Fetches that are remembered after their end."""
_INTERVAL: Final = 0.25
"""Seconds between two events of one fetch, at least."""


class Fetch(BaseModel):
    """How far one fetch is; the members are those of its events."""

    execution_id: str
    state: str = "running"
    received: int = 0
    total: int | None = None
    path: str = ""
    message: str = ""


class Fetches:
    """All fetches of one server; at most one at a time for each Execution.

    Parameters
    ----------
    transport : Transport
        The service.
    root : Path
        The contents root.
    emit : callable
        Takes the document of each event.
    at_once : int
        So many run at the same time; others wait.
    log : logging.Logger
        Where unexpected errors go.
    """

    def __init__(
        self,
        transport: Transport,
        root: Path,
        emit: Callable[[dict[str, Any]], None],
        at_once: int,
        log: logging.Logger,
    ) -> None:
        self._transport = transport
        self._root = root
        self._emit = emit
        self._log = log
        self._room = asyncio.Semaphore(at_once)
        self._fetches: dict[str, Fetch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, execution_id: str) -> Fetch:
        """Begin a fetch, or return the one that is under way."""
        if execution_id in self._tasks:
            return self._fetches[execution_id]
        # Taken out first, so that the newest is the last to be forgotten.
        self._fetches.pop(execution_id, None)
        fetch = self._fetches[execution_id] = Fetch(execution_id=execution_id)
        ended = [name for name in self._fetches if name not in self._tasks and name != execution_id]
        for name in ended[: max(0, len(self._fetches) - MOST_KEPT)]:
            del self._fetches[name]
        task = asyncio.ensure_future(self._run(fetch))
        self._tasks[execution_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(execution_id, None))
        return fetch

    def get(self, execution_id: str) -> Fetch | None:
        """Return the latest fetch of an Execution; None when there was none."""
        return self._fetches.get(execution_id)

    async def cancel(self, execution_id: str) -> None:
        """End a fetch, leaving nothing; no error when none is under way."""
        task = self._tasks.get(execution_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """End all."""
        for execution_id in list(self._tasks):
            await self.cancel(execution_id)

    async def _run(self, fetch: Fetch) -> None:
        self._emit(fetch.model_dump())
        try:
            async with self._room:
                await self._fetch(fetch)
            fetch.state = "done"
        except CcpError as error:
            fetch.state, fetch.message = "failed", str(error)
        except asyncio.CancelledError:
            fetch.state = "cancelled"
        except Exception:
            fetch.state, fetch.message = "failed", "unexpected error; the server's log has it"
            self._log.exception("ccp_jupyter: fetch of %s failed", fetch.execution_id)
        self._emit(fetch.model_dump())

    async def _fetch(self, fetch: Fetch) -> None:
        call = Call("GET", path_of("jobs", fetch.execution_id))
        record = Record(await self._transport.json(call))
        told = 0.0

        def report(received: int, total: int | None) -> None:
            nonlocal told
            fetch.received, fetch.total = received, total
            if time.monotonic() - told >= _INTERVAL:
                told = time.monotonic()
                self._emit(fetch.model_dump())

        fetched = await fetch_outputs(
            self._transport, record.id, record.title, self._root, report=report
        )
        fetch.path = fetched.path.relative_to(self._root).as_posix()
        fetch.message = "; ".join(fetched.notes)
