"""What the containers of an Execution wrote, as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.html.tails import tail
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.links import link
from ccp_jupyter.hub_service.api.operations import HTML
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.model.events import Event, LogEvent

PAGE: Final = 100
"""Events read at a time: at most some megabytes."""
_LINES_OF_PAGE: Final = 5000
TRUNCATED: Final = "[the log is longer than the Infrastructure keeps; the rest was dropped]\n"


async def all_events(events: EventLog, execution_id: str) -> AsyncIterator[Event]:
    """Yield the events that the journal has now, in bounded memory."""
    after = 0
    while page := await events.read(execution_id, after, PAGE):
        for event in page:
            yield event
        after = page[-1].seq


def text_of(event: LogEvent) -> str:
    """Return the lines of an event, each with its end."""
    lines = "".join(line + "\n" for line in event.lines)
    return lines + TRUNCATED if event.truncated else lines


async def log_pieces(
    events: EventLog, execution_id: str, task: int | None, stream: str | None
) -> AsyncIterator[str]:
    """Yield the text of a log, of one replica or stream only if asked for."""
    async for event in all_events(events, execution_id):
        if (
            isinstance(event, LogEvent)
            and task in (None, event.task)
            and stream in (None, event.stream)
        ):
            yield text_of(event)


class LogHandler(JobHandlerBase):
    """The log of an Execution as plain text."""

    async def get(self, job_id: str) -> None:
        """Send what was written until now."""
        execution = await self.visible(job_id)
        if self.form == HTML:
            await self._show_end(execution.id)
            return
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        pieces = log_pieces(
            self.services.events, execution.id, self.query["task"], self.query["stream"]
        )
        try:
            async for piece in pieces:
                self.write(piece.encode("utf-8", "replace"))
                await self.flush()
        except StreamClosedError:
            return
        self.finish()

    async def _show_end(self, execution_id: str) -> None:
        """Show the end of it."""
        task, stream = self.query["task"], self.query["stream"]
        found = await tail(self.services.events, execution_id, _LINES_OF_PAGE, task, stream)
        href = f"{self.base_url}jobs/{execution_id}"
        self.reply(
            {
                "jobID": execution_id,
                "task": task or "all",
                "stream": stream or "all",
                "text": found.text,
                "cut": found.cut,
                "links": [
                    link(f"{href}/log?f=text", "alternate", "All of it as text", "text/plain"),
                    link(href, "up", "The Execution"),
                ],
            }
        )
