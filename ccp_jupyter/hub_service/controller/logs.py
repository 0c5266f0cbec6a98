"""From what a container writes to numbered log events, and to the phases it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.engines.base import LogFrame
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.masking import MaskedStream, Masker
from ccp_jupyter.model.events import Event, LogEvent, PhaseEvent
from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.times import now

Stream = Literal["stdout", "stderr"]

_FLUSH_AFTER: Final = 0.05  # seconds: far below the second in which monitors want to see a line
_LARGEST_EVENT: Final = 32 * 1024
_LONGEST_LINE: Final = 16 * 1024
_BACK: Final = 200  # events read at a time, from the end
_OTHER: Final[dict[Stream, Stream]] = {"stdout": "stderr", "stderr": "stdout"}


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
    """Find out from the journal what of a container's log is kept already.

    It is read from its end: it may have the logs of thousands of containers.
    """
    end = await events.last(mark.execution_id)
    while end > 0:
        begin = max(0, end - _BACK)
        for event in reversed(await _read(events, mark.execution_id, begin, end)):
            if not isinstance(event, LogEvent | PhaseEvent):
                continue
            if (event.task, event.attempt) != (mark.index, mark.attempt):
                continue
            if isinstance(event, LogEvent):
                stamps = {event.stream: event.stamp, _OTHER[event.stream]: event.other}
                kept = {stream: stamp for stream, stamp in stamps.items() if stamp}
                return Resume(kept, event.kept)
            if event.phase is Phase.LAUNCH:  # the first of an Attempt
                return Resume({}, 0)
        end = begin
    return Resume({}, 0)


async def _read(events: EventLog, execution_id: str, after: int, last: int) -> list[Event]:
    """Return the events with numbers above `after`, up to `last`."""
    found: list[Event] = []
    while after < last and (part := await events.read(execution_id, after, last - after)):
        found += part
        after = part[-1].seq
    return found


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
    masker : Masker
        Knows the texts that never appear.
    phase_reached : callable
        Awaited with the name of each phase that the entry script reports.
    resume : Resume
        What an earlier collector has kept.

    Attributes
    ----------
    frames : int
        How many pieces the engine has sent.
    """

    def __init__(
        self,
        events: EventLog,
        owner: str,
        mark: Mark,
        max_size: int,
        masker: Masker,
        phase_reached: Callable[[str], Awaitable[None]],
        resume: Resume,
    ) -> None:
        self._events = events
        self._owner = owner
        self._mark = mark
        self._room = max_size - resume.size
        self._kept = resume.size
        self._stamps = dict(resume.stamps)
        self._masked: dict[Stream, MaskedStream] = {
            "stdout": masker.stream(),
            "stderr": masker.stream(),
        }
        self._phase_reached = phase_reached
        self._resume = resume
        self._partial: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self._pending: list[str] = []
        self._pending_size = 0
        self._pending_stream: Stream = "stdout"
        self._stamp = ""
        self.frames = 0
        self._full = self._room <= 0
        self._waiting = asyncio.Event()
        self._lock = asyncio.Lock()

    async def run(self, frames: AsyncIterator[LogFrame]) -> None:
        """Read until the engine says that the log has ended."""
        flusher = asyncio.create_task(self._flush_now_and_then())
        try:
            async for frame in frames:
                self.frames += 1
                if frame.stamp <= self._resume.stamps.get(frame.stream, ""):
                    await self._skip(frame)
                else:
                    await self._take(frame)
            for stream, rest in list(self._partial.items()):
                self._partial[stream] = b""
                await self._line(stream, rest, ended=False)
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
        self._partial[frame.stream] = await self._cut(frame.stream, rest)

    async def _cut(self, stream: Stream, rest: bytes) -> bytes:
        """Keep the beginning of a line that is too long; return the rest of it."""
        if len(rest) <= _LONGEST_LINE:
            return rest
        mark = self._mark.text.encode()
        end = len(rest)
        if stream == "stderr":
            # A report may have begun.
            found = rest.find(mark)
            end = found if found >= 0 else end - len(mark)
        if piece := self._masked[stream].feed(rest[:end]):
            await self._keep(stream, piece)
        return rest[end:]

    async def _line(self, stream: Stream, line: bytes, ended: bool = True) -> None:
        mark = self._mark.text.encode()
        if stream == "stderr" and mark in line:
            # Text without a line end may stand before the report.
            line, _, report = line.rpartition(mark)
            await self._keep_rest(stream, line, ended=False)
            await self._flush()
            await self._report(report)
            return
        await self._keep_rest(stream, line, ended)

    async def _keep_rest(self, stream: Stream, line: bytes, ended: bool) -> None:
        masked = self._masked[stream]
        piece = masked.feed(line) + masked.finish()
        if piece or ended:
            await self._keep(stream, piece)

    async def _report(self, report: bytes) -> None:
        await self._phase_reached(report.strip().decode("ascii", "replace"))

    async def _keep(self, stream: Stream, line: bytes) -> None:
        if self._full:
            return
        text = line.decode("utf-8", "replace").rstrip("\r")
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
            stream = self._pending_stream
            self._kept += sum(map(len, lines)) + len(lines)  # as in `_room`
            self._stamps[stream] = self._stamp
            await self._events.append(
                self._owner,
                LogEvent(
                    execution_id=self._mark.execution_id,
                    at=now(),
                    task=self._mark.index,
                    attempt=self._mark.attempt,
                    stream=stream,
                    lines=lines,
                    stamp=self._stamp,
                    other=self._stamps.get(_OTHER[stream], ""),
                    kept=self._kept,
                    truncated=truncated,
                ),
            )
