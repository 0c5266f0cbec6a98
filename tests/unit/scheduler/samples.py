"""Requests, Nodes and a scheduler for tests."""

from __future__ import annotations

from typing import Any

from ccp_jupyter.hub_service.scheduler.scheduler import Place, Placement, Request, Scheduler
from ccp_jupyter.model.resources import GpuWish

GIB = 2**30


def request(
    task: str,
    owner: str = "alice",
    *,
    memory: int = GIB,
    image: str = "busybox",
    infrastructure: str = "lab",
    gpus: tuple[int | str | GpuWish, ...] = (),
    **more: Any,
) -> Request:
    """Return a Task that wants a place."""
    return Request(task, infrastructure, owner, image, memory, gpus=wishes(*gpus), **more)


def wishes(*wanted: int | str | GpuWish) -> tuple[GpuWish, ...]:
    """Return wishes for GPUs: by VRAM, or by id."""
    return tuple(
        GpuWish(vram=one)
        if isinstance(one, int)
        else GpuWish(id=one)
        if isinstance(one, str)
        else one
        for one in wanted
    )


def reason(made: Scheduler, task_id: str, now: float = 0.0) -> str | None:
    """Return why a Task waits."""
    found = made.forecast(task_id, now)
    return None if found is None else found.reason


def requests(prefix: str, count: int, owner: str = "alice", **more: Any) -> list[Request]:
    """Return several, with names from the prefix and 0."""
    return [request(f"{prefix}{number}", owner, **more) for number in range(count)]


def node(
    name: str = "n1",
    slots: int = 2,
    memory: int = 8 * GIB,
    infrastructure: str = "lab",
    **more: Any,
) -> Place:
    """Return a Node."""
    return Place(name, infrastructure, slots, memory, **more)


def scheduler(*places: Place, overtakes: int = 100) -> Scheduler:
    """Return a scheduler that knows some Nodes."""
    made = Scheduler(overtakes)
    for place in places:
        made.set_place(place)
    return made


def add(made: Scheduler, *wanted: Request) -> None:
    """Queue Tasks."""
    for one in wanted:
        made.add(one)


def names(placed: list[Placement]) -> list[tuple[str, str]]:
    """Return which Task went to which Node."""
    return [(placement.request.task_id, placement.node_id) for placement in placed]


def placed(made: Scheduler, now: float = 0.0) -> list[str]:
    """Place, and return which Tasks were."""
    return [placement.request.task_id for placement in made.place(now)]
