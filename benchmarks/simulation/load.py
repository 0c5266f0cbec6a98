"""What Nodes there are and what users want."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.scheduler.base import Place, Request
from ccp_jupyter.model.resources import GpuWish

LAB: Final = "lab"
_GIB: Final = 2**30
_GPUS: Final = {"0": 8192, "1": 8192, "2": 24576, "3": 24576}
_EVERY_NTH_HAS_GPUS: Final = 5
_LARGEST_GROUP: Final = 400
_GROUP_LIMIT: Final = 64  # as RED's default of batchConcurrencyLimit


@dataclass(frozen=True, slots=True)
class Setting:
    """How large, and which one of all such runs."""

    nodes: int = 1000
    tasks: int = 100_000
    users: int = 20
    contexts: int = 5
    failures: float = 60.0
    """Of Nodes, in an hour."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """What Tasks of one Method are like."""

    name: str
    share: int
    cores: float
    memory: int
    seconds: float
    """Median time."""
    known: bool = True
    """Whether its time is known to the scheduler."""
    gpus: tuple[GpuWish, ...] = ()


KINDS: Final = (
    Kind("short", 40, 1, 1 * _GIB, 60),
    Kind("usual", 30, 2, 4 * _GIB, 300),
    Kind("unknown", 15, 4, 8 * _GIB, 600, known=False),
    Kind("whole Node", 3, 16, 48 * _GIB, 900),
    Kind("one GPU", 8, 2, 8 * _GIB, 300, gpus=(GpuWish(),)),
    Kind("two large GPUs", 4, 8, 16 * _GIB, 600, gpus=(GpuWish(24_000), GpuWish(24_000))),
)


@dataclass(frozen=True, slots=True)
class Job:
    """A Task as it will turn out."""

    request: Request
    seconds: float
    """How long it takes; only the simulation knows."""


def nodes(setting: Setting) -> list[Place]:
    """Return the Nodes: 16 cores and 64 GiB each, some with four GPUs of two sizes."""
    return [
        Place(
            f"node{number:04}",
            LAB,
            slots=32,
            memory=64 * _GIB,
            cpus=16_000,
            images=frozenset(kind.name for kind in KINDS if (number + len(kind.name)) % 3),
            gpus=_GPUS if number % _EVERY_NTH_HAS_GPUS == 0 else {},
        )
        for number in range(setting.nodes)
    ]


def weights(setting: Setting) -> dict[str, float]:
    """Return the weights: of the Contexts the first has twice what the others have."""
    return {"context 0": 2.0} if setting.contexts else {}


def tasks(setting: Setting) -> list[Job]:
    """Return the Tasks in the order in which they come: one Execution after the other.

    All users want about as much. The last one is in no Context.
    """
    chance = random.Random(setting.seed)
    found: list[Job] = []
    number = 0
    while len(found) < setting.tasks:
        user = number % setting.users
        alone = user == setting.users - 1 or not setting.contexts
        (kind,) = chance.choices(KINDS, [kind.share for kind in KINDS])
        size = min(chance.randint(1, _LARGEST_GROUP), setting.tasks - len(found))
        context = "" if alone else f"context {user % setting.contexts}"
        for index in range(size):
            seconds = kind.seconds * chance.lognormvariate(0, 0.4)
            request = Request(
                f"execution{number}.{index + 1}",
                LAB,
                f"user {user}",
                kind.name,
                kind.memory,
                group=f"execution{number}",
                group_limit=_GROUP_LIMIT,
                gpus=kind.gpus,
                cpus=round(kind.cores * 1000),
                context=context,
                priority=number % 7 == 0,
                expected=kind.seconds if kind.known else 0.0,
            )
            found.append(Job(request, seconds))
        number += 1
    return found
