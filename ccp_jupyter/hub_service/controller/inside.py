"""Executions of built-in processes, which run in the service itself: no Task, no Node."""

from __future__ import annotations

import asyncio
import logging
import zipfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from ccp_jupyter.hub_service import manifests
from ccp_jupyter.hub_service.builtin.base import BuiltIns, Failed, Produced
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.hub_service.controller.outputs import NoRoom, room, whole_or_nothing
from ccp_jupyter.hub_service.controller.records import Records, finish
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.execution import IN_SERVICE, Execution
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.request import CheckedRequest, check_request
from ccp_jupyter.model.states import Status, Target, changed, is_final
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import PlainValue

_log = logging.getLogger(__name__)

# Not checked: no configured Infrastructure can have this id, and its containers never run.
SERVICE_ITSELF: Final = Infrastructure.model_construct(
    id=IN_SERVICE, name="The service itself", limits=Limits()
)


class Inside:
    """Runs built-in processes.

    Parameters
    ----------
    built_ins : mapping
        What there is, by id.
    records, folders
        Where their Executions are kept.
    spawn : callable
        Runs something in the background until the service stops.
    """

    def __init__(
        self,
        built_ins: BuiltIns,
        records: Records,
        folders: Folders,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._built_ins = built_ins
        self._records = records
        self._folders = folders
        self._spawn = spawn
        self._working: dict[str, asyncio.Task[None]] = {}
        records.ended.append(self._ended)

    def has(self, method_id: str) -> bool:
        """Tell whether this is the id of a built-in process."""
        return method_id in self._built_ins

    def checked(self, submission: Submission) -> tuple[Method, Infrastructure, CheckedRequest]:
        """Check a request.  Raises `InvalidDocument`."""
        method = self._built_ins[submission.method.id].method
        request = check_request(method, submission.body, SERVICE_ITSELF.limits)
        return method, SERVICE_ITSELF, request

    async def call(self, submission: Submission) -> dict[str, Produced]:
        """Run a process and keep nothing of it.

        Raises
        ------
        InvalidDocument
            The request breaks rules.
        Failed
        """
        _, _, request = self.checked(submission)
        process = self._built_ins[submission.method.id].process
        return await process.run(_plain(request.inputs))

    def begin(self, execution: Execution) -> None:
        """Run a kept Execution in the background; also again, after a restart."""
        task = self._spawn(self._run(execution.id))
        self._working[execution.id] = task
        task.add_done_callback(lambda _: self._working.pop(execution.id, None))

    async def _ended(self, execution: Execution) -> None:
        """Stop working for an Execution that was dismissed."""
        task = self._working.pop(execution.id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _run(self, execution_id: str) -> None:
        execution = await self._records.change_execution(execution_id, _begun)
        if execution is None or is_final(execution.status):
            return
        try:
            offered = self._built_ins.get(execution.method_id)
            if offered is None:
                raise Failed(f"This service does not offer {execution.method_id} any more")
            produced = await offered.process.run(_plain(execution.inputs))
            # From here on it is not interrupted: a thread could not be stopped in the middle.
            self._working.pop(execution_id, None)
            left = await asyncio.to_thread(self._write, execution_id, produced)
        except (Failed, NoRoom) as error:
            await self._finish(execution_id, Status.FAILED, str(error))
        except Exception:
            _log.exception("built-in process %s failed", execution.method_id)
            await self._finish(execution_id, Status.FAILED, "Unexpected error in the service")
        else:
            await self._finish(execution_id, Status.SUCCESSFUL, "Successful", *left)

    async def _finish(
        self,
        execution_id: str,
        status: Status,
        message: str,
        size: int | None = None,
        digest: str | None = None,
    ) -> None:
        def change(execution: Execution) -> bool:
            if not finish(execution, status, message):
                return False
            execution.output_size, execution.output_digest = size, digest
            return True

        execution = await self._records.change_execution(execution_id, change)
        if execution is None or execution.target is Target.DELETED:
            await asyncio.to_thread(self._folders.remove, execution_id)
        elif execution.output_size is None:
            for path in (self._folders.outputs, self._folders.manifest):
                await asyncio.to_thread(path(execution_id).unlink, missing_ok=True)
        await self._records.settle(execution_id)

    def _write(self, execution_id: str, produced: Mapping[str, Produced]) -> tuple[int, str]:
        """Write output.zip and its manifest; returns size and digest.  Blocks.

        Raises
        ------
        NoRoom
        """
        target = self._folders.outputs(execution_id)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            whole_or_nothing(target) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for output_id, each in produced.items():
                archive.writestr(each.file_name(output_id), each.data)
        manifest = manifests.from_zip(target)
        with room():
            manifests.write(self._folders.manifest(execution_id), manifest)
        return target.stat().st_size, manifest.digest


def _begun(execution: Execution) -> bool:
    if execution.status is not Status.ACCEPTED:
        return False  # ended already, or it ran when the service was stopped
    execution.status = changed(execution.status, Status.RUNNING)
    execution.started = now()
    execution.message = "Running"
    return True


def _plain(inputs: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """Return values as a process gets them: each is one, and neither file nor secret."""
    return {
        name: values[0].value
        for name, values in inputs.items()
        if values and isinstance(values[0], PlainValue)
    }
