"""Every store when many write at once, and when its process is killed."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, ExecutionQuery, Store, Usage
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import TaskState
from tests.contract.store_data import a_method, a_task, an_execution, ids
from tests.contract.stores import Place

INCREMENTS = 20
GONE = 10**9  # stands for the version of what was removed: newer than all others


async def increment_execution(store: Store) -> None:
    """Add 1 to the progress of e1, again and again until nobody came between."""
    while True:
        found = await store.get_execution("e1")
        assert found is not None
        try:
            await store.save_execution(found.model_copy(update={"progress": found.progress + 1}))
        except Conflict:
            continue
        return


async def increment_task(store: Store) -> None:
    while True:
        found = await store.get_task("e1", 1)
        assert found is not None
        try:
            await store.save_task(found)
        except Conflict:
            continue
        return


async def increment_method(store: Store) -> None:
    while True:
        found = await store.get_method("m1")
        assert found is not None
        count = found.document.get("count", 0) + 1
        try:
            await store.save_method(found.model_copy(update={"document": {"count": count}}))
        except Conflict:
            continue
        return


async def filled(store: Store) -> None:
    await store.add_execution(an_execution("e1"), [a_task("e1")])
    await store.add_method(a_method("m1"))


async def assert_counted(store: Store, count: int) -> None:
    execution = await store.get_execution("e1")
    task = await store.get_task("e1", 1)
    method = await store.get_method("m1")
    assert execution is not None
    assert task is not None
    assert method is not None
    assert (execution.progress, execution.version) == (count, count + 1)
    assert task.version == count + 1
    assert (method.document["count"], method.version) == (count, count + 1)


async def test_no_update_is_lost_between_tasks(store: Store) -> None:
    await filled(store)

    async def repeat(increment: Callable[[Store], Awaitable[None]]) -> None:
        for _ in range(INCREMENTS):
            await increment(store)

    kinds = (increment_execution, increment_task, increment_method)
    await asyncio.gather(*(repeat(kind) for kind in kinds for _ in range(4)))
    await assert_counted(store, 4 * INCREMENTS)


async def test_no_update_is_lost_between_threads(store: Store) -> None:
    await filled(store)
    loop = asyncio.get_running_loop()
    errors: list[BaseException] = []

    def repeat() -> None:
        try:
            for _ in range(INCREMENTS):
                for increment in (increment_execution, increment_task, increment_method):
                    asyncio.run_coroutine_threadsafe(increment(store), loop).result(60)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join, 60)
    assert errors == []
    await assert_counted(store, 4 * INCREMENTS)


async def test_of_many_with_one_version_one_wins(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1"), [])
    results = await asyncio.gather(
        *(store.save_execution(kept.model_copy(update={"message": str(n)})) for n in range(30)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, Execution)]
    assert len(winners) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 29
    assert await store.get_execution("e1") == winners[0]


async def test_of_many_with_one_key_one_wins(store: Store) -> None:
    results = await asyncio.gather(
        *(
            store.add_execution(an_execution(f"e{n}", idempotency_key="k"), [a_task(f"e{n}")])
            for n in range(30)
        ),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, Execution)]
    assert len(winners) == 1
    assert sum(isinstance(result, Duplicate) for result in results) == 29
    assert await store.find_execution("alice", "k") == winners[0]
    assert await ids(store) == [winners[0].id]
    assert [task.execution_id for task in await store.open_tasks()] == [winners[0].id]


async def test_one_refused_write_does_not_harm_those_beside_it(store: Store) -> None:
    await store.add_execution(an_execution("taken"), [])
    writes = [
        store.add_execution(an_execution("taken" if n % 3 == 1 else f"e{n}"), [a_task(f"e{n}")])
        if n % 3 != 1
        else store.add_execution(an_execution("taken"), [])
        for n in range(60)
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    refused = [n for n, result in enumerate(results) if isinstance(result, BaseException)]
    assert refused == [n for n in range(60) if n % 3 == 1]
    assert all(isinstance(results[n], Duplicate) for n in refused)
    assert len(await ids(store)) == 41
    assert len(await store.open_tasks()) == 40
    assert await store.usage("alice", "local") == Usage(41, 0)


async def test_an_execution_is_seen_with_all_its_tasks_or_not_at_all(store: Store) -> None:
    done = asyncio.Event()
    seen = 0

    async def add() -> None:
        try:
            numbers = itertools.count()
            # However long it takes on this machine until somebody looks at the right moment.
            while (number := next(numbers)) < 60 or not seen:
                name = f"e{number}"
                tasks = [a_task(name, index) for index in range(1, 21)]
                await store.add_execution(an_execution(name), tasks)
                await store.remove_execution(name)
        finally:
            done.set()

    async def look() -> None:
        nonlocal seen
        while not done.is_set():
            found = await store.open_tasks()
            assert len(found) in (0, 20)
            seen += len(found) == 20

    await asyncio.gather(add(), look())


async def test_readers_never_see_an_older_state_than_before(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1"), [])
    method = await store.add_method(a_method("m1"))
    newest = [1]
    looks = [0] * 6
    done = asyncio.Event()

    async def change() -> None:
        nonlocal kept, method
        try:
            # On a busy machine the readers may be slow; each shall have met a few versions.
            while kept.version <= 150 or min(looks) <= 3:
                kept, method = await asyncio.gather(
                    store.save_execution(kept), store.save_method(method)
                )
                newest[0] = kept.version
            await store.remove_execution("e1")
            newest[0] = GONE
        finally:
            done.set()

    async def look(reader: int) -> None:
        last = 0
        while not done.is_set():
            acknowledged = newest[0]
            listed = (await store.list_executions(ExecutionQuery(owner="alice"))).items
            found = await store.get_execution("e1")
            seen = found.version if found else GONE
            assert seen >= acknowledged
            assert seen >= (listed[0].version if listed else GONE)
            assert seen >= last
            last = seen
            found_method = await store.get_method("m1")
            assert found_method is not None
            assert found_method.version >= min(acknowledged, method.version)
            looks[reader] += 1

    await asyncio.gather(change(), *(look(reader) for reader in range(6)))
    assert await store.get_execution("e1") is None


async def test_a_caller_who_gives_up_harms_nobody(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1"), [])
    waiting = [
        asyncio.ensure_future(store.add_execution(an_execution(f"x{n}"), [])) for n in range(40)
    ]
    save = asyncio.ensure_future(store.save_execution(kept))
    await asyncio.sleep(0)
    for future in waiting[::2]:
        future.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Execution) for result in results[1::2])
    assert (await save).version == 2
    listed = set(await ids(store))
    assert {f"x{n}" for n in range(1, 40, 2)} <= listed
    for n in range(0, 40, 2):
        found = await store.get_execution(f"x{n}")
        assert (found is not None) == (f"x{n}" in listed)


# -- Killed


def killed_after(lines: int, *arguments: str) -> dict[tuple[str, str], int]:
    """Run the writing process, kill it with -9, return what it had acknowledged at its end."""
    command = [sys.executable, "-W", "error", "-m", "tests.contract.store_child", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    with child:
        written = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        written += child.stdout.readlines()
        errors = child.stderr.read()
    assert written[0].endswith("\n"), errors
    acknowledged: dict[tuple[str, str], int] = {}
    for line in written:
        if line.endswith("\n"):  # the last line may be cut off
            kind, name, version = line.split()
            acknowledged[kind, name] = int(version)
    return acknowledged


async def test_killed_with_9_everything_acknowledged_is_there(
    place: Place, place_kind: str, tmp_path: Path
) -> None:
    acknowledged: dict[tuple[str, str], int] = {}
    for round_name, lines in (("a", 1), ("b", 300), ("c", 777)):
        child = (place_kind, str(tmp_path), round_name)
        acknowledged |= await asyncio.to_thread(killed_after, lines, *child)
        await place.check()
        store = await place.open()
        try:
            await assert_kept(store, acknowledged)
        finally:
            await store.close()
    await place.check()


async def assert_kept(store: Store, acknowledged: dict[tuple[str, str], int]) -> None:
    """Assert that all is there that was acknowledged, and that nothing is there by half."""
    removed = {name for kind, name in acknowledged if kind == "removed"}
    assert not removed & set(await ids(store, limit=10**6))
    present = 0
    for (kind, name), version in acknowledged.items():
        if kind == "method":
            method = await store.get_method(name)
            assert method is not None
            assert method.version >= version
        elif kind == "execution" and name not in removed:
            found = await store.get_execution(name)
            # The removal itself may have been done and not yet acknowledged.
            if found is None and version == 3 and int(name.split("-")[1]) % 3 == 2:
                continue
            assert found is not None, name
            assert found.version >= version
            present += 1
            assert len(await store.list_tasks(name)) == 2
        elif kind == "task" and name not in removed:
            task = await store.get_task(name, 2)
            assert task is None or task.state is TaskState.RUNNING
    kept = (await store.list_executions(ExecutionQuery(limit=10**6))).items
    assert len(kept) >= present
    assert await store.usage("alice", "local") == Usage(len(kept), 10 * len(kept))
