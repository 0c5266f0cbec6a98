"""One run: a stack, a mixed load, faults, and whether all is well afterwards."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Execution, Task
from tests.chaos import faults, load, remains
from tests.chaos.report import Report, make_report
from tests.chaos.truth import Kept, Rules, Verdict, judge, read_events
from tests.stack.hub import DidNotStart
from tests.stack.service import data_dir
from tests.stack.stack import Stack

NODES = 3
ATTEMPTS = 3
"""Of one Task; the service's default."""
_DISK = "700m"
_SLOTS = 4
_SERVICES = 2
"""Over one MongoDB."""
_LONGEST = 90
"""Seconds that a script may take; those who wait for that, wait for nothing else."""
_MIB = 2**20
_MOST_MEMORY = 300 * _MIB
"""Of the service, above what it takes when it has just been started."""
_FOR_EACH = 32 * 1024
"""Bytes that the service may take more for each Execution."""


@dataclass(frozen=True)
class Plan:
    """What a run does; the same plan does the same."""

    seed: int
    tasks: int
    faults: int
    span: float
    """Seconds over which jobs and faults begin."""
    store: str = "sqlite"

    @property
    def services(self) -> int:
        """How many service processes share the work."""
        return _SERVICES if self.store == "mongodb" else 1

    @property
    def sealed(self) -> bool:
        """Whether the vault has a key file, with which secrets survive it: with odd seeds."""
        return self.seed % 2 == 1


def run(plan: Plan, folder: Path) -> Report:
    """Start a stack, let the plan loose on it, and look at what is left.

    Parameters
    ----------
    plan : Plan
        What to do.
    folder : Path
        Gets ``faults.jsonl``, ``tasks.jsonl`` (with all Attempts) and, when something is wrong,
        the logs; the stack is made in it and removed.

    Raises
    ------
    tests.stack.engines.CannotStart
        The machine lacks something.
    """
    begin = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack.up(
        folder / "stack",
        nodes=NODES,
        store=plan.store,
        services=plan.services,
        isolated=True,
        disk=_DISK,
        node_options={"slots": _SLOTS},
        limits={"max_time": _LONGEST},
    )
    try:
        _give_images(stack)
        if plan.sealed:
            _seal_vault(stack)
        report = _run(plan, stack, folder)
        report.seconds = time.monotonic() - begin
        if report.problems:
            shutil.copytree(stack.folder / "logs", folder / "logs", dirs_exist_ok=True)
        return report
    finally:
        stack.down()


def _run(plan: Plan, stack: Stack, folder: Path) -> Report:
    drawn = faults.draw(plan.seed, plan.faults, plan.span, sorted(stack.engines), plan.store)
    injector = faults.Injector(stack, drawn, folder / "faults.jsonl")
    work = load.Load(stack, load.draw(plan.seed, plan.tasks, plan.span))
    with Memory(stack) as memory, Supervisor(stack, injector.lock("service")):
        injector.start()
        work.run()
        injector.join()
        problems = [*injector.problems, *remains.on_engines(stack), *remains.in_vault(stack)]
    most = _MOST_MEMORY + _FOR_EACH * len(work.stories)
    if memory.growth > most:
        problems.append(f"the service grew by {memory.growth} bytes, {most} would be well")
    stack.restart_service()  # in its own way, and once more with nothing to do
    for name in stack.services:
        stack.kill_service(signal.SIGTERM, name)
    verdicts, left = asyncio.run(
        _look_into_store(plan, stack, work.stories, injector.blows, folder / "tasks.jsonl")
    )
    problems += left
    problems += remains.in_spool(stack)
    problems += remains.of_secrets(stack, f"planted-w{plan.seed}n")
    for log in sorted((stack.folder / "logs").glob("service*.log")):
        problems += remains.in_log(log)
    for verdict in verdicts:
        problems += verdict.problems
    return make_report(plan, verdicts, injector.blows, problems, memory.growth)


async def _look_into_store(
    plan: Plan,
    stack: Stack,
    stories: Sequence[load.Story],
    blows: Sequence[faults.Blow],
    dump: Path,
) -> tuple[list[Verdict], list[str]]:
    store = await _open_store(plan, stack)
    folders = Folders(data_dir(stack.folder) / "executions")
    try:
        found = (await store.list_executions(ExecutionQuery(limit=1_000_000))).items
        wanted = {s.id for s in stories if s.id and not (s.work.asks == "delete" and s.asked)}
        problems = await remains.in_store(store, wanted, found)
        problems += remains.on_disk(stack, found)
        kept = {}
        with dump.open("w") as file:
            for execution in found:
                tasks = await store.list_tasks(execution.id)
                file.writelines(f"{task.model_dump_json()}\n" for task in tasks)
                kept[execution.id] = _kept(execution, tasks, folders)
        rules = Rules(ATTEMPTS, plan.sealed)
        return [judge(s, kept.get(s.id), blows, rules) for s in stories], problems
    finally:
        await store.close()


async def _open_store(plan: Plan, stack: Stack) -> Store:
    if plan.store == "mongodb":
        return await MongoStore.open(stack.document["mongodb"])
    return await SqliteStore.open(data_dir(stack.folder) / "store.sqlite")


def _kept(execution: Execution, tasks: list[Task], folders: Folders) -> Kept:
    return Kept(execution, tasks, read_events(folders.journal(execution.id)))


def _give_images(stack: Stack) -> None:
    """Let every engine have the large image: fetching it takes longer than a short run has."""

    def pull(name: str) -> None:
        client = stack.engines[name].client(timeout=300)
        try:
            client.pull(stack.images["red"])
        finally:
            client.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(pull, stack.engines))


def _seal_vault(stack: Stack) -> None:
    key = stack.folder / "vault.key"
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    stack.set_options(vault_key_file=str(key))
    vault = stack.vault
    for name in stack.services:
        stack.kill_service(name=name)
    if vault is not None:
        vault.kill()
    for name in stack.services:
        stack.start_service(name=name)


class Supervisor:
    """Starts service processes again that have ended by themselves, in a ``with``.

    One of several ends when it can no longer be sure that it drives alone, and counts on that. A
    service that is the only one has no reason to end, and is not started again.

    Parameters
    ----------
    stack : Stack
        Whose.
    by_faults : lock
        Held while a fault is at work on a service process.
    """

    def __init__(self, stack: Stack, by_faults: threading.Lock) -> None:
        self._stack = stack
        self._by_faults = by_faults
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Supervisor:
        if len(self._stack.services) > 1:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(1.0):
            with self._by_faults:
                for name, process in self._stack.services.items():
                    if not process.alive():
                        # While MongoDB is away it ends again, and the next round starts it again.
                        with suppress(DidNotStart):
                            self._stack.start_service(name=name)


class Memory:
    """Watches how much memory the service takes, in a ``with``.

    Attributes
    ----------
    growth : int
        Bytes: the most that any of its processes had, above the least that any had.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._least = self._most = _resident(stack.service.pid)

    @property
    def growth(self) -> int:
        return self._most - self._least

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.5):
            # Between its death and its next life there is none.
            with suppress(FileNotFoundError, ProcessLookupError, ValueError):
                self._most = max(self._most, _resident(self._stack.service.pid))


def _resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [each for each in lines if each.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024
