"""Takes experiments over, one after the other; may be ended and begun again at any time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.moving.files import write_journal, write_outputs
from ccp_jupyter.hub_service.moving.records import Records, origin, records
from ccp_jupyter.hub_service.moving.source import Source
from ccp_jupyter.hub_service.moving.values import Damaged, Json
from ccp_jupyter.hub_service.store.base import Duplicate, Store
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.experiment import batch_id

_LONGEST_NAME: Final = 200


@dataclass(slots=True)
class Outcome:
    """What was done, and what could not be."""

    experiments: int = 0
    """Taken over in this run."""
    batches: int = 0
    already: int = 0
    """Experiments that were there from an earlier run."""
    unfinished: int = 0
    """Batches that CC-Agency had not finished."""
    streams: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    """``kind``, ``id`` and ``reason`` of what was not taken over."""
    owners: Counter[str] = field(default_factory=Counter)
    """Names at the hub, and how many Experiments each has."""
    ids: dict[str, str] = field(default_factory=dict)

    def skip(self, kind: str, id_: object, reason: str) -> None:
        """Note what is not taken over."""
        self.skipped.append({"kind": kind, "id": str(id_)[:_LONGEST_NAME], "reason": reason})


@dataclass(slots=True)
class Target:
    """Where things go."""

    store: Store
    folders: Folders


async def take_over(
    source: Source,
    target: Target | None,
    users: dict[str, str],
    infrastructure_id: str,
    outcome: Outcome,
) -> None:
    """Take over all experiments of a database that are not there yet.

    Parameters
    ----------
    source : Source
        The database.
    target : Target or None
        None: nothing is written.
    users : dict
        Names in CC-Agency to names at the hub.
    infrastructure_id : str
        What the Executions shall belong to.
    outcome : Outcome
        Filled in while it goes on, so that it is right when this is ended by an error.

    Raises
    ------
    pymongo.errors.PyMongoError
        The database went away.
    ccp_jupyter.hub_service.store.base.StoreFull, OSError
        The disk is full, or refuses.
    """
    left = source.count_batches()
    for id_ in source.strange_experiments():
        outcome.skip("experiment", id_, "_id is no ObjectId")
    for document in source.experiments():
        found = source.batches(document["_id"])
        left -= len(found)
        try:
            made = _understood(document, found, users, infrastructure_id)
            await _keep(source, target, made, outcome)
        except (Damaged, Duplicate, ValueError) as error:
            outcome.skip("experiment", document["_id"], _why(error))
    if left > 0:
        outcome.skip("batch", f"{left} of them", "their experiment is not there")


def _understood(
    document: Json, batches: list[Json], users: dict[str, str], infrastructure_id: str
) -> Records:
    try:
        return records(document, batches, users, infrastructure_id)
    except Damaged:
        raise
    except Exception as error:
        # Nobody knows all that a database can hold; one document must not keep back the others.
        raise Damaged(f"it is damaged in an unforeseen way ({type(error).__name__})") from error


def _why(error: Exception) -> str:
    # What a record's own check says can repeat values.
    return str(error) if isinstance(error, Damaged | Duplicate) else "a value cannot be kept"


async def _keep(source: Source, target: Target | None, made: Records, outcome: Outcome) -> None:
    execution = made.execution
    there = await target.store.get_execution(execution.id) if target else None
    if there is not None and origin(there) != origin(execution):
        raise Duplicate(f"its new id {execution.id} belongs to another Execution")
    for id_, reason in made.skipped:
        outcome.skip("batch", id_, reason)
    if there is not None:
        outcome.already += 1
    elif target is not None:
        await asyncio.to_thread(_write_files, source, target.folders, made, outcome)
        try:
            await target.store.add_execution(execution, made.tasks)
        except ValueError:
            target.folders.remove(execution.id)
            raise
    if there is None:
        outcome.experiments += 1
        outcome.batches += len(made.tasks)
        outcome.unfinished += made.unfinished
    outcome.owners[execution.owner] += 1
    outcome.ids |= made.ids


def _write_files(source: Source, folders: Folders, made: Records, outcome: Outcome) -> None:
    execution = made.execution
    old = {new: id_ for id_, new in made.ids.items()}
    # What an earlier run that was killed left behind.
    folders.remove(execution.id)

    def opened(task: Task, name: str) -> Iterator[bytes] | None:
        found = source.stream(old[batch_id(execution.id, task.index)], name)
        outcome.streams += found is not None
        return found

    execution.output_size, problems = write_outputs(folders, execution, made.tasks, opened)
    for problem in problems:
        outcome.skip("stream", execution.id, problem)
    write_journal(folders, execution, made.tasks)
