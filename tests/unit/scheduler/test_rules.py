"""Groups, GPUs, strategies, reservations, what can never run: one test for each rule."""

from __future__ import annotations

import pytest

from ccp_jupyter.hub_service.scheduler.scheduler import Scheduler
from tests.unit.scheduler.samples import (
    GIB,
    add,
    names,
    node,
    placed,
    reason,
    request,
    requests,
    scheduler,
)

# -- Order


def test_an_owners_executions_go_in_the_order_of_submission():
    made = scheduler(node(slots=3))
    add(made, *requests("a", 2, group="a"), *requests("b", 2, group="b"))
    assert placed(made) == ["a0", "a1", "b0"]
    # An Attempt that is repeated goes with its Execution, not behind the later ones.
    add(made, *requests("c", 5, group="c"))
    made.release("a0")
    made.add(request("a0", group="a", not_before=1.0))
    assert placed(made) == ["b1"]
    made.release("b0")
    assert placed(made, 2.0) == ["a0"]


def test_tasks_without_a_group_take_their_place_among_executions():
    made = scheduler(node(slots=9, memory=99 * GIB))
    add(made, request("a"), request("b", group="g"), request("c"), request("d", group="g"))
    assert placed(made) == ["a", "b", "d", "c"]


def test_whoever_waited_longest_goes_first_among_equals():
    made = scheduler(node(slots=1))
    add(made, *requests("a", 3, "alice"))
    assert placed(made) == ["a0"]
    add(made, *requests("b", 2, "bob"), *requests("c", 2, "carol"))
    order = ["a0"]
    while order[-1:] != order[-2:-1] and len(order) < 7:
        made.release(order[-1])
        order += placed(made)
    # Alice had a turn before the others came; then everybody in turn.
    assert order == ["a0", "a1", "b0", "c0", "a2", "b1", "c1"]


def test_fewest_running_counts_for_each_infrastructure():
    made = scheduler(node("n1", slots=4), node("far", infrastructure="other", slots=4))
    add(made, *requests("x", 4, "alice", infrastructure="other"))
    assert len(made.place(0)) == 4
    for number in range(2):
        made.hold(request(f"b{number}", "bob"), "n1")
    add(made, request("b9", "bob"), request("a9", "alice"), request("a8", "alice"))
    assert placed(made) == ["a9", "a8"]


def test_a_cancelled_task_is_not_placed_and_the_next_takes_its_turn():
    made = scheduler(node(slots=1))
    add(made, *requests("a", 3, group="g"))
    made.release("a0")
    made.release("a0")
    assert placed(made) == ["a1"]
    made.release("unknown")
    made.release("a2")
    made.release("a1")
    assert placed(made) == []


# -- Groups


def test_of_one_group_only_so_many_run_and_the_others_go_on():
    made = scheduler(node(slots=6, memory=99 * GIB))
    add(made, *requests("a", 5, group="a", group_limit=2))
    add(made, *requests("b", 2, group="b"), *requests("c", 1, "bob", group="c", group_limit=1))
    assert sorted(placed(made)) == ["a0", "a1", "b0", "b1", "c0"]
    why = reason(made, "a2")
    assert why == "2 Tasks of the same Execution run, as many as may at a time"
    made.release("b0")
    assert placed(made) == []
    made.release("a0")
    assert placed(made) == ["a2"]
    assert placed(made) == []


def test_adopted_tasks_count_for_their_group_and_owner():
    made = scheduler(node(slots=9))
    made.hold(request("a0", group="a", group_limit=1), "n1")
    add(made, request("a1", group="a", group_limit=1), request("b0", group="b"))
    assert placed(made) == ["b0"]
    made.release("a0")
    assert placed(made) == ["a1"]


def test_groups_of_the_same_name_belong_to_their_owners():
    made = scheduler(node(slots=9))
    made.add(request("a", "alice", group="g", group_limit=1))
    made.add(request("b", "bob", group="g", group_limit=1))
    assert sorted(placed(made)) == ["a", "b"]


def test_all_shapes_of_a_group_share_its_limit():
    made = scheduler(node(slots=9, gpus={"0": 8000}))
    add(
        made,
        request("a", group="g", group_limit=1),
        request("b", memory=2 * GIB, group="g", group_limit=1),
        request("c", gpus=(0,), group="g", group_limit=1),
    )
    for task in "abc":
        assert placed(made) == [task]
        made.release(task)


# -- GPUs


