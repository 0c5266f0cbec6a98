"""One Node: what it has, what runs there, what is left, and when more will be."""

from __future__ import annotations

from ccp_jupyter.hub_service.scheduler.base import Load, Place, Placement, Request, Shape
from ccp_jupyter.hub_service.scheduler.gpus import matched


class Node:
    """A Node, and what runs there."""

    def __init__(self, place: Place) -> None:
        self.held: dict[str, Placement] = {}
        self.ends: dict[str, float] = {}
        """When Tasks will probably end, of those that are known."""
        self.used_memory = 0
        self.used_cpus = 0
        self.used_disk = 0
        self.set_place(place)

    def set_place(self, place: Place) -> None:
        """Change what the Node is; what runs there stays."""
        self.place = place
        taken = {gpu for placement in self.held.values() for gpu in placement.gpus}
        taken |= place.outside_gpus
        self.free_gpus = {gpu: vram for gpu, vram in place.gpus.items() if gpu not in taken}

    @property
    def free_memory(self) -> int:
        """Bytes that nobody has; below 0 when the Node has become smaller."""
        return self.place.memory - self.place.outside_memory - self.used_memory

    @property
    def free_slots(self) -> int:
        """Containers that may still be started."""
        return self.place.slots - len(self.held)

    @property
    def load(self) -> Load:
        """What is handed out."""
        gpus = sorted(gpu for placement in self.held.values() for gpu in placement.gpus)
        return Load(len(self.held), self.used_memory, self.used_cpus, tuple(gpus), self.used_disk)

    def hold(self, placement: Placement, end: float | None = None) -> None:
        """Hand out room to a Task, which will probably end at a time."""
        request = placement.request
        self.held[request.task_id] = placement
        if end is not None:
            self.ends[request.task_id] = end
        self._use(request, 1)
        for gpu in placement.gpus:
            self.free_gpus.pop(gpu, None)

    def release(self, placement: Placement) -> None:
        """Take room back."""
        del self.held[placement.request.task_id]
        self.ends.pop(placement.request.task_id, None)
        self._use(placement.request, -1)
        for gpu in placement.gpus:
            if gpu in self.place.gpus and gpu not in self.place.outside_gpus:
                self.free_gpus[gpu] = self.place.gpus[gpu]

    def has_room(self, shape: Shape | Request) -> bool:
        """Tell whether a Task of this shape fits now."""
        place = self.place
        return (
            place.online
            and len(self.held) < place.slots
            and self.free_memory >= shape.memory
            and _within(self.used_cpus + place.outside_cpus + shape.cpus, place.cpus)
            and _within(self.used_disk + shape.disk, place.disk)
            and (not shape.gpus or matched(shape.gpus, self.free_gpus) is not None)
        )

    def could_hold(self, shape: Shape) -> bool:
        """Tell whether a Task of this shape would fit if nothing else ran on the machine."""
        place = self.place
        return (
            place.slots > 0
            and place.memory >= shape.memory
            and _within(shape.cpus, place.cpus)
            and _within(shape.disk, place.disk)
            and (not shape.gpus or matched(shape.gpus, place.gpus) is not None)
        )

    def would_hold(self, shape: Shape) -> bool:
        """Tell whether a Task of this shape would fit now if none of our Tasks ran there."""
        place = self.place
        if not place.online or not self.could_hold(shape):
            return False
        if not (place.outside_memory or place.outside_cpus or place.outside_gpus):
            return True
        return Node(place).has_room(shape)

    def placement(self, request: Request) -> Placement | None:
        """Return a Task's place here; None when there is no room."""
        if not self.has_room(request):
            return None
        if not request.gpus:
            return Placement(request, self.place.node_id)
        gpus = matched(request.gpus, self.free_gpus)
        return None if gpus is None else Placement(request, self.place.node_id, gpus)

    def start_for(self, shape: Shape, now: float) -> float | None:
        """Return when a Task of this shape will fit if nothing else comes; None: unknown.

        A Task that runs longer than was expected is expected to end now.
        """
        if self.has_room(shape):
            return now
        left = Node(self.place)
        for placement in self.held.values():
            left.hold(placement)
        for end, task_id in sorted((end, task_id) for task_id, end in self.ends.items()):
            left.release(self.held[task_id])
            if left.has_room(shape):
                return max(end, now)
        return None

    def _use(self, request: Request, sign: int) -> None:
        self.used_memory += sign * request.memory
        self.used_cpus += sign * request.cpus
        self.used_disk += sign * request.disk


def _within(count: int, most: int | None) -> bool:
    return most is None or count <= most
