"""From what a container writes to numbered log events, and to the phases it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.engines.base import LogFrame
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.model.events import LogEvent
from ccp_jupyter.model.times import now

Stream = Literal["stdout", "stderr"]

_FLUSH_AFTER: Final = 0.05  # seconds: far below the second in which monitors want to see a line
_LARGEST_EVENT: Final = 32 * 1024
_LONGEST_LINE: Final = 16 * 1024
_MASK: Final = "***"
_SHORTEST_SECRET: Final = 4  # masking shorter ones would make the log unreadable


@dataclass(slots=True)
class Resume:
    """Where an earlier collector of the same Attempt came to."""

    stamps: dict[Stream, str]
    size: int

    @property
    def after(self) -> str | None:
        """Stamp from which the engine is asked again; None when there is nothing yet."""
        return min(self.stamps.values()) if len(self.stamps) == 2 else None


async def resume_point(events: EventLog, mark: Mark) -> Resume:
    """Find out from the journal what of a container's log is kept already."""
    resume = Resume({}, 0)
    after = 0
    while page := await events.read(mark.execution_id, after):
        after = page[-1].seq
        for event in page:
            if not isinstance(event, LogEvent):
                continue
            if (event.task, event.attempt) != (mark.index, mark.attempt):
                continue
            resume.size += sum(map(len, event.lines))
            if event.stamp:
                resume.stamps[event.stream] = event.stamp
    return resume


class LogCollector:
    """Reads one container's log to its end.

    Parameters
    ----------
    events : EventLog
        Where the lines go.
    owner : str
        Whose Execution it is.
    mark : Mark
        Whose container it is, and the word that the entry script's reports begin with.
    max_size : int
        Characters kept of both streams together.
    secrets : iterable of str
        Texts that never appear: ``***`` stands in their place.
    phase_reached : callable
        Awaited with the name of each phase that the entry script reports.
    resume : Resume
        What an earlier collector has kept.
    """

    def __init__(
        self,
        events: EventLog,
        owner: str,
        mark: Mark,
        max_size: int,
        secrets: Iterable[str],
        phase_reached: Callable[[str], Awaitable[None]],
        resume: Resume,
    ) -> None:
        self._events = events
        self._owner = owner
        self._mark = mark
        self._room = max_size - resume.size
        self._secrets = sorted(
            (s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True
        )
        self._phase_reached = phase_reached
        self._resume = resume
        self._partial: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._pending: list[str] = []
        self._pending_size = 0
        self._pending_stream: Stream = "stdout"
        self._stamp = ""
        self._full = self._room <= 0
        self._waiting = asyncio.Event()
        self._lock = asyncio.Lock()

    async def run(self, frames: AsyncIterator[LogFrame]) -> None:
        """Read until the engine says that the log has ended."""
        flusher = asyncio.create_task(self._flush_now_and_then())
        try:
            async for frame in frames:
                if frame.stamp <= self._resume.stamps.get(frame.stream, ""):
                    await self._skip(frame)
                else:
                    await self._take(frame)
            for stream, rest in list(self._partial.items()):
                if rest:
                    self._partial[stream] = b""
                    await self._line(stream, rest)
            await self._flush()
        finally:
            flusher.cancel()

    async def _skip(self, frame: LogFrame) -> None:
        # Kept already, but the phases must be known again.
        if frame.stream == "stderr" and self._mark.text.encode() in frame.data:
            await self._report(frame.data.rpartition(self._mark.text.encode())[2])

    async def _take(self, frame: LogFrame) -> None:
        data = self._partial[frame.stream] + frame.data
        *lines, rest = data.split(b"\n")
        self._stamp = frame.stamp
        for line in lines:
            await self._line(frame.stream, line)
        if len(rest) > _LONGEST_LINE:
            await self._line(frame.stream, rest)
            rest = b""
        self._partial[frame.stream] = rest

    async def _line(self, stream: Stream, line: bytes) -> None:
        mark = self._mark.text.encode()
        if stream == "stderr" and mark in line:
            # Text without a line end may stand before the report.
            before, _, report = line.rpartition(mark)
            if before:
                await self._keep(stream, before)
            await self._flush()
            await self._report(report)
            return
        await self._keep(stream, line)

    async def _report(self, report: bytes) -> None:
        await self._phase_reached(report.strip().decode("ascii", "replace"))

    async def _keep(self, stream: Stream, line: bytes) -> None:
        if self._full:
            return
        text = line.decode("utf-8", "replace").rstrip("\r")
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        if self._pending and (
            stream != self._pending_stream or self._pending_size + len(text) > _LARGEST_EVENT
        ):
            await self._flush()
        self._pending_stream = stream
        self._pending.append(text)
        self._pending_size += len(text)
        self._room -= len(text) + 1
        if self._room <= 0:
            self._full = True
            await self._flush(truncated=True)
        self._waiting.set()

    async def _flush_now_and_then(self) -> None:
        while True:
            await self._waiting.wait()
            await asyncio.sleep(_FLUSH_AFTER)
            self._waiting.clear()
            await self._flush()

    async def _flush(self, truncated: bool = False) -> None:
        async with self._lock:
            if not self._pending:
                return
            lines, self._pending, self._pending_size = self._pending, [], 0
            await self._events.append(
                self._owner,
                LogEvent(
                    execution_id=self._mark.execution_id,
                    at=now(),
                    task=self._mark.index,
                    attempt=self._mark.attempt,
                    stream=self._pending_stream,
                    lines=lines,
                    stamp=self._stamp,
                    truncated=truncated,
                ),
            )
