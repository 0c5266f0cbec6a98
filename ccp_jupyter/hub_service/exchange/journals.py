"""The journal of an imported Execution: as it was exported, or made up from what is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ccp_jupyter.hub_service.events.journal import Journal, encoded, sync
from ccp_jupyter.hub_service.exchange.archives import MIB, Archive
from ccp_jupyter.hub_service.exchange.course import sane
from ccp_jupyter.hub_service.exchange.layout import EVENTS
from ccp_jupyter.hub_service.exchange.notes import Notes
from ccp_jupyter.model.events import Event, LogEvent, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status

_LONGEST_LINE: Final = MIB
_LARGEST: Final = 256 * MIB
_AT_A_TIME: Final = 200
_LINES: Final = 200
"""Log lines in one event."""
_LONGEST_LOG_LINE: Final = 16 * 1024
_LOG: Final = re.compile(r"outputs/(stdout|stderr)\.([1-9][0-9]{0,5})\.txt")
_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


def write_journal(
    archive: Archive, execution: Execution, tasks: list[Task], target: Path, notes: Notes
) -> None:
    """Write the journal.

    Parameters
    ----------
    archive : Archive
        The Execution folder.
    execution, tasks : Execution, list of Task
        What was made of it.
    target : Path
        The file; not there yet.
    notes : Notes
        Takes what was left out.

    Raises
    ------
    InvalidDocument
        The archive is damaged, or the journal too long.
    OSError
        Such as no space left.
    """
    if EVENTS in archive:
        found = _exported(archive, execution, notes)
    else:
        found = _made_up(archive, execution, tasks)
    journal = Journal(target)
    try:
        pending: list[bytes] = []
        for event in found:
            pending.append(encoded(event))
            if len(pending) == _AT_A_TIME:
                _append(journal, pending)
                pending = []
        _append(journal, pending)
    finally:
        journal.close()
    sync(target)


def _append(journal: Journal, bodies: list[bytes]) -> None:
    _, error = journal.append(bodies)
    if error is not None:
        raise error


def _exported(archive: Archive, execution: Execution, notes: Notes) -> Iterator[Event]:
    replicas = execution.replicas
    with archive.lines(EVENTS, _LARGEST) as lines:
        number = 0
        while line := lines.readline(_LONGEST_LINE + 1):
            number += 1
            event = _parsed(line) if line.endswith(b"\n") else None
            if event is None or getattr(event, "task", 1) not in range(1, replicas + 1):
                notes.add(f"{EVENTS}: line {number} is no event of it; it was left out")
                continue
            event.execution_id = execution.id
            event.at = sane(event.at)
            yield event


def _parsed(line: bytes) -> Event | None:
    try:
        # Read as JSON first: pydantic's own parser takes a member twice, and keeps the last.
        return _EVENT.validate_python(json.loads(line))
    except (ValidationError, ValueError, RecursionError):
        return None


def _made_up(archive: Archive, execution: Execution, tasks: list[Task]) -> Iterator[Event]:
    def status(which: Status, message: str, progress: int) -> StatusEvent:
        accepted = which is Status.ACCEPTED
        return StatusEvent(
            execution_id=execution.id,
            at=execution.created if accepted else execution.finished or execution.created,
            status=which,
            message=message,
            progress=progress,
        )

    yield status(Status.ACCEPTED, "Accepted", 0)
    yield from sorted(_phases(execution, tasks), key=attrgetter("at"))
    for name in sorted(archive.files):
        if (match := _LOG.fullmatch(name)) and int(match[2]) <= execution.replicas:
            yield from _log(archive, execution, name, match[1], int(match[2]))
    yield status(execution.status, execution.message, execution.progress)


def _phases(execution: Execution, tasks: Iterable[Task]) -> Iterator[PhaseEvent]:
    for task in tasks:
        for attempt in task.attempts:
            for each in attempt.phases:
                yield PhaseEvent(
                    execution_id=execution.id,
                    at=each.at,
                    task=task.index,
                    attempt=attempt.number,
                    node=attempt.node,
                    phase=each.phase,
                )


def _log(
    archive: Archive, execution: Execution, name: str, stream: str, index: int
) -> Iterator[LogEvent]:
    def event(lines: list[str]) -> LogEvent:
        return LogEvent(
            execution_id=execution.id,
            at=execution.finished or execution.created,
            task=index,
            attempt=1,
            stream="stderr" if stream == "stderr" else "stdout",
            lines=lines,
        )

    gathered: list[str] = []
    with archive.lines(name, _LARGEST) as lines:
        while line := lines.readline(_LONGEST_LOG_LINE):
            gathered.append(line.decode(errors="replace").rstrip("\r\n"))
            if len(gathered) == _LINES:
                yield event(gathered)
                gathered = []
    if gathered:
        yield event(gathered)
