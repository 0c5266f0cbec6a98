"""What every store does with Nodes, with leases, and with open Tasks by Execution and Node."""

from __future__ import annotations

import asyncio
import itertools
import math
from datetime import timedelta

import pytest

from ccp_jupyter.hub_service.store.base import LONGEST_LEASE, Conflict, Duplicate, Lease, Store
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.infrastructure import Gpu, Node
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.states import Phase, TaskState
from tests.contract.store_data import START, a_task, an_attempt, an_execution, at, exact
from tests.contract.stores import Place

# -- Open Tasks


def running(execution_id: str, index: int, *nodes: str, age: float = 0) -> Task:
    """Return a Task with an Attempt on each of these Nodes, the last of them not ended."""
    attempts = [an_attempt(Phase.ENDED).model_copy(update={"node": node}) for node in nodes]
    if attempts:
        attempts[-1].phase = Phase.EXECUTE
    state = TaskState.RUNNING if attempts else TaskState.QUEUED
    return a_task(execution_id, index, state=state, attempts=attempts, created=at(age))


async def filled(store: Store, order: str = "abc") -> None:
    """Keep Executions: "b" is the oldest, "a" and "c" are of one moment."""
    for name in order:
        age = 0 if name == "b" else 1
        tasks = [
            running(name, 1, "n1", age=age),
            running(name, 2, "n1", "n2", age=age),
            running(name, 3, "n2", "n1", age=age),
            running(name, 10, age=age),
            a_task(name, 11, state=TaskState.FAILED, attempts=[an_attempt()], created=at(age)),
        ]
        await store.add_execution(an_execution(name, created=at(age)), tasks)


def names(tasks: list[Task]) -> list[str]:
    return [task.id for task in tasks]


@pytest.mark.parametrize("order", ["abc", "cba"])
async def test_open_tasks_of_executions_and_nodes(store: Store, order: str) -> None:
    await filled(store, order)
    everything = [f"{name}.{index}" for name in "bac" for index in (1, 2, 3, 10)]
    assert names(await store.open_tasks()) == everything
    assert names(await store.open_tasks(node="n1")) == [f"{n}.{i}" for n in "bac" for i in (1, 3)]
    assert names(await store.open_tasks(node="n2")) == ["b.2", "a.2", "c.2"]
    assert names(await store.open_tasks(node="n3")) == []
    assert names(await store.open_tasks(execution_ids={"c", "b", "none"})) == [
        f"{name}.{index}" for name in "bc" for index in (1, 2, 3, 10)
    ]
    assert names(await store.open_tasks(execution_ids=["c", "a", "c"], node="n2")) == ["a.2", "c.2"]
    assert await store.open_tasks(execution_ids=()) == []
    assert names(await store.open_tasks(limit=3)) == everything[:3]
    many = [f"other {number}" for number in range(40_000)]
    assert names(await store.open_tasks(execution_ids=[*many, "a"], limit=2)) == ["a.1", "a.2"]


@pytest.mark.parametrize("node", [None, "n1"])
async def test_open_tasks_page_by_page(store: Store, node: str | None) -> None:
    await filled(store)
    whole = names(await store.open_tasks(node=node))
    found: list[str] = []
    last = None
    while page := await store.open_tasks(node=node, after=last, limit=2):
        assert len(page) <= 2
        found += names(page)
        last = page[-1]
    assert found == whole
    assert last is not None
    second = (await store.open_tasks(node=node, limit=2))[-1]
    await store.remove_execution("b")  # what was there may be gone by the next page
    rest = [name for name in whole if not name.startswith("b")]
    assert names(await store.open_tasks(node=node, after=second)) == rest
    assert names(await store.open_tasks(node=node, after=second, execution_ids=["c"])) == [
        name for name in rest if name.startswith("c")
    ]


async def test_open_tasks_of_a_node_follow_saves(store: Store) -> None:
    await store.add_execution(an_execution("e1"), [a_task("e1")])
    assert await store.open_tasks(node="n1") == []
    task = await store.save_task(running("e1", 1, "n1").model_copy(update={"version": 1}))
    assert await store.open_tasks(node="n1") == [task]
    moved = running("e1", 1, "n1", "n2").model_copy(update={"version": 2})
    moved = await store.save_task(moved)
    assert await store.open_tasks(node="n1") == []
    assert await store.open_tasks(node="n2") == [moved]
    moved.attempts[-1].phase = Phase.ENDED
    await store.save_task(moved.model_copy(update={"state": TaskState.FAILED}))
    assert await store.open_tasks(node="n2") == []


# -- Nodes


def a_node(node_id: str = "n1", **changes: object) -> NodeRecord:
    """Return what is kept of a Node, with every member set."""
    node = Node.model_validate(
        {
            "id": node_id,
            "base_url": "tcp://10.0.0.1:2376",
            "tls": {"ca": "/etc/ä/ca.pem", "cert": "/etc/cert.pem", "key": "/etc/key.pem"},
            "memory": "8GiB",
            "cpus": 3.5,
            "gpus": [Gpu(id="0", vram=8192), Gpu(id="GPU-1")],
            "environment": {"A.b$": "ö", "": "empty"},
        }
    )
    return NodeRecord.model_validate(
        {
            "id": node_id,
            "infrastructure_id": "local",
            "node": node,
            "draining": True,
            "reason": "neue Platte · 東京",
            "by": "root",
            "updated": START,
            **changes,
        }
    )


