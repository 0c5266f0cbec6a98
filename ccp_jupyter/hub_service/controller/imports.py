"""Executions that ran elsewhere, kept here."""

from __future__ import annotations

import asyncio
import errno
import os
from datetime import datetime
from pathlib import Path

from ccp_jupyter.hub_service.controller.base import Imported, ServiceFull
from ccp_jupyter.hub_service.controller.records import Records
from ccp_jupyter.hub_service.controller.submission import check_usage
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import StoreFull
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.states import is_final


def came(execution: Execution) -> datetime:
    """Return since when an Execution is here: one that ran elsewhere is older than that."""
    origin = execution.origin
    return origin.at if origin and origin.kind == "import" else execution.created


async def keep(
    imported: Imported, infrastructure: Infrastructure, records: Records, folders: Folders
) -> Execution:
    """Keep an Execution that ran elsewhere, with its files, or nothing.

    Parameters
    ----------
    imported : Imported
        Checked; its folder is moved, and stays where it is when this raises.
    infrastructure : Infrastructure
        To whose limits it counts.
    records, folders : Records, Folders
        Where it goes.

    Raises
    ------
    LimitReached, ServiceFull
    ValueError
        It is not final: it would be taken up here, where nothing of it runs.
    """
    execution = imported.execution
    if not (is_final(execution.status) and all(is_final(each.state) for each in imported.tasks)):
        raise ValueError(f"Execution {execution.id} has not ended")
    check_usage(await records.store.usage(execution.owner, infrastructure.id), infrastructure)
    folder = folders.folder(execution.id)
    try:
        await asyncio.to_thread(folders.begin, execution.id)
        await asyncio.to_thread(_move, imported.files, folder)
        kept = await records.store.add_execution(execution, imported.tasks)
    except BaseException as error:
        await asyncio.to_thread(folders.remove, execution.id)
        if isinstance(error, StoreFull) or getattr(error, "errno", None) == errno.ENOSPC:
            raise ServiceFull("The service's disk is full; tell its admin") from error
        raise
    # The last event: whoever follows the list of Executions hears of it.
    await records.tell_status(kept)
    await asyncio.to_thread(folders.keep, execution.id)
    return kept


def _move(source: Path, target: Path) -> None:
    """Give a folder its place, durably, with all files in it."""
    for place, _, names in os.walk(source):
        for name in names:
            _flush(Path(place, name))
        _flush(Path(place))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
