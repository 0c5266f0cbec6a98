"""The one stream of events from the service, passed on to the server's event bus.

It is resumed by its cursor. When the service has forgotten what lies between (a *reset*), each
known Execution's events are read after the last number that was passed on, so that the browser
still sees each event once and in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from ccp_jupyter.client import sse
from ccp_jupyter.client.errors import NotFound, ServiceError, ServiceUnavailable
from ccp_jupyter.client.follow import SILENCE, parse_event, read_events
from ccp_jupyter.client.transport import Call, Transport, delays
from ccp_jupyter.model.times import now

MOST_KNOWN: Final = 10_000
"""Executions whose last number is remembered."""
_LONGEST_PAUSE: Final = 30.0
_NEWEST: Final = 1000
_SLACK: Final = timedelta(minutes=5)
"""By how much the clocks of the service and of this machine may differ."""

Emit = Callable[[dict[str, Any]], None]


class Feed:
    """Reads the user's feed for as long as the server runs.

    Parameters
    ----------
    transport : Transport
        The service.
    execution : callable
        Takes each event's document.
    connection : callable
        Takes each change of the connection: ``state``, ``reason``, ``resynced``.
    log : logging.Logger
        Where to say so once.
    """

    def __init__(
        self, transport: Transport, execution: Emit, connection: Emit, log: logging.Logger
    ) -> None:
        self.reason = "not connected yet"
        """Why events do not come; empty when they do."""
        self._connected: bool | None = None
        self._opened = False
        self._transport = transport
        self._execution = execution
        self._connection = connection
        self._log = log
        self._cursor = ""
        self._last: OrderedDict[str, int] = OrderedDict()
        self._heard = now()

    async def run(self) -> None:
        """Read until cancelled, whatever happens to the service."""
        pauses = delays(1.0, _LONGEST_PAUSE)
        while True:
            begun = time.monotonic()
            self._opened = False
            try:
                await self._stream()
            except ServiceError as error:
                # A stream that was cut is not worth telling as long as the next one opens.
                if not self._opened:
                    self._stale(str(error))
            if time.monotonic() - begun > _LONGEST_PAUSE:
                pauses = delays(1.0, _LONGEST_PAUSE)
            await asyncio.sleep(next(pauses))

    async def _stream(self) -> None:
        headers = {"Accept": sse.MEDIA_TYPE}
        if self._cursor:
            headers["Last-Event-ID"] = self._cursor
        call = Call("GET", "events", headers=headers)
        async with self._transport.stream(call, silence=SILENCE) as response:
            messages = sse.messages(response)
            if self._connected is not None and not self._cursor:
                await self._resync()  # without a cursor the service cannot tell what we missed
            self._opened = True
            self._fresh()
            async for message in messages:
                await self._take(message)

    async def _take(self, message: sse.Message) -> None:
        if message.event == "reset":
            await self._resync()
        else:
            try:
                document = json.loads(message.data)
                number, _ = parse_event(document)
                await self._pass_on(str(document["execution_id"]), number, document)
            except (ValueError, KeyError, RecursionError, ServiceError) as error:
                if isinstance(error, ServiceUnavailable):
                    raise
                self._log.warning("ccp_jupyter: left out an event: %s", error)
        # Last, so that what was not passed on is asked for again.
        self._cursor = message.id or self._cursor
        self._heard = now()

    async def _pass_on(self, execution_id: str, number: int, document: dict[str, Any]) -> None:
        known = self._last.get(execution_id)
        if known is not None and number > known + 1:
            await self._read_on(execution_id, known)
        self._emit(execution_id, number, document)

    def _emit(self, execution_id: str, number: int, document: dict[str, Any]) -> None:
        if number <= self._last.get(execution_id, 0):
            return
        self._last[execution_id] = number
        self._last.move_to_end(execution_id)
        if len(self._last) > MOST_KNOWN:
            self._last.popitem(last=False)
        self._execution(document)

    async def _read_on(self, execution_id: str, after: int) -> None:
        """Pass on an Execution's events above a number."""
        try:
            while documents := await read_events(
                self._transport, execution_id, after, patience=None
            ):
                for document in documents:
                    number, _ = parse_event(document)
                    self._emit(execution_id, number, document)
                highest = max(parse_event(each)[0] for each in documents)
                if highest <= after:
                    return
                after = highest
        except NotFound:
            self._last.pop(execution_id, None)

    async def _resync(self) -> None:
        """Catch up by plain requests with everything since the last sign of life."""
        since = self._heard - _SLACK
        for document in await self._newest():
            execution_id = str(document.get("jobID"))
            if execution_id not in self._last and _created(document) >= since:
                self._last[execution_id] = 0  # it began while nobody listened
        for execution_id, number in list(self._last.items()):
            await self._read_on(execution_id, number)
        self._fresh(resynced=True)

    async def _newest(self) -> list[dict[str, Any]]:
        page = await self._transport.json(Call("GET", "jobs", {"limit": str(_NEWEST)}))
        jobs = page.get("jobs") if isinstance(page, dict) else None
        if not isinstance(jobs, list):
            raise ServiceError("the service sent a list of Executions of the wrong shape")
        return [job for job in jobs if isinstance(job, dict)]

    def _fresh(self, *, resynced: bool = False) -> None:
        if not self._connected:
            self._log.info("ccp_jupyter: receives events from %s", self._transport.url)
        if not self._connected or resynced:
            self._connected, self.reason = True, ""
            self._connection({"state": "connected", "reason": "", "resynced": resynced})

    def _stale(self, reason: str) -> None:
        self.reason = reason
        if self._connected is not False:
            self._connected = False
            self._log.warning("ccp_jupyter: receives no events: %s", reason)
            self._connection({"state": "stale", "reason": reason, "resynced": False})


def _created(document: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(document["created"]))
    except (KeyError, ValueError):
        return now()
