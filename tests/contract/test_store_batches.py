"""How every store lists and counts Experiments and their batches."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery, Store
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.experiment import Batch, BatchState, Experiment
from ccp_jupyter.model.states import Phase, Status, TaskState
from tests.contract.store_data import FINAL, a_task, an_attempt, an_execution, at, exact, ids, odd


def an_experiment(execution_id: str = "x1", **changes: Any) -> Execution:
    """Return an Execution of an Experiment."""
    experiment = Experiment(red_version="9", cli={"inputs": {}}, container={"engine": "docker"})
    return an_execution(execution_id, experiment=experiment, method_id="", method={}, **changes)


def batches(execution: Execution, *changes: dict[str, Any]) -> list[Task]:
    """Return batches of an Experiment, one for each mapping of members."""
    return [
        a_task(
            execution.id,
            index,
            **{"owner": execution.owner, "created": execution.created, "batch": Batch(), **members},
        )
        for index, members in enumerate(changes, 1)
    ]


def placed(node: str, phase: Phase = Phase.EXECUTE) -> dict[str, Any]:
    """Return the members of a Task that runs."""
    attempts = [Attempt(number=1, node="before"), Attempt(number=2, node=node, phase=phase)]
    return {"state": TaskState.RUNNING, "attempts": attempts}


def ended(node: str, state: TaskState) -> dict[str, Any]:
    """Return the members of a Task that has run."""
    return {**placed(node, Phase.ENDED), "state": state}


KINDS: list[dict[str, Any]] = [
    {},
    placed("n1", Phase.LAUNCH),
    placed("n1"),
    ended("n2", TaskState.SUCCESSFUL),
    ended("n1", TaskState.FAILED),
    {"state": TaskState.DISMISSED},
]
"""One batch of each state, in the order of `BatchState`."""


def names(tasks: Iterable[Task]) -> list[str]:
    return [task.id for task in tasks]


async def listed(store: Store, **members: Any) -> list[str]:
    page = await store.list_batches(BatchQuery(**members))
    return names(page.items)


async def test_batch_comes_back_as_it_went_in(store: Store) -> None:
    execution = an_experiment(owner="Zoë")
    batch = Batch(inputs=odd(), outputs=odd(), stdout="a b", doc="ä\n")
    result = {**an_attempt().model_dump(), "gpus": ["0", "GPU-é"], "result": odd()}
    (task,) = batches(execution, {"batch": batch, "to_notify": True, "attempts": [result]})
    kept = await store.add_execution(execution, [task])
    expected = task.model_copy(update={"version": 1})
    for found in (
        await store.get_task("x1", 1),
        (await store.list_tasks("x1"))[0],
        (await store.list_batches(BatchQuery())).items[0],
        (await store.open_tasks())[0],
    ):
        assert found == expected
        assert exact(found) == exact(expected)
        assert found.batch is not None
        assert list(found.batch.inputs) == list(odd())  # the order of inputs has a meaning
    assert exact(await store.get_execution("x1")) == exact(kept)


async def test_experiments_apart_from_methods(store: Store) -> None:
    for number, statuses in enumerate((Status, Status)):
        for order, status in enumerate(statuses):
            make = an_experiment if number else an_execution
            made = make(f"{'mx'[number]}{order}", status=status, created=at(order // 2))
            await store.add_execution(made, [])
    assert await ids(store, experiments=True) == ["x4", "x5", "x2", "x3", "x0", "x1"]
    assert await ids(store, experiments=False) == ["m4", "m5", "m2", "m3", "m0", "m1"]
    both = ["m4", "m5", "x4", "x5", "m2", "m3", "x2", "x3", "m0", "m1", "x0", "x1"]
    assert await ids(store) == both
    assert await ids(store, ascending=True) == both[::-1]
    assert await ids(store, ascending=True, limit=3, offset=2) == both[::-1][2:5]
    assert await ids(store, experiments=True, method_ids=("m1",)) == []
    assert await ids(store, experiments=False, method_ids=("m1",), statuses=FINAL) == [
        "m4",
        "m5",
        "m3",
    ]
    many = tuple(f"other {n}" for n in range(40))
    assert await ids(store, method_ids=(*many, "m1")) == ["m4", "m5", "m2", "m3", "m0", "m1"]
    assert await ids(store, method_ids=(*many, "")) == ["x4", "x5", "x2", "x3", "x0", "x1"]
    assert await ids(store, method_ids=("",)) == ["x4", "x5", "x2", "x3", "x0", "x1"]


async def test_count_is_the_length_of_the_list(store: Store) -> None:
    for number in range(24):
        make = an_experiment if number % 3 else an_execution
        made = make(
            f"e{number:02}",
            owner="ab"[number % 2],
            status=list(Status)[number % 5],
            created=at(number),
            started=at(number),
            finished=at(number + number % 7),
        )
        await store.add_execution(made, [])
    for owner, kind, statuses, method_ids, least in product(
        (None, "a", "nobody"),
        (None, True, False),
        ((), (Status.FAILED,), (Status.RUNNING, *FINAL, Status.RUNNING)),
        ((), ("m1", "m2"), tuple(f"m{n}" for n in range(40))),
        (None, 3),
    ):
        members: dict[str, Any] = {
            "owner": owner,
            "experiments": kind,
            "statuses": statuses,
            "method_ids": method_ids,
            "min_duration": least,
        }
        count = await store.count_executions(ExecutionQuery(**members, limit=1, offset=5))
        assert count == len(await ids(store, **members)), members
    assert await store.count_executions(ExecutionQuery(created_from=at(4), created_to=at(9))) == 6


async def test_newest_experiment_first_and_in_it_by_index(store: Store) -> None:
    for name, created in (("b", at(1)), ("a", at(1)), ("old", at(0)), ("new", at(2))):
        execution = an_experiment(name, created=created)
        tasks = batches(execution, {}, {"state": TaskState.DISMISSED}, {})
        await store.add_execution(execution, [tasks[2], tasks[0], tasks[1]])
    await store.add_execution(
        an_execution("method", created=at(3)), [a_task("method", created=at(3))]
    )
    newest = [f"{name}.{index}" for name in ("new", "a", "b", "old") for index in (1, 2, 3)]
    oldest = [f"{name}.{index}" for name in ("old", "b", "a", "new") for index in (1, 2, 3)]
    for members in ({}, {"owner": "alice"}, {"states": tuple(BatchState)}):
        assert await listed(store, **members) == newest
        assert await listed(store, **members, ascending=True) == oldest
        assert await listed(store, **members, ascending=True, limit=4, offset=2) == oldest[2:6]
    for ascending in (True, False):
        assert await listed(store, execution_id="a", ascending=ascending) == newest[3:6]
    assert await listed(store, created_from=at(1), created_to=at(1)) == newest[3:9]
    assert await listed(store, execution_id="method") == []


async def test_filters_alone_and_together(store: Store) -> None:
    everything: list[Task] = []
    for number in range(6):
        execution = an_experiment(f"x{number}", owner="ab"[number % 2], created=at(-(number // 2)))
        tasks = batches(execution, *KINDS)
        await store.add_execution(execution, tasks)
        everything += tasks
    await store.add_execution(an_execution("m"), [a_task("m", owner="a", **placed("n1"))])
    for owner, execution_id, node, states in product(
        (None, "a", "nobody"),
        (None, "x0", "x1", "m", "none"),
        (None, "n1", "n2", "before", "none"),
        ((), (BatchState.FAILED,), (BatchState.PROCESSING, BatchState.SCHEDULED) * 2),
    ):
        expected = [
            task
            for task in everything
            if owner in (None, task.owner)
            and execution_id in (None, task.execution_id)
            and (node is None or (task.attempt is not None and task.attempt.node == node))
            and (not states or task.batch_state in states)
        ]
        members: dict[str, Any] = {
            "owner": owner,
            "execution_id": execution_id,
            "node": node,
            "states": states,
        }
        assert await listed(store, **members) == names(expected), members
        assert await listed(store, **members, limit=2, offset=1) == names(expected[1:3])
        count = await store.count_batches(BatchQuery(**members, limit=1, offset=7))
        assert count == len(expected)


async def test_each_state_has_its_word(store: Store) -> None:
    execution = an_experiment()
    await store.add_execution(execution, batches(execution, *KINDS))
    for index, state in enumerate(BatchState, 1):
        assert await listed(store, states=(state,)) == [f"x1.{index}"]


async def test_pages_join_without_gap_or_overlap(store: Store) -> None:
    for name in ("x1", "x2"):
        execution = an_experiment(name)
        await store.add_execution(execution, batches(execution, *KINDS))
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await store.list_batches(BatchQuery(limit=5, offset=offset))
        seen += names(page.items)
        offset = page.next_offset
    assert seen == [f"{name}.{index}" for name in ("x1", "x2") for index in range(1, 7)]
    assert (await store.list_batches(BatchQuery(limit=12))).next_offset is None


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (10, -1), (2**64, 0), (1, 2**64)])
async def test_impossible_page_is_refused(store: Store, limit: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"limit|offset"):
        await store.list_batches(BatchQuery(limit=limit, offset=offset))


async def test_lists_follow_saves_and_removal(store: Store) -> None:
    execution = an_experiment()
    await store.add_execution(execution, batches(execution, {}))
    task = (await store.list_batches(BatchQuery())).items[0]
    task = await store.save_task(task.model_copy(update=placed("n1")))
    assert await listed(store, node="n1", states=(BatchState.PROCESSING,)) == ["x1.1"]
    assert await listed(store, states=(BatchState.REGISTERED,)) == []
    task = await store.save_task(task.model_copy(update={"state": TaskState.QUEUED}))
    assert await listed(store, node="n1", states=(BatchState.REGISTERED,)) == ["x1.1"]
    await store.save_task(task.model_copy(update=ended("n2", TaskState.SUCCESSFUL)))
    assert await listed(store, node="n1") == []
    assert await listed(store, owner="alice", node="n2") == ["x1.1"]
    await store.remove_execution("x1")
    assert await listed(store) == []
    assert await store.count_batches(BatchQuery()) == 0


async def test_who_has_still_to_be_told_is_open(store: Store) -> None:
    execution = an_experiment(status=Status.SUCCESSFUL)
    done = ended("n1", TaskState.SUCCESSFUL)
    await store.add_execution(execution, batches(execution, {**done, "to_notify": True}, done))
    (task,) = await store.open_tasks()
    assert task.id == "x1.1"
    await store.save_task(task.model_copy(update={"to_notify": False}))
    assert await store.open_tasks() == []


@pytest.mark.parametrize(
    ("members", "error"),
    [({"owner": "eve"}, "Task x1.2: owner is eve"), ({"created": at(1)}, "Task x1.2: created")],
)
async def test_batches_are_as_old_as_their_experiment(
    store: Store, members: dict[str, Any], error: str
) -> None:
    execution = an_experiment()
    with pytest.raises(ValueError, match=error):
        await store.add_execution(execution, batches(execution, {}, members))
    assert await store.get_execution("x1") is None
    assert await listed(store) == []


# -- Many at a time


def many(execution: Execution, count: int, **members: Any) -> list[Task]:
    inputs = {"n": 1.5, "f": {"class": "File", "connector": {"command": "c", "access": "s1"}}}
    batch = Batch(inputs=inputs, outputs={"out": {"class": "stdout"}})
    return batches(execution, *[{"batch": batch, **members}] * count)


async def test_many_batches_come_back_as_they_went_in(store: Store) -> None:
    execution = an_experiment()
    tasks = many(execution, 1000)
    await store.add_execution(execution, tasks)
    expected = [task.model_copy(update={"version": 1}) for task in tasks]
    assert [exact(t) for t in await store.list_tasks("x1")] == [exact(t) for t in expected]
    assert {task.version for task in tasks} == {0}
    assert await store.count_batches(BatchQuery(execution_id="x1")) == 1000


@pytest.mark.parametrize(
    "value", [math.inf, (1,), "\ud800"], ids=["infinity", "tuple", "surrogate"]
)
@pytest.mark.parametrize("number", [0, 399])
async def test_one_of_many_that_would_not_come_back_is_named_and_nothing_is_kept(
    store: Store, value: object, number: int
) -> None:
    execution = an_experiment(idempotency_key="k")
    tasks = many(execution, 400)
    tasks[number] = tasks[number].model_copy(update={"batch": Batch(inputs={"a": value})})
    with pytest.raises(ValueError, match=rf"Task x1\.{number + 1} "):
        await store.add_execution(execution, tasks)
    assert await store.get_execution("x1") is None
    assert await store.find_execution("alice", "k") is None
    assert await store.count_batches(BatchQuery()) == 0


async def test_others_are_served_while_many_are_added(store: Store) -> None:
    await store.add_execution(an_execution("e1"), [])
    execution = an_experiment()
    adding = asyncio.create_task(store.add_execution(execution, many(execution, 2000)))
    answers = 0
    await asyncio.sleep(0)
    while not adding.done():
        assert await ids(store, experiments=False) == ["e1"]
        answers += 1
    assert await store.count_batches(BatchQuery(execution_id="x1")) == 2000
    assert answers > 10
