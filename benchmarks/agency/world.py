"""The real controller, store, journal and vault around a scripted engine, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.agency.scripted import ScriptedEngine
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.states import Phase, TaskState, is_final
from tests.stack.daemons import find

_ID = "scripted"


@dataclass
class World:
    """What a measurement works with."""

    controller: ServiceController
    store: SqliteStore
    engine: ScriptedEngine
    vault_pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time so far: this process, the scripted engine too, and vault."""
        return time.process_time() + machine.cpu_seconds(self.vault_pid)

    async def submit(self, document: Mapping[str, Any]) -> Execution:
        """Submit a RED document."""
        submission = ExperimentSubmission("bench", {}, dict(document), disable_retry=True)
        return await self.controller.submit_experiment(submission)

    async def wait_started(self, execution: Execution, count: int, timeout: float) -> list[float]:
        """Wait until so many of its containers were started; returns the moments, in order."""
        prefix = f"ccp-{execution.id}."
        async with asyncio.timeout(timeout):
            while True:
                # The number of all is cheap to know, so that asking often costs nothing.
                if len(self.engine.starts) >= count:
                    starts = [t for n, t in self.engine.starts.items() if n.startswith(prefix)]
                    if len(starts) >= count:
                        return sorted(starts)
                await asyncio.sleep(0.02)

    async def wait_ended(self, execution: Execution, timeout: float) -> list[Task]:
        """Wait until it has ended and its containers are gone; returns its Tasks.

        Raises
        ------
        RuntimeError
            Not all were successful.
        """
        async with asyncio.timeout(timeout):
            await _until(partial(self._is_final, execution), 0.25)
            await _until(self._is_empty, 0.05)
        tasks = await self.store.list_tasks(execution.id)
        if any(task.state is not TaskState.SUCCESSFUL for task in tasks):
            bad = next(task for task in tasks if task.state is not TaskState.SUCCESSFUL)
            raise RuntimeError(f"batch {bad.id}: {bad.state}, {bad.attempt}")
        return tasks

    async def cancel(self, execution: Execution, timeout: float = 120.0) -> None:
        """End it, and wait until its containers are gone."""
        await self.controller.dismiss(execution.id)
        async with asyncio.timeout(timeout):
            await _until(self._is_empty, 0.05)

    async def is_online(self) -> bool:
        """Tell whether the Node is."""
        return self.controller.nodes(_ID)[0].online

    async def _is_final(self, execution: Execution) -> bool:
        found = await self.store.get_execution(execution.id)
        return found is not None and is_final(found.status)

    async def _is_empty(self) -> bool:
        return not self.controller.running("node-1")


@asynccontextmanager
async def world(folder: Path, seconds: float, slots: int) -> AsyncIterator[World]:
    """Run a controller with one scripted Node.

    Parameters
    ----------
    folder : Path
        On the disk that is to be measured too; its path must be short (a socket lies there).
    seconds : float
        How long each batch runs.
    slots : int
        Containers that the Node takes at a time.
    """
    _make(folder)
    infrastructure = Infrastructure.model_validate(
        {
            "id": _ID,
            "name": "Scripted",
            "limits": {"max_time": 3600, "stored_executions": 1_000_000},
            "nodes": [
                {"id": "node-1", "base_url": "unix:///scripted", "slots": slots, "memory": 2**42}
            ],
        }
    )
    engine = ScriptedEngine(seconds)
    store = await SqliteStore.open(folder / "store.sqlite")
    folders = Folders(folder / "executions")
    events = FileEventLog(folders)
    vault_pid = await ensure_running(folder / "vault.sock", folder / "vault.log")
    vault = VaultClient(folder / "vault.sock")
    controller = ServiceController(
        {_ID: infrastructure},
        lambda _: engine,
        store,
        events,
        vault,
        folders,
        Outgoing(),
        "benchmarks",
        Settings(),
    )
    try:
        await controller.start()
        found = World(controller, store, engine, vault_pid)
        async with asyncio.timeout(30):
            await _until(found.is_online, 0.02)
        yield found
    finally:
        await controller.stop()
        await events.close()
        await vault.close()
        await store.close()
        find(vault_pid).end()


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)


async def _until(done: Callable[[], Awaitable[bool]], pause: float) -> None:
    while True:
        if await done():
            return
        await asyncio.sleep(pause)


def placed(tasks: list[Task]) -> list[float]:
    """Return when each Task was given to its Node, as of `time.time`, in order."""
    return sorted(
        each.at.timestamp()
        for task in tasks
        if task.attempt is not None
        for each in task.attempt.phases
        if each.phase is Phase.LAUNCH
    )
