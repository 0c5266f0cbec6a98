"""The Execution folder as one zip: made from store, journal and files while it is sent."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from ccp_jupyter.hub_service.api.documents import status_info
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.logs import all_events, text_of
from ccp_jupyter.hub_service.api.operations import ZIP
from ccp_jupyter.hub_service.api.results import ARCHIVE, pretty
from ccp_jupyter.hub_service.api.streaming import CHUNK, DownloadHandler
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.events import LogEvent
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.times import iso
from ccp_jupyter.model.values import FileValue

_SPOOL_SIZE: Final = 4 * 2**20
"""Characters of log text that are gathered in memory before they go to disk."""


class FolderHandler(JobHandlerBase, DownloadHandler):
    """The Execution folder of an Execution."""

    async def get(self, job_id: str) -> None:
        """Send it as a zip; what an unfinished Execution does not have yet is left out."""
        execution = await self.visible(job_id)
        tasks = await self.services.store.list_tasks(job_id)
        record = self.services.controller.infrastructures.get(execution.infrastructure_id)
        entries = {
            "metadata/request.json": pretty(execution.request),
            "metadata/method.json": pretty(execution.method),
            "metadata/infrastructure.json": pretty(_infrastructure(execution, record)),
            "metadata/instance.json": pretty(_instance(execution, tasks)),
            "metadata/jobStatus.json": pretty(status_info(execution, self.base_url)),
            "auth/jwt.json": pretty(execution.claims),
        }
        spool = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ccp-folder-"))
        try:
            await self._spool_logs(execution.id, spool)
            stream = await asyncio.to_thread(
                _stream, entries, execution, self.services.folders, spool
            )
            self.announce(f"execution-{execution.id}.zip", ZIP)
            await self.send_chunks(_gathered(iter(stream)))
        finally:
            await asyncio.to_thread(shutil.rmtree, spool, ignore_errors=True)

    async def _spool_logs(self, execution_id: str, spool: Path) -> None:
        """Sort the journal's lines into one file for each replica and stream.

        One pass, because a journal with many replicas is long, and on disk, because it does not
        fit into memory.
        """
        gathered: dict[str, list[str]] = {}
        size = 0
        async for event in all_events(self.services.events, execution_id):
            if self.closed.is_set():
                return
            if isinstance(event, LogEvent):
                text = text_of(event)
                gathered.setdefault(f"{event.stream}.{event.task}.txt", []).append(text)
                size += len(text)
            if size > _SPOOL_SIZE:
                await asyncio.to_thread(_append, spool, gathered)
                gathered, size = {}, 0
        await asyncio.to_thread(_append, spool, gathered)


def _append(spool: Path, gathered: dict[str, list[str]]) -> None:
    for name, texts in gathered.items():
        with (spool / name).open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(texts)


def _stream(
    entries: dict[str, bytes], execution: Execution, folders: Folders, spool: Path
) -> ZipStream:
    stream = ZipStream(  # type: ignore[no-untyped-call]
        compress_type=ZIP_DEFLATED, compress_level=4
    )
    for name, data in entries.items():
        stream.add(data, name)
    for values in execution.inputs.values():
        for value in values:
            if isinstance(value, FileValue):
                path = folders.file(execution.id, value.path)
                if path.exists():
                    stream.add_path(path, value.path)
    for path in sorted(spool.iterdir()):
        stream.add_path(path, f"outputs/{path.name}")
    archive = folders.outputs(execution.id)
    if execution.output_size is not None and archive.exists():
        stream.add_path(archive, f"outputs/{ARCHIVE}", compress_type=ZIP_STORED)
    return stream


def _gathered(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield larger pieces, because each costs a change of thread."""
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) >= CHUNK:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)


def _infrastructure(execution: Execution, record: Infrastructure | None) -> dict[str, Any]:
    found: dict[str, Any] = {"id": execution.infrastructure_id}
    if record is not None:
        found |= {"name": record.name, "description": record.description, "type": record.type}
    return found | {"limits": execution.limits.model_dump(mode="json")}


def _instance(execution: Execution, tasks: list[Task]) -> dict[str, Any]:
    return {
        "executionID": execution.id,
        "image": execution.image,
        "instances": [_attempt(task, attempt) for task in tasks for attempt in task.attempts],
    }


def _attempt(task: Task, attempt: Attempt) -> dict[str, Any]:
    return {
        "replica": task.index,
        "attempt": attempt.number,
        "node": attempt.node,
        "containerID": attempt.container_id,
        "image": attempt.image,
        "exitCode": attempt.exit_code,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "phases": [{"phase": each.phase, "at": iso(each.at)} for each in attempt.phases],
    }