def test_a_gpu_belongs_to_one_task_at_a_time():
    made = scheduler(node(slots=9, gpus={"0": 8000, "1": 16000}))
    add(made, request("a", gpus=(0,)), request("b", gpus=(0,)), request("c", gpus=(0,)))
    assert [(p.request.task_id, p.gpus) for p in made.place(0)] == [("a", ("0",)), ("b", ("1",))]
    assert "busy" in (reason(made, "c") or "")
    made.release("b")
    (placement,) = made.place(0)
    assert (placement.request.task_id, placement.gpus) == ("c", ("1",))


def test_adopted_tasks_keep_their_gpus():
    made = scheduler(node(slots=9, gpus={"0": 8000, "1": 8000}))
    made.hold(request("old", gpus=(0,)), "n1", ("0",))
    made.add(request("a", gpus=(0,)))
    assert [p.gpus for p in made.place(0)] == [("1",)]
    made.set_place(node(slots=9, gpus={"0": 8000, "1": 8000}))
    made.add(request("b", gpus=(0,)))
    assert placed(made) == []
    made.release("old")
    assert [p.gpus for p in made.place(0)] == [("0",)]


def test_held_before_the_node_is_known():
    made = Scheduler()
    made.hold(request("old", memory=6 * GIB, gpus=(0,)), "n1", ("0",))
    made.add(request("a", gpus=(0,)))
    assert placed(made) == []
    assert "not reached yet" in (reason(made, "a") or "")
    assert made.impossible() == []
    made.set_place(node(slots=2, memory=8 * GIB, gpus={"0": 8000, "1": 8000}))
    made.add(request("b", memory=3 * GIB))
    assert [(p.request.task_id, p.gpus) for p in made.place(0)] == [("a", ("1",))]


def test_gpu_that_is_no_more_configured_does_not_come_back():
    made = scheduler(node(gpus={"0": 8000}))
    made.add(request("a", gpus=(8000,)))
    assert placed(made) == ["a"]
    made.set_place(node(gpus={"1": 4000}))
    made.release("a")
    made.add(request("b", gpus=(8000,)))
    assert placed(made) == []


def test_tasks_without_gpus_leave_nodes_with_gpus_to_others():
    made = scheduler(
        node("gpu", slots=9, memory=64 * GIB, gpus={"0": 8000}, images={"busybox"}),
        node("plain", slots=1),
    )
    add(made, request("a"), request("b"))
    assert names(made.place(0)) == [("a", "plain"), ("b", "gpu")]


def test_tasks_with_gpus_wait_and_do_not_stop_those_without():
    made = scheduler(node(slots=9, gpus={"0": 8000}))
    add(made, *requests("g", 3, gpus=(8000,)), *requests("p", 3))
    assert placed(made) == ["g0", "p0", "p1", "p2"]
    made.release("p0")
    assert placed(made) == []
    made.release("g0")
    assert placed(made) == ["g1"]


# -- Strategies


@pytest.mark.parametrize(("strategy", "nodes"), [("spread", {"n1", "n2"}), ("binpack", {"n1"})])
def test_strategy(strategy, nodes):
    made = scheduler(*(node(name, strategy=strategy) for name in ("n1", "n2")))
    made.hold(request("old"), "n1")
    made.add(request("a"))
    (first,) = made.place(0)
    assert first.node_id == ("n2" if strategy == "spread" else "n1")


def test_fullest_node_is_the_fullest_that_has_room():
    made = scheduler(*(node(f"n{n}", memory=n * GIB, strategy="binpack") for n in (1, 2, 3, 4)))
    made.add(request("a", memory=3 * GIB))
    made.add(request("b", memory=3 * GIB))
    made.add(request("c", memory=1 * GIB))
    assert names(made.place(0)) == [("a", "n3"), ("b", "n4"), ("c", "n4")]


@pytest.mark.parametrize("having", [1, 16, 17, 40])
def test_image_is_found_however_many_nodes_have_it(having):
    nodes = [node(f"n{n:02}", memory=(100 - n) * GIB) for n in range(60)]
    for number in range(60 - having, 60):
        nodes[number] = node(f"n{number:02}", memory=(100 - number) * GIB, images={"busybox"})
    made = scheduler(*nodes)
    made.add(request("a"))
    assert names(made.place(0)) == [("a", f"n{60 - having:02}")]
    made.set_place(node(f"n{60 - having:02}", memory=1))  # has lost it, and its memory
    made.add(request("b"))
    expected = f"n{61 - having:02}" if having > 1 else "n00"
    assert names(made.place(0)) == [("b", expected)]


# -- Reservations


def overtaken(made: Scheduler, small: str, rounds: int) -> list[str]:
    """Keep Nodes busy with small Tasks, one after the other; return what is placed."""
    order: list[str] = []
    running = placed(made)
    for number in range(rounds):
        made.add(request(f"{small} {number}", "bob"))
        made.release(running.pop(0))
        new = placed(made)
        order += new
        running += new
        if not running:
            break
    return order


