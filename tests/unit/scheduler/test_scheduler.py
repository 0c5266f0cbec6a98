"""The scheduler is pure: every rule is checked without clock or engine."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.scheduler.samples import GIB, names, node, reason, request, scheduler


def test_goes_in_order_and_only_as_far_as_there_are_slots():
    made = scheduler(node(slots=2))
    for task in "abc":
        made.add(request(task))
    assert names(made.place(0)) == [("a", "n1"), ("b", "n1")]
    assert made.place(0) == []
    made.release("a")
    assert names(made.place(0)) == [("c", "n1")]


def test_memory_is_never_handed_out_twice():
    made = scheduler(node(slots=10, memory=3 * GIB))
    for task in "abcd":
        made.add(request(task, memory=GIB))
    assert len(made.place(0)) == 3


def test_users_take_turns():
    made = scheduler(node(slots=4))
    for number in range(10):
        made.add(request(f"a{number}", "alice"))
    made.add(request("b0", "bob"))
    placed = [p.request.task_id for p in made.place(0)]
    assert "b0" in placed[:2]


def test_a_large_task_of_one_user_does_not_stop_another_user():
    made = scheduler(node(memory=2 * GIB))
    made.add(request("huge", "alice", memory=9 * GIB))
    made.add(request("small", "bob"))
    assert names(made.place(0)) == [("small", "n1")]


def test_prefers_the_image_then_the_emptier_node():
    made = scheduler(node("n1"), node("n2", images={"busybox"}), node("n3", slots=9))
    made.add(request("a"))
    made.add(request("b", image="other"))
    assert names(made.place(0)) == [("a", "n2"), ("b", "n3")]


def test_avoids_the_node_of_the_failed_attempt_while_there_is_another():
    made = scheduler(node("n1", slots=9), node("n2", slots=1))
    made.add(request("a", avoid="n1"))
    made.add(request("b", avoid="n1"))
    assert names(made.place(0)) == [("a", "n2"), ("b", "n1")]


def test_waits_until_it_is_due():
    made = scheduler(node())
    made.add(request("a", not_before=5.0))
    assert made.place(4.9) == []
    assert made.next_due() == 5.0
    assert names(made.place(5.0)) == [("a", "n1")]
    assert made.next_due() is None


def test_the_earliest_of_those_who_still_wait_is_due_next():
    made = scheduler(node())
    made.add(request("a", not_before=5.0))
    made.add(request("b", not_before=3.0))
    made.add(request("c"))
    made.add(request("b", not_before=1.0))  # waits already: no effect
    assert made.next_due() == 3.0
    made.release("b")
    assert made.next_due() == 5.0
    made.release("a")
    assert made.next_due() is None


def test_a_task_that_is_not_due_does_not_hold_up_the_next():
    made = scheduler(node())
    made.add(request("a", not_before=5.0))
    made.add(request("b"))
    assert names(made.place(0)) == [("b", "n1")]


def test_offline_nodes_get_nothing_and_the_reason_is_told():
    made = scheduler(node(online=False, reason="connection refused"))
    made.add(request("a"))
    assert made.place(0) == []
    why = reason(made, "a")
    assert why is not None and "n1" in why and "connection refused" in why
    assert reason(made, "unknown") is None


def test_says_when_it_can_never_fit():
    made = scheduler(node(memory=GIB))
    made.add(request("a", memory=2 * GIB))
    why = reason(made, "a")
    assert why is not None and "needs 2048 MiB" in why and "1024 MiB" in why


def test_an_update_of_a_node_keeps_what_runs_there():
    made = scheduler(node(slots=1))
    made.add(request("a"))
    assert made.place(0)
    made.set_place(node(slots=1))
    made.add(request("b"))
    assert made.place(0) == []


def test_other_infrastructures_are_left_alone():
    made = scheduler(node("n1", infrastructure="other"))
    made.add(request("a", infrastructure="lab"))
    assert made.place(0) == []


def test_adding_twice_queues_once_and_adopted_tasks_hold_room():
    made = scheduler(node(slots=2))
    made.hold(request("old"), "n1")
    made.add(request("a"))
    made.add(request("a"))
    made.add(request("b"))
    assert names(made.place(0)) == [("a", "n1")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "release", "place"]),
            st.integers(0, 20),
            st.sampled_from(["alice", "bob", "carol"]),
            st.integers(1, 4),
        ),
        max_size=60,
    )
)
def test_room_is_never_exceeded_and_nothing_is_placed_twice(steps):
    made = scheduler(node("n1", 2, 4 * GIB), node("n2", 3, 6 * GIB))
    running: dict[str, tuple[str, int]] = {}
    waiting: set[str] = set()
    for step, number, owner, size in steps:
        task = f"t{number}"
        if step == "add" and task not in running and task not in waiting:
            made.add(request(task, owner, memory=size * GIB))
            waiting.add(task)
        elif step == "release":
            made.release(task)
            running.pop(task, None)
            waiting.discard(task)
        elif step == "place":
            for placement in made.place(0):
                placed = placement.request
                assert placed.task_id in waiting
                waiting.discard(placed.task_id)
                running[placed.task_id] = (placement.node_id, placed.memory)
        for name, slots, memory in (("n1", 2, 4 * GIB), ("n2", 3, 6 * GIB)):
            here = [m for where, m in running.values() if where == name]
            assert len(here) <= slots
            assert sum(here) <= memory
