"""Contexts, owners, weights, priorities and limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ccp_jupyter.hub_service.scheduler.base import Rules
from ccp_jupyter.hub_service.scheduler.scheduler import Request, Scheduler
from tests.unit.scheduler.samples import (
    GIB,
    add,
    node,
    placed,
    reason,
    request,
    requests,
    scheduler,
)


def long_run(made: Scheduler, rounds: int, who: Callable[[Request], str]) -> Counter[str]:
    """End the oldest Task again and again; return who had how many turns."""
    running, turns = made.place(0), Counter[str]()
    for _ in range(rounds):
        made.release(running.pop(0).request.task_id)
        new = made.place(0)
        turns.update(who(placement.request) for placement in new)
        running += new
    return turns


def test_contexts_share_first_then_the_owners_inside():
    made = scheduler(node(slots=12, memory=99 * GIB))
    for owner in ("a", "b", "c"):
        add(made, *requests(owner, 20, owner, context="large"))
    add(made, *requests("d", 20, "d", context="small"))
    running = Counter(p.request.owner for p in made.place(0))
    assert running == {"a": 2, "b": 2, "c": 2, "d": 6}


def test_an_owner_without_context_counts_as_one():
    made = scheduler(node(slots=9, memory=99 * GIB))
    add(made, *requests("a", 9, "a", context="lab"), *requests("b", 9, "b", context="lab"))
    add(made, *requests("c", 9, "c"), *requests("a own", 9, "a"))
    running = Counter(p.request.task_id.rstrip("0123456789") for p in made.place(0))
    assert running == {"a": 2, "b": 1, "c": 3, "a own": 3}


def test_a_context_called_like_an_owner_is_another():
    made = scheduler(node(slots=6, memory=99 * GIB))
    add(made, *requests("a", 9, "alice"), *requests("b", 9, "bob", context="alice"))
    assert Counter(p.request.owner for p in made.place(0)) == {"alice": 3, "bob": 3}


def test_weights_in_the_long_run():
    made = scheduler(node(slots=8, memory=99 * GIB))
    made.set_rules("lab", Rules(weights={"heavy": 3.0, "boss": 2.0}))
    add(made, *requests("h", 400, "h", context="heavy"), *requests("x", 400, "x"))
    assert long_run(made, 200, lambda r: r.owner) == {"h": 150, "x": 50}
    made = scheduler(node(slots=6, memory=99 * GIB))
    made.set_rules("lab", Rules(weights={"boss": 2.0}))
    for owner in ("boss", "clerk"):
        add(made, *requests(owner, 400, owner, context="one"))
    assert long_run(made, 120, lambda r: r.owner) == {"boss": 80, "clerk": 40}


def test_weights_may_change_while_tasks_wait():
    made = scheduler(node(slots=4, memory=99 * GIB))
    add(made, *requests("a", 50, "a"), *requests("b", 50, "b"))
    assert Counter(p.request.owner for p in made.place(0)) == {"a": 2, "b": 2}
    made.set_rules("lab", Rules(weights={"b": 3.0}))
    made.release("a0")
    assert placed(made) == ["b2"]
    made.set_rules("lab", Rules())
    made.release("b0")
    assert placed(made) == ["a2"]


def test_shares_count_what_tasks_take_not_how_many_they_are():
    """One takes 1 GiB of 16 each time, the other four times as much."""
    made = scheduler(node(slots=16, memory=16 * GIB))
    add(made, *requests("small", 16, "s", memory=GIB), *requests("large", 9, "l", memory=4 * GIB))
    running = Counter(p.request.owner for p in made.place(0))
    assert running == {"s": 8, "l": 2}


@pytest.mark.parametrize(
    ("wanted", "members"),
    [
        ({"cpus": 4000}, {"cpus": 16_000}),
        ({"disk": 4 * GIB}, {"disk": 16 * GIB}),
        ({"gpus": (0,)}, {"gpus": dict.fromkeys("abcd", 8)}),
    ],
)
def test_the_largest_part_counts_whatever_it_is(wanted: Any, members: Any) -> None:
    """A quarter of the cores, of the disk or of the GPUs is as much as four slots of 16."""
    made = scheduler(node(slots=16, memory=160 * GIB, **members))
    add(made, *requests("small", 16, "s"), *requests("large", 9, "l", **wanted))
    order = [p.request.owner for p in made.place(0)]
    assert order[:10] == ["s", "l", *"sss", "l", *"ssss"]


def test_priority_orders_only_an_owners_own():
    made = scheduler(node(slots=1))
    add(made, *requests("a", 2, "a", group="1"), *requests("b", 2, "b", group="2"))
    add(made, request("urgent", "a", group="3", priority=100))
    add(made, request("later", "b", group="4", priority=-100), request("b9", "b", group="5"))
    order = placed(made)
    for _ in range(6):
        made.release(order[-1])
        order += placed(made)
    assert order == ["urgent", "b0", "a0", "b1", "a1", "b9", "later"]


def test_priority_is_no_way_around_what_does_not_fit():
    made = scheduler(node(slots=4, memory=4 * GIB))
    add(made, request("huge", priority=5, memory=4 * GIB), request("low", priority=-5))
    made.hold(request("old", "bob"), "n1")
    assert placed(made) == ["low"]


# -- Limits


def test_limit_of_one_owner_over_all_contexts():
    made = scheduler(node(slots=9, memory=99 * GIB))
    made.set_rules("lab", Rules(most_per_owner=2))
    made.hold(request("old", "a", context="x"), "n1")
    add(made, *requests("a", 4, "a", context="y"), *requests("own", 4, "a"), *requests("b", 1, "b"))
    assert sorted(placed(made)) == ["a0", "b0"]
    assert "2 Tasks of the same user run on lab" in (reason(made, "a1") or "")
    made.release("a0")
    assert placed(made) == ["own0"]
    made.release("old")
    assert len(placed(made)) == 1
    made.set_rules("lab", Rules())
    assert len(placed(made)) == 5


def test_limit_of_an_infrastructure():
    made = scheduler(node(slots=9, memory=99 * GIB), node("far", infrastructure="other"))
    made.set_rules("lab", Rules(most=3))
    made.hold(request("old", "z"), "n1")
    add(made, *requests("a", 9), request("elsewhere", infrastructure="other"))
    assert sorted(placed(made)) == ["a0", "a1", "elsewhere"]
    assert "3 Tasks run on lab, as many as may at a time" in (reason(made, "a5") or "")
    made.release("old")
    assert placed(made) == ["a2"]
    made.set_rules("lab", Rules(most=1))
    made.release("a2")
    assert placed(made) == []


def test_a_limit_lowered_below_what_runs_stops_nothing_that_runs():
    made = scheduler(node(slots=9, memory=99 * GIB))
    add(made, *requests("a", 9))
    assert len(placed(made)) == 9
    made.set_rules("lab", Rules(most_per_owner=2))
    made.add(request("b"))
    for number in range(7):
        made.release(f"a{number}")
        assert placed(made) == []
    made.release("a7")
    assert placed(made) == ["b"]


@pytest.mark.parametrize(
    ("rules", "owner"), [(Rules(most=4), "bob"), (Rules(most_per_owner=4), "alice")]
)
def test_a_large_task_is_not_kept_out_for_ever_by_a_limit(rules: Rules, owner: str) -> None:
    """Small ones come all the time and would take the last place under the limit each time."""
    made = scheduler(node(slots=8, memory=8 * GIB), overtakes=10)
    made.set_rules("lab", rules)
    add(made, *requests("s", 4, "alice"))
    running = placed(made)
    made.add(request("large", owner, memory=8 * GIB))
    for number in range(60):
        made.add(request(f"more {number}", "alice"))
        if running:
            made.release(running.pop(0))
        running += placed(made)
        if "large" in running:
            break
    assert "large" in running
    assert number <= 20


def test_what_others_on_the_machine_hold_is_not_handed_out_but_not_impossible():
    place: dict[str, Any] = {"slots": 9, "cpus": 4000, "gpus": {"0": 8, "1": 8}}
    made = scheduler(
        node(**place, outside_memory=6 * GIB, outside_cpus=1000, outside_gpus=frozenset("0"))
    )
    add(made, request("memory", memory=3 * GIB), request("cores", cpus=3500, memory=1))
    add(made, request("gpus", gpus=(0, 0), memory=1), request("named", gpus=("1",), memory=1))
    assert placed(made) == ["named"]
    assert made.impossible() == []
    made.set_place(node(**place))
    assert placed(made) == ["memory", "cores"]
    made.release("named")
    assert placed(made) == ["gpus"]


def test_cores_and_disk_are_never_handed_out_twice():
    made = scheduler(node(slots=99, memory=99 * GIB, cpus=4000, disk=10 * GIB))
    add(made, *requests("c", 5, "a", cpus=1500), *requests("d", 5, "b", disk=4 * GIB))
    assert sorted(placed(made)) == ["c0", "c1", "d0", "d1"]
    made.add(request("rest", "c", cpus=1000, disk=2 * GIB))
    assert placed(made) == ["rest"]
    load = made.load("lab", "n1")
    assert (load.tasks, load.cpus, load.disk) == (5, 4000, 10 * GIB)
    for task in ("c0", "c1", "d0", "d1", "rest", *(f"{x}{n}" for x in "cd" for n in (2, 3, 4))):
        made.release(task)
    assert made.load("lab", "n1").cpus == made.load("lab", "n1").disk == 0


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (
            {"cpus": 5000},
            "needs 1024 MiB of memory and 5 cores; no Node of lab has more than 4 cores",
        ),
        (
            {"disk": 2 * GIB},
            "needs 1024 MiB of memory and 2048 MiB of disk;"
            " no Node of lab has more than 1024 MiB of disk",
        ),
        ({"gpus": ("7",)}, "needs GPU 7; no Node of lab has them (n1: GPU 0 with 8 MB)"),
        (
            {"gpus": ("0", 4)},
            "needs GPU 0 and 1 GPU with 4 MB; no Node of lab has them (n1: GPU 0 with 8 MB)",
        ),
    ],
)
def test_what_can_never_run(wanted: Any, why: str) -> None:
    made = scheduler(node(cpus=4000, disk=GIB, gpus={"0": 8}))
    made.add(request("a", **wanted))
    assert made.impossible() == [(request("a", **wanted), why)]
