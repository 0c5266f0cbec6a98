"""What waiting for an Execution means, without any I/O: both clients share it."""

from __future__ import annotations

from collections import deque

from ccp_jupyter.client.errors import ExecutionFailed, WaitTimeout
from ccp_jupyter.client.follow import Away
from ccp_jupyter.client.progress import Progress, view_for_here
from ccp_jupyter.client.record import Record
from ccp_jupyter.model.events import Event
from ccp_jupyter.model.states import Status

TAIL_LINES = 20
TICK = 0.2
"""Seconds between two looks at the clock."""


class Waiting:
    """Shows what happens while one waits, and knows what to say at the end.

    Parameters
    ----------
    record : Record
        The Execution as it is known at the beginning.
    show : bool
        Whether to show anything.
    """

    def __init__(self, record: Record, *, show: bool) -> None:
        self._progress = Progress(record)
        self._view = view_for_here(self._progress, show)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._view.update()

    def take(self, item: Event | Away | None) -> None:
        """Take in what happened; None: only time went by."""
        if item is not None and (lines := self._progress.feed(item)):
            self._tail.extend(lines)
            self._view.lines(lines)
        self._view.update()

    def ended(self, record: Record, tail: str, *, check: bool) -> None:
        """Show the end; raise when the Execution did not succeed and that is to be checked.

        Parameters
        ----------
        record : Record
            The Execution as it is now.
        tail : str
            Last lines of the log when none were seen while waiting.
        check : bool
            Whether to raise.

        Raises
        ------
        ExecutionFailed
        """
        self._progress.away = None
        self._progress.status, self._progress.percent = record.status, record.progress
        self._progress.message = record.message
        self._view.update(final=True)
        if check and record.status != Status.SUCCESSFUL:
            lines = "\n".join(self._tail) or tail
            raise ExecutionFailed(record.id, record.status, record.message, lines)

    @property
    def needs_tail(self) -> bool:
        """Whether no line of the log has been seen."""
        return not self._tail

    def timed_out(self, timeout: float) -> WaitTimeout:
        """Show that the time is over, and return the error that says so."""
        self._view.update(final=True)
        return WaitTimeout(
            f"Execution {self._progress.id} is {self._progress.status} after {timeout:g} s of"
            " waiting and goes on; wait() waits again, cancel() ends it"
        )

    def interrupted(self) -> None:
        """Tell the user that only the waiting has ended."""
        self._view.update(final=True)
        self._view.note(
            f"Stopped waiting. Execution {self._progress.id} goes on:"
            " wait() waits again, cancel() ends it."
        )
