"""``ccp store copy`` between SQLite and a real MongoDB: whole, refused, cut off."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ccp_jupyter.cli.program import main
from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store, StoreUnusable, UserUsage
from ccp_jupyter.hub_service.store.copying.copy import Different, copy_all
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.sharing import Sharing, Viewer
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod
from tests.contract.store_data import (
    a_full_execution,
    a_link,
    a_method,
    a_task,
    an_attempt,
    an_execution,
    at,
    exact,
    odd,
)
from tests.contract.stores import UNCLOSED, MongoPlace, integrity
from tests.contract.test_store_batches import an_experiment, batches
from tests.contract.test_store_nodes import a_node

T = TypeVar("T")
MANY = 1250
"""Executions with three Tasks each: 5,000 records."""
AWAY = "mongodb://u:s3cr3t@127.0.0.1:1/d"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def mongo_place(mongo: str, tmp_path: Path) -> Any:
    place = MongoPlace(tmp_path)
    yield place
    asyncio.run(place.remove())


def using(open_store: Callable[[], Awaitable[Store]], work: Callable[[Store], Awaitable[T]]) -> T:
    """Open a store, do something, close it."""

    async def run() -> T:
        store = await open_store()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def fill(store: Store) -> None:
    """Keep something of everything, with versions that differ."""
    await store.add_method(a_method("m2", contexts=["lab", "b"], public=True, odd=odd()))
    method = await store.add_method(a_method("m1", users=["eve"], category="x"))
    for revision in (2, 5):
        more = {"revision": revision, "replaced_by": "bob", "document": {"n": revision, **odd()}}
        method = await store.save_method(method.model_copy(update=more))
    await store.save_method(method)
    await store.save_link(await store.add_link(a_link("l1", target="m1")))
    await store.add_link(a_link("l2", expires=at(0)))
    full = await store.add_execution(a_full_execution(), [a_task("full", 2), a_task("full", 1)])
    await store.save_execution(await store.save_execution(full))
    task = a_task("full", 1, version=1, attempts=[an_attempt()], to_notify=True)
    await store.save_task(task)
    experiment = an_experiment("x", idempotency_key="k", created=at(5), output_size=7)
    await store.add_execution(experiment, batches(experiment, *({} for _ in range(30))))
    failed = an_execution("e", status=Status.FAILED, sharing=Sharing(users=["eve"], contexts=["l"]))
    await store.add_execution(failed, [])
    await store.add_execution(an_execution("c", status=Status.CREATED, reuse_key="k"), [])
    await store.save_node(await store.save_node(a_node("n1")))
    await store.save_node(a_node("n2", node=None))
    await store.take_lease("service of before", "x", "", 600)


async def contents(store: Store) -> list[str]:
    """Return all that the lists have, as text that tells 1 from 1.0."""
    executions = await store.walk_executions(None, 10**6)
    methods = await store.walk_methods(None, 10**6)
    found = [exact(record) for record in [*methods, *await store.walk_links(None, 10**6)]]
    for method in methods:
        revisions = (await store.list_revisions(method.id)).items
        found += map(exact, revisions)
        found += [exact(await store.get_revision(method.id, r.revision)) for r in revisions]
    shared = await store.list_executions(ExecutionQuery(shared_with=Viewer(name="eve")))
    found += [each.id for each in shared.items]
    found += [repr(await store.list_categories(Viewer(name="eve")))]
    for execution in executions:
        found += [exact(execution), *map(exact, await store.list_tasks(execution.id))]
    found += [exact(node) for node in await store.list_nodes()]
    found += [task.id for task in await store.open_tasks()]
    return [*found, repr(await store.list_usage())]


def test_everything_there_and_back(
    file: Path, mongo_place: MongoPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    using(lambda: SqliteStore.open(file), fill)
    original = using(lambda: SqliteStore.open(file), contents)
    assert main(["store", "copy", str(file), mongo_place.uri]) == 0
    first = capsys.readouterr()
    assert (
        "2 Methods, 4 Executions with 32 Tasks, 2 Nodes, 2 older revisions of Methods, 2 links"
        in first.out
    )
    assert using(mongo_place.open, contents) == original
    assert "e" in original
    back = tmp_path / "back" / "store.sqlite"
    address = tmp_path / "address"
    address.write_text(mongo_place.uri + "\n")
    assert main(["store", "copy", f"@{address}", str(back), "--quiet"]) == 0
    second = capsys.readouterr()
    assert second.err == ""
    assert first.out.splitlines()[-1] == second.out.splitlines()[-1]
    assert using(lambda: SqliteStore.open(back), contents) == original
    assert integrity(back) == "ok"
    assert sorted(path.name for path in back.parent.iterdir()) == [
        "store.sqlite",
        "store.sqlite.lock",
    ]

    async def free(store: Store) -> bool:
        return await store.find_lease("service") is None

    assert using(mongo_place.open, free)


def test_a_target_with_something_in_it_is_refused_and_left(
    file: Path, mongo_place: MongoPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.sqlite"
    using(lambda: SqliteStore.open(file), fill)
    kinds: list[Callable[[Store], Awaitable[object]]] = [
        lambda store: store.add_method(a_method("here")),
        lambda store: store.save_node(a_node("here")),
        lambda store: store.add_execution(an_execution("here"), []),
        lambda store: store.add_link(a_link("here")),
    ]
    for kind in kinds:
        using(lambda: SqliteStore.open(other), kind)
        before = using(lambda: SqliteStore.open(other), contents)
        assert main(["store", "copy", str(file), str(other)]) == 4
        assert "is not empty" in capsys.readouterr().err
        assert using(lambda: SqliteStore.open(other), contents) == before
        other.unlink()
        using(mongo_place.open, kind)
        assert main(["store", "copy", str(file), mongo_place.uri]) == 4
        assert "is not empty" in capsys.readouterr().err
        using(mongo_place.open, contents)  # as usable as before
        asyncio.run(mongo_place.remove())
    # Opened before, and nothing kept: that is empty.
    using(lambda: SqliteStore.open(other), contents)
    using(mongo_place.open, contents)
    assert main(["store", "copy", str(file), str(other)]) == 0
    assert main(["store", "copy", str(other), mongo_place.uri]) == 0


def test_what_a_service_uses_is_refused(
    file: Path, mongo_place: MongoPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    using(lambda: SqliteStore.open(file), fill)
    other = tmp_path / "other.sqlite"

    async def copies(store: Store) -> None:
        for source, target in ((file, other), (other, file), (file, mongo_place.uri)):
            words = ["store", "copy", str(source), str(target)]
            assert await asyncio.to_thread(main, words) == 4

    using(lambda: SqliteStore.open(other), fill)
    using(lambda: SqliteStore.open(file), copies)
    assert capsys.readouterr().err.count("another ccp service uses it") == 3

    async def hold(store: Store) -> None:
        await store.take_lease("service", "somebody", "", 600)

    using(mongo_place.open, hold)
    assert main(["store", "copy", mongo_place.uri, str(tmp_path / "new.sqlite")]) == 4
    assert main(["store", "copy", str(file), mongo_place.uri]) == 4
    assert capsys.readouterr().err.count("a service or another copy uses it") == 2
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("none.sqlite", "new.sqlite", 4, "there is no file"),
        ("@none", "new.sqlite", 2, "No such file"),
        ("mongodb://u:s3cr3t@h:x/d", "new.sqlite", 4, "cannot be read"),
        (
            f"{AWAY}?serverSelectionTimeoutMS=200",
            "new.sqlite",
            4,
            "answer",
        ),
        ("a.sqlite", "./a.sqlite", 2, "both source and target"),
    ],
)
@pytest.mark.filterwarnings(UNCLOSED)
def test_arguments_that_cannot_be_used(
    source: str,
    target: str,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["store", "copy", source, target]) == code
    text = capsys.readouterr().err
    assert says in text
    assert "s3cr3t" not in text
    assert not (tmp_path / "new.sqlite").exists()
    gc.collect()


# -- Cut off


async def fill_many(store: Store) -> None:
    names = [f"e{number:05}" for number in range(MANY)]
    await asyncio.gather(
        *(
            store.add_execution(
                an_execution(name, output_size=1), [a_task(name, index) for index in (1, 2, 3)]
            )
            for name in names
        )
    )


def cut_off(source: str, target: str) -> None:
    """Begin a copy and kill it in the middle."""
    words = [sys.executable, "-m", "ccp_jupyter.cli", "store", "copy", source, target]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        line = child.stderr.readline()
        assert "copying: 0 Methods, 600 Executions" in line
        child.kill()


@pytest.mark.timeout(400)
def test_a_copy_that_was_killed_is_used_by_nobody_and_repeated(
    file: Path, mongo_place: MongoPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    using(lambda: SqliteStore.open(file), fill_many)
    cut_off(str(file), mongo_place.uri)
    with pytest.raises(StoreUnusable, match="a copy into it was cut off"):
        asyncio.run(mongo_place.open())
    asyncio.run(forget_lease(mongo_place))
    assert main(["store", "copy", str(file), mongo_place.uri]) == 0
    assert "1250 Executions with 3750 Tasks" in capsys.readouterr().out

    back = tmp_path / "back.sqlite"
    cut_off(mongo_place.uri, str(back))
    assert not back.exists()
    asyncio.run(forget_lease(mongo_place))
    assert main(["store", "copy", mongo_place.uri, str(back)]) == 0
    assert "1250 Executions with 3750 Tasks" in capsys.readouterr().out

    async def used(store: Store) -> list[UserUsage]:
        return await store.list_usage()

    assert using(lambda: SqliteStore.open(back), used) == [UserUsage("alice", "local", 1250, 1250)]
    assert not list(tmp_path.glob("*.part*"))


async def forget_lease(place: MongoPlace) -> None:
    """Let what a killed copy had run out now, instead of in a minute: lease and transactions."""
    async with place.client() as client:
        await client.admin.command("killAllSessions", [])
        await client[place.name]["leases"].update_many({}, {"$set": {"until": at(0)}})


# -- Not as the original


class Careless(SqliteStore):
    """Loses a letter."""

    async def restore(self, record: Any, tasks: Any = None, revisions: Any = None) -> None:
        if isinstance(record, StoredMethod):
            record = record.model_copy(update={"owner": record.owner[1:]})
        await super().restore(record, tasks, revisions)


class Forgetful(SqliteStore):
    """Loses older revisions."""

    async def restore(self, record: Any, tasks: Any = None, revisions: Any = None) -> None:
        await super().restore(record, tasks)


@pytest.mark.parametrize(
    ("kind", "says"),
    [(Careless, "2 Methods, 4 Executions.*2 older"), (Forgetful, "0 older.*instead of .*2 older")],
)
async def test_a_copy_that_differs_is_found_out(
    kind: type[SqliteStore], says: str, file: Path, tmp_path: Path
) -> None:
    source = await SqliteStore.open(file)
    await fill(source)
    target = await kind.open(tmp_path / "other.sqlite")
    with pytest.raises(Different, match=says):
        await copy_all(source, target, lambda doing, counts: None)
    await source.close()
    await target.close()
