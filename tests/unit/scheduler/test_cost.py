"""What the scheduler costs: ratios between small and large queues, not absolute times.

Cost is counted in function calls and lines, as the profiler sees them: the same on every machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
from tests.unit.scheduler.samples import GIB, node, request, wishes
from tests.unit.scheduler.samples import add as add_all

SMALL, LARGE = 300, 10_000


def cost(work: Callable[[], Any]) -> int:
    """Return how many lines of Python and C functions a piece of work runs."""
    count = 0

    def local(_frame: FrameType, event: str, _value: Any) -> Any:
        nonlocal count
        count += event == "line"
        return local

    def calls(_frame: FrameType, event: str, _value: Any) -> None:
        nonlocal count
        count += event == "c_call"

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(local)
    sys.setprofile(calls)
    try:
        work()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    return count


KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "one Execution": lambda i: {"group": "g", "group_limit": 900},
    "many Executions": lambda i: {"group": f"g{i}", "group_limit": 64},
    "many owners": lambda i: {"owner": f"owner {i}", "group": f"g{i}"},
    "GPUs": lambda i: {"group": "g", "gpus": wishes(8000)},
    "a few shapes": lambda i: {"group": f"g{i % 50}", "memory": GIB + i % 5},
}


def full(kind: str, queued: int, nodes: int) -> Scheduler:
    """Return a scheduler with all Nodes full and Tasks waiting."""
    made = Scheduler(overtakes=10**9)
    for number in range(nodes):
        images = {"busybox"} if number % 2 else set()
        gpus = {"0": 8000} if kind == "GPUs" else {}
        made.set_place(node(f"n{number}", 1, 2 * GIB, images=images, gpus=gpus))
    for number in range(nodes):
        gpu_ids = ("0",) if kind == "GPUs" else ()
        made.hold(request(f"running {number}", "dave"), f"n{number}", gpu_ids)
    for number in range(queued):
        made.add(request(f"t{number}", **KINDS[kind](number)))
    assert made.place(0) == []
    return made


def place_one(made: Scheduler, number: int) -> None:
    made.release(f"running {number}")
    assert len(made.place(0)) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nodes", [10, 500])
def test_cost_does_not_grow_with_the_queue(kind: str, nodes: int) -> None:
    measured: dict[str, list[int]] = {}
    for queued in (SMALL, LARGE):
        made = full(kind, queued, nodes)
        extra = request("extra", **{**KINDS[kind](queued), "memory": 99 * GIB})
        made.impossible()
        steps: dict[str, Callable[[], Any]] = {
            "nothing has changed": partial(made.place, 0),
            "add": partial(made.add, extra),
            "nothing fits": partial(made.place, 0),
            "look at a new shape": made.impossible,  # at each Node, once
            "no new shape": made.impossible,
            "why": partial(made.forecast, f"t{queued - 1}", 0.0),
            "cancel": partial(made.release, f"t{queued // 2}"),
            "place": partial(place_one, made, 1),
            "place again": partial(place_one, made, 2),
            "due": made.next_due,
        }
        for name, step in steps.items():
            measured.setdefault(name, []).append(cost(step))
    for name, (small, large) in measured.items():
        assert large <= small * 1.6 + 40, (name, small, large)
        assert large < (45 * nodes if "new shape" in name else 0) + 2500, name


def test_cost_of_a_place_does_not_grow_with_the_nodes() -> None:
    few, many = (full("one Execution", 100, nodes) for nodes in (20, 2000))
    first = cost(partial(place_one, few, 1))
    assert cost(partial(place_one, many, 1)) <= first * 1.6 + 40


def test_adding_is_linear() -> None:
    def add(count: int) -> int:
        made = full("one Execution", 0, 5)
        new = [request(f"t{number}", group="g") for number in range(count)]
        return cost(partial(add_all, made, *new))

    small, large = add(100), add(1000)
    assert large <= small * 11


def test_one_pass_for_each_room_that_becomes_free() -> None:
    """Placing many at once costs each about what one alone costs.

    Half of the Nodes have the image; the others are looked through for one that has it.
    """
    made = full("many Executions", 2000, 500)
    one = cost(partial(place_one, made, 0))

    def place_all() -> None:
        for number in range(1, 401):
            made.release(f"running {number}")
        assert len(made.place(0)) == 400

    assert cost(place_all) <= 400 * one * 2