@pytest.mark.parametrize("owner", ["alice", "bob"])
def test_a_large_task_is_overtaken_so_often_and_no_more(owner):
    made = scheduler(node(slots=8, memory=4 * GIB), overtakes=10)
    add(made, *requests("s", 4, "bob"), request("large", owner, memory=4 * GIB))
    order = overtaken(made, "more", 50)
    assert order.index("large") == 10 - 4  # the first four have overtaken it too
    assert order[:3] == ["more 0", "more 1", "more 2"]


def test_while_a_node_is_kept_the_others_go_on():
    made = scheduler(node("n1", memory=4 * GIB), node("n2", memory=2 * GIB), overtakes=2)
    add(made, *requests("s", 4, "bob"), request("large", memory=4 * GIB))
    on: dict[str, list[str]] = {"n1": [], "n2": []}
    for task, where in names(made.place(0)):
        on[where].append(task)
    made.add(request("x", "bob"))
    made.release(on["n2"][0])
    assert placed(made) == ["x"]
    assert reason(made, "large") == "Node n1 is being kept free for it"
    add(made, *requests("y", 3, "bob"))
    made.release(on["n1"][0])
    assert placed(made) == []
    made.release(on["n2"][1])
    assert placed(made) == ["y0"]
    made.release(on["n1"][1])
    assert names(made.place(0)) == [("large", "n1")]
    made.release("large")
    assert placed(made) == ["y1", "y2"]


@pytest.mark.parametrize("change", ["cancelled", "offline", "smaller", "elsewhere"])
def test_a_reservation_ends_when_it_is_of_no_use(change):
    made = scheduler(node("n1", slots=4, memory=4 * GIB), overtakes=1)
    add(made, *requests("s", 4), request("large", memory=4 * GIB))
    assert len(made.place(0)) == 4
    assert reason(made, "large") == "Node n1 is being kept free for it"
    made.add(request("next"))
    made.release("s0")
    assert placed(made) == []
    if change == "cancelled":
        made.release("large")
    elif change == "offline":
        made.set_place(node("n1", slots=4, memory=4 * GIB, online=False))
        assert placed(made) == []
        made.set_place(node("n2", slots=4, memory=3 * GIB))
    elif change == "smaller":
        made.set_place(node("n1", slots=4, memory=4 * GIB - 1))
    else:
        made.set_place(node("n2", slots=1, memory=4 * GIB))
        assert names(made.place(0)) == [("large", "n2"), ("next", "n1")]
        return
    assert placed(made) == ([] if change == "smaller" else ["next"])
    if change == "smaller":
        made.release("s1")
        assert placed(made) == ["next"]


def test_nothing_is_kept_for_what_no_node_could_run():
    made = scheduler(node(slots=4, memory=4 * GIB), overtakes=1)
    add(made, request("huge", memory=9 * GIB), *requests("s", 9))
    assert len(made.place(0)) == 4
    for number in range(5):
        made.release(f"s{number}")
        assert placed(made) == [f"s{number + 4}"]


def test_a_node_is_kept_for_gpus_too():
    made = scheduler(node(slots=9, memory=2 * GIB, gpus={"0": 8, "1": 8}), overtakes=3)
    add(made, *requests("one", 2, "bob", gpus=(8,)), request("both", gpus=(8, 8)))
    assert placed(made) == ["one0", "one1"]
    running, order = ["one0", "one1"], []
    for number in range(2, 12):
        made.add(request(f"one{number}", "bob", gpus=(8,)))
        if running:
            made.release(running.pop(0))
        new = placed(made)
        running += new
        order += new
    assert order.index("both") == 1


def test_cancelling_the_first_of_those_who_were_overtaken_does_not_begin_the_count_anew():
    made = scheduler(node(slots=8, memory=4 * GIB), overtakes=10)
    large = requests("large", 2, memory=4 * GIB)
    add(made, *requests("s", 4, "bob"), *large)
    assert overtaken(made, "more", 3) == ["more 0", "more 1", "more 2"]
    made.release("large0")
    for number, task in enumerate(["s3", "more 0", "more 1"]):
        made.release(task)
        made.add(request(f"x{number}", "bob"))
        assert placed(made) == [f"x{number}"]
    assert reason(made, "large1") == "Node n1 is being kept free for it"


