"""The latest events of one Execution, in memory as long as somebody follows it."""

from __future__ import annotations

from collections import deque
from itertools import islice

from ccp_jupyter.hub_service.events.feed import Bell
from ccp_jupyter.model.events import Event

_MOST_EVENTS = 256
_MOST_BYTES = 2**19


class Channel:
    """Saves the followers of one Execution from reading each live event from the file.

    Attributes
    ----------
    bell : Bell
        Rings for every event, and when the channel ends.
    followers : int
        How many use it.
    """

    def __init__(self) -> None:
        self.bell = Bell()
        self._ended = False
        self.followers = 0
        self._recent: deque[tuple[Event, int]] = deque()
        self._bytes = 0

    def publish(self, event: Event, size: int) -> None:
        """Add an event, of about `size` bytes, and wake the followers."""
        self._recent.append((event, size))
        self._bytes += size
        while len(self._recent) > _MOST_EVENTS or (
            self._bytes > _MOST_BYTES and len(self._recent) > 1
        ):
            self._bytes -= self._recent.popleft()[1]
        self.bell.ring()

    def end(self) -> None:
        """Send the followers home: the Execution was removed, or the log is closed."""
        self._ended = True
        self.bell.ring()

    def is_over(self) -> bool:
        """Tell whether `end` was called."""
        return self._ended

    def beyond(self, after: int) -> list[Event] | None:
        """Return the events with numbers above `after`; None when only the file can tell."""
        if not self._recent:
            return None
        first = self._recent[0][0].seq
        if after + 1 < first:
            return None
        return [event for event, _ in islice(self._recent, after + 1 - first, None)]
