"""How fast places become free on one Infrastructure, as far as that can be expected."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sortedcontainers import SortedList

_UNIT: Final = 10**9


class Pace:
    """Expected ends of what runs."""

    def __init__(self) -> None:
        self._ends: SortedList = SortedList()  # (end, Task, Node)
        self._known: dict[str, tuple[float, str, str] | None] = {}
        self._rates: dict[str, int] = {}
        self._rate = 0  # of the known ones, in `_UNIT` a second

    def begin(self, task_id: str, node_id: str, seconds: float, end: float | None) -> None:
        """Note a Task that takes so long (0: unknown) and will end then (None: unknown)."""
        self._known[task_id] = None
        if end is not None:
            key = self._known[task_id] = (end, task_id, node_id)
            self._ends.add(key)
        if seconds > 0:
            rate = self._rates[task_id] = round(_UNIT / seconds)
            self._rate += rate

    def end(self, task_id: str) -> None:
        """Note that a Task holds its place no more."""
        key = self._known.pop(task_id)
        if key is not None:
            self._ends.remove(key)
        self._rate -= self._rates.pop(task_id, 0)

    @property
    def seconds_between(self) -> float | None:
        """Mean time between two ends; those that are unknown are taken for average ones.

        None when nothing is known.
        """
        if not self._rates or self._rate <= 0:
            return None
        return _UNIT * len(self._rates) / (self._rate * len(self._known))

    def next_nodes(self, ends: int) -> Iterator[str]:
        """Yield the Nodes of the next so many ends, each once, in the order of these."""
        seen = set()
        for _, _, node_id in islice(self._ends, ends):
            if node_id not in seen:
                seen.add(node_id)
                yield node_id
