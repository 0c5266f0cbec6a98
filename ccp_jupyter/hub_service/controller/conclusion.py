"""Gives Executions their final status, and with it output.zip."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

from ccp_jupyter.hub_service.controller.attempt import Parts
from ccp_jupyter.hub_service.controller.outputs import NoRoom, join
from ccp_jupyter.hub_service.controller.records import current, finish
from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status, TaskState, is_final

_log = logging.getLogger(__name__)

_LONGEST_WAIT = 30.0  # seconds between two tries while the disk is full


class Conclusion:
    """Looks at an Execution's Tasks and concludes.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    stop_tasks : callable
        Ends what is still running of an Execution; gets its id and the reason.
    """

    def __init__(self, parts: Parts, stop_tasks: Callable[[str, str], Awaitable[None]]) -> None:
        self._parts = parts
        self._records = parts.records
        self._store = parts.records.store
        self._stop_tasks = stop_tasks
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def conclude(self, execution_id: str) -> None:
        """Give an Execution its final status when its Tasks allow it; harmless at any time."""
        async with self._locks[execution_id]:
            execution = await self._store.get_execution(execution_id)
            if execution is not None and not is_final(execution.status):
                execution = await self._look_at_tasks(execution)
        self._locks.pop(execution_id, None)
        if execution is not None and is_final(execution.status):
            await self.forget_secrets(execution)

    async def _look_at_tasks(self, execution: Execution) -> Execution | None:
        tasks = await self._store.list_tasks(execution.id)
        if failed := [task for task in tasks if task.state is TaskState.FAILED]:
            return await self._fail(execution, failed[0])
        if tasks and all(task.state is TaskState.SUCCESSFUL for task in tasks):
            return await self._succeed(execution)
        return execution

    async def _fail(self, execution: Execution, task: Task) -> Execution | None:
        reason = current(task).reason or "failed"
        if execution.replicas > 1:
            reason = f"Replica {task.index}: {reason}"
        failed = await self._finish(execution, Status.FAILED, reason)
        await self._stop_tasks(execution.id, f"replica {task.index} failed")
        return failed

    async def _succeed(self, execution: Execution) -> Execution | None:
        folders = self._parts.folders
        target = folders.outputs(execution.id)
        parts = [folders.part(execution.id, i) for i in range(1, execution.replicas + 1)]
        delay = 1.0
        # A crash may have come between joining and writing the status: then the parts are gone.
        while any(part.exists() for part in parts) or not target.exists():
            try:
                await asyncio.to_thread(join, parts, target)
            except FileNotFoundError:
                reason = "Its outputs are no longer on the service's disk"
                return await self._finish(execution, Status.FAILED, reason)
            except NoRoom:
                _log.error("%s: the disk is full, waiting for room for its zip", execution.id)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_WAIT)
        size = target.stat().st_size
        return await self._finish(execution, Status.SUCCESSFUL, "Successful", size)

    async def _finish(
        self, execution: Execution, status: Status, message: str, size: int | None = None
    ) -> Execution | None:
        def change(latest: Execution) -> bool:
            latest.output_size = size
            return finish(latest, status, message)

        return await self._records.change_execution(execution.id, change)

    async def forget_secrets(self, execution: Execution) -> None:
        """Have the vault delete an Execution's secrets, as soon as it answers."""
        while execution.secrets:
            try:
                await self._parts.vault.forget(execution.id)
            except VaultUnreachable:
                await asyncio.sleep(1.0)
            else:
                return
