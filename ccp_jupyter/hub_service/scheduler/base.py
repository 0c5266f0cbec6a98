"""What the scheduler is told and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from ccp_jupyter.model.resources import GpuWish

Strategy = Literal["spread", "binpack"]


@dataclass(frozen=True, slots=True)
class Request:
    """A Task that wants a place."""

    task_id: str
    infrastructure_id: str
    owner: str
    image: str
    memory: int
    """Bytes."""
    avoid: str | None = None
    """Node of a failed Attempt: taken only when no other has room."""
    not_before: float = 0.0
    """Seconds on the caller's clock; waits until then."""
    group: str = ""
    """Execution; of one group at most `group_limit` Tasks hold a place at a time."""
    group_limit: int = 0
    """0: no limit."""
    gpus: tuple[GpuWish, ...] = ()
    cpus: int = 0
    """Thousandths of a core."""
    disk: int = 0
    """Bytes."""
    context: str = ""
    """Group of users in whose name it runs; empty: the owner's own."""
    priority: int = 0
    """Among an owner's Tasks the highest goes first."""
    expected: float = 0.0
    """Seconds that it will probably hold its place; 0: unknown."""
    kind: str = ""
    """Tasks of one kind take about the same time."""


@dataclass(frozen=True, slots=True)
class Place:
    """A Node as it is now."""

    node_id: str
    infrastructure_id: str
    slots: int
    """Containers at a time; 0 as long as its size is not known."""
    memory: int
    """Bytes that may be handed out; 0 as long as its size is not known."""
    cpus: int | None = None
    """Thousandths of a core that may be handed out; None: without limit."""
    disk: int | None = None
    """Bytes that may be handed out; None: without limit."""
    images: Set[str] = frozenset()
    online: bool = True
    """Whether Tasks may be placed there now; also not while it drains."""
    reason: str = ""
    """Why it is not online."""
    gpus: Mapping[str, int | None] = field(default_factory=dict)
    """VRAM of each GPU by its id, MB; None: unknown, fits only what asks for none."""
    strategy: Strategy = "spread"
    """Of its Infrastructure: ``spread`` takes the emptiest Node with room, ``binpack`` the
    fullest."""
    outside_memory: int = 0
    """Bytes of `memory` that others on the machine hold now. Nothing is placed into them, but
    a Task that needs them waits: they may come back."""
    outside_cpus: int = 0
    """The same of `cpus`."""
    outside_gpus: Set[str] = frozenset()
    """The same of `gpus`."""

    @property
    def known(self) -> bool:
        """Whether its size is known, since it was online or the configuration says it."""
        return self.slots > 0 and self.memory > 0


@dataclass(frozen=True, slots=True)
class Placement:
    """A Task with the Node that it goes to; it holds its room from now on."""

    request: Request
    node_id: str
    gpus: tuple[str, ...] = ()
    """Ids of the GPUs that it has to itself, in the order of `Request.gpus`."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is handed out on a Node."""

    tasks: int = 0
    memory: int = 0
    """Bytes."""
    cpus: int = 0
    """Thousandths of a core."""
    gpus: tuple[str, ...] = ()
    """Ids, in order."""
    disk: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How an Infrastructure is shared."""

    most: int = 0
    """Tasks that hold a place at a time; 0: as many as fit."""
    most_per_owner: int = 0
    """The same for one owner."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of Contexts and owners by name, where not 1."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of when a waiting Task begins."""

    ahead: int
    """Waiting Tasks that are placed before it, as things are."""
    start: float | None
    """On the caller's clock, about; None: nobody can tell."""
    reason: str
    """Why it waits, in words for the user. ``{start}``, at most once, stands for the time of
    `start`: whoever shows it knows the user's clock."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides whether Tasks fit: Tasks of one shape fit, or do not, together."""

    memory: int
    cpus: int = 0
    disk: int = 0
    gpus: tuple[GpuWish, ...] = ()
    """Those by id first, then in falling order of their VRAM."""

    @classmethod
    def of(cls, request: Request) -> Shape:
        """Return the shape of a Task."""
        gpus = request.gpus
        if len(gpus) > 1:
            gpus = tuple(sorted(gpus, key=lambda wish: (not wish.id, -wish.vram, wish.id)))
        return cls(request.memory, request.cpus, request.disk, gpus)
