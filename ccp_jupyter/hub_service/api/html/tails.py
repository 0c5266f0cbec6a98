"""The end of a log: what a person wants to see first of one that may be huge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.model.events import Event, LogEvent

_PAGE: Final = 50
_MOST_PAGES: Final = 40
_LONGEST: Final = 200_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines of a log."""

    text: str
    cut: bool
    """Whether there is more before it."""
    last: int
    """Number of the last event that is in it."""


async def tail(
    events: EventLog,
    execution_id: str,
    lines: int,
    task: int | None = None,
    stream: str | None = None,
) -> Tail:
    """Return the last lines that containers wrote, without reading what is before them.

    Parameters
    ----------
    events : EventLog
        Where they are.
    execution_id : str
        Whose.
    lines : int
        At most so many.
    task, stream : int, str, optional
        Only of this replica, or of this stream.
    """
    last = before = await events.last(execution_id)
    found: list[str] = []
    for _ in range(_MOST_PAGES):
        if before == 0 or len(found) > lines or sum(map(len, found)) > _LONGEST:
            break
        after = max(0, before - _PAGE)
        page = await events.read(execution_id, after, before - after)
        found = [line for event in page for line in _lines(event, task, stream)] + found
        before = after
    shown = found[-lines:]
    text = "\n".join(shown)[-_LONGEST:]
    cut = before > 0 or len(found) > lines or len("\n".join(shown)) > _LONGEST
    return Tail(text, cut, last)


def _lines(event: Event, task: int | None, stream: str | None) -> list[str]:
    fits = (
        isinstance(event, LogEvent)
        and task in (None, event.task)
        and stream in (None, event.stream)
    )
    return event.lines if fits and isinstance(event, LogEvent) else []
