"""An Execution's files from a CC-Agency database: output.zip and the event journal."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Final

from ccp_jupyter.hub_service.controller.outputs import whole_or_nothing
from ccp_jupyter.hub_service.events.journal import Journal, encoded, sync
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.moving.source import Incomplete
from ccp_jupyter.model.events import Event, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status

STREAMS: Final = ("stdout", "stderr")

_LEVEL: Final = 4
# Times that a zip can hold.
_ZIP_FIRST: Final = (1980, 1, 1, 0, 0, 0)
_ZIP_LAST: Final = (2107, 12, 31, 23, 59, 58)

Open = Callable[[Task, str], Iterator[bytes] | None]
"""Opens a stream of a batch, or tells by None that there is none."""


def write_outputs(
    folders: Folders, execution: Execution, tasks: list[Task], opened: Open
) -> tuple[int | None, list[str]]:
    """Write output.zip with the streams and the agent's reports.

    The layout is that of Experiments that ran here: ``stdout``, ``stderr``, ``result.json``, in a
    folder ``batch-<index>`` when there are several batches.

    Returns
    -------
    size : int or None
        Bytes of the zip; None when there is nothing to put into one.
    problems : list of str
        Streams that are damaged in the database; what could be read of them is in the zip.

    Raises
    ------
    ccp_jupyter.hub_service.controller.outputs.NoRoom
    """
    target = folders.outputs(execution.id)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    problems: list[str] = []
    with (
        whole_or_nothing(target) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive,
    ):
        for task in tasks:
            prefix = f"batch-{task.index}/" if execution.replicas > 1 else ""
            _write_task(archive, prefix, task, opened, problems)
        empty = not archive.namelist()
    if empty:
        target.unlink()
        return None, problems
    return target.stat().st_size, problems


def _write_task(
    archive: zipfile.ZipFile, prefix: str, task: Task, opened: Open, problems: list[str]
) -> None:
    for name in STREAMS:
        chunks = opened(task, name)
        if chunks is None:
            continue
        with archive.open(_entry(prefix + name, task), "w", force_zip64=True) as sink:
            try:
                for chunk in chunks:
                    sink.write(chunk)
            except Incomplete as error:
                problems.append(f"{name} of batch {task.index}: {error}")
    result = task.attempt.result if task.attempt else None
    if result is not None:
        text = json.dumps(result, ensure_ascii=False, indent=1)
        archive.writestr(_entry(f"{prefix}result.json", task), text)


def _entry(name: str, task: Task) -> zipfile.ZipInfo:
    moment = (task.ended or task.created).timetuple()[:6]
    info = zipfile.ZipInfo(name, min(max(moment, _ZIP_FIRST), _ZIP_LAST))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100600 << 16
    return info


def write_journal(folders: Folders, execution: Execution, tasks: list[Task]) -> None:
    """Write the events that the Execution would have had, so that monitors show its course.

    Raises
    ------
    ccp_jupyter.hub_service.events.journal.JournalFull
    """
    path = folders.journal(execution.id)
    path.unlink(missing_ok=True)
    journal = Journal(path)
    try:
        _, error = journal.append([encoded(event) for event in _events(execution, tasks)])
    finally:
        journal.close()
    if error is not None:
        raise error
    sync(path)


def _events(execution: Execution, tasks: list[Task]) -> list[Event]:
    def status(at: datetime, which: Status, message: str, progress: int) -> StatusEvent:
        return StatusEvent(
            execution_id=execution.id, at=at, status=which, message=message, progress=progress
        )

    phases = [
        PhaseEvent(
            execution_id=execution.id,
            at=each.at,
            task=task.index,
            attempt=attempt.number,
            node=attempt.node,
            phase=each.phase,
        )
        for task in tasks
        for attempt in task.attempts
        for each in attempt.phases
    ]
    phases.sort(key=attrgetter("at"))
    first = status(execution.created, Status.ACCEPTED, "Accepted", 0)
    end = execution.finished or execution.updated
    last = status(end, execution.status, execution.message, execution.progress)
    return [first, *phases, last]
