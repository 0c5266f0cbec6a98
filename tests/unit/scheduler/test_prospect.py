"""What is said of a Task before it is queued, against what happens when it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.scheduler.base import Request, Rules
from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
from tests.unit.scheduler.samples import GIB, add, node, placed, request, requests, scheduler

A_TASK = st.fixed_dictionaries(
    {
        "owner": st.sampled_from(["alice", "bob", "carol"]),
        "memory": st.sampled_from([GIB, 2 * GIB, 5 * GIB, 9 * GIB]),
        "cpus": st.sampled_from([0, 1000, 3000]),
        "priority": st.sampled_from([0, 0, 5, -5]),
        "expected": st.sampled_from([0.0, 10.0, 60.0]),
        "context": st.sampled_from(["", "", "physics"]),
        "gpus": st.sampled_from([(), (), (4,), (64,)]),
    }
)
A_NODE = st.fixed_dictionaries(
    {
        "slots": st.integers(0, 4),
        "memory": st.sampled_from([0, 4 * GIB, 8 * GIB]),
        "cpus": st.sampled_from([None, 2000, 4000]),
        "gpus": st.sampled_from([{}, {}, {"0": 8}]),
        "online": st.sampled_from([True, True, True, False]),
    }
)
RULES = st.builds(
    Rules,
    most=st.sampled_from([0, 0, 1, 3]),
    most_per_owner=st.sampled_from([0, 0, 1, 2]),
    weights=st.sampled_from([{}, {"alice": 3.0, "physics": 2.0}]),
)


def made_of(
    nodes: list[dict[str, Any]], rules: Rules, tasks: list[dict[str, Any]]
) -> tuple[Scheduler, list[str]]:
    """Return a scheduler with Tasks, and those of them that it has placed."""
    places = [node(f"n{i}", reason="off", **each) for i, each in enumerate(nodes, 1)]
    made, running = scheduler(*places, overtakes=2), []
    made.set_rules("lab", rules)
    for number, each in enumerate(tasks):
        made.add(request(f"t{number}", **each))
        running += placed(made, float(number))
    return made, running


def order(made: Scheduler, running: list[str], now: float) -> list[tuple[str, str]]:
    """Return what is placed, in order, when what runs ends one after the other."""
    found = []
    while running:
        made.release(running.pop(0))
        now += 1
        begun = made.place(now)
        found += [(placement.request.task_id, placement.node_id) for placement in begun]
        running += [placement.request.task_id for placement in begun]
    return found


@given(
    nodes=st.lists(A_NODE, max_size=3),
    rules=RULES,
    tasks=st.lists(A_TASK, max_size=8),
    new=A_TASK,
)
@settings(max_examples=60, deadline=None)
def test_what_is_said_is_what_happens_and_asking_changes_nothing(nodes, rules, tasks, new):
    now = float(len(tasks))
    (asked, running), (real, _) = made_of(nodes, rules, tasks), made_of(nodes, rules, tasks)
    wanted = request("new", **new)
    said = asked.prospect(wanted, now)
    # It goes on as another does that was not asked.
    assert asked.queued() == real.queued()
    assert order(asked, running, now) == order(*made_of(nodes, rules, tasks), now)

    real.add(wanted)
    begun = {p.request.task_id: p.node_id for p in real.place(now)}
    assert said.node == begun.get("new", ""), said
    could = {f"n{i}" for i, each in enumerate(nodes, 1) if _could(each, wanted)}
    assert set(said.nodes) == could
    forecast = real.forecast("new", now)
    if forecast is None:
        assert (said.forecast.ahead, said.forecast.start) == (0, now)
        return
    assert said.forecast.reason, said
    assert said.forecast.ahead <= sum(real.queued().values())
    never = [reason for task, reason in real.impossible() if task.task_id == "new"]
    if never:
        assert said.forecast.reason == never[0]
    elif not said.nodes:
        assert said.forecast.reason == forecast.reason
    if forecast.start is None and said.nodes:
        assert said.forecast.start is None or said.forecast.start >= now
    if forecast.start is not None and said.forecast.start is not None:
        assert said.forecast.start >= now


def _could(each: dict[str, Any], wanted: Request) -> bool:
    enough_cpus = each["cpus"] is None or each["cpus"] >= wanted.cpus
    vram = max((wish.vram for wish in wanted.gpus), default=0)
    gpus = not wanted.gpus or any((has or 0) >= vram for has in each["gpus"].values())
    return each["slots"] > 0 and each["memory"] >= wanted.memory and enough_cpus and gpus


def test_it_would_wait_for_what_runs():
    made = scheduler(node(slots=1))
    add(made, request("a", expected=100), *requests("b", 3, expected=100))
    assert placed(made, 0) == ["a"]
    said = made.prospect(request("new", expected=5), 40)
    assert (said.nodes, said.node) == (("n1",), "")
    assert said.forecast.ahead == 3
    assert said.forecast.start == 340
    assert said.forecast.reason == (
        "needs 1024 MiB of memory: n1 is busy; 3 other Tasks are before it;"
        " its turn would come at about {start}"
    )
    first = made.prospect(request("new", priority=1), 40)
    assert (first.forecast.ahead, first.forecast.start) == (0, 100)
    assert first.forecast.reason.endswith("n1 is busy; n1 will have that at about {start}")
    # Somebody who has nothing there has a turn before who has much.
    assert made.prospect(request("new", owner="bob"), 40).forecast.ahead <= 1


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (Rules(most=1), "1 Tasks run on lab, as many as may at a time"),
        (Rules(most_per_owner=1), "1 Tasks of the same user run on lab"),
    ],
)
def test_limits_are_named(rules, text):
    made = scheduler(node(slots=4))
    made.set_rules("lab", rules)
    made.add(request("a", expected=10))
    assert placed(made, 0) == ["a"]
    said = made.prospect(request("new", expected=10), 0)
    assert text in said.forecast.reason
    assert said.forecast.start == 10


def test_an_infrastructure_that_nobody_knows_yet():
    said = Scheduler().prospect(request("new"), 0)
    assert (said.nodes, said.node) == ((), "")
    assert said.forecast.reason == "no Node of lab is online (none is configured)"


def test_what_no_node_can_ever_run():
    said = scheduler(node(memory=GIB)).prospect(request("new", memory=4 * GIB), 0)
    assert said.nodes == ()
    assert said.forecast.start is None
    assert said.forecast.reason == (
        "needs 4096 MiB of memory; no Node of lab has more than 1024 MiB"
    )
