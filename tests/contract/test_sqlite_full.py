"""SQLite store on a disk that is full: nothing acknowledged is lost, and it goes on afterwards."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.store.base import StoreFull, Usage
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Execution
from tests.conftest import missing
from tests.contract.store_data import a_task, an_execution, ids
from tests.contract.stores import integrity

SIZE = 3 * 2**20
BALLAST = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 3 MiB, a third of it taken by a file that a test may remove."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        missing(f"the right to mount a file system (run as root): {done.stderr.strip()}")
    try:
        (folder / "ballast").write_bytes(b"x" * BALLAST)
        yield folder
    finally:
        # Lazily: a test that failed has left its store open, and must not leave the mount too.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_room(folder: Path) -> None:
    (folder / "ballast").unlink()


def large(name: str) -> Execution:
    return an_execution(name, message="x" * 30_000, output_size=1)


async def fill(store: SqliteStore, prefix: str, together: int) -> set[str]:
    """Add Executions until none fits; return those that were acknowledged."""
    acknowledged: set[str] = set()
    for turn in range(1000):
        names = [f"{prefix}{turn}.{n}" for n in range(together)]
        results = await asyncio.gather(
            *(store.add_execution(large(name), [a_task(name)]) for name in names),
            return_exceptions=True,
        )
        assert all(isinstance(result, (Execution, StoreFull)) for result in results), results
        kept = {name for name, r in zip(names, results, strict=True) if isinstance(r, Execution)}
        acknowledged |= kept
        if not kept:
            return acknowledged
    raise AssertionError("the disk does not get full")


async def assert_exactly(store: SqliteStore, names: set[str]) -> None:
    assert set(await ids(store)) == names
    assert {task.execution_id for task in await store.open_tasks()} == names
    assert await store.usage("alice", "local") == Usage(len(names), len(names))


@pytest.mark.parametrize("together", [1, 20])
@pytest.mark.parametrize("journal_mode", ["WAL", "TRUNCATE"])
async def test_full_disk_loses_nothing_and_is_usable_again(
    small_disk: Path, journal_mode: str, together: int
) -> None:
    path = small_disk / "store.sqlite"
    store = await SqliteStore.open(path, journal_mode=journal_mode)
    acknowledged = await fill(store, "a", together)
    assert len(acknowledged) > 5
    await assert_exactly(store, acknowledged)
    with pytest.raises(StoreFull, match=r"no room left on the disk of .*free some"):
        await store.add_execution(large("late"), [a_task("late")])
    some = await store.get_execution(min(acknowledged))
    assert some is not None
    with pytest.raises(StoreFull):
        await store.save_execution(some.model_copy(update={"message": "y" * 200_000}))
    assert await store.get_execution(some.id) == some
    await assert_exactly(store, acknowledged)

    await asyncio.to_thread(make_room, small_disk)
    await store.add_execution(large("late"), [a_task("late")])
    saved = await store.save_execution(some.model_copy(update={"message": "y" * 200_000}))
    assert saved.version == some.version + 1
    await assert_exactly(store, acknowledged | {"late"})
    await store.close()
    assert integrity(path) == "ok"

    again = await SqliteStore.open(path, journal_mode=journal_mode)
    await assert_exactly(again, acknowledged | {"late"})
    assert await again.get_execution(some.id) == saved
    await again.close()


@pytest.mark.parametrize("journal_mode", ["WAL", "TRUNCATE"])
async def test_what_does_not_fit_does_not_harm_what_does(
    small_disk: Path, journal_mode: str
) -> None:
    """Too large even for SQLite's memory: it finds out, and undoes everything, before the end."""
    store = await SqliteStore.open(small_disk / "store.sqlite", journal_mode=journal_mode)
    first = await store.add_execution(an_execution("first", output_size=1), [a_task("first")])
    small = [an_execution(f"e{n}", output_size=1) for n in range(10)]
    huge = an_execution("huge", message="x" * 5 * 2**20)
    results = await asyncio.gather(
        store.save_execution(first.model_copy(update={"message": huge.message})),
        *(store.add_execution(record, [a_task(record.id)]) for record in (*small, huge)),
        return_exceptions=True,
    )
    assert [isinstance(result, StoreFull) for result in results] == [True, *[False] * 10, True]
    assert all(isinstance(result, Execution) for result in results[1:11])
    await assert_exactly(store, {"first", *(record.id for record in small)})
    assert await store.get_execution("first") == first
    await store.close()


async def test_what_a_kill_on_a_full_disk_leaves_is_whole(small_disk: Path) -> None:
    """The files as they lie there, without a close."""
    path = small_disk / "store.sqlite"
    store = await SqliteStore.open(path)
    acknowledged = await fill(store, "a", 5)
    copy = small_disk.parent / "copy"
    await asyncio.to_thread(subprocess.run, ["cp", "-r", str(small_disk), str(copy)], check=True)
    await store.close()
    again = await SqliteStore.open(copy / "store.sqlite")
    await assert_exactly(again, acknowledged)
    await again.close()
    assert integrity(copy / "store.sqlite") == "ok"


async def test_opening_where_nothing_fits(small_disk: Path) -> None:
    rest = small_disk / "rest"
    await asyncio.to_thread(
        subprocess.run, ["dd", "if=/dev/zero", f"of={rest}"], capture_output=True
    )
    with pytest.raises(StoreFull, match="no room left"):
        await SqliteStore.open(small_disk / "store.sqlite")
    await asyncio.to_thread(make_room, small_disk)
    store = await SqliteStore.open(small_disk / "store.sqlite")
    await store.add_execution(an_execution("e1"), [])
    await store.close()
