"""MongoDB store: opening, refusing, several clients, and a server that is killed."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from ccp_jupyter.hub_service.store.base import (
    BatchQuery,
    Category,
    Conflict,
    ExecutionQuery,
    MethodQuery,
    StoreAway,
    StoreFull,
    StoreUnusable,
    Usage,
)
from ccp_jupyter.hub_service.store.mongodb import queries
from ccp_jupyter.hub_service.store.mongodb.connection import Connection, address
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.model.experiment import Batch
from ccp_jupyter.model.sharing import Sharing, Viewer
from ccp_jupyter.model.states import Status, TaskState
from tests.conftest import missing
from tests.contract.store_data import FINAL, a_link, a_method, a_task, an_attempt, an_execution, at
from tests.contract.stores import UNCLOSED, MongoPlace
from tests.contract.test_store_batches import an_experiment
from tests.mongod import NoMongod, became_primary, mongod_program, spawn_mongod
from tests.stack.daemons import Daemon, spawn
from tests.stack.ports import free_port

SECRET = "pa%24%24w0rd"


@pytest.fixture
async def place(mongo: str, tmp_path: Path) -> AsyncIterator[MongoPlace]:
    made = MongoPlace(tmp_path)
    yield made
    await made.remove()


@pytest.fixture
def program() -> Path:
    try:
        return mongod_program()
    except NoMongod as error:
        missing(str(error))
        raise


# -- Opening


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        (f"mongodb://user:{SECRET}@/db", "cannot be read"),
        (f"mongodb://user:a/b@{SECRET}:x/db", "cannot be read"),
        (f"mongodb://user:{SECRET}@localhost:1,localhost:no/db", "cannot be read"),
        (f"mongodb://user:{SECRET}@localhost:1", "names no database"),
        (f"mongodb://user:{SECRET}@localhost:1/?replicaSet=rs0", "names no database"),
        (f"mongodb://user:{SECRET}@localhost:1/db?authMechanism={SECRET}", "cannot be"),
        (f"http://user:{SECRET}@localhost/db", "cannot be read"),
        ("", "cannot be read"),
    ],
)
async def test_addresses_that_cannot_be_used_are_refused(uri: str, says: str) -> None:
    with pytest.raises(StoreUnusable, match=says) as caught:
        await MongoStore.open(uri, patience=0.2)
    assert_nothing_shown(str(caught.value))


def assert_nothing_shown(text: str) -> None:
    for secret in (SECRET, "pa$$w0rd", "w0rd"):
        assert secret not in text


@pytest.mark.filterwarnings(UNCLOSED)
def test_a_server_that_is_not_there_is_named_without_the_login(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "ccp_jupyter")
    uri = f"mongodb://user:{SECRET}@127.0.0.1:{free_port()}/db"
    with pytest.raises(
        StoreUnusable, match=r"database db at 127\.0\.0\.1:\d+ does not answer"
    ) as e:
        asyncio.run(MongoStore.open(uri, patience=0.3))
    assert_nothing_shown(str(e.value) + caplog.text + repr(address(uri)))
    gc.collect()


async def test_a_server_without_replica_set_is_refused(program: Path, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    command = [str(program), "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1"]
    daemon = spawn([*command, "--nounixsocket"], tmp_path / "log", follow_parent=True)
    try:
        with pytest.raises(StoreUnusable, match=r"no member of a replica set.*--replSet"):
            await MongoStore.open(f"mongodb://127.0.0.1:{port}/db", patience=60)
    finally:
        daemon.kill()


async def test_other_programs_and_newer_databases_are_refused(place: MongoPlace) -> None:
    async with AsyncMongoClient[dict[str, Any]](place.uri) as client:
        database = client[place.name]
        await database["things"].insert_one({"_id": 1})
        with pytest.raises(StoreUnusable, match=r"belongs to another program.*things"):
            await place.open()
        assert await database.list_collection_names() == ["things"]
        await client.drop_database(place.name)
        await (await place.open()).close()
        await database["ccp"].update_one({"_id": "schema"}, {"$set": {"version": 99}})
        with pytest.raises(StoreUnusable, match=r"newer version .*schema 99"):
            await place.open()
        await client.drop_database(place.name)
        await (await place.open()).close()
        await database["executions"].drop_index("executions_by_key")
        await database["executions"].create_index("owner", name="executions_by_key")
        with pytest.raises(StoreUnusable, match="an index of executions is not as"):
            await place.open()


async def test_a_database_of_the_first_schema_is_brought_up(place: MongoPlace) -> None:
    store = await place.open()
    metadata = [{"role": "category", "title": "ä\0"}]
    kept = [await store.add_method(a_method(f"m{n}", metadata=metadata)) for n in range(3)]
    execution = await store.add_execution(an_execution("e1"), [a_task("e1")])
    await store.close()
    async with AsyncMongoClient[dict[str, Any]](place.uri) as client:
        database = client[place.name]
        # As the version before left it.
        later = {"users": "", "categories": "", "revision": ""}
        await database["methods"].update_many({"_id": {"$ne": "m2"}}, {"$unset": later})
        await database["executions"].update_many({}, {"$unset": {"public": ""}})
        await database["methods"].drop_index("methods_by_category")
        await database["revisions"].drop()
        await database["links"].drop()
        await database["ccp"].update_one({"_id": "schema"}, {"$set": {"version": 1}})
        stores = await asyncio.gather(*(place.open() for _ in range(3)))
        control = await database["ccp"].find_one({"_id": "schema"})
    assert control == {"_id": "schema", "version": 2}
    for store in stores:
        assert await store.list_categories(Viewer(name="alice")) == [Category("ä\0", 3)]
        assert (await store.list_methods(MethodQuery(Viewer(name="alice")))).items == kept
    replaced = kept[0].model_copy(update={"revision": 2, "users": ["bob"]})
    replaced = await stores[0].save_method(replaced)
    assert await stores[1].get_revision("m0", 1) == kept[0]
    assert (await stores[1].list_methods(MethodQuery(BOB))).items == [replaced]
    assert await stores[1].find_reusable("", BOB) == []
    assert await stores[2].get_execution("e1") == execution
    await asyncio.gather(*(store.close() for store in stores))


async def test_many_may_open_an_empty_database_at_once(place: MongoPlace) -> None:
    stores = await asyncio.gather(*(place.open() for _ in range(6)))
    await stores[0].add_execution(an_execution("e1"), [a_task("e1")])
    for store in stores:
        assert await store.get_execution("e1") is not None
    await asyncio.gather(*(store.close() for store in stores))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(13, StoreUnusable), (18, StoreUnusable), (14031, StoreFull), (10107, StoreAway)],
)
async def test_errors_of_the_server_become_the_stores_own(code: int, kind: type[Exception]) -> None:
    connection = Connection(address(f"mongodb://user:{SECRET}@127.0.0.1:1/db"), 0.1)
    known = connection.translated(OperationFailure(f"for {SECRET}", code))
    assert type(known) is kind
    assert_nothing_shown(str(known))
    await connection.close()


async def test_a_closed_store_says_so(place: MongoPlace) -> None:
    store = await place.open()
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.get_execution("e1")


# -- Size


async def test_a_record_near_the_limit_fits_and_many_tasks_too(place: MongoPlace) -> None:
    store = await place.open()
    large = await store.add_execution(an_execution("e1", message="x" * 15_990_000), [])
    assert await store.get_execution("e1") == large
    tasks = [a_task("e2", index, reason="é" * 500) for index in range(1, 5001)]
    await store.add_execution(an_execution("e2"), tasks)
    assert [task.index for task in await store.list_tasks("e2")] == list(range(1, 5001))
    await store.remove_execution("e2")
    assert await store.list_tasks("e2") == []
    method = a_method("m1", description="x" * 15_000_000)
    with pytest.raises(ValueError, match="too large for MongoDB"):
        await store.add_method(method)
    assert await store.get_method("m1") is None
    await store.close()


# -- Every question has its index


BOB = Viewer(name="bob", groups=frozenset({"lab", "team", "none"}))
QUESTIONS: dict[str, tuple[str, queries.Search, int]] = {
    "owner": ("executions", queries.executions(ExecutionQuery(owner="alice")), 13),
    "all": ("executions", queries.executions(ExecutionQuery()), 13),
    "final": ("executions", queries.executions(ExecutionQuery(owner="bob", statuses=FINAL)), 16),
    "oldest": ("executions", queries.executions(ExecutionQuery(ascending=True)), 13),
    "method": ("executions", queries.executions(ExecutionQuery(method_ids=("m1",))), 20),
    "open": ("executions", queries.open_executions(an_execution("e0005", created=at(5))), 12),
    "batches": ("tasks", queries.batches(BatchQuery()), 20),
    "batches of a node": ("tasks", queries.batches(BatchQuery(node="node-1")), 20),
    "batches of one": ("tasks", queries.batches(BatchQuery(execution_id="e0001")), 20),
    "open tasks": ("tasks", queries.open_tasks(None, None, a_task("e0002", 1)), 12),
    "open tasks of a node": ("tasks", queries.open_tasks(None, "node-1", a_task("e0", 1)), 12),
    # Each is found by up to three names, and a third of them is bob's own.
    "shared": ("executions", queries.executions(ExecutionQuery(shared_with=BOB)), 45),
    "created": (
        "executions",
        queries.executions(ExecutionQuery(owner="alice", statuses=(Status.CREATED,))),
        13,
    ),
    "reusable": ("executions", queries.reusable("k", Viewer(name="alice")), 30),
    "links": ("links", queries.links("alice", None), 12),
    "links to one": ("links", queries.links("alice", "m1"), 12),
    "methods": ("methods", queries.methods(MethodQuery(viewer=Viewer(name="a"))), 12),
    "methods of one": ("methods", queries.methods(MethodQuery(BOB, owner="alice")), 12),
    "category": ("methods", queries.methods(MethodQuery(BOB, category="x")), 12),
}


async def test_a_page_costs_a_page(place: MongoPlace) -> None:
    store = await place.open()
    for begin in range(0, 300, 50):
        await asyncio.gather(*(store.restore(*numbered(n)) for n in range(begin, begin + 50)))
    for number in range(40):
        metadata = [{"role": "category", "title": "x"}]
        await store.add_method(a_method(f"m{number}", public=True, metadata=metadata))
        await store.add_link(a_link(f"l{number}"))
    async with AsyncMongoClient[dict[str, Any]](place.uri) as client:
        for name, (collection, search, most) in QUESTIONS.items():
            command: dict[str, Any] = {
                "find": collection,
                "filter": search.where,
                "sort": dict(search.order),
                "hint": search.index,
                "limit": 10,
                **({"min": search.first} if search.first else {}),
                **({"max": search.last} if search.last else {}),
            }
            explain = {"explain": command, "verbosity": "executionStats"}
            done = await client[place.name].command(explain)
            assert done["executionStats"]["totalKeysExamined"] <= most, name
            assert '"SORT"' not in str(done["executionStats"]).replace("'", '"'), name
    await store.close()


def numbered(number: int) -> tuple[Any, list[Any]]:
    """Return one of many Executions, every other an Experiment, with a Task that runs."""
    members: dict[str, Any] = {
        "owner": "alice" if number % 3 else "bob",
        "created": at(number),
        "status": list(Status)[number % 5],
        "version": 1,
        "sharing": Sharing(users=["bob"][number % 2 :], contexts=["lab", "team"]),
        "reuse_key": "k",
    }
    name = f"e{number:04}"
    execution = an_experiment(name, **members) if number % 2 else an_execution(name, **members)
    attempts = [an_attempt()] if number % 4 else []
    batch = Batch() if number % 2 else None
    task = a_task(name, owner=execution.owner, created=at(number), attempts=attempts, version=1)
    return execution, [task.model_copy(update={"batch": batch})]


# -- Several clients


async def test_clients_see_each_others_writes_and_lose_none(place: MongoPlace) -> None:
    stores = [await place.open() for _ in range(3)]
    await stores[0].add_execution(an_execution("e1"), [a_task("e1")])

    async def increment(store: Any) -> None:
        for _ in range(10):
            while True:
                found = await store.get_execution("e1")
                more = {"progress": found.progress + 1, "output_size": found.progress + 1}
                try:
                    saved = await store.save_execution(found.model_copy(update=more))
                except Conflict:
                    continue
                for other in stores:
                    seen = await other.get_execution("e1")
                    assert seen is not None
                    assert seen.version >= saved.version
                break

    await asyncio.gather(*(increment(store) for store in stores))
    for store in stores:
        found = await store.get_execution("e1")
        assert found is not None
        assert (found.progress, found.version) == (30, 31)
        assert await store.usage("alice", "local") == Usage(1, 30)
    await asyncio.gather(*(store.close() for store in stores))
    await place.check()


async def test_what_another_process_has_written_is_seen(place: MongoPlace, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.contract.store_child", "mongodb", str(tmp_path), "x"]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    store = await place.open()
    looks = 0
    try:
        while looks < 100:
            kind, name, version = (await child.stdout.readline()).decode().split()
            if kind == "method":
                method = await store.get_method(name)
                assert method is not None
                assert method.version >= int(version)
                looks += 1
            elif kind == "removed":
                assert await store.get_execution(name) is None
                looks += 1
    finally:
        child.kill()
        await child.wait()
        await store.close()
    await place.check()


# -- A server that goes away


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[tuple[int, Any]]:
    """A server of its own: its port, and what kills it and starts it again."""
    port, running = free_port(), list[Daemon]()

    def start() -> None:
        running.append(
            spawn_mongod(program, tmp_path / "db", port, tmp_path / "log", follow_parent=True)
        )
        assert became_primary(running[-1], port), running[-1].tail()

    def restart() -> None:
        running[-1].kill()
        start()

    start()
    try:
        yield port, restart
    finally:
        running[-1].kill()


async def test_a_server_killed_with_9_loses_nothing_and_writers_wait(
    server: tuple[int, Any],
) -> None:
    port, restart = server
    store = await MongoStore.open(f"mongodb://127.0.0.1:{port}/db?replicaSet=rs0", patience=60)
    kept: dict[str, int] = {}
    done = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        while not done.is_set():
            name = f"e{writer}.{number}"
            number += 1
            execution = await store.add_execution(an_execution(name, output_size=1), [a_task(name)])
            kept[name] = execution.version
            execution = await store.save_execution(execution)
            kept[name] = execution.version
            task = a_task(name, version=1, state=TaskState.RUNNING)
            assert (await store.save_task(task)).version == 2

    async def more(count: int) -> None:
        while len(kept) < count:
            assert not any(writer.done() for writer in writers)
            await asyncio.sleep(0.01)

    writers = [asyncio.create_task(write(writer)) for writer in range(6)]
    for _ in range(3):
        await more(len(kept) + 30)
        await asyncio.to_thread(restart)
    await more(len(kept) + 10)
    done.set()
    await asyncio.gather(*writers)
    for name, version in kept.items():
        found = await store.get_execution(name)
        assert found is not None, name
        assert found.version == version
        task = await store.get_task(name, 1)
        assert task is not None
        assert (task.version, task.state) == (2, TaskState.RUNNING)
    assert await store.count_executions(ExecutionQuery()) == len(kept)
    assert await store.usage("alice", "local") == Usage(len(kept), len(kept))
    await store.close()


@pytest.mark.filterwarnings(UNCLOSED)
def test_calls_to_a_server_that_is_away_say_so() -> None:
    asyncio.run(calls_to_nobody())
    gc.collect()


async def calls_to_nobody() -> None:
    store = MongoStore(Connection(address(f"mongodb://127.0.0.1:{free_port()}/db"), 0.2))
    execution = an_execution("e1")
    for call in (
        store.get_execution("e1"),
        store.save_execution(execution),
        store.add_execution(execution, []),
        store.remove_execution("e1"),
        store.list_executions(ExecutionQuery()),
        store.count_batches(BatchQuery()),
        store.take_lease("x", "a", "", 1),
    ):
        with pytest.raises(StoreAway, match="does not answer now"):
            await call
    await store.close()
