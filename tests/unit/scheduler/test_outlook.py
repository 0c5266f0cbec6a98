"""Backfill before a reservation, and what is told of a Task that waits."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.scheduler.base import Rules
from ccp_jupyter.hub_service.scheduler.durations import Durations
from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
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


def kept(large: dict[str, Any] | None = None, **running: Any) -> Scheduler:
    """Return a scheduler that keeps the Node for a large Task from second 0 on.

    Two of four places are taken: by a Task that ends at second 100, and one that is as said.
    """
    made = scheduler(node(slots=4, memory=4 * GIB), overtakes=0)
    add(made, request("old", expected=100), request("older", **{"expected": 50, **running}))
    assert len(placed(made)) == 2
    made.add(request("large", memory=4 * GIB, **(large or {})))
    assert placed(made) == []
    return made


# -- Backfill


def test_who_will_have_ended_in_time_may_use_the_node_that_is_kept():
    made = kept()
    assert reason(made, "large") == "Node n1 is being kept free for it; it will be at about {start}"
    # Half of the time that is left, as a Task may take longer than expected.
    for task, seconds in (("long", 51.0), ("short", 50.0), ("unknown", 0.0)):
        made.add(request(task, memory=GIB - len(task), expected=seconds))
    assert placed(made) == ["short"]
    made.add(request("late", expected=45))
    assert placed(made, 20) == []
    for task in ("short", "older", "old"):
        made.release(task)
    assert placed(made, 60) == ["large"]


def test_nothing_is_put_before_a_task_whose_beginning_is_unknown():
    made = kept(expected=0.0)
    made.add(request("short", expected=1))
    assert placed(made) == []
    assert reason(made, "large") == "Node n1 is being kept free for it"
    found = made.forecast("large", 0)
    assert found is not None and found.start is None


def test_backfill_never_delays_beyond_what_was_forecast():
    """Small ones that take as long as expected come all the time."""
    made = kept()
    forecast = made.forecast("large", 0)
    assert forecast is not None and forecast.start == 100
    ends = {"old": 100.0, "older": 50.0}
    small: list[str] = []
    for now in range(200):
        for task in [task for task, end in ends.items() if end <= now]:
            made.release(task)
            del ends[task]
        made.add(request(f"small {now}", "bob", expected=7))
        for task in placed(made, now):
            if task == "large":
                assert now == 100
                assert len(small) > 20
                return
            small.append(task)
            ends[task] = now + 7
        found = made.forecast("large", now)
        assert found is not None and found.start is not None and found.start <= 100
    raise AssertionError("it never began")


def test_the_node_that_is_free_first_is_kept():
    made = scheduler(*(node(f"n{n}", slots=2, memory=4 * GIB) for n in range(3)), overtakes=0)
    for number, seconds in enumerate((300.0, 100.0, 0.0)):
        made.hold(request(f"t{number}", expected=seconds), f"n{number}", since=0.0)
    made.add(request("large", memory=4 * GIB))
    assert placed(made, 10) == []
    assert reason(made, "large", 10) == (
        "Node n1 is being kept free for it; it will be at about {start}"
    )


# -- Forecast


def test_position_and_start():
    made = scheduler(node(slots=1))
    made.hold(request("old", expected=60), "n1", since=-20.0)
    add(made, *requests("a", 3, expected=60))
    assert placed(made) == []
    told = [made.forecast(f"a{number}", 0) for number in range(3)]
    assert [f.ahead for f in told if f] == [0, 1, 2]
    starts = [f.start for f in told if f]
    assert [round(start or 0) for start in starts] == [40, 60, 120]
    assert told[0] is not None
    assert told[0].reason == ("needs 1024 MiB of memory: n1 is busy; n1 will at about {start}")
    assert told[2] is not None
    assert "; 2 other Tasks are before it; its turn comes at about {start}" in told[2].reason


def test_the_example_of_the_issue():
    two = {"0": 8192, "1": 8192}
    made = scheduler(node("n1"), node("n2", gpus=two), node("n3", gpus={"0": 8192}))
    made.hold(request("old", gpus=(0, 0), expected=300), "n2", ("0", "1"), since=0.0)
    made.add(request("a", gpus=(8192, 8192)))
    assert placed(made) == []
    found = made.forecast("a", 10)
    assert found is not None
    assert found.reason == (
        "needs 1024 MiB of memory and 2 GPUs with 8192 MB: none of 3 Nodes has that free;"
        " n2 will at about {start}"
    )
    assert (found.ahead, found.start) == (0, 300)


def test_other_owners_have_their_turns_before():
    made = scheduler(node(slots=1))
    made.hold(request("old", "z", expected=10), "n1", since=0.0)
    for owner in ("a", "b", "c"):
        add(made, *requests(owner, 5, owner, expected=10))
    assert placed(made) == []
    ahead = [made.forecast(f"b{number}", 0) for number in range(5)]
    # Four parties, with the one that only runs; never more than there are.
    assert [f.ahead for f in ahead if f] == [1, 5, 9, 13, 14]


def test_unknown_times_make_no_forecast():
    made = scheduler(node(slots=1))
    made.hold(request("old"), "n1")
    add(made, *requests("a", 2))
    assert placed(made) == []
    for task in ("a0", "a1"):
        found = made.forecast(task, 0)
        assert found is not None and found.start is None and "{start}" not in found.reason


def test_who_runs_longer_than_expected_is_expected_to_end_now():
    made = scheduler(node(slots=1))
    made.hold(request("old", expected=5), "n1", since=0.0)
    made.add(request("a"))
    assert placed(made) == []
    found = made.forecast("a", 1000)
    assert found is not None and found.start == 1000


def test_a_delay_is_told_with_its_end():
    made = scheduler(node())
    made.add(request("a", not_before=30.0))
    found = made.forecast("a", 10)
    assert found is not None and found.start == 30
    assert found.reason == "waits a little before the next Attempt, until {start}"


def test_limits_bound_the_forecast():
    made = scheduler(node(slots=9, memory=99 * GIB))
    made.set_rules("lab", Rules(most_per_owner=4))
    add(made, *requests("g", 8, "a", group="g", group_limit=2, expected=100))
    assert len(placed(made)) == 2
    told = [made.forecast(f"g{number}", 0) for number in range(2, 8)]
    assert [f.start for f in told if f] == sorted(f.start or 0 for f in told if f)
    assert told[-1] is not None and told[-1].start is not None and told[-1].start >= 250
    add(made, *requests("o", 8, "a", expected=100))
    assert len(placed(made)) == 2
    found = made.forecast("o7", 0)
    assert found is not None and found.start is not None and found.start >= 100
    assert "of the same user" in found.reason


def test_what_does_not_wait_has_no_forecast():
    made = scheduler(node())
    made.add(request("a"))
    assert made.place(0)
    assert made.forecast("a", 0) is None
    assert made.forecast("nobody", 0) is None


# -- A Node that is removed


def test_a_node_that_is_removed_takes_nothing_with_it():
    made = scheduler(node("n1", slots=1), node("n2", slots=4, memory=4 * GIB), overtakes=0)
    add(made, *requests("s", 5))
    assert len(placed(made)) == 5
    add(made, request("large", memory=4 * GIB), request("next", memory=2 * GIB))
    assert placed(made) == []
    assert "Node n1 is being kept" in (reason(made, "large") or "")
    made.remove_place("lab", "n1")
    made.remove_place("lab", "n1")
    assert made.load("lab", "n1").tasks == 0
    for number in range(5):
        made.release(f"s{number}")
    assert placed(made) == ["large"]
    made.set_place(node("n1", slots=1))
    assert placed(made) == ["next"]


# -- Times


def test_durations_are_those_of_the_last_few_and_bounded():
    durations = Durations()
    assert durations.expected("a") is None
    for seconds in (1000, 1000, 1000, *(10,) * 8):
        durations.note("a", seconds)
    assert durations.expected("a") == 10
    durations.note("a", 0.1)
    assert durations.expected("a") == 10
    for number in range(2000):
        durations.note(f"k{number}", 1)
    assert durations.expected("a") is None
    assert durations.expected("k1999") == 1
    assert durations.expected("k0") is None


@pytest.mark.parametrize("kind", ["slow", "quick"])
def test_expected_times_may_be_learned(kind: str) -> None:
    durations = Durations()
    made = Scheduler(overtakes=0, expected=lambda r: durations.expected(r.kind) or 0.0)
    made.set_place(node(slots=4, memory=4 * GIB))
    durations.note("slow", 100)
    durations.note("quick", 10)
    made.add(request("old", kind="slow"))
    assert placed(made) == ["old"]
    add(made, request("large", memory=4 * GIB), request("new", kind=kind))
    assert placed(made) == ["new"]  # nobody is kept out before the first pass
    add(made, request("next", kind=kind, memory=GIB + 1))
    assert placed(made) == (["next"] if kind == "quick" else [])
