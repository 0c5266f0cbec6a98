"""Changes of records: one compare-and-set write, then the event that tells of it.

When the disk is full, or the store does not answer, these wait until there is room, or it answers:
what was acknowledged must go on, later.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.store.base import Conflict, Store, StoreAway, StoreFull
from ccp_jupyter.model.callbacks import end_callbacks, note_status
from ccp_jupyter.model.events import Event, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.states import Phase, Status, Target, changed, is_final
from ccp_jupyter.model.times import now

T = TypeVar("T")
_log = logging.getLogger(__name__)

_LONGEST_WAIT = 5.0  # seconds between two tries
_TAIL = 1000  # events, from the last one, among which that of the end is


@dataclass(frozen=True, slots=True)
class Records:
    """Store and event log together."""

    store: Store
    events: EventLog
    ended: list[Callable[[Execution], Awaitable[None]]] = field(default_factory=list)
    """Awaited with each Execution that has just got its final status."""
    due: list[Callable[[Execution], None]] = field(default_factory=list)
    """Called with each saved Execution that has callbacks to be sent."""

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
            execution = await _outlasting(partial(self.store.get_execution, execution_id))
            if execution is None:
                return None
            before = _shown(execution)
            target = execution.target
            if not change(execution):
                return execution
            follow(execution)
            if before != _shown(execution) or target is not execution.target:
                execution.updated = now()
            try:
                saved = await _outlasting(partial(self.store.save_execution, execution))
            except Conflict:
                continue
            if before != _shown(saved):
                await self.tell_status(saved)
            await self.tell_others(saved, ended=not is_final(before[0]))
            return saved

    async def settle(self, execution_id: str) -> None:
        """Note that an Execution's end was told, and that nothing of it is left to clear up."""

        def change(execution: Execution) -> bool:
            was, execution.ending = execution.ending, False
            return was

        await self.change_execution(execution_id, change)

    async def tell_end(self, execution: Execution) -> None:
        """Write the event for a final status unless it is there: a crash may have come before."""
        last = await self.events.last(execution.id)
        for event in await self.events.read(execution.id, max(0, last - _TAIL), _TAIL):
            if isinstance(event, StatusEvent) and event.status is execution.status:
                return
        await self.tell_status(execution)

    async def tell_others(self, saved: Execution, *, ended: bool = True) -> None:
        """Tell those who wait for an Execution how it is now.

        Parameters
        ----------
        saved : Execution
            As it is stored.
        ended : bool
            Whether it just got its status, should that be a final one.
        """
        if saved.has_callbacks_due:
            for take_care in self.due:
                take_care(saved)
        if ended and is_final(saved.status):
            for hear in tuple(self.ended):
                await hear(saved)

    async def wait_for_end(self, execution_id: str, seconds: float) -> Execution | None:
        """Wait until an Execution is final, at most some seconds; returns it as it is then."""
        over = asyncio.Event()

        async def hear(execution: Execution) -> None:
            if execution.id == execution_id:
                over.set()

        self.ended.append(hear)
        try:
            execution = await self.store.get_execution(execution_id)
            if execution is None or is_final(execution.status):
                return execution
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), seconds)
        finally:
            self.ended.remove(hear)
        return await self.store.get_execution(execution_id)

    async def save(self, task: Task) -> Task:
        """Save a Task; returns it with its next version."""
        return await _outlasting(partial(self.store.save_task, task))

    async def tell(self, owner: str, event: Event) -> None:
        """Write an event."""
        await _outlasting(partial(self.events.append, owner, event))

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
    """Give an Execution its final status; False when it has one.

    Whoever saves it calls `Records.settle` when all that belongs to its end has been done.
    """
    if is_final(execution.status):
        return False
    execution.status = changed(execution.status, status)
    execution.ending = True
    execution.message = message
    execution.finished = now()
    if status is Status.SUCCESSFUL:
        execution.progress = 100
    return True


def follow(execution: Execution) -> None:
    """Bring an Execution's callbacks in line with it, to be saved together."""
    if execution.target is Target.DELETED:
        end_callbacks(execution.callbacks)
    else:
        note_status(execution.callbacks, execution.status, now())


def _shown(execution: Execution) -> tuple[Status, str, int]:
    """Return what the events of an Execution tell of it."""
    return execution.status, execution.message, execution.progress


async def _outlasting(do: Callable[[], Awaitable[T]]) -> T:
    delay = 0.5
    while True:
        try:
            return await do()
        except (StoreFull, StoreAway) as error:
            _log.error("waiting for the store: %s", error)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _log.error("waiting for room: %s", error)
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_WAIT)
