"""Fills the store through its own interface, while no service runs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from pathlib import Path

from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status, is_final

_TOGETHER = 500


def stock(database: Path, wanted: int) -> None:
    """Give the store so many Executions, all of them finished.

    What is missing becomes copies of a finished one; what is not finished, or too many, goes.

    Parameters
    ----------
    database : Path
        Of a service that does not run.
    wanted : int
        At least 1.

    Raises
    ------
    RuntimeError
        There is no successful Execution to copy.
    """
    asyncio.run(_stock(database, wanted))


async def _stock(database: Path, wanted: int) -> None:
    store = await SqliteStore.open(database)
    try:
        found = await _all(store)
        final = [e for e in found if is_final(e.status)]
        # Successful ones first: one of them is copied.
        keep = sorted(final, key=lambda e: e.status is not Status.SUCCESSFUL)[:wanted]
        kept = {execution.id for execution in keep}
        await _in_parts([store.remove_execution(e.id) for e in found if e.id not in kept])
        await _add_copies(store, keep, wanted - len(keep))
    finally:
        await store.close()


async def _all(store: Store) -> list[Execution]:
    found: list[Execution] = []
    while True:
        page = await store.list_executions(ExecutionQuery(limit=1000, offset=len(found)))
        found += page.items
        if page.next_offset is None:
            return found


async def _add_copies(store: Store, kept: list[Execution], count: int) -> None:
    original = next((e for e in kept if e.status is Status.SUCCESSFUL), None)
    if original is None:
        raise RuntimeError("no successful Execution to copy: run one first")
    tasks = await store.list_tasks(original.id)
    copies = [_copy(original, tasks, number) for number in range(count)]
    await _in_parts([store.add_execution(execution, copied) for execution, copied in copies])


def _copy(original: Execution, tasks: list[Task], number: int) -> tuple[Execution, list[Task]]:
    earlier = timedelta(seconds=number)
    execution = original.model_copy(
        update={
            "id": str(uuid.uuid4()),
            "created": original.created - earlier,
            "idempotency_key": None,
            "output_size": 0,
        }
    )
    theirs = {"execution_id": execution.id, "created": execution.created}
    return execution, [task.model_copy(update=theirs) for task in tasks]


async def _in_parts(work: Sequence[Awaitable[object]]) -> None:
    for begin in range(0, len(work), _TOGETHER):
        await asyncio.gather(*work[begin : begin + _TOGETHER])
