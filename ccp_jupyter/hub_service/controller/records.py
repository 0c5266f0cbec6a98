"""Changes of records: one compare-and-set write, then the event that tells of it.

When the disk is full these wait until there is room: what was acknowledged must go on, later.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.store.base import Conflict, Store, StoreFull
from ccp_jupyter.model.events import Event, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.states import Phase, Status, changed, is_final
from ccp_jupyter.model.times import now

T = TypeVar("T")
_log = logging.getLogger(__name__)

_LONGEST_WAIT = 5.0  # seconds between two tries while the disk is full


@dataclass(frozen=True, slots=True)
class Records:
    """Store and event log together."""

    store: Store
    events: EventLog

    async def change_execution(
        self, execution_id: str, change: Callable[[Execution], bool]
    ) -> Execution | None:
        """Read, change and save until nobody was faster.

        Parameters
        ----------
        execution_id : str
            Which one.
        change : callable
            Changes the Execution in place and returns False when there is nothing to change.

        Returns
        -------
        Execution or None
            As it is stored now; None when there is none.
        """
        while True:
            execution = await self.store.get_execution(execution_id)
            if execution is None:
                return None
            before = (execution.status, execution.message, execution.progress)
            if not change(execution):
                return execution
            execution.updated = now()
            try:
                saved = await _until_room(partial(self.store.save_execution, execution))
            except Conflict:
                continue
            if before != (saved.status, saved.message, saved.progress):
                await self.tell_status(saved)
            return saved

    async def save(self, task: Task) -> Task:
        """Save a Task; returns it with its next version."""
        return await _until_room(partial(self.store.save_task, task))

    async def tell(self, owner: str, event: Event) -> None:
        """Write an event."""
        await _until_room(partial(self.events.append, owner, event))

    async def tell_status(self, execution: Execution) -> None:
        """Write the event for an Execution's status, message and progress."""
        await self.tell(
            execution.owner,
            StatusEvent(
                execution_id=execution.id,
                at=execution.updated,
                status=execution.status,
                message=execution.message,
                progress=execution.progress,
            ),
        )

    async def enter(self, owner: str, task: Task, phase: Phase, message: str = "") -> Task:
        """Move a Task's Attempt into a phase, save, and tell."""
        attempt = current(task)
        attempt.phase = changed(attempt.phase, phase)
        attempt.phases.append(PhaseTime(phase=phase, at=now()))
        task = await self.save(task)
        await self.tell_phase(owner, task, message)
        return task

    async def tell_phase(self, owner: str, task: Task, message: str = "") -> None:
        """Write the event for the phase that a Task's Attempt is in."""
        attempt = current(task)
        await self.tell(
            owner,
            PhaseEvent(
                execution_id=task.execution_id,
                at=attempt.phases[-1].at,
                task=task.index,
                attempt=attempt.number,
                node=attempt.node,
                phase=attempt.phase,
                message=message,
            ),
        )


def current(task: Task) -> Attempt:
    """Return the Attempt that counts; only for Tasks that have one."""
    attempt = task.attempt
    if attempt is None:
        raise ValueError(f"task {task.id} has no attempt yet")
    return attempt


def finish(execution: Execution, status: Status, message: str) -> bool:
    """Give an Execution its final status; False when it has one."""
    if is_final(execution.status):
        return False
    execution.status = changed(execution.status, status)
    execution.message = message
    execution.finished = now()
    if status is Status.SUCCESSFUL:
        execution.progress = 100
    return True


async def _until_room(do: Callable[[], Awaitable[T]]) -> T:
    delay = 0.5
    while True:
        try:
            return await do()
        except StoreFull as error:
            _log.error("waiting for room: %s", error)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _log.error("waiting for room: %s", error)
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_WAIT)
