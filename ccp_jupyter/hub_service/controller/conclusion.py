"""Gives Executions their final status, and with it output.zip."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ccp_jupyter.hub_service import manifests
from ccp_jupyter.hub_service.controller.outputs import NoRoom, drop_part, join, room
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.records import finish
from ccp_jupyter.hub_service.store.base import BatchQuery
from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.reuse import reuse_key
from ccp_jupyter.model.states import Status, TaskState, is_final

_log = logging.getLogger(__name__)

_LONGEST_WAIT = 30.0  # seconds between two tries while the disk is full


@dataclass(frozen=True, slots=True)
class _Output:
    """What there is to say of output.zip."""

    size: int | None = None
    """Bytes; None when there is none."""
    digest: str | None = None


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
                is_method = execution.experiment is None
                look = self._look_at_tasks if is_method else self._look_at_batches
                execution = await look(execution)
        if execution is None or is_final(execution.status):
            # Not before: one who waits for this lock and a newcomer with a new one would both
            # join the zips.
            self._locks.pop(execution_id, None)
        if execution is not None and is_final(execution.status):
            await self._drop_parts(execution)
            await self.forget_secrets(execution)
            if execution.ending:
                await self._records.settle(execution_id)

    async def _look_at_batches(self, execution: Execution) -> Execution | None:
        """End an Experiment when nothing of it is left to do; a failed batch stops no other."""

        async def count(*states: BatchState) -> int:
            return await self._store.count_batches(
                BatchQuery(execution_id=execution.id, states=states)
            )

        if await count(BatchState.REGISTERED, BatchState.SCHEDULED, BatchState.PROCESSING):
            return execution
        output = await self._join(execution)
        of = f"of {execution.replicas} batches"
        if failed := await count(BatchState.FAILED):
            query = BatchQuery(
                execution_id=execution.id, states=(BatchState.FAILED,), ascending=True, limit=1
            )
            first = (await self._store.list_batches(query)).items[0]
            reason = _reason(first)
            if execution.replicas > 1:
                reason = f"{failed} {of} failed; batch {first.index}: {reason}"
            return await self._finish(execution, Status.FAILED, reason, output)
        cancelled = await count(BatchState.CANCELLED)
        if cancelled == execution.replicas:
            return await self._finish(execution, Status.DISMISSED, "All batches cancelled", output)
        message = f"Successful; {cancelled} {of} were cancelled" if cancelled else "Successful"
        return await self._finish(execution, Status.SUCCESSFUL, message, output)

    async def _join(self, execution: Execution) -> _Output:
        """Make output.zip of what the Tasks have left, with its manifest.

        Raises
        ------
        FileNotFoundError
            A part vanished.
        """
        folders = self._parts.folders
        target, listing = folders.outputs(execution.id), folders.manifest(execution.id)
        parts = {
            _folder(execution, index): part
            for index in range(1, execution.replicas + 1)
            if (part := folders.part(execution.id, index)).exists()
        }
        if target.exists():
            # A crash came between joining and writing the status.
            for part in parts.values():
                drop_part(part)
            manifest = await self._with_room(execution, lambda: manifests.kept(listing, target))
        elif parts:
            manifest = await self._with_room(execution, lambda: join(parts, target, listing))
        else:
            return _Output()
        digest = await asyncio.to_thread(lambda: manifest.digest)
        return _Output(target.stat().st_size, digest)

    async def _with_room(self, execution: Execution, make: Callable[[], Manifest]) -> Manifest:
        """Make something in a thread; while the disk is full, wait."""
        delay = 1.0
        while True:
            try:
                with room():
                    return await asyncio.to_thread(make)
            except NoRoom:
                _log.error("%s: the disk is full, waiting for room for its zip", execution.id)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_WAIT)

    async def _look_at_tasks(self, execution: Execution) -> Execution | None:
        tasks = await self._store.list_tasks(execution.id)
        if failed := [task for task in tasks if task.state is TaskState.FAILED]:
            return await self._fail(execution, failed[0])
        if tasks and all(task.state is TaskState.SUCCESSFUL for task in tasks):
            return await self._succeed(execution, tasks)
        return execution

    async def _fail(self, execution: Execution, task: Task) -> Execution | None:
        reason = _reason(task)
        if execution.replicas > 1:
            reason = f"Replica {task.index}: {reason}"
        failed = await self._finish(execution, Status.FAILED, reason)
        await self._stop_tasks(execution.id, f"replica {task.index} failed")
        return failed

    async def _succeed(self, execution: Execution, tasks: list[Task]) -> Execution | None:
        folders = self._parts.folders
        parts = [folders.part(execution.id, i) for i in range(1, execution.replicas + 1)]
        if not folders.outputs(execution.id).exists() and not all(p.exists() for p in parts):
            reason = "Its outputs are no longer on the service's disk"
            return await self._finish(execution, Status.FAILED, reason)
        output = await self._join(execution)
        # By what really ran, which may be a newer image than anybody knew at submission.
        images = {None if task.attempt is None else task.attempt.image for task in tasks}
        key = reuse_key(execution, images.pop()) if len(images) == 1 else ""
        return await self._finish(execution, Status.SUCCESSFUL, "Successful", output, key)

    async def _finish(
        self,
        execution: Execution,
        status: Status,
        message: str,
        output: _Output = _Output(),
        key: str = "",
    ) -> Execution | None:
        def change(latest: Execution) -> bool:
            latest.reuse_key = key
            latest.output_size = output.size
            latest.output_digest = output.digest
            return finish(latest, status, message)

        return await self._records.change_execution(execution.id, change)

    async def _drop_parts(self, execution: Execution) -> None:
        """Delete what some Tasks have left of an Execution that gets no output.zip."""
        folder = self._parts.folders.folder(execution.id)
        if execution.replicas == 1 and not any(folder.glob("part-1.*")):
            return

        def drop() -> None:
            # Also what a crash has left half written.
            for path in folder.glob("part-*"):
                path.unlink(missing_ok=True)

        await asyncio.to_thread(drop)

    async def forget_secrets(self, execution: Execution) -> None:
        """Have the vault delete an Execution's secrets, as soon as it answers."""
        while execution.has_secrets:
            try:
                await self._parts.vault.forget(execution.id)
            except VaultUnreachable:
                await asyncio.sleep(1.0)
            else:
                return


def _reason(task: Task) -> str:
    """Return why a Task failed: as it was said of the Task, or else of its latest Attempt."""
    attempt = task.attempt
    return task.reason or (attempt.reason if attempt is not None else None) or "failed"


def _folder(execution: Execution, index: int) -> str:
    """Return where a Task's files lie in output.zip; the only Task's lie at the top."""
    if execution.replicas == 1:
        return ""
    return f"{'replica' if execution.experiment is None else 'batch'}-{index}"
