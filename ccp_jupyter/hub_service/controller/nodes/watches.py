"""Who waits for the end of which container on a Node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ccp_jupyter.hub_service.controller.container import read_mark
from ccp_jupyter.hub_service.engines.base import ContainerEvent, ContainerInfo


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended."""

    code: int | None
    """None when the container is gone."""
    out_of_memory: bool
    disturbed: bool
    """The Node was away while it ran, or somebody sent it a signal through the engine, so that
    the code may not be the script's own."""


class _Watch:
    def __init__(self, outages: int) -> None:
        self.future: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.started = False
        self.out_of_memory = False
        self.signalled = False
        self.outages = outages


class Watches:
    """Containers of one Node, by name, whose ends are noted."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._outages = 0

    def add(self, name: str) -> None:
        """Note how a container ends from now on."""
        self._watches[name] = _Watch(self._outages)

    def started(self, name: str) -> None:
        """Note that a container runs: from now on, its absence is an end."""
        self._watches[name].started = True

    def is_started(self, name: str) -> bool:
        """Tell whether a watched container has been started."""
        return name in self._watches and self._watches[name].started

    def remove(self, name: str) -> None:
        """Stop noting."""
        self._watches.pop(name, None)

    async def ended(self, name: str) -> Exit:
        """Wait until a container ends.  Raises what `fail` was given."""
        return await asyncio.shield(self._watches[name].future)

    def outage(self) -> None:
        """Note that the Node was away: what happened meanwhile was not seen."""
        self._outages += 1

    def look_at(self, containers: dict[str, ContainerInfo]) -> None:
        """Answer all watches from what the engine has now, by name."""
        for name in list(self._watches):
            self.look(containers.get(name), name)

    def look(self, container: ContainerInfo | None, name: str) -> None:
        """Answer one watch from what the engine says now."""
        watch = self._watches.get(name)
        if watch is None or watch.future.done():
            return
        if container is None:
            if watch.started:
                watch.future.set_result(Exit(None, watch.out_of_memory, disturbed=True))
        elif container.state == "exited":
            oom = watch.out_of_memory or container.out_of_memory
            watch.future.set_result(Exit(container.exit_code, oom, disturbed=True))

    def take(self, event: ContainerEvent) -> None:
        """Take note of what happened to a container."""
        mark = read_mark(event.labels)
        watch = None if mark is None else self._watches.get(mark.name)
        if watch is None or watch.future.done():
            return
        disturbed = watch.signalled or watch.outages != self._outages
        if event.kind == "oom":
            watch.out_of_memory = True
        elif event.kind == "kill":
            watch.signalled = True
        elif event.kind == "die":
            watch.future.set_result(Exit(event.exit_code, watch.out_of_memory, disturbed))
        elif event.kind == "destroy":
            watch.future.set_result(Exit(None, watch.out_of_memory, disturbed=True))

    def fail(self, error: Exception) -> None:
        """Give up all that are open."""
        for watch in self._watches.values():
            if not watch.future.done():
                watch.future.set_exception(error)
                # Nobody may be waiting for it any more: that is no error.
                watch.future.exception()
