"""Events in files, one journal for each Execution, passed on live to who listens.

One thread writes, in batches: everything that was appended while it wrote the last batch becomes
the next one, so that the cost of a change of threads is shared. Readers never wait for the writer;
they read the files.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ccp_jupyter.hub_service.events.base import FeedItem
from ccp_jupyter.hub_service.events.channel import Channel
from ccp_jupyter.hub_service.events.feed import Feed
from ccp_jupyter.hub_service.events.journal import (
    Journal,
    JournalFull,
    Part,
    encoded,
    last_number,
    no_room,
    read_journal,
    sync,
)
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.events import Event, LogEvent, StatusEvent
from ccp_jupyter.model.states import is_final

__all__ = ["FileEventLog", "JournalFull"]

_log = logging.getLogger(__name__)

_OPEN_JOURNALS = 256
_BATCH = 256
_BATCH_BYTES = 2**22
# What a short str costs beyond its text.
_LINE_OVERHEAD = 56
# One step of a follower that reads the file.
_STEP = 500
_STEP_BYTES = 2**20


@dataclass(slots=True, eq=False)
class _Append:
    """An event on its way into a journal; the writer fills in the last three."""

    owner: str
    event: Event
    body: bytes
    size: int
    """Bytes that the event takes in memory, about."""
    done: asyncio.Future[Event]
    numbered: Event | None = None
    error: Exception | None = None
    synced: Future[None] | None = None


@dataclass(slots=True, eq=False)
class _Remove:
    execution_id: str
    done: asyncio.Future[None]
    error: Exception | None = None


@dataclass(slots=True)
class _Batch:
    """What the writer does in one go; appends to one journal become one write."""

    operations: list[_Append | _Remove]
    unwritten: dict[str, list[_Append]] = field(default_factory=dict)


class FileEventLog:
    """Events by Execution in ``events.jsonl`` of its folder; implements `EventLog`.

    Parameters
    ----------
    folders : Folders
        Where the journals lie. Only one process may write to them at a time.
    feed_size : int
        How many events, of all owners together, a feed can be resumed over (and at most about
        16 MiB of them).
    check : callable
        Called in the writer's thread before anything is written or deleted; may end the process.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        feed_size: int = 10_000,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        if feed_size < 1:
            raise ValueError(f"feed_size: at least 1 (found {feed_size})")
        self._folders = folders
        self._check = check
        self._feed = Feed(feed_size)
        self._channels: dict[str, Channel] = {}
        self._pending: list[_Append | _Remove] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False
        # Only the writer's thread touches the journals.
        self._journals: OrderedDict[str, Journal] = OrderedDict()
        self._writer = ThreadPoolExecutor(1, "events-write")
        self._readers = ThreadPoolExecutor(4, "events-read")
        self._syncers = ThreadPoolExecutor(4, "events-sync")

    async def append(self, owner: str, event: Event) -> Event:
        """Give an event its number, keep it, pass it on to who listens, and return it.

        When it returns, the event survives the end of this process; a status event with a final
        status also survives loss of power. A call that is cancelled may have kept the event.

        Parameters
        ----------
        owner : str
            Whose feed gets it.
        event : Event
            Its ``seq`` is ignored. Concurrent calls for one Execution keep their order.

        Returns
        -------
        Event
            A copy with its number.

        Raises
        ------
        JournalFull
            No room; nothing was kept, and the same call works as soon as there is room.
        OSError
            The disk refuses for another reason. When it refuses to make a final status safe
            against loss of power, the event was kept nevertheless.
        ValueError
            The event holds text that is not Unicode.
        RuntimeError
            The log is closed.
        """
        body = encoded(event)
        done: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        lines = len(event.lines) if isinstance(event, LogEvent) else 0
        size = len(body) + _LINE_OVERHEAD * lines
        self._enqueue(_Append(owner, event, body, size, done))
        return await done

    async def read(self, execution_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with numbers above `after`, in order; an empty list when there are none.

        Fewer than `limit` does not mean that these were the last: a call stops after 8 MiB. Ask
        again after the last number until the list is empty.
        """
        path = self._folders.journal(execution_id)
        loop = asyncio.get_running_loop()
        part = await loop.run_in_executor(self._readers, read_journal, path, after, limit)
        return part.events

    async def last(self, execution_id: str) -> int:
        """Return the number of the last event; 0 when there is none."""
        path = self._folders.journal(execution_id)
        return await asyncio.get_running_loop().run_in_executor(self._readers, last_number, path)

    async def follow(self, execution_id: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield events above `after`, past ones first, then live ones, without gap or repetition.

        Ends when it is closed, when the Execution's events are removed, and when the log is
        closed. A slow follower costs no memory: what it missed it reads from the file.
        """
        channel = self._channels.setdefault(execution_id, Channel())
        channel.followers += 1
        offset: int | None = None
        try:
            while not (channel.is_over() or self._closed):
                news = channel.bell.armed()
                events = channel.beyond(after)
                if events is None:
                    part = await self._step(execution_id, after, offset)
                    events, offset = part.events, part.offset
                else:
                    offset = None
                for event in events:
                    if channel.is_over():
                        return
                    after = event.seq
                    yield event
                if not events:
                    await news.wait()
        finally:
            channel.followers -= 1
            if not channel.followers and self._channels.get(execution_id) is channel:
                del self._channels[execution_id]

    def feed(self, owner: str, after: str | None = None) -> AsyncGenerator[FeedItem, None]:
        """Yield the live events of all Executions of a user, until it is closed.

        Parameters
        ----------
        owner : str
            The user.
        after : str, optional
            None: what is appended from this call on, nothing else; no reset comes first. A cursor
            of an earlier item: first what was appended after that item, then live events. When
            that is not known any more (the service was restarted, more than `feed_size` events
            came since, or it is no cursor at all) the first item is a reset, then live events.

        Yields
        ------
        FeedItem
            In the order in which events were appended. A reader that falls behind further than
            the ring reaches gets a reset in the middle and goes on with what is live. Events of
            removed Executions are left out. Ends when the log is closed.
        """
        return self._feed.listen(owner, after)

    async def remove(self, execution_id: str) -> None:
        """Forget the events of an Execution, and end who follows it; no error when unknown.

        An event that is appended later begins a new journal, from number 1.

        Raises
        ------
        OSError
            The file cannot be deleted.
        RuntimeError
            The log is closed.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(_Remove(execution_id, done))
        await done

    def send_home(self) -> None:
        """End all followers and feeds that there are; events are kept as before."""
        for channel in self._channels.values():
            channel.end()
        self._feed.close()

    async def close(self) -> None:
        """Write what is pending, end all followers and feeds, and let go of files and threads."""
        self._closed = True
        while self._flushing is not None:
            await asyncio.shield(self._flushing)
        self.send_home()
        for pool in (self._readers, self._syncers, self._writer):
            await asyncio.to_thread(pool.shutdown)
        while self._journals:
            self._journals.popitem()[1].close()

    # In the event loop ---------------------------------------------------------------------------

    def _enqueue(self, operation: _Append | _Remove) -> None:
        if self._closed:
            raise RuntimeError("the event log is closed")
        self._pending.append(operation)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._pending:
                batch = self._next_batch()
                await loop.run_in_executor(self._writer, self._write, batch)
                for operation in batch.operations:
                    if isinstance(operation, _Append):
                        self._deliver(operation)
                    else:
                        self._forget(operation)
        finally:
            self._flushing = None

    def _next_batch(self) -> _Batch:
        count = size = 0
        for operation in self._pending[:_BATCH]:
            count += 1
            size += len(operation.body) if isinstance(operation, _Append) else 0
            if size > _BATCH_BYTES:
                break
        batch = _Batch(self._pending[:count])
        del self._pending[:count]
        return batch

    def _deliver(self, operation: _Append) -> None:
        event = operation.numbered
        if event is None:
            _settle(operation.done, operation.error)
            return
        size = operation.size
        channel = self._channels.get(event.execution_id)
        if channel is not None:
            channel.publish(event, size)
        self._feed.publish(operation.owner, event, size)
        if operation.synced is None:
            _settle(operation.done, event)
            return
        synced = asyncio.wrap_future(operation.synced)
        synced.add_done_callback(lambda s: _settle(operation.done, s.exception() or event))

    def _forget(self, operation: _Remove) -> None:
        self._feed.remove(operation.execution_id)
        channel = self._channels.pop(operation.execution_id, None)
        if channel is not None:
            channel.end()
        _settle(operation.done, operation.error)

    async def _step(self, execution_id: str, after: int, offset: int | None) -> Part:
        def read() -> Part:
            return read_journal(path, after, _STEP, offset=offset, max_bytes=_STEP_BYTES)

        path = self._folders.journal(execution_id)
        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    # In the writer's thread ----------------------------------------------------------------------

    def _write(self, batch: _Batch) -> None:
        for operation in batch.operations:
            if isinstance(operation, _Append):
                batch.unwritten.setdefault(operation.event.execution_id, []).append(operation)
                continue
            earlier = batch.unwritten.pop(operation.execution_id, None)
            if earlier:
                self._write_one(operation.execution_id, earlier)
            self._delete(operation)
        for execution_id, appends in batch.unwritten.items():
            self._write_one(execution_id, appends)

    def _write_one(self, execution_id: str, appends: list[_Append]) -> None:
        kept = 0
        error: Exception | None = None
        self._check()
        try:
            journal = self._journal(execution_id)
            first = journal.last + 1
            kept, error = journal.append([append.body for append in appends])
            for number, append in enumerate(appends[:kept], first):
                append.numbered = append.event.model_copy(update={"seq": number})
            self._sync(journal, appends[:kept])
        except Exception as unexpected:
            # Whatever it is, it must reach those who wait, and only them.
            error = unexpected
        if error is not None:
            self._drop(execution_id)
            _log.error("events of %s: %s", execution_id, error)
        for append in appends[kept:]:
            append.error = error

    def _sync(self, journal: Journal, appends: list[_Append]) -> None:
        final = [
            append
            for append in appends
            if isinstance(append.event, StatusEvent) and is_final(append.event.status)
        ]
        if final:
            # In other threads: a disk that takes its time must not delay other Executions.
            synced = self._syncers.submit(sync, journal.path)
            for append in final:
                append.synced = synced

    def _journal(self, execution_id: str) -> Journal:
        journal = self._journals.get(execution_id)
        if journal is None:
            journal = self._journals[execution_id] = Journal(self._folders.journal(execution_id))
            if len(self._journals) > _OPEN_JOURNALS:
                self._journals.popitem(last=False)[1].close()
        self._journals.move_to_end(execution_id)
        return journal

    def _drop(self, execution_id: str) -> None:
        journal = self._journals.pop(execution_id, None)
        if journal is not None:
            journal.close()

    def _delete(self, operation: _Remove) -> None:
        self._check()
        self._drop(operation.execution_id)
        path = self._folders.journal(operation.execution_id)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            operation.error = no_room(error, path)


def _settle(done: asyncio.Future[Event] | asyncio.Future[None], result: object) -> None:
    """Answer who waits, unless it has gone."""
    if done.done():
        return
    if isinstance(result, BaseException):
        done.set_exception(result)
    else:
        done.set_result(result)  # type: ignore[arg-type]
