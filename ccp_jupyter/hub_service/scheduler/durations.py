"""How long Tasks lately took: what is expected of the next ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from statistics import median_high
from typing import Final

_KINDS: Final = 1000
_LATELY: Final = 8


class Durations:
    """The last few times of the kinds that were used last; bounded in memory."""

    def __init__(self) -> None:
        self._took: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, kind: str, seconds: float) -> None:
        """Note how long a Task held its place."""
        if kind not in self._took:
            self._took[kind] = deque(maxlen=_LATELY)
        self._took[kind].append(seconds)
        self._took.move_to_end(kind)
        if len(self._took) > _KINDS:
            self._took.popitem(last=False)

    def expected(self, kind: str) -> float | None:
        """Return the median of the last times; None when there is none.

        The median, as some end early because they fail or are cancelled, and a few hang.
        """
        took = self._took.get(kind)
        return median_high(took) if took else None
