"""The live feed: what happens to any Execution of one user, kept in memory for a while."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from ccp_jupyter.hub_service.events.base import FeedItem
from ccp_jupyter.model.events import Event

_CURSOR = re.compile(r"([0-9a-f]{16})-([0-9]{1,18})", re.ASCII)
# A slow reader holds on to no more than this many items that the ring has dropped.
_BATCH = 100


class Bell:
    """Wakes all who wait, without a list of them and without polling."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever holds an event from `armed`."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def armed(self) -> asyncio.Event:
        """Return what the next `ring` sets. Take it first, then look whether there is news."""
        return self._next


@dataclass(slots=True, eq=False)
class _Item:
    number: int
    owner: str
    event: Event | None
    """None when the Execution was removed."""
    size: int


@dataclass(slots=True)
class _Box:
    """What the ring holds for one owner."""

    lost: int
    """Number of this owner's last item that the ring has dropped."""
    items: deque[_Item] = field(default_factory=deque)
    bell: Bell = field(default_factory=Bell)
    listeners: int = 0

    def beyond(self, position: int) -> list[_Item]:
        """Return the oldest items with numbers above `position`."""
        found: deque[_Item] = deque(maxlen=_BATCH)
        for item in reversed(self.items):
            if item.number <= position:
                break
            found.appendleft(item)
        return list(found)


class Feed:
    """A ring buffer of the latest events of all owners.

    Parameters
    ----------
    size : int
        Most events in the ring.
    max_bytes : int
        Most memory for the ring, about; log events are large.
    """

    def __init__(self, size: int, max_bytes: int = 16 * 2**20) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self._epoch = secrets.token_hex(8)
        self._last = 0
        self._lost = 0
        self._bytes = 0
        self._ring: deque[_Item] = deque()
        self._boxes: dict[str, _Box] = {}
        self._closed = False

    def publish(self, owner: str, event: Event, size: int) -> None:
        """Hand an event, of about `size` bytes, to all who listen for this owner."""
        self._last += 1
        item = _Item(self._last, owner, event, size)
        box = self._box(owner)
        box.items.append(item)
        self._ring.append(item)
        self._bytes += size
        while len(self._ring) > self._size or (
            self._bytes > self._max_bytes and len(self._ring) > 1
        ):
            self._drop_oldest()
        box.bell.ring()

    def remove(self, execution_id: str) -> None:
        """Forget the events of an Execution."""
        for item in self._ring:
            if item.event is not None and item.event.execution_id == execution_id:
                self._bytes -= item.size
                item.event, item.size = None, 0

    def listen(self, owner: str, after: str | None) -> AsyncGenerator[FeedItem, None]:
        """Yield a user's events; see `FileEventLog.feed`."""
        # Here and not in the generator, whose body begins only when somebody asks for an item.
        position = self._last if after is None else self._position(after)
        return self._items(owner, position)

    def close(self) -> None:
        """End all feeds."""
        self._closed = True
        for box in self._boxes.values():
            box.bell.ring()

    async def _items(self, owner: str, position: int | None) -> AsyncGenerator[FeedItem, None]:
        box = self._box(owner)
        box.listeners += 1
        try:
            while not self._closed:
                news = box.bell.armed()
                if position is None or position < box.lost:
                    position = self._last
                    yield FeedItem(self._cursor(position), None)
                    continue
                batch = box.beyond(position)
                for item in batch:
                    position = item.number
                    if item.event is not None:
                        yield FeedItem(self._cursor(position), item.event)
                if not batch:
                    await news.wait()
        finally:
            box.listeners -= 1
            self._tidy(owner, box)

    def _box(self, owner: str) -> _Box:
        box = self._boxes.get(owner)
        if box is None:
            # What was dropped of this owner is not known any more; it was no later than this.
            box = self._boxes[owner] = _Box(lost=self._lost)
        return box

    def _tidy(self, owner: str, box: _Box) -> None:
        if not box.items and not box.listeners:
            self._boxes.pop(owner, None)

    def _drop_oldest(self) -> None:
        item = self._ring.popleft()
        box = self._boxes[item.owner]
        box.items.popleft()
        self._bytes -= item.size
        if item.event is not None:
            box.lost = self._lost = item.number
        self._tidy(item.owner, box)

    def _cursor(self, position: int) -> str:
        return f"{self._epoch}-{position}"

    def _position(self, cursor: str) -> int | None:
        match = _CURSOR.fullmatch(cursor)
        if match is None or match[1] != self._epoch or int(match[2]) > self._last:
            return None
        return int(match[2])
