"""A process that writes to a store and says on stdout what the store has acknowledged.

Run as ``python -m tests.contract.store_child KIND FOLDER NAME``; ends when it is killed.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.model.states import TaskState
from tests.contract.store_data import a_method, a_task, an_execution
from tests.contract.stores import PLACES

WRITERS = 8


def acknowledge(*words: object) -> None:
    print(*words, flush=True)


async def write(store: Store, writer: str) -> None:
    method = await store.add_method(a_method(writer))
    for number in itertools.count():
        name = f"{writer}-{number}"
        tasks = [a_task(name, 1), a_task(name, 2)]
        kept = await store.add_execution(an_execution(name, output_size=10), tasks)
        acknowledge("execution", name, 1)
        for _ in range(2):
            kept = await store.save_execution(kept)
            acknowledge("execution", name, kept.version)
        task = await store.save_task(
            tasks[1].model_copy(update={"version": 1, "state": TaskState.RUNNING})
        )
        acknowledge("task", name, task.version)
        method = await store.save_method(method)
        acknowledge("method", writer, method.version)
        if number % 3 == 2:
            await store.remove_execution(name)
            acknowledge("removed", name, 0)


async def main(kind: str, folder: str, name: str) -> None:
    store = await PLACES[kind](Path(folder)).open()
    await asyncio.gather(*(write(store, f"{name}{n}") for n in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
