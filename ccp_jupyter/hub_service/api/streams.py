"""Events: as a list that may wait for news, and as streams of server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, ClassVar, Final, TypeVar

from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.negotiation import preferred
from ccp_jupyter.hub_service.api.operations import HTML, JSON, SSE
from ccp_jupyter.hub_service.events.base import FeedItem
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.events import Event, StatusEvent
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import is_final

T = TypeVar("T")

EVENT_NUMBER: Final = "[0-9]{0,18}"
"""What ``Last-Event-ID`` may be for one Execution's events; empty counts as not sent."""

_RETRY: Final = 2000
"""Milliseconds after which a browser comes back to a stream that was cut."""
_RECHECK: Final = 60.0
"""Seconds after which a stream asks the hub again whether its token still counts."""
_MOST_BYTES: Final = 4 * 2**20
_PAGE: Final = 100
_LONGEST_ID: Final = 200


class StreamHandler(ApiHandler):
    """Base of handlers that send server-sent events, or another text that grows."""

    media_type: ClassVar[str] = SSE
    preamble: ClassVar[str] = f"retry: {_RETRY}\n\n"
    keepalive: ClassVar[str] = ":keepalive\n\n"
    """Sent when nothing else is; empty: nothing."""

    def check_room(self) -> None:
        """Refuse one more stream to a user who has very many.  Raises `ApiError` 429."""
        most = self.services.options.max_streams
        if self.shared.streams.get(self.caller.name, 0) >= most:
            raise ApiError(
                429,
                f"You have {most} event streams open already; close some",
                headers={"Retry-After": "10"},
            )

    def last_event_id(self) -> str | None:
        """Return what the header ``Last-Event-ID`` holds; None when it is not sent."""
        value = self.request.headers.get("Last-Event-ID")
        if value is None or value == "":
            return None
        if len(value) > _LONGEST_ID or not value.isprintable() or not value.isascii():
            raise ApiError(400, f"Last-Event-ID: is none of ours (found {shown(value)})")
        return value

    async def pump(self, messages: AsyncIterator[str]) -> None:
        """Send messages as they come, and comments while none comes.

        Call `check_room` before. Ends with the iterator, when the caller goes away, or when
        their token counts no more.
        """
        name = self.caller.name
        self.shared.streams[name] = self.shared.streams.get(name, 0) + 1
        self.set_header("Content-Type", self.media_type)
        # nginx and others hold streams back unless they are told not to.
        self.set_header("X-Accel-Buffering", "no")
        try:
            await self._write(self.preamble)
            await self._pump(messages)
        except StreamClosedError:
            return
        finally:
            self.shared.streams[name] -= 1
            if not self.shared.streams[name]:
                del self.shared.streams[name]
            await _close(messages)
        if not self.closed.is_set():
            self.finish()

    async def _pump(self, messages: AsyncIterator[str]) -> None:
        gone = asyncio.ensure_future(self.closed.wait())
        following = asyncio.ensure_future(_next(messages))
        checked = time.monotonic()
        try:
            while True:
                await asyncio.wait(
                    {gone, following},
                    timeout=self.services.options.keepalive,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done():
                    return
                if time.monotonic() - checked > _RECHECK:
                    checked = time.monotonic()
                    if not await self.still_known():
                        return
                if not following.done():
                    await self._write(self.keepalive)
                    if not await self.still_useful():
                        return
                    continue
                message = following.result()
                if message is None:
                    return
                await self._write(message)
                following = asyncio.ensure_future(_next(messages))
        finally:
            for task in (gone, following):
                task.cancel()
            with suppress(Exception):
                await asyncio.gather(gone, following, return_exceptions=True)

    async def still_useful(self) -> bool:
        """Tell whether more may come; asked while nothing comes."""
        return True

    async def still_known(self) -> bool:
        """Tell whether the caller's token still counts."""
        token, session = self.hub_token()
        try:
            user = await self.hub_auth.user_for_token(token, session_id=session, sync=False)
        except Exception:  # the hub is away: whoever was known stays known until it is back
            return True
        return user is not None and self.operation.scope in user["scopes"]

    def hub_token(self) -> tuple[str, str]:
        """Return the token that the caller came with, and their hub session's id."""
        return self.hub_auth.get_token(self), self.hub_auth.get_session_id(self)

    async def _write(self, text: str) -> None:
        self.write(text.encode("utf-8", "replace"))
        await self.flush()


async def _next(messages: AsyncIterator[str]) -> str | None:
    return await anext(messages, None)


async def _close(iterator: AsyncIterator[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


def message(event_id: str, name: str, data: str) -> str:
    """Return one server-sent event; `data` is JSON, and so has no line ends."""
    return f"id: {event_id}\nevent: {name}\ndata: {data}\n\n"


class EventsHandler(JobHandlerBase, StreamHandler):
    """Events of one Execution."""

    _job_id = ""

    async def get(self, job_id: str) -> None:
        """Send events after a number, as a list or as a stream."""
        execution = await self.visible(job_id)
        after = self._after()
        if self.form != HTML and wants_stream(self.request.headers.get("Accept", "")):
            self._job_id = job_id
            await self._stream(execution, after)
        else:
            await self._list(execution, after)

    def _after(self) -> int:
        last = self.last_event_id()
        if last is None:
            return int(self.query["after"])
        if not re.fullmatch(EVENT_NUMBER, last):
            raise ApiError(400, f"Last-Event-ID: must be a number (found {shown(last)})")
        return int(last)

    async def _stream(self, execution: Execution, after: int) -> None:
        self.check_room()
        if is_final(execution.status) and not await self._read(execution.id, after, 1):
            # Tells a browser's EventSource not to come back.
            self.set_status(204)
            self.clear_header("Content-Type")
            self.finish()
            return
        events = (
            self._rest(execution.id, after)
            if is_final(execution.status)
            else self.services.events.follow(execution.id, after)
        )
        await self.pump(self._messages(events))

    async def _rest(self, execution_id: str, after: int) -> AsyncIterator[Event]:
        """Yield what there is of an Execution that has ended.

        Not followed: its end may be among the events that the caller has, before these.
        """
        while page := await self._read(execution_id, after, _PAGE):
            for event in page:
                yield event
            after = page[-1].seq

    async def _messages(self, events: AsyncIterator[Event]) -> AsyncIterator[str]:
        try:
            async for event in events:
                yield message(str(event.seq), event.kind, event.model_dump_json())
                if _ends(event):
                    return
        finally:
            await _close(events)

    async def still_useful(self) -> bool:
        """Tell whether the Execution is still there, and something of it may still be told."""
        execution = await self.services.store.get_execution(self._job_id)
        if execution is None:
            return False
        return not is_final(execution.status) or execution.ending

    async def still_known(self) -> bool:
        """Tell whether the caller's token still counts, and they still may see the Execution."""
        if not await super().still_known():
            return False
        try:
            await self.visible(self._job_id)
        except ApiError as error:
            return error.status_code != 404  # the hub being away changes nothing
        return True

    async def _list(self, execution: Execution, after: int) -> None:
        limit: int = self.query["limit"]
        found = await self._read(execution.id, after, limit)
        if not found and self.query["wait"] > 0 and not is_final(execution.status):
            if not await self._news(execution.id, after):
                return
            found = await self._read(execution.id, after, limit)
        events = ",".join(event.model_dump_json() for event in found)
        self.reply_rendered(('{"events":[' + events + "]}").encode("utf-8", "replace"))

    async def _read(self, execution_id: str, after: int, limit: int) -> list[Event]:
        """Return events, fewer than asked for when they are large."""
        found: list[Event] = []
        size = 0
        while len(found) < limit and size < _MOST_BYTES:
            last = found[-1].seq if found else after
            count = min(_PAGE, limit - len(found))
            page = await self.services.events.read(execution_id, last, count)
            if not page:
                break
            found += page
            size += sum(_size(event) for event in page)
        return found

    async def _news(self, execution_id: str, after: int) -> bool:
        """Wait for an event, no longer than asked; False when the caller went away."""
        events = self.services.events.follow(execution_id, after)
        first = asyncio.ensure_future(_first(events))
        gone = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait(
                {first, gone}, timeout=self.query["wait"], return_when=asyncio.FIRST_COMPLETED
            )
            return not gone.done()
        finally:
            for task in (first, gone):
                task.cancel()
            await asyncio.gather(first, gone, return_exceptions=True)
            await _close(events)


async def _first(events: AsyncIterator[T]) -> T | None:
    return await anext(events, None)


def _size(event: Event) -> int:
    return sum(map(len, getattr(event, "lines", ()))) + 200


def _ends(event: Event) -> bool:
    return isinstance(event, StatusEvent) and is_final(event.status)


def wants_stream(accept: str) -> bool:
    """Tell whether an ``Accept`` header asks for server-sent events rather than a list."""
    return preferred(accept, (JSON, SSE)) == SSE


class FeedHandler(StreamHandler):
    """The live events of all Executions of the caller."""

    async def get(self) -> None:
        """Send them as a stream."""
        self.check_room()
        after = self.last_event_id() or self.query["after"]
        # Here, and not when the first item is asked for: what happens from now on belongs to it.
        await self.pump(self._messages(self.services.events.feed(self.caller.name, after)))

    async def _messages(self, items: AsyncIterator[FeedItem]) -> AsyncIterator[str]:
        try:
            async for item in items:
                yield _of_feed(item)
        finally:
            await _close(items)


def _of_feed(item: FeedItem) -> str:
    if item.event is None:
        return message(item.cursor, "reset", json.dumps({}))
    return message(item.cursor, item.event.kind, item.event.model_dump_json())