def test_the_node_that_is_kept_has_fewest_tasks_then_most_room():
    made = scheduler(
        node("n1", slots=3, memory=8 * GIB), node("n2", memory=9 * GIB), node("n3"), overtakes=0
    )
    for number in range(2):
        made.hold(request(f"one{number}", memory=GIB), "n1")
    made.hold(request("two", memory=5 * GIB), "n2")
    made.hold(request("three", memory=6 * GIB), "n3")
    made.add(request("large", memory=8 * GIB))
    assert placed(made) == []
    assert reason(made, "large") == "Node n2 is being kept free for it"


def test_gpus_of_a_node_that_is_kept_no_more_go_to_others():
    made = scheduler(node(slots=9, gpus={"0": 8, "1": 8}), overtakes=1)
    made.hold(request("old", gpus=(8,)), "n1", ("0",))
    add(made, request("both", gpus=(8, 8)), request("plain"))
    assert placed(made) == ["plain"]
    assert reason(made, "both") == "Node n1 is being kept free for it"
    made.add(request("one", "bob", gpus=(8,)))
    assert placed(made) == []
    made.release("both")
    assert placed(made) == ["one"]


# -- What can never run


def test_what_no_node_can_ever_run_is_told_once_with_numbers():
    made = scheduler(node("n1", memory=8 * GIB), node("n2", memory=4 * GIB, gpus={"0": 8000}))
    add(made, request("fits"), *requests("large", 2, memory=9 * GIB))
    assert [(r.task_id, why) for r, why in made.impossible()] == [
        (f"large{n}", "needs 9216 MiB of memory; no Node of lab has more than 8192 MiB")
        for n in (0, 1)
    ]
    assert made.impossible() == []
    assert (reason(made, "large0") or "").startswith("needs 9216 MiB")
    made.add(request("large2", memory=9 * GIB))
    assert [r.task_id for r, _ in made.impossible()] == ["large2"]
    made.release("large0")
    # A Node is larger now: what is impossible is found anew.
    made.set_place(node("n1", memory=9 * GIB))
    assert made.impossible() == []
    made.set_place(node("n1", memory=8 * GIB))
    assert sorted(r.task_id for r, _ in made.impossible()) == ["large1", "large2"]


@pytest.mark.parametrize(
    ("gpus", "memory", "why"),
    [
        (
            (9000, 1),
            GIB,
            "needs 2 GPUs with 9000, 1 MB; no Node of lab has them"
            " (n2: GPU 0 with 8000 MB, GPU 1 with unknown MB; n3: GPU 0 with 24000 MB)",
        ),
        (
            (24000,),
            8 * GIB,
            "needs 8192 MiB of memory and 1 GPU with 24000 MB;"
            " no Node of lab with such GPUs has more than 2048 MiB",
        ),
    ],
)
def test_gpus_that_nobody_has(gpus, memory, why):
    made = scheduler(
        node("n1"),
        node("n2", gpus={"0": 8000, "1": None}),
        node("n3", memory=2 * GIB, gpus={"0": 24000}),
    )
    made.add(request("a", gpus=gpus, memory=memory))
    assert made.impossible() == [(request("a", gpus=gpus, memory=memory), why)]


@pytest.mark.parametrize("unknown", [{"slots": 0}, {"memory": 0}])
def test_as_long_as_a_node_is_unknown_nothing_is_impossible(unknown):
    members = {"slots": 2, "memory": 0, "online": False, "reason": "no route", **unknown}
    made = scheduler(node("n1"), node("n2", **members))
    made.add(request("a", memory=99 * GIB))
    assert made.impossible() == []
    assert reason(made, "a") == (
        "needs 101376 MiB of memory; no Node of lab that is online has more than 8192 MiB;"
        " not online: n2: no route"
    )
    made.set_place(node("n2"))
    assert len(made.impossible()) == 1


def test_without_nodes_nothing_is_impossible():
    made = Scheduler()
    made.add(request("a"))
    assert made.impossible() == []
    assert reason(made, "a") == "no Node of lab is online (none is configured)"


def test_a_known_node_that_is_offline_may_come_back():
    made = scheduler(node("n1"), node("n2", memory=64 * GIB, online=False, reason="rebooting"))
    made.add(request("a", memory=32 * GIB))
    assert made.impossible() == []
    assert "not online: n2: rebooting" in (reason(made, "a") or "")
    made.set_place(node("n2", memory=64 * GIB))
    assert names(made.place(0)) == [("a", "n2")]


def test_many_nodes_are_not_all_named():
    made = scheduler(*(node(f"n{n}", online=False, reason="off") for n in range(9)))
    made.add(request("a"))
    assert reason(made, "a") == ("no Node of lab is online (n0: off; n1: off; n2: off; 6 more)")
