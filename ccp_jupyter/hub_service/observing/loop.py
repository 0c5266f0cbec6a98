"""How late the event loop is: whatever blocks it delays everybody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

_INTERVAL: Final = 0.25  # seconds
_KEPT: Final = 40  # looks: ten seconds


class LoopWatch:
    """Sleeps a little, again and again, and notes how late it wakes.

    Parameters
    ----------
    observe : callable
        Takes the seconds of each delay.
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._latest: deque[float] = deque(maxlen=_KEPT)

    @property
    def worst(self) -> float:
        """Longest delay of the last ten seconds."""
        return max(self._latest, default=0.0)

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            late = max(0.0, loop.time() - due)
            self._latest.append(late)
            self._observe(late)
