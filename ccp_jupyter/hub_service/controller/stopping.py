"""Ends Tasks that have no outcome yet."""

from __future__ import annotations

import asyncio
from typing import Final

from ccp_jupyter.hub_service.controller.hooks import Hooks
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.hub_service.store.base import Conflict
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.states import TaskState, changed, is_final
from ccp_jupyter.model.times import now

_AT_ONCE: Final = 100
_LOOK_AGAIN: Final = 0.02  # seconds


class Stopping:
    """Ends Tasks: those that wait at once, those under way by ending their Attempts.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    runs : Runs
        The Attempts under way.
    queue : TaskQueue
        The Tasks that wait.
    hooks : Hooks
        Hear of batches that ended.
    """

    def __init__(self, parts: Parts, runs: Runs, queue: TaskQueue, hooks: Hooks) -> None:
        self._records = parts.records
        self._store = parts.records.store
        self._notify = bool(parts.hooks)
        self._runs = runs
        self._queue = queue
        self._hooks = hooks

    async def stop_all(self, execution_id: str, reason: str) -> None:
        """End all Tasks of an Execution that have no outcome yet."""
        tasks = await self._store.list_tasks(execution_id)
        # The store commits together what comes at once.
        for begin in range(0, len(tasks), _AT_ONCE):
            part = tasks[begin : begin + _AT_ONCE]
            await asyncio.gather(*(self._stop(task, reason) for task in part))

    async def stop_one(
        self, execution_id: str, index: int, reason: str, patience: float
    ) -> Task | None:
        """End one Task.

        Parameters
        ----------
        execution_id, index : str, int
            Which one.
        reason : str
            In words for the user.
        patience : float
            Seconds to wait for its outcome.

        Returns
        -------
        Task or None
            As it is then; None when there is none.
        """
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            task = await self._store.get_task(execution_id, index)
            if task is not None:
                task = await self._stop(task, reason)
            over = asyncio.get_running_loop().time() > deadline
            if task is None or is_final(task.state) or over:
                return task
            await asyncio.sleep(_LOOK_AGAIN)

    async def end_queued(self, task: Task, state: TaskState, reason: str) -> Task:
        """Give a Task that waits its final state; returns it as it is then.

        When somebody was quicker that may be another one.
        """
        while task.state is TaskState.QUEUED:
            task.state = changed(task.state, state)
            task.ended, task.reason = now(), reason
            task.to_notify = self._notify and task.batch is not None
            try:
                task = await self._records.save(task)
            except Conflict:
                latest = await self._store.get_task(task.execution_id, task.index)
                if latest is None:
                    return task
                task = latest
            else:
                # Not before: until then it may be placed, and the room be another's to release.
                self._queue.release(task.id)
                self.tell_hooks(task)
        return task

    def tell_hooks(self, task: Task) -> None:
        """Have the hooks told of a Task, if it has ended and they are to be."""
        if task.to_notify and is_final(task.state):
            self._hooks.tell(task)

    async def _stop(self, task: Task, reason: str) -> Task:
        """Ask for the end of a Task; returns it as it is then."""
        if not self._runs.dismiss(task.execution_id, task.index, reason):
            task = await self.end_queued(task, TaskState.DISMISSED, reason)
            if not is_final(task.state):  # placed in this moment
                self._runs.dismiss(task.execution_id, task.index, reason)
        return task
