"""SQLite store: opening, migrating, refusing, and living beside other programs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ccp_jupyter.hub_service.store import tables
from ccp_jupyter.hub_service.store.base import StoreUnusable, Usage
from ccp_jupyter.hub_service.store.connections import Settings, engine
from ccp_jupyter.hub_service.store.schema import migrate
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from tests.contract.store_data import (
    a_full_execution,
    a_task,
    an_execution,
    ids,
)
from tests.contract.stores import integrity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path)
    yield opened
    await opened.close()


def run(path: Path, statement: str, *parameters: object) -> list[Any]:
    """Run one statement as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
        return connection.execute(statement, parameters).fetchall()


def revision(path: Path) -> str:
    return str(run(path, "SELECT version_num FROM alembic_version")[0][0])


@contextmanager
def held(path: Path, begin: str) -> Iterator[sqlite3.Connection]:
    """Let another program hold a lock."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(begin)
        yield other


# -- Files that cannot be used


async def use(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.add_execution(a_full_execution(), [])
    await store.close()


def refusal(path: Path, **options: Any) -> str:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreUnusable) as caught:
        asyncio.run(SqliteStore.open(path, **options))
    assert before is None or path.read_bytes() == before
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_newer_schema_is_refused(path: Path) -> None:
    migrate(Settings(path))
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    text = refusal(path)
    assert "newer version" in text
    assert "9999" in text
    assert "install" in text


def test_other_programs_database_is_refused(path: Path) -> None:
    run(path, "CREATE TABLE users (name)")
    assert "belongs to another program" in refusal(path)
    path.unlink()
    run(path, "CREATE TABLE alembic_version (version_num)")
    assert "belongs to another program" in refusal(path)


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" * 5000)
    assert "not a SQLite database; move it away" in refusal(path)


def test_damaged_database_is_refused(path: Path) -> None:
    asyncio.run(use(path))
    path.write_bytes(path.read_bytes()[:20_000])
    assert "damaged; put a backup" in refusal(path)


def test_unusable_places_are_refused(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    assert "opened" in refusal(path)
    (tmp_path / "file").write_text("")
    assert "usable folder" in refusal(tmp_path / "file" / "store.sqlite")
    assert "usable folder" in refusal(Path("/proc/no-such/store.sqlite"))


def test_refusal_lets_go_of_the_lock(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    refusal(path)
    path.unlink()
    asyncio.run(use(path))


@pytest.mark.parametrize(
    "options", [{"journal_mode": "OFF"}, {"journal_mode": "wal; DROP"}, {"synchronous": "OFF"}]
)
def test_unsafe_options_are_refused(path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: one of"):
        asyncio.run(SqliteStore.open(path, **options))  # type: ignore[arg-type]
    assert not path.exists()


async def test_one_service_at_a_time(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreUnusable, match="another ccp service uses it"):
        await SqliteStore.open(path)
    code = (
        "import asyncio, pathlib, sys\n"
        "from ccp_jupyter.hub_service.store.sqlite import SqliteStore\n"
        "asyncio.run(SqliteStore.open(pathlib.Path(sys.argv[1])))\n"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, str(path)], capture_output=True, timeout=60
    )
    assert b"another ccp service uses it" in done.stderr
    await store.close()
    again = await SqliteStore.open(path)
    await again.close()


async def test_files_are_for_the_owner_only(store: SqliteStore, path: Path) -> None:
    await store.add_execution(an_execution(), [])
    assert {file.name for file in path.parent.iterdir()} >= {path.name, f"{path.name}-wal"}
    for file in path.parent.glob("store.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0, file.name


# -- Beside other programs


def test_locked_database_is_refused_with_advice(path: Path) -> None:
    migrate(Settings(path))
    with held(path, "BEGIN IMMEDIATE"):
        text = refusal(path, busy_timeout=0.1)
    assert "another program keeps it locked; end that program" in text


async def test_a_lock_of_another_program_blocks_writes_only(path: Path) -> None:
    store = await SqliteStore.open(path)
    kept = await store.add_execution(an_execution("e1"), [])
    try:
        with held(path, "BEGIN IMMEDIATE") as other:
            waiting = asyncio.ensure_future(store.save_execution(kept))
            for _ in range(20):  # none of them could be answered if it waited for the lock
                assert await store.get_execution("e1") == kept
                assert await ids(store) == ["e1"]
            assert not waiting.done()
            other.execute("COMMIT")
        assert (await waiting).version == 2
    finally:
        await store.close()


async def test_a_lock_that_stays_is_an_error_with_advice(path: Path) -> None:
    store = await SqliteStore.open(path, busy_timeout=0.1)
    kept = await store.add_execution(an_execution("e1"), [])
    try:
        with held(path, "BEGIN IMMEDIATE"):
            with pytest.raises(StoreUnusable, match="keeps it locked"):
                await store.save_execution(kept)
            assert await store.get_execution("e1") == kept
        assert (await store.save_execution(kept)).version == 2
    finally:
        await store.close()


async def test_a_write_takes_the_lock_before_it_reads(path: Path) -> None:
    """Else another program's write in between would end it with "database is locked" at once."""
    migrate(Settings(path))
    made = engine(Settings(path, busy_timeout=0.1), write=True)
    try:
        with made.connect() as connection:
            connection.execute(sa.select(tables.methods)).all()
            with (
                closing(sqlite3.connect(path, timeout=0)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("DELETE FROM methods")
            connection.execute(sa.delete(tables.methods))
            connection.commit()
    finally:
        made.dispose()


def test_readers_cannot_write(path: Path) -> None:
    migrate(Settings(path))
    made = engine(Settings(path), write=False)
    try:
        with made.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
            connection.execute(sa.delete(tables.methods))
    finally:
        made.dispose()


@pytest.mark.parametrize(("journal", "synchronous"), [("WAL", "FULL"), ("TRUNCATE", "NORMAL")])
@pytest.mark.parametrize("write", [True, False])
def test_connections_are_set_as_asked(
    path: Path, journal: str, synchronous: str, write: bool
) -> None:
    made = engine(Settings(path, journal, synchronous), write=write)
    try:
        with made.connect() as connection:
            for pragma, value in {
                "journal_mode": journal.lower(),
                "synchronous": {"NORMAL": 1, "FULL": 2}[synchronous],
                "foreign_keys": 1,
                "busy_timeout": 30_000,
                "mmap_size": 0,
                "query_only": int(not write),
            }.items():
                assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value, pragma
    finally:
        made.dispose()


async def test_backup_while_writing_is_whole(store: SqliteStore, path: Path) -> None:
    await store.add_execution(an_execution("first"), [a_task("first")])
    copy = path.with_name("copy.sqlite")
    stop = threading.Event()

    async def write() -> int:
        number = 0
        while not stop.is_set() or number < 20:
            name = f"e{number}"
            await store.add_execution(an_execution(name), [a_task(name)])
            number += 1
        return number

    def back_up() -> None:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target, pages=5, sleep=0.001)
        stop.set()

    written, _ = await asyncio.gather(write(), asyncio.to_thread(back_up))
    assert written >= 20
    assert integrity(copy) == "ok"
    restored = await SqliteStore.open(copy)
    try:
        found = await ids(restored)
        assert "first" in found
        assert len(await restored.open_tasks()) == len(found)
        assert await restored.usage("alice", "local") == Usage(len(found), 0)
    finally:
        await restored.close()


# -- Threads and the end


async def test_several_event_loops_may_share_a_store(store: SqliteStore) -> None:
    async def add(name: str) -> None:
        for number in range(20):
            await store.add_execution(an_execution(f"{name}{number}"), [])
            assert await store.get_execution(f"{name}{number}") is not None

    threads = [threading.Thread(target=lambda n=n: asyncio.run(add(n))) for n in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join, 60)
    assert len(await ids(store)) == 80


async def test_close_finishes_what_is_queued(path: Path) -> None:
    store = await SqliteStore.open(path)
    writes = [
        asyncio.ensure_future(store.add_execution(an_execution(f"e{n}"), [])) for n in range(100)
    ]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    assert {record.version for record in await asyncio.gather(*writes)} == {1}
    with pytest.raises(RuntimeError, match="closed"):
        await store.add_execution(an_execution("late"), [])
    with pytest.raises(RuntimeError, match="shutdown"):
        await store.list_tasks("e1")
    assert not path.with_name(path.name + "-wal").exists()
    again = await SqliteStore.open(path)
    try:
        assert len(await ids(again)) == 100
    finally:
        await again.close()


async def test_store_leaves_no_thread_and_no_open_file(path: Path) -> None:
    def descriptors() -> list[str]:
        links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
        return [name for name in map(os.readlink, links) if str(path) in name]

    store = await SqliteStore.open(path)
    await store.add_execution(an_execution(), [])
    await ids(store)
    assert descriptors()
    assert [t.name for t in threading.enumerate() if t.name.startswith("store-")]
    await store.close()
    assert descriptors() == []
    assert [t.name for t in threading.enumerate() if t.name.startswith("store-")] == []


async def test_record_of_another_shape_is_named(store: SqliteStore, path: Path) -> None:
    await store.add_execution(an_execution("e1"), [])
    await store.close()
    run(path, "UPDATE executions SET document = '{\"id\": 1}'")
    again = await SqliteStore.open(path)
    try:
        with pytest.raises(ValueError, match="a stored Execution cannot be read"):
            await again.get_execution("e1")
    finally:
        await again.close()
