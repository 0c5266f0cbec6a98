"""What a Node has to hand out, beside what others on the machine hold."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

from ccp_jupyter.hub_service.engines.base import NodeInfo, Outsider
from ccp_jupyter.hub_service.scheduler.base import Place
from ccp_jupyter.model.infrastructure import Infrastructure, Node

_SLOTS_PER_CPU: Final = 4
_SHARES_PER_CPU: Final = 4  # times that each core is handed out: few Tasks use all that they may
_ALL: Final = "*"


class Room:
    """The size of one Node.

    Parameters
    ----------
    node : Node
        What is set for it; the rest is what its engine says.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.outside: Sequence[Outsider] = ()
        """What others run there now."""

    def slots(self, info: NodeInfo | None) -> int:
        """Return how many containers it takes at a time; 0 as long as its size is not known."""
        if self._node.slots is not None:
            return self._node.slots
        return 0 if info is None else max(1, info.cpus) * _SLOTS_PER_CPU

    def memory(self, info: NodeInfo | None) -> int:
        """Return the bytes to hand out; 0 as long as its size is not known."""
        if self._node.memory is not None:
            return int(self._node.memory)
        return 0 if info is None else info.memory

    def cpus(self, info: NodeInfo | None) -> int | None:
        """Return thousandths of a core to hand out; None as long as its size is not known."""
        if self._node.cpus is not None:
            return round(self._node.cpus * 1000)
        return None if info is None else _all_shares(info)

    def outside_memory(self, info: NodeInfo | None) -> int:
        """Return the bytes, of those to hand out, that others hold."""
        others = sum(outsider.memory for outsider in self.outside)
        return _taken(self.memory(info), None if info is None else info.memory, others)

    def outside_cpus(self, info: NodeInfo | None) -> int:
        """Return the thousandths of a core, of those to hand out, that others hold."""
        others = round(1000 * sum(outsider.cpus for outsider in self.outside))
        return _taken(self.cpus(info) or 0, None if info is None else _all_shares(info), others)

    def outside_gpus(self) -> frozenset[str]:
        """Return the GPUs, of those to hand out, that others have."""
        mine = {gpu.id for gpu in self._node.gpus}
        theirs = {gpu for outsider in self.outside for gpu in outsider.gpus}
        return frozenset(mine if _ALL in theirs else mine & theirs)

    def place(
        self,
        info: NodeInfo | None,
        infrastructure: Infrastructure,
        slots: int,
        images: Set[str],
        online: bool,
        reason: str,
    ) -> Place:
        """Put it in the scheduler's words."""
        node = self._node
        return Place(
            node_id=node.id,
            infrastructure_id=infrastructure.id,
            slots=slots,
            memory=self.memory(info),
            cpus=self.cpus(info),
            disk=None if node.disk is None else int(node.disk),
            images=images,
            online=online,
            reason=reason,
            gpus={gpu.id: gpu.vram for gpu in node.gpus},
            strategy=infrastructure.strategy,
            outside_memory=self.outside_memory(info),
            outside_cpus=self.outside_cpus(info),
            outside_gpus=self.outside_gpus(),
        )


def _all_shares(info: NodeInfo) -> int:
    return max(1, info.cpus) * _SHARES_PER_CPU * 1000


def _taken(mine: int, machine: int | None, others: int) -> int:
    """Return how much of ours others hold: they fill first what is not to be handed out."""
    spare = max(0, (mine if machine is None else machine) - mine)
    return min(mine, max(0, others - spare))
