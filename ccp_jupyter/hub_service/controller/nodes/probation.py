"""Probation: a Node on which Tasks cannot begin gets none for a while, then one at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)


class Probation:
    """Whether a Node is trusted, by how the last Attempts began there.

    After `limit` failures in a row it rests. Then one Attempt at a time is let in: if its
    container starts, the Node is trusted again; if it fails, the Node rests twice as long.

    Parameters
    ----------
    name : str
        Id of the Node, for the log.
    limit : int
        Failures in a row, without a start between.
    delay, longest : float
        First and longest rest, seconds.
    changed : callable
        Called when something here has changed.
    """

    def __init__(
        self, name: str, limit: int, delay: float, longest: float, changed: Callable[[], None]
    ) -> None:
        self._name = name
        self._limit = limit
        self._delay = delay
        self._longest = longest
        self._changed = changed
        self._failures = 0
        self._rests = 0
        """Counts rests since the Node was trusted last; 0: it is trusted."""
        self._rest: asyncio.TimerHandle | None = None
        self._trial: str | None = None
        self.reason = ""
        """Why it is on probation; empty when it is not."""

    @property
    def active(self) -> bool:
        """Whether the Node is on probation."""
        return self._rests > 0

    @property
    def is_open(self) -> bool:
        """Whether an Attempt may begin there now."""
        return self._rest is None and self._trial is None

    def begins(self, attempt: str) -> None:
        """Note that an Attempt was placed there."""
        if self.active and self.is_open:
            self._trial = attempt
            self._changed()

    def works(self) -> None:
        """Note that a container was started there."""
        self._failures = 0
        if self.active:
            _log.info("node %s: a container has started, the probation is over", self._name)
            self._end_rest()
            self._rests, self._trial, self.reason = 0, None, ""
            self._changed()

    def failed(self, attempt: str, why: str) -> None:
        """Note that an Attempt could not begin, by the fault of the Node or of a registry."""
        self._failures += 1
        tried = attempt == self._trial
        if tried or (not self.active and self._failures >= self._limit):
            self._trial = None
            self._rest_again(why)

    def over(self, attempt: str) -> None:
        """Note that an Attempt has ended, for whatever reason."""
        if attempt == self._trial:
            self._trial = None
            self._changed()

    def close(self) -> None:
        """Let go of the clock."""
        self._end_rest()

    def _rest_again(self, why: str) -> None:
        seconds = min(self._delay * 2**self._rests, self._longest)
        self._rests += 1
        until = (now() + timedelta(seconds=seconds)).strftime("%H:%M:%S")
        self.reason = (
            f"{self._failures} Attempts in a row could not begin; gets none until {until} UTC,"
            f" then one at a time; the last: {why}"
        )
        _log.warning("node %s is on probation: %s", self._name, self.reason)
        self._end_rest()
        self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)
        self._changed()

    def _rested(self) -> None:
        self._rest = None
        self._changed()

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
