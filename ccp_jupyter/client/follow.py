"""Follow an Execution's events through whatever happens to the connection.

Events are numbered without gaps, so a reader that was cut off asks for what comes after the last
number it has. It reads a stream of server-sent events; where something in between holds streams
back (no byte arrives, not even the service's sign of life), it asks by long polling instead.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ccp_jupyter.client import sse
from ccp_jupyter.client.errors import (
    NotAllowed,
    NotFound,
    NotLoggedIn,
    ServiceError,
    ServiceUnavailable,
)
from ccp_jupyter.client.transport import Call, Transport, delays, path_of
from ccp_jupyter.model.events import Event, StatusEvent
from ccp_jupyter.model.states import Status, is_final

SILENCE = 22.0
"""Seconds without a byte after which a stream counts as dead; the service writes every 15.

It must be short: the hub's proxy does not pass on that a killed service cut its connection.
"""
POLL = 20.0
"""Seconds that a long poll may wait at the service."""
PAGE = 1000
_MOST_BARREN = 4
"""Streams in a row that ended early and brought nothing, before polling takes over."""
_FINAL = {status.value for status in Status if is_final(status)}
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


class Away:
    """The service cannot be reached for the moment; following goes on."""

    def __init__(self, reason: str, since: float) -> None:
        self.reason = reason
        self.since = since
        """As of `time.monotonic`."""


def parse_event(document: object) -> tuple[int, Event | None]:
    """Return the number of an event and the event, None when this version does not know its kind.

    Raises
    ------
    ServiceError
        It has no number.
    """
    number = document.get("seq") if isinstance(document, dict) else None
    if not isinstance(number, int) or number < 1:
        raise ServiceError("the service sent an event without a number")
    try:
        return number, _EVENTS.validate_python(document)
    except ValidationError:
        return number, None


async def read_events(
    transport: Transport,
    execution_id: str,
    after: int,
    *,
    wait: float = 0,
    patience: float | None = 0,
) -> list[dict[str, Any]]:
    """Return up to `PAGE` events above a number as documents, waiting for the first if asked."""
    params = {"after": str(after), "limit": str(PAGE)}
    if wait:
        params["wait"] = f"{wait:g}"
    call = Call("GET", path_of("jobs", execution_id, "events"), params)
    document = await transport.json(call, patience=patience)
    events = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list):
        raise ServiceError("the service sent a list of events of the wrong shape")
    return events


class Follower:
    """Reads one Execution's events in order, each once.

    Parameters
    ----------
    transport : Transport
        The service.
    execution_id : str
        Which Execution.
    after : int
        The number to continue after.
    """

    def __init__(self, transport: Transport, execution_id: str, after: int = 0) -> None:
        self.last = after
        self.ended = False
        self._transport = transport
        self._id = execution_id
        self._polling = False
        self._barren = 0
        self._gap_at: int | None = None
        self._nothing_more = False

    async def events(self) -> AsyncGenerator[Event | Away, None]:
        """Yield events until the Execution has ended, and `Away` while nothing can be read.

        Raises
        ------
        ServiceError
            Trying again cannot help: unknown Execution, token not accepted …
        """
        pauses = delays(0.5)
        away_since: float | None = None
        while True:
            before, polling = self.last, self._polling
            failed = not polling
            try:
                async for event in self._poll() if polling else self._stream():
                    yield event
            except ServiceUnavailable:
                failed = True
            if self._is_over():
                return
            if self.last > before:
                pauses = delays(0.5)
            if failed and not self._nothing_more:
                await asyncio.sleep(next(pauses))
            try:
                async for event in self._catch_up():
                    yield event
                away_since = None
            except ServiceUnavailable as error:
                away_since = away_since or time.monotonic()
                yield Away(str(error), away_since)
            if self._is_over():
                return

    def _is_over(self) -> bool:
        return self.ended

    async def _stream(self) -> AsyncIterator[Event]:
        call = Call(
            "GET",
            path_of("jobs", self._id, "events"),
            {"after": str(self.last)},
            headers={"Accept": sse.MEDIA_TYPE, "Last-Event-ID": str(self.last)},
        )
        opened, before = time.monotonic(), self.last
        connected = False
        parser = sse.Parser()
        try:
            async with self._transport.stream(call, silence=SILENCE) as response:
                connected = True
                if response.status_code == 204:
                    self._nothing_more = True
                    return
                async for message in sse.messages(response, parser):
                    for event in self._take(_decoded(message.data)):
                        yield event
                    if self.ended:
                        return
        except (NotFound, NotAllowed, NotLoggedIn):
            raise
        except ServiceUnavailable:
            # Nothing at all, not even a sign of life: something holds the stream back.
            if not parser.received and time.monotonic() - opened >= SILENCE:
                self._polling = True
            raise
        except ServiceError as error:
            # No stream, or garbage in it; plain requests will tell whether all is lost.
            self._polling = True
            raise ServiceUnavailable(str(error)) from None
        finally:
            if connected:
                self._barren = 0 if self.last > before else self._barren + 1
            if self._barren >= _MOST_BARREN:
                self._polling = True

    async def _poll(self) -> AsyncIterator[Event]:
        # A little chance, so that many readers do not come back in the same moment.
        wait = POLL * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, guards nothing
        for document in await read_events(self._transport, self._id, self.last, wait=wait):
            for event in self._take(document):
                yield event

    async def _catch_up(self) -> AsyncIterator[Event]:
        """Read what the journal has, and whether the Execution has ended, by plain requests."""
        while documents := await read_events(self._transport, self._id, self.last):
            before = self.last
            for document in documents:
                for event in self._take(document):
                    yield event
            if self.last == before:
                break
        if self.ended:
            return
        status = await self._transport.json(Call("GET", path_of("jobs", self._id)), patience=0)
        if isinstance(status, dict) and status.get("status") in _FINAL:
            # Its events may still be on their way when the status is read first: look once more.
            for document in await read_events(self._transport, self._id, self.last):
                for event in self._take(document):
                    yield event
            self.ended = True

    def _take(self, document: object) -> list[Event]:
        number, event = parse_event(document)
        if number <= self.last:
            return []
        if number > self.last + 1 and self._gap_at != self.last:
            # Lost on the way: ask again from here. If it is missing there too, go on without it.
            self._gap_at = self.last
            raise ServiceUnavailable(f"event {self.last + 1} is missing")
        self.last = number
        if event is None:
            return []
        if isinstance(event, StatusEvent) and is_final(event.status):
            self.ended = True
        return [event]


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ServiceError("the service sent an event that is not JSON") from None
