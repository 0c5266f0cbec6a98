"""What was read or written lately, in memory, never older than the database."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")

_OVERHEAD = 300
"""Bytes that an entry takes besides its value, roughly."""


class Cache(Generic[V]):
    """Immutable values by group and key; the groups used longest ago are forgotten first.

    Only right when every change goes through this process. A writer calls `hold` for each group
    that it changes *before* it commits, and `release` after. Between the two, reads of the group
    go to the database, and what they find is not kept, nor is what a read found that began before.

    All methods may be called from any thread.

    Parameters
    ----------
    max_bytes : int
        Most bytes kept, roughly.
    size : callable
        Bytes of a value.
    """

    def __init__(self, max_bytes: int, size: Callable[[V], int]) -> None:
        self._max_bytes = max_bytes
        self._size = size
        self._groups: OrderedDict[str, dict[Hashable, tuple[V, int]]] = OrderedDict()
        self._bytes = 0
        self._held: Counter[str] = Counter()
        self._reads: dict[str, set[object]] = {}
        self._lock = threading.Lock()

    def get(self, group: str, key: Hashable) -> V | None:
        """Return a value, or None when it is not here."""
        with self._lock:
            entries = self._groups.get(group)
            if entries is None or key not in entries:
                return None
            self._groups.move_to_end(group)
            return entries[key][0]

    def through(self, group: str, key: Hashable, read: Callable[[], V | None]) -> V | None:
        """Return what `read` finds in the database; keep it unless a writer came between."""
        ticket = object()
        with self._lock:
            if group not in self._held:
                self._reads.setdefault(group, set()).add(ticket)
        value = None
        try:
            value = read()
        finally:
            with self._lock:
                reads = self._reads.get(group, set())
                if ticket in reads:
                    reads.remove(ticket)
                    if not reads:
                        del self._reads[group]
                    if value is not None:
                        self._put(group, key, value)
        return value

    def hold(self, group: str) -> None:
        """Forget a group until `release`; a writer is about to commit a change to it."""
        with self._lock:
            self._held[group] += 1
            self._reads.pop(group, None)
            self._forget(group)

    def release(self, group: str, key: Hashable = None, value: V | None = None) -> None:
        """End a `hold`; keep the value that was committed, if one is given."""
        with self._lock:
            self._held[group] -= 1
            if self._held[group]:
                return
            del self._held[group]
            if value is not None:
                self._put(group, key, value)

    def _put(self, group: str, key: Hashable, value: V) -> None:
        size = self._size(value) + _OVERHEAD
        entries = self._groups.setdefault(group, {})
        self._groups.move_to_end(group)
        self._bytes += size - entries.get(key, (value, 0))[1]
        entries[key] = (value, size)
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._groups)))

    def _forget(self, group: str) -> None:
        for _, size in self._groups.pop(group, {}).values():
            self._bytes -= size
