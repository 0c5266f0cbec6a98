"""SQLite store: files of older schemas are brought up and lose nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ccp_jupyter.hub_service.store import tables
from ccp_jupyter.hub_service.store.base import BatchQuery, MethodQuery, StoreUnusable, Usage
from ccp_jupyter.hub_service.store.connections import Settings, engine
from ccp_jupyter.hub_service.store.documents import milliseconds
from ccp_jupyter.hub_service.store.schema import MIGRATIONS, migrate
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.sharing import Sharing, Viewer
from ccp_jupyter.model.states import Phase, Status
from tests.contract.store_data import (
    START,
    a_method,
    a_task,
    an_attempt,
    an_execution,
    at,
    ids,
)
from tests.contract.stores import integrity
from tests.contract.test_sqlite_open import run
from tests.contract.test_store_nodes import a_node


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path)
    yield opened
    await opened.close()


def revision(path: Path) -> str:
    return str(run(path, "SELECT version_num FROM alembic_version")[0][0])


def test_the_newest_revision_is_the_one_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [tables.SCHEMA]


async def test_migrations_make_the_tables_that_the_code_knows(
    store: SqliteStore, path: Path
) -> None:
    made = engine(Settings(path), write=False)
    try:
        with made.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, tables.metadata) == []
    finally:
        made.dispose()


async def test_indexes_are_the_same_whether_migrated_or_made_from_the_tables(
    store: SqliteStore, path: Path
) -> None:
    """Compared as SQL text, because Alembic sees neither DESC nor WHERE."""

    def indexes(connection: sa.Connection) -> set[str]:
        rows = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        )
        return {" ".join(row[0].replace("executions.", "").split()) for row in rows}

    fresh = sa.create_engine("sqlite://")
    migrated = engine(Settings(path), write=False)
    try:
        with fresh.begin() as one, migrated.begin() as other:
            tables.metadata.create_all(one)
            assert indexes(other) == indexes(one)
    finally:
        fresh.dispose()
        migrated.dispose()


def fill_first_schema(path: Path, execution: Execution) -> None:
    """Write what a service with schema 0001 would have written."""
    migrate(Settings(path), "0001")
    method = a_method("m1", contexts=["lab"], version=1)
    run(
        path,
        "INSERT INTO methods VALUES ('m1', 1, 'alice', 0, 'm1', 'm1', ?)",
        method.model_dump_json(),
    )
    run(path, "INSERT INTO method_contexts VALUES ('m1', 'lab')")
    for name, size in (("e1", 5), ("e2", None), ("e3", 7)):
        record = execution.model_copy(update={"id": name, "output_size": size, "version": 1})
        run(
            path,
            "INSERT INTO executions VALUES"
            " (?, 1, 'alice', 'local', 'm1', ?, 'accepted', 1, 5, NULL, NULL, ?, ?)",
            *(name, f"key {name}", size, record.model_dump_json()),
        )
        task = a_task(name, version=1).model_dump_json()
        run(path, "INSERT INTO tasks VALUES (?, 1, 1, 'queued', 1, ?)", name, task)


async def test_migration_from_the_first_schema_keeps_everything(path: Path) -> None:
    fill_first_schema(path, an_execution())
    assert revision(path) == "0001"
    store = await SqliteStore.open(path)
    try:
        assert revision(path) == tables.SCHEMA
        assert await ids(store) == ["e1", "e2", "e3"]
        assert [task.id for task in await store.open_tasks()] == ["e1.1", "e2.1", "e3.1"]
        assert len(await store.open_executions()) == 3
        viewer = Viewer(name="eve", groups=frozenset({"lab"}))
        assert (await store.list_methods(MethodQuery(viewer=viewer))).items[0].id == "m1"
        assert await store.usage("alice", "local") == Usage(3, 12)
        found = await store.find_execution("alice", "key e2")
        assert found is not None
        assert found.output_size is None
        await store.save_execution(found.model_copy(update={"output_size": 100}))
        await store.remove_execution("e1")
        assert await store.usage("alice", "local") == Usage(2, 107)
        assert await store.list_tasks("e1") == []
    finally:
        await store.close()
    assert integrity(path) == "ok"


async def test_migration_from_the_second_schema_gives_tasks_owner_and_age(path: Path) -> None:
    migrate(Settings(path), "0002")
    attempts = [an_attempt().model_dump(mode="json"), an_attempt(Phase.EXECUTE, 2)]
    for name, owner, found, is_open in (
        ("e1", "alice", attempts, 1),
        ("e2", 'Zoë "x"', [], 0),
    ):
        made = an_execution(name, owner=owner, created=at(7), version=1)
        old = made.model_dump_json(exclude={"experiment"})
        created = milliseconds(made.created)
        run(
            path,
            "INSERT INTO executions VALUES"
            " (?, 1, ?, 'local', 'm1', NULL, 'accepted', 1, ?, NULL, NULL, 9, ?)",
            *(name, owner, created, old),
        )
        # As issue 2 wrote them: neither owner nor age, nor anything of batches.
        task = a_task(name, state="running", attempts=found, version=1)
        kept = {"execution_id", "index", "state", "attempts", "version"}
        document = task.model_dump_json(include=kept)
        run(path, "INSERT INTO tasks VALUES (?, 1, 1, 'running', ?, ?)", name, is_open, document)
    store = await SqliteStore.open(path)
    try:
        task = (await store.list_tasks("e1"))[0]
        assert (task.owner, task.created, task.batch) == ("alice", at(7), None)
        assert (await store.save_task(task)).version == 2
        assert [attempt.number for attempt in task.attempts] == [1, 2]
        other = await store.get_task("e2", 1)
        assert other is not None
        assert (other.owner, other.created, other.attempts) == ('Zoë "x"', at(7), [])
        assert [found.id for found in await store.open_tasks()] == ["e1.1"]
        assert run(path, "SELECT owner, created, batch_state, node FROM tasks ORDER BY 1 DESC") == [
            ("alice", milliseconds(at(7)), None, "node-1"),
            ('Zoë "x"', milliseconds(at(7)), None, None),
        ]
        assert await ids(store, experiments=False) == ["e1", "e2"]
        assert await ids(store, experiments=True) == []
        assert await store.count_batches(BatchQuery()) == 0
        await store.remove_execution("e1")
        assert await store.list_tasks("e1") == []
        assert await store.usage("alice", "local") == Usage(0, 0)
    finally:
        await store.close()
    assert integrity(path) == "ok"


async def test_migration_from_the_third_schema_makes_tasks_as_old_as_executions(path: Path) -> None:
    migrate(Settings(path), "0003")
    for name, age in (("young", 2), ("old", 1)):
        made = an_execution(name, created=at(age), version=1)
        run(
            path,
            "INSERT INTO executions VALUES"
            " (?, 1, 'alice', 'local', 'm1', NULL, 'accepted', 1, ?, NULL, NULL, 9, ?, 0)",
            *(name, milliseconds(made.created), made.model_dump_json()),
        )
        for index, late in ((1, 0.0), (2, 0.002)):
            task = a_task(name, index, created=at(age + late), attempts=[an_attempt()], version=3)
            run(
                path,
                "INSERT INTO tasks VALUES (?, ?, 3, 'queued', 1, '', ?, NULL, 'node-1', ?)",
                *(name, index, milliseconds(task.created), task.model_dump_json()),
            )
    store = await SqliteStore.open(path)
    try:
        expected = [
            a_task(name, index, created=at(age), attempts=[an_attempt()], version=3)
            for name, age in (("old", 1), ("young", 2))
            for index in (1, 2)
        ]
        assert await store.open_tasks() == expected
        assert await store.open_tasks(node="node-1", after=expected[0]) == expected[1:]
        assert (await store.save_task(expected[1])).version == 4
        assert await store.list_nodes() == []
        assert await store.find_lease("x") is None
    finally:
        await store.close()
    assert run(path, "SELECT DISTINCT created FROM tasks ORDER BY 1") == [
        (milliseconds(at(1)),),
        (milliseconds(at(2)),),
    ]
    assert integrity(path) == "ok"


def fill_fourth_schema(path: Path) -> None:
    """Write what a service with schema 0004 would have written: nothing of what came later."""
    migrate(Settings(path), "0004")
    later = {"users", "revision", "replaced", "replaced_by", "origin", "package"}
    titles = [{"role": "category", "title": title} for title in ("Ä \0 b", "a", "a", "", 5, ["x"])]
    for name, document in (
        ("m1", {"title": "M", "metadata": [*titles, {"role": "author", "title": "c"}, "odd"]}),
        ("m2", {"title": "N", "metadata": "odd"}),
    ):
        method = a_method(name, document=document, contexts=["lab"], version=3)
        old = method.model_dump_json(exclude=later)
        title = method.title.lower()
        run(path, "INSERT INTO methods VALUES (?, 3, 'alice', 0, ?, ?, ?)", name, title, title, old)
        run(path, "INSERT INTO method_contexts VALUES (?, 'lab')", name)
    new = {"method_revision", "output_digest", "reuse_key", "origin", "sharing", "callbacks"}
    for name, status in (("e1", Status.ACCEPTED), ("e2", Status.SUCCESSFUL)):
        execution = an_execution(name, status=status, output_size=5, version=2)
        run(
            path,
            "INSERT INTO executions VALUES"
            " (?, 2, 'alice', 'local', 'm1', NULL, ?, ?, ?, NULL, NULL, 5, ?, 0)",
            *(name, status.value, status is Status.ACCEPTED, milliseconds(execution.created)),
            execution.model_dump_json(exclude=new),
        )
    task = a_task("e1", version=4).model_dump_json()
    run(
        path,
        "INSERT INTO tasks VALUES ('e1', 1, 4, 'queued', 1, '', ?, NULL, NULL, ?)",
        *(milliseconds(START), task),
    )
    node = a_node("n1").model_copy(update={"version": 6}).model_dump_json()
    run(path, "INSERT INTO nodes VALUES ('n1', 6, ?)", node)
    run(path, "INSERT INTO leases VALUES ('x', 'holder', 'address', 8, 0)")


async def test_migration_from_the_fourth_schema_keeps_everything(path: Path) -> None:
    fill_fourth_schema(path)
    eve = Viewer(name="eve", groups=frozenset({"lab"}))
    store = await SqliteStore.open(path)
    try:
        categories = [(each.title, each.methods) for each in await store.list_categories(eve)]
        assert categories == [("", 1), ("a", 1), ("Ä \0 b", 1)]
        query = MethodQuery(viewer=eve, category="Ä \0 b")
        (method,) = (await store.list_methods(query)).items
        assert (method.id, method.revision, method.users, method.version) == ("m1", 1, [], 3)
        assert (await store.list_revisions("m1")).items == [method.summary]
        assert await store.get_revision("m1", 1) == method
        changes = {"revision": 2, "users": ["zoe"], "contexts": [], "document": {}}
        saved = await store.save_method(method.model_copy(update=changes))
        assert await store.get_revision("m1", 1) == method
        assert [each.id for each in (await store.list_methods(MethodQuery(eve))).items] == ["m2"]
        zoe = await store.list_methods(MethodQuery(Viewer(name="zoe"), category=""))
        assert zoe.items == [saved]
        first = await store.get_execution("e1")
        assert first == an_execution("e1", output_size=5, version=2)
        assert await store.open_executions() == [first]
        assert await store.find_reusable("", Viewer(name="root", admin=True)) == []
        change = {"sharing": Sharing(users=["eve"], contexts=["lab"]), "reuse_key": "k"}
        for name in ("e1", "e2"):
            found = await store.get_execution(name)
            assert found is not None
            await store.save_execution(found.model_copy(update=change))
        assert await ids(store, shared_with=eve) == ["e1", "e2"]
        assert [each.id for each in await store.find_reusable("k", eve)] == ["e2"]
        await store.remove_execution("e1")
        assert await ids(store, shared_with=eve) == ["e2"]
        assert await store.usage("alice", "local") == Usage(1, 5)
        assert [node.version for node in await store.list_nodes()] == [6]
        assert (await store.take_lease("x", "other", "", 1)).term == 9
        assert await store.walk_links(None, 10) == []
    finally:
        await store.close()
    assert integrity(path) == "ok"


async def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    fill_first_schema(path, an_execution())
    run(path, "CREATE TABLE usage (in_the_way)")
    before = run(path, "SELECT name, sql FROM sqlite_schema ORDER BY name")
    with pytest.raises(StoreUnusable, match=r"left as it was.*usage already exists"):
        await SqliteStore.open(path)
    assert run(path, "SELECT name, sql FROM sqlite_schema ORDER BY name") == before
    assert run(path, "SELECT count(*) FROM executions WHERE output_size IS NULL") == [(1,)]
    assert revision(path) == "0001"
    run(path, "DROP TABLE usage")
    store = await SqliteStore.open(path)
    assert await store.usage("alice", "local") == Usage(3, 12)
    await store.close()


def test_a_second_start_does_without_alembic(path: Path) -> None:
    migrate(Settings(path))
    code = (
        "import asyncio, pathlib, sys\n"
        "from ccp_jupyter.hub_service.store.sqlite import SqliteStore\n"
        "store = asyncio.run(SqliteStore.open(pathlib.Path(sys.argv[1])))\n"
        "assert 'alembic' not in sys.modules\n"
        "asyncio.run(store.close())\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