async def test_nodes_come_back_as_they_went_in_by_id(store: Store, place: Place) -> None:
    assert await store.list_nodes() == []
    given = [a_node("n2"), a_node("n10", node=None), a_node("N1")]
    kept = [await store.save_node(record) for record in given]
    assert [record.version for record in kept] == [1, 1, 1]
    assert [record.version for record in given] == [0, 0, 0]
    expected = [exact(kept[2]), exact(kept[1]), exact(kept[0])]
    assert [exact(record) for record in await store.list_nodes()] == expected
    await store.close()
    again = await place.open()
    try:
        assert [exact(record) for record in await again.list_nodes()] == expected
    finally:
        await again.close()


async def test_saves_of_a_node(store: Store) -> None:
    first = await store.save_node(a_node())
    with pytest.raises(Duplicate, match="n1"):
        await store.save_node(a_node(reason="second"))
    saved = await store.save_node(first.model_copy(update={"draining": False}))
    assert (saved.version, saved.draining) == (2, False)
    for version in (1, 3, -1):
        with pytest.raises(Conflict, match="n1"):
            await store.save_node(first.model_copy(update={"version": version}))
    assert await store.list_nodes() == [saved]
    await store.remove_node("n1")
    await store.remove_node("n1")
    assert await store.list_nodes() == []
    with pytest.raises(Conflict):
        await store.save_node(saved)
    assert (await store.save_node(a_node())).version == 1


async def test_of_many_who_save_a_node_one_wins(store: Store) -> None:
    results = await asyncio.gather(
        *(store.save_node(a_node(reason=str(n))) for n in range(20)), return_exceptions=True
    )
    (winner,) = [result for result in results if isinstance(result, NodeRecord)]
    assert sum(isinstance(result, Duplicate) for result in results) == 19
    assert await store.list_nodes() == [winner]


# -- Leases


async def run_out(store: Store, name: str) -> None:
    """Wait until nobody has a lease."""
    async with asyncio.timeout(60):
        while await store.find_lease(name) is not None:
            await asyncio.sleep(0.02)


async def test_a_lease_is_held_by_one_and_renewed(store: Store) -> None:
    assert await store.find_lease("service") is None
    first = await store.take_lease("service", "a", "http://ä:1", 600)
    assert (first.name, first.holder, first.address) == ("service", "a", "http://ä:1")
    assert first.term >= 1
    assert first.until.tzinfo is not None
    assert await store.find_lease("service") == first
    assert await store.take_lease("service", "b", "http://b", 600) == first
    renewed = await store.take_lease("service", "a", "http://a:2", 1200)
    assert (renewed.holder, renewed.address, renewed.term) == ("a", "http://a:2", first.term)
    gained = renewed.until - first.until
    assert gained > timedelta(seconds=300)
    assert await store.find_lease("service") == renewed
    other = await store.take_lease("other", "b", "", 600)
    assert (other.name, other.holder) == ("other", "b")
    assert await store.find_lease("service") == renewed


async def test_a_lease_given_back_is_free_and_its_term_grows(store: Store, place: Place) -> None:
    first = await store.take_lease("x", "a", "", 600)
    await store.give_lease("x", "b")
    await store.give_lease("y", "a")
    assert await store.find_lease("x") == first
    await store.give_lease("x", "a")
    await store.give_lease("x", "a")
    assert await store.find_lease("x") is None
    second = await store.take_lease("x", "b", "", 600)
    assert (second.holder, second.term > first.term) == ("b", True)
    await store.give_lease("x", "a")
    assert await store.find_lease("x") == second
    await store.give_lease("x", "b")
    third = await store.take_lease("x", "b", "", 600)
    assert third.term > second.term
    await store.close()
    again = await place.open()
    try:
        assert await again.find_lease("x") == third
    finally:
        await again.close()


@pytest.mark.parametrize("next_holder", ["a", "b"])
async def test_a_lease_runs_out(store: Store, next_holder: str) -> None:
    first = await store.take_lease("x", "a", "old", 0.05)
    await run_out(store, "x")
    await store.give_lease("x", "a")
    second = await store.take_lease("x", next_holder, "new", 600)
    assert (second.holder, second.address) == (next_holder, "new")
    assert second.term > first.term
    assert second.until > first.until


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, LONGEST_LEASE + 1])
async def test_impossible_times_of_a_lease_are_refused(store: Store, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds: above 0 and at most 86400"):
        await store.take_lease("x", "a", "", seconds)
    assert await store.find_lease("x") is None


async def test_of_many_who_take_a_lease_one_has_it(store: Store) -> None:
    terms: list[int] = []
    for turn in range(5):
        results = await asyncio.gather(
            *(store.take_lease("x", f"{turn}.{n}", str(n), 600) for n in range(20))
        )
        (lease,) = set(results)
        assert await store.find_lease("x") == lease
        terms.append(lease.term)
        await store.give_lease("x", lease.holder)
    assert all(one < other for one, other in itertools.pairwise(terms))


async def test_hostile_names_of_leases_are_only_names(store: Store) -> None:
    odd = ["", "$x", "a.b", "' OR 1=1", "\u0000", "é" * 1000]
    for name in odd:
        lease = await store.take_lease(name, f"of {name}", name, 600)
        assert lease == Lease(name, f"of {name}", name, lease.term, lease.until)
    for name in odd:
        found = await store.find_lease(name)
        assert found is not None
        assert found.holder == f"of {name}"
