"""The checks of ``/health``."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.controller.base import Controller
from ccp_jupyter.hub_service.observing.health import Check, Finding, Level
from ccp_jupyter.hub_service.observing.loop import LoopWatch
from ccp_jupyter.hub_service.store.base import MethodQuery, Store
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.sharing import Viewer

_DISK_LOW: Final = 2 * 2**30
_DISK_LOW_SHARE: Final = 0.05
_DISK_FULL: Final = 16 * 2**20
_SLOW_LOOP: Final = 0.5  # seconds; users notice
_STUCK_LOOP: Final = 5.0
_HUB_AGE: Final = 10.0


def store_check(store: Store) -> Check:
    """Look whether the store answers."""

    async def look() -> Finding:
        await store.list_methods(MethodQuery(Viewer(name=""), limit=1))
        return Finding("store", Level.OK, "the store answers")

    return Check("store", look)


def vault_check(ping: Callable[[], Awaitable[object]]) -> Check:
    """Look whether the vault answers; without it, nothing with a secret is accepted."""

    async def look() -> Finding:
        await ping()
        return Finding("vault", Level.OK, "the vault answers")

    return Check("vault", look)


def nodes_check(controller: Controller) -> Check:
    """Look how the Nodes are; without any, work is accepted and waits."""

    async def look() -> Finding:
        nodes = [
            node
            for infrastructure_id in controller.infrastructures
            for node in controller.nodes(infrastructure_id)
        ]
        counts = Counter(node.state for node in nodes)
        told = ", ".join(f"{counts[state]} {state}" for state in NodeState if counts[state])
        detail = "; ".join(
            f"{node.id} is {node.state}: {node.reason}"
            for node in nodes
            if node.state is not NodeState.ONLINE
        )
        working = counts[NodeState.ONLINE] + counts[NodeState.DEGRADED]
        if not working:
            message = f"no Node takes Tasks, so that they wait ({told or 'there are none'})"
            return Finding("nodes", Level.FAILING, message, detail)
        broken = counts[NodeState.OFFLINE] or counts[NodeState.DEGRADED]
        return Finding("nodes", Level.DEGRADED if broken else Level.OK, told, detail)

    return Check("nodes", look, vital=False)


def disk_check(folder: Path) -> Check:
    """Look how much room there is for the store and results."""

    async def look() -> Finding:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
        if usage.free < _DISK_FULL:
            level, message = Level.FAILING, "the disk of the data folder is full"
        elif usage.free < min(_DISK_LOW, _DISK_LOW_SHARE * usage.total):
            level, message = Level.DEGRADED, "the disk of the data folder is nearly full"
        else:
            level, message = Level.OK, "the data folder has room"
        return Finding(
            "disk",
            level,
            message,
            f"{message}: {usage.free >> 20} of {usage.total >> 20} MiB are free under {folder}",
            {"ccp_data_free_bytes": usage.free},
            "Free bytes on the disk of the data folder",
        )

    return Check("disk", look)


def loop_check(watch: LoopWatch) -> Check:
    """Look whether the event loop comes to its work in time."""

    async def look() -> Finding:
        worst = watch.worst
        if worst < _SLOW_LOOP:
            return Finding("event_loop", Level.OK, "the service answers at once")
        level = Level.FAILING if worst >= _STUCK_LOOP else Level.DEGRADED
        message = f"the service was {worst:.1f} s late lately"
        return Finding("event_loop", level, message)

    return Check("event_loop", look, vital=False)


def hub_check(ask: Callable[[], Awaitable[object]]) -> Check:
    """Look whether the hub answers; without it nobody new can be identified.

    Whoever is known stays so for a while, and what runs goes on: no reason to be taken out of
    service, which would cut all event streams.
    """

    async def look() -> Finding:
        await ask()
        return Finding("hub", Level.OK, "the hub answers")

    return Check("hub", look, vital=False, fresh=_HUB_AGE)
