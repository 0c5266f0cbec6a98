"""How much of an Infrastructure a Task takes: what turns are counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.scheduler.base import Place, Request

_WHOLE: Final = 10**12  # an Infrastructure in units of `Totals.share`
_STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Totals:
    """What the Nodes of an Infrastructure have together, whether online or not."""

    slots: int = 0
    memory: int = 0
    cpus: int = 0
    disk: int = 0
    gpus: int = 0

    def changed(self, place: Place, sign: int) -> Totals:
        """Return them with a Node more (1) or less (-1)."""
        return Totals(
            self.slots + sign * place.slots,
            self.memory + sign * place.memory,
            self.cpus + sign * (place.cpus or 0),
            self.disk + sign * (place.disk or 0),
            self.gpus + sign * len(place.gpus),
        )

    def share(self, request: Request) -> int:
        """Return the dominant share of a Task: its part of what it takes the largest part of.

        Source: dominant resource fairness (Ghodsi and others, NSDI 2011). Whole numbers, so that
        what is given back is exactly what was taken.
        """
        parts = (
            (1, self.slots),
            (request.memory, self.memory),
            (request.cpus, self.cpus),
            (request.disk, self.disk),
            (len(request.gpus), self.gpus),
        )
        return max(1, *(_WHOLE * part // whole for part, whole in parts if whole > 0), 1)

    def is_far_from(self, other: Totals) -> bool:
        """Tell whether anything has at least doubled or halved."""
        pairs = (
            (self.slots, other.slots),
            (self.memory, other.memory),
            (self.cpus, other.cpus),
            (self.disk, other.disk),
            (self.gpus, other.gpus),
        )
        return any(max(pair) >= _STEP * min(pair) and pair[0] != pair[1] for pair in pairs)
