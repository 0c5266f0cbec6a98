"""The latest Attempts that did not go well, for whoever asks what is wrong."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.states import Outcome
from ccp_jupyter.model.times import now

_KEPT: Final = 50
_TELLING: Final = (Outcome.FAILED, Outcome.PLATFORM)


@dataclass(frozen=True, slots=True)
class Failure:
    """One Attempt that did not go well."""

    at: datetime
    execution_id: str
    task: int
    attempt: int
    node: str
    outcome: Outcome
    reason: str


class LatestFailures:
    """Kept in memory, newest first; users who cancel are not failures."""

    def __init__(self) -> None:
        self._kept: deque[Failure] = deque(maxlen=_KEPT)

    def note(self, task: Task) -> None:
        """Take note of a Task whose latest Attempt has ended."""
        attempt = task.attempt
        if attempt is None or attempt.outcome not in _TELLING:
            return
        self._kept.appendleft(
            Failure(
                now(),
                task.execution_id,
                task.index,
                attempt.number,
                attempt.node,
                attempt.outcome,
                attempt.reason or "",
            )
        )

    def latest(self) -> list[Failure]:
        """Return them, newest first."""
        return list(self._kept)
