"""Records in the scheduler's words: what Tasks ask for, shares, and how long they lately took."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from ccp_jupyter.hub_service.controller.nodes.room import Room
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.infrastructure import Gpu, Infrastructure, Limits, Node
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.times import now

GIB = 2**30


def agent(node: Node, **members: Any) -> Any:
    infrastructure = Infrastructure(id="lab", name="Lab", **members)
    place = Room(node).place(None, infrastructure, node.slots or 0, set(), True, "")
    return SimpleNamespace(id=node.id, infrastructure=infrastructure, place=lambda: place)


def node(**members: Any) -> Node:
    return Node(
        id="n1", base_url="unix:///x", **{"slots": 9, "memory": 8 * GIB, "cpus": 4, **members}
    )


def execution(name: str = "e", limits: Limits | None = None, **members: Any) -> Execution:
    return Execution(
        id=name,
        method={},
        request={},
        inputs={},
        infrastructure_id="lab",
        limits=limits or Limits(memory=GIB, cpus=1),
        **{"owner": "alice", "image": "x:1", "method_id": "m", **members},
    )


def add(queue: TaskQueue, wanted: Execution, count: int = 1) -> None:
    for index in range(1, count + 1):
        queue.add(wanted, Task(execution_id=wanted.id, index=index))


def placed(queue: TaskQueue) -> list[str]:
    return [placement.request.task_id for placement in queue.place()]


async def test_all_that_an_execution_asks_for_is_held() -> None:
    queue, on = TaskQueue(Settings()), agent(node(disk=9 * GIB, gpus=[Gpu(id="a"), Gpu(id="b")]))
    queue.node_changed(on)
    limits = Limits(memory=2 * GIB, cpus=1.5, disk=3 * GIB)
    add(queue, execution(limits=limits, gpus=[GpuWish(id="b")]), 2)
    assert placed(queue) == ["e.1"]
    load = queue.load(on)
    assert (load.tasks, load.memory, load.cpus, load.disk) == (1, 2 * GIB, 1500, 3 * GIB)
    assert load.gpus == ("b",)
    outlook = queue.forecast("e.2")
    assert outlook is not None and outlook.start is None and outlook.ahead == 0
    assert outlook.text == (
        "needs 2048 MiB of memory, 1.5 cores, 3072 MiB of disk and GPU b: n1 is busy"
    )


async def test_an_infrastructure_says_how_it_is_shared() -> None:
    queue = TaskQueue(Settings())
    queue.node_changed(agent(node(cpus=64), max_running_per_user=4, weights={"team": 3.0}))
    add(queue, execution("a", context="team", priority=-1), 9)
    add(queue, execution("b", owner="bob"), 9)
    add(queue, execution("first", context="team", priority=1))
    order = placed(queue)
    assert order[0] in ("a.1", "first.1", "b.1")
    assert order.index("first.1") < order.index("a.1")
    assert [task[0] for task in order].count("b") == 4
    assert len(order) == 8
    queue.node_changed(agent(node(cpus=64), max_running=1))
    for task in order:
        queue.release(task)
    assert len(placed(queue)) == 1


async def test_what_tasks_took_is_expected_of_the_next_of_their_method() -> None:
    """Adopted Tasks began when their Attempts did, by the wall clock."""
    queue, on = TaskQueue(Settings()), agent(node(slots=1))
    queue.node_changed(on)
    for number in range(3):
        began = PhaseTime(phase=Phase.LAUNCH, at=now() - timedelta(hours=1))
        attempt = Attempt(number=1, node="n1", phases=[began])
        old = Task(execution_id=f"old{number}", index=1, attempts=[attempt])
        queue.hold(execution(f"old{number}"), old, on)
        queue.release(old.id)
    add(queue, execution(), 2)
    assert placed(queue) == ["e.1"]
    assert placed(queue) == []
    outlook = queue.forecast("e.2")
    assert outlook is not None and outlook.start is not None
    left = (outlook.start - now()).total_seconds()
    assert 1800 < left <= 3700
    assert "{start}" in outlook.reason and " UTC" in outlook.text


async def test_a_chosen_time_limit_is_expected_while_nothing_is_known() -> None:
    queue = TaskQueue(Settings())
    queue.node_changed(agent(node(slots=1)))
    add(queue, execution("short", Limits(memory=GIB, max_time=600)))
    add(queue, execution("usual", image="y", method_id=""))
    assert placed(queue) == ["short.1"]
    assert placed(queue) == []
    outlook = queue.forecast("usual.1")
    assert outlook is not None and outlook.start is not None
    assert 0 < (outlook.start - now()).total_seconds() < 700


async def test_forecast_of_nothing_and_of_a_removed_node() -> None:
    queue, on = TaskQueue(Settings()), agent(node())
    assert queue.forecast("unknown.1") is None
    queue.node_changed(on)
    add(queue, execution())
    assert placed(queue) == ["e.1"]
    queue.node_gone(on)
    assert queue.load(on).tasks == 0
    queue.release("e.1")
    add(queue, execution("f"))
    outlook = queue.forecast("f.1")
    assert outlook is not None and "none is configured" in outlook.text
    assert queue.lengths() == {"lab": 1}
