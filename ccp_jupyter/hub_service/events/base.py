"""The interface through which events are written and read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from ccp_jupyter.model.events import Event


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event of one of a user's Executions, or a reset.

    A reset (`event` is None) tells the reader that items may be missing: fetch the present state
    by REST and each Execution's events after the number it has.
    """

    cursor: str
    """Give it back as `after` to continue here."""
    event: Event | None


class EventLog(Protocol):
    """Events by Execution, numbered from 1 without gaps; they survive a restart of the service."""

    async def append(self, owner: str, event: Event) -> Event:
        """Give an event its number, keep it, pass it on to who listens, and return it."""

    async def read(self, execution_id: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with numbers above `after`, in order; an empty list when there are none."""

    async def last(self, execution_id: str) -> int:
        """Return the number of the last event; 0 when there is none."""

    def follow(self, execution_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Yield events above `after`, past ones first, then live ones, until it is closed."""

    def feed(self, owner: str, after: str | None = None) -> AsyncIterator[FeedItem]:
        """Yield the live events of all Executions of a user, until it is closed.

        With `after` from an earlier feed the reader gets what it missed, or a reset first.
        """

    async def remove(self, execution_id: str) -> None:
        """Forget the events of an Execution."""

    async def close(self) -> None:
        """Write what is pending and let go of files."""
