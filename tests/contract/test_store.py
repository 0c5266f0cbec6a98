"""What every store does with Executions and Tasks, except lists for users."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import (
    Conflict,
    Duplicate,
    ExecutionQuery,
    Store,
    Usage,
    UserUsage,
)
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status, Target, TaskState
from tests.contract.store_data import (
    FINAL,
    START,
    a_full_execution,
    a_task,
    add_all,
    an_attempt,
    an_execution,
    at,
    exact,
    ids,
    tasks_with_and_without_work,
)
from tests.contract.stores import Place

# -- Executions, one at a time


async def test_execution_comes_back_as_it_went_in(store: Store, place: Place) -> None:
    given = a_full_execution()
    kept = await store.add_execution(given, [])
    expected = given.model_copy(update={"version": 1})
    assert exact(kept) == exact(expected)
    assert given.version == 0
    for found in (
        await store.get_execution("full"),
        await store.find_execution("bob@example.org", "Schlüssel 🔑"),
        (await store.list_executions(ExecutionQuery())).items[0],
        (await store.open_executions())[0],
    ):
        assert found == expected
        assert exact(found) == exact(expected)
    await store.close()
    again = await place.open()
    try:
        assert exact(await again.get_execution("full")) == exact(expected)
    finally:
        await again.close()


async def test_saved_execution_comes_back_as_it_went_in(store: Store) -> None:
    await store.add_execution(an_execution("full"), [])
    saved = await store.save_execution(a_full_execution().model_copy(update={"version": 1}))
    assert exact(saved) == exact(a_full_execution().model_copy(update={"version": 2}))
    assert exact(await store.get_execution("full")) == exact(saved)


async def test_times_keep_their_moment(store: Store) -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    early = datetime(1901, 2, 3, 4, 5, 6, 7000, tzinfo=east)
    await add_all(store, an_execution("old", created=early), an_execution("new"))
    found = await store.get_execution("old")
    assert found is not None
    assert found.created == early
    assert await ids(store) == ["new", "old"]
    assert await ids(store, created_to=early) == ["old"]


async def test_records_handed_out_are_the_callers_own(store: Store) -> None:
    given = a_full_execution()
    kept = await store.add_execution(given, [])
    first = await store.get_execution("full")
    assert first is not None
    kept.request["inputs"]["none"] = "changed"
    assert given == a_full_execution()
    for changed in (given, kept, first):
        changed.request["inputs"]["nested"]["a"].append("changed")
        changed.inputs["plain"].clear()
        changed.status = Status.FAILED
    assert exact(await store.get_execution("full")) == exact(
        a_full_execution().model_copy(update={"version": 1})
    )


async def test_missing_is_none(store: Store) -> None:
    await store.add_execution(an_execution("e1", idempotency_key="k"), [a_task("e1")])
    assert await store.get_execution("e2") is None
    assert await store.get_execution("") is None
    assert await store.get_execution("E1") is None
    assert await store.get_task("e1", 2) is None
    assert await store.get_task("e2", 1) is None
    assert await store.list_tasks("e2") == []
    assert await store.find_execution("alice", "l") is None
    assert await store.find_execution("bob", "k") is None


async def test_same_id_is_refused(store: Store) -> None:
    await store.add_execution(an_execution("e1", message="first"), [a_task("e1")])
    with pytest.raises(Duplicate, match="e1"):
        await store.add_execution(an_execution("e1", message="second"), [a_task("e1", 2)])
    found = await store.get_execution("e1")
    assert found is not None
    assert found.message == "first"
    assert [task.index for task in await store.list_tasks("e1")] == [1]
    assert await store.usage("alice", "local") == Usage(1, 0)


async def test_same_key_of_same_owner_is_refused(store: Store) -> None:
    await store.add_execution(an_execution("e1", idempotency_key="k"), [])
    with pytest.raises(Duplicate):
        await store.add_execution(an_execution("e2", idempotency_key="k"), [a_task("e2")])
    assert await store.get_execution("e2") is None
    assert await store.list_tasks("e2") == []
    await store.add_execution(an_execution("e3", owner="bob", idempotency_key="k"), [])
    await store.add_execution(an_execution("e4", idempotency_key=None), [])
    await store.add_execution(an_execution("e5", idempotency_key=None), [])
    found = await store.find_execution("bob", "k")
    assert found is not None
    assert found.id == "e3"
    await store.remove_execution("e1")
    await store.add_execution(an_execution("e2", idempotency_key="k"), [])


async def test_saving_into_a_taken_key_is_refused(store: Store) -> None:
    await store.add_execution(an_execution("e1", idempotency_key="k"), [])
    kept = await store.add_execution(an_execution("e2"), [])
    with pytest.raises(Duplicate):
        await store.save_execution(kept.model_copy(update={"idempotency_key": "k"}))
    assert await store.get_execution("e2") == kept


async def test_stale_save_changes_nothing(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1"), [])
    saved = await store.save_execution(kept.model_copy(update={"message": "first"}))
    assert saved.version == 2
    for version in (1, 0, 3, -1):
        stale = kept.model_copy(
            update={"version": version, "message": "stale", "owner": "eve", "output_size": 9}
        )
        with pytest.raises(Conflict, match="e1"):
            await store.save_execution(stale)
    assert await store.get_execution("e1") == saved
    assert await ids(store, owner="eve") == []
    assert await store.usage("alice", "local") == Usage(1, 0)
    assert (await store.save_execution(saved)).version == 3


async def test_saving_what_is_not_there_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.save_execution(an_execution("e1"))
    kept = await store.add_execution(an_execution("e1"), [])
    await store.remove_execution("e1")
    with pytest.raises(Conflict):
        await store.save_execution(kept)
    assert await store.get_execution("e1") is None


async def test_removal_takes_all_with_it(store: Store) -> None:
    kept = await store.add_execution(
        an_execution("e1", idempotency_key="k", output_size=5), [a_task("e1", 1), a_task("e1", 2)]
    )
    await store.add_execution(an_execution("e2"), [a_task("e2")])
    assert await store.get_execution("e1") == kept
    await store.remove_execution("e1")
    await store.remove_execution("e1")
    assert await store.get_execution("e1") is None
    assert await store.find_execution("alice", "k") is None
    assert await store.list_tasks("e1") == []
    assert await store.get_task("e1", 1) is None
    assert await ids(store) == ["e2"]
    assert [execution.id for execution in await store.open_executions()] == ["e2"]
    assert [task.id for task in await store.open_tasks()] == ["e2.1"]
    assert await store.usage("alice", "local") == Usage(1, 0)


# -- All or nothing


@pytest.mark.parametrize(
    ("tasks", "error"),
    [
        ([a_task("e1", 1), a_task("e1", 2), a_task("e1", 1)], Duplicate),
        ([a_task("e1", 1), a_task("other", 1)], ValueError),
        ([a_task("e1", 1), a_task("e1", 2, created=at(0.001))], ValueError),
    ],
)
async def test_execution_and_tasks_come_together(
    store: Store, tasks: list[Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await store.add_execution(an_execution("e1", idempotency_key="k"), tasks)
    assert await store.get_execution("e1") is None
    assert await store.find_execution("alice", "k") is None
    assert await store.list_tasks("e1") == []
    assert await store.open_tasks() == []
    assert await store.usage("alice", "local") == Usage(0, 0)


@pytest.mark.parametrize(
    "value",
    [math.inf, math.nan, (1, 2), "\ud800", json.loads("[" * 220 + "]" * 220), "x" * 16_000_000],
    ids=["infinity", "nan", "tuple", "surrogate", "deep", "large"],
)
async def test_what_would_not_come_back_is_refused(store: Store, value: object) -> None:
    with pytest.raises(ValueError, match="Execution e1 "):
        await store.add_execution(an_execution("e1", request={"a": value}), [])
    assert await store.get_execution("e1") is None
    kept = await store.add_execution(an_execution("e1"), [])
    with pytest.raises(ValueError, match="Execution e1 "):
        await store.save_execution(kept.model_copy(update={"request": {"a": value}}))
    assert await store.get_execution("e1") == kept


async def test_time_without_zone_is_refused(store: Store) -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        await store.add_execution(an_execution("e1", created=naive), [])
    with pytest.raises(ValueError, match="no time zone"):
        await ids(store, created_from=naive)


# -- What the controller asks


async def test_open_executions(store: Store) -> None:
    expected: list[str] = []
    for number, (status, target) in enumerate((s, t) for s in Status for t in Target):
        execution = an_execution(f"e{number:02}", status=status, target=target, created=at(-number))
        await store.add_execution(execution, [])
        idle = status in FINAL or status is Status.CREATED
        if not idle or target is Target.DELETED:
            expected.insert(0, execution.id)
    assert [execution.id for execution in await store.open_executions()] == expected


async def test_open_executions_page_by_page(store: Store) -> None:
    names = ["b", "a", "c", "d", "e", "f"]
    for number, name in enumerate(names):
        # The first three are of one moment, so that the id decides.
        await store.add_execution(an_execution(name, created=at(max(0, number - 2))), [])
    found: list[str] = []
    last = None
    while page := await store.open_executions(last, limit=2):
        assert len(page) <= 2
        found += [execution.id for execution in page]
        last = page[-1]
        await store.remove_execution(last.id)  # what was there may be gone by the next page
    assert found == ["a", "b", "c", "d", "e", "f"]
    assert await store.open_executions(last) == []
    first = (await store.open_executions(limit=1))[0]
    assert [e.id for e in await store.open_executions(first)] == ["c", "e"]


async def test_open_executions_follow_saves(store: Store) -> None:
    async def opened() -> list[str]:
        return [execution.id for execution in await store.open_executions()]

    kept = await store.add_execution(an_execution("e1"), [])
    ended = await store.save_execution(kept.model_copy(update={"status": Status.FAILED}))
    assert await opened() == []
    await store.save_execution(ended.model_copy(update={"target": Target.DELETED}))
    assert await opened() == ["e1"]


async def test_open_tasks(store: Store) -> None:
    for name, created in (("a-young", at(2)), ("old", at(1)), ("even-old", at(1))):
        tasks, _ = tasks_with_and_without_work(name, created=created)
        execution = an_execution(name, created=created, status=Status.SUCCESSFUL)
        await store.add_execution(execution, list(reversed(tasks)))
    _, open_indexes = tasks_with_and_without_work("any")
    found = await store.open_tasks()
    assert [(task.execution_id, task.index) for task in found] == [
        (name, index) for name in ("even-old", "old", "a-young") for index in sorted(open_indexes)
    ]
    assert {task.version for task in found} == {1}


async def test_open_tasks_follow_saves(store: Store) -> None:
    await store.add_execution(an_execution("e1"), [a_task("e1")])
    task = (await store.open_tasks())[0]
    done = {"state": TaskState.SUCCESSFUL, "attempts": [an_attempt()]}
    saved = await store.save_task(task.model_copy(update=done))
    assert await store.open_tasks() == []
    await store.save_task(saved.model_copy(update={"state": TaskState.QUEUED}))
    assert [task.version for task in await store.open_tasks()] == [3]


async def test_tasks_come_back_as_they_went_in_by_index(store: Store) -> None:
    tasks = [a_task("e1", index, attempts=[an_attempt()]) for index in (10, 2, 1)]
    await store.add_execution(an_execution("e1"), tasks)
    await store.add_execution(an_execution("e"), [a_task("e", 11)])
    expected = [a_task("e1", index, attempts=[an_attempt()], version=1) for index in (1, 2, 10)]
    assert await store.list_tasks("e1") == expected
    assert await store.get_task("e1", 10) == expected[2]
    assert [task.version for task in tasks] == [0, 0, 0]


async def test_stale_save_of_a_task_changes_nothing(store: Store) -> None:
    await store.add_execution(an_execution("e1"), [a_task("e1", 1), a_task("e1", 2)])
    task = await store.get_task("e1", 1)
    assert task is not None
    saved = await store.save_task(
        task.model_copy(update={"state": TaskState.RUNNING, "attempts": [an_attempt()]})
    )
    assert saved.version == 2
    for version in (0, 1, 3):
        with pytest.raises(Conflict, match=r"e1\.1"):
            await store.save_task(
                task.model_copy(update={"version": version, "state": TaskState.FAILED})
            )
    assert await store.get_task("e1", 1) == saved
    assert await store.get_task("e1", 2) == a_task("e1", 2, version=1)
    with pytest.raises(Conflict):
        await store.save_task(a_task("e1", 3))
    with pytest.raises(Conflict):
        await store.save_task(a_task("e2", 1, version=1))
    await store.remove_execution("e1")
    with pytest.raises(Conflict):
        await store.save_task(saved)


async def test_usage_counts_what_is_kept(store: Store) -> None:
    async def used(owner: str = "alice", infrastructure: str = "local") -> tuple[int, int]:
        usage = await store.usage(owner, infrastructure)
        return usage.executions, usage.bytes

    assert await used() == (0, 0)
    assert await store.list_usage() == []
    first = await store.add_execution(an_execution("e1", output_size=2**40), [])
    await add_all(
        store,
        an_execution("e2"),
        an_execution("e3", owner="bob", output_size=7),
        an_execution("e4", infrastructure_id="far", output_size=11),
    )
    assert await used() == (2, 2**40)
    assert await used("bob") == (1, 7)
    assert await used("alice", "far") == (1, 11)
    assert await store.list_usage() == [
        UserUsage("alice", "far", 1, 11),
        UserUsage("alice", "local", 2, 2**40),
        UserUsage("bob", "local", 1, 7),
    ]
    smaller = await store.save_execution(first.model_copy(update={"output_size": 3}))
    assert await used() == (2, 3)
    none = await store.save_execution(smaller.model_copy(update={"output_size": None}))
    assert await used() == (2, 0)
    given = await store.save_execution(
        none.model_copy(update={"owner": "bob", "output_size": 5, "message": "given away"})
    )
    assert (await used(), await used("bob")) == ((1, 0), (2, 12))
    await store.remove_execution(given.id)
    await store.remove_execution(given.id)
    await store.remove_execution("e2")
    assert (await used(), await used("bob")) == ((0, 0), (1, 7))
    assert [each.owner for each in await store.list_usage()] == ["alice", "bob"]


async def test_hostile_names_are_only_names(store: Store) -> None:
    names = ["' OR 1=1 --", '"; DROP TABLE executions; --', "%", "_", "a\u0000b", "a", "*", "A"]
    for name in names:
        execution = an_execution(name, owner=name, method_id=name, idempotency_key=name)
        await store.add_execution(execution, [a_task(name)])
    for name in names:
        found = await store.get_execution(name)
        assert isinstance(found, Execution)
        assert found.id == name
        assert await ids(store, owner=name) == [name]
        assert await ids(store, method_ids=(name,)) == [name]
        assert await ids(store, method_ids=tuple(f"{name}{n}" for n in range(9))) == []
        assert await ids(store, method_ids=(*"bcdefghij", name)) == [name]
        assert [task.id for task in await store.list_tasks(name)] == [f"{name}.1"]
        assert await store.usage(name, "local") == Usage(1, 0)
