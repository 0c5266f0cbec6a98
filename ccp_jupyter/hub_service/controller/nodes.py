"""A Node as the controller works with it: connection, health, images, and who waits for what."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ccp_jupyter.hub_service.controller.container import mark_of, read_mark
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.base import (
    ContainerEvent,
    ContainerInfo,
    Credentials,
    Engine,
    Image,
    NodeInfo,
    NodeUnreachable,
)
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.times import now

T = TypeVar("T")
_log = logging.getLogger(__name__)

_SLOTS_PER_CPU = 4
_TRIES_WHILE_ONLINE = 5
_LOOK_BACK = 60.0  # seconds of past events read at the first contact: what ended meanwhile


class NodeLost(Exception):
    """No contact for too long, and there is another Node: the Attempt is given up."""


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


class NodeAgent:
    """Keeps contact with one Node.

    Parameters
    ----------
    infrastructure, node : Infrastructure, Node
        What the configuration says.
    engine : Engine
        The way to it; closed by `close`.
    label : str
        Label of this service's containers.
    settings : Settings
        Times.
    came_back : callable
        Awaited with all our containers at each contact, before the Node counts as online.
    state_changed : callable
        Called when the Node goes online or offline, or its images change.
    """

    def __init__(
        self,
        infrastructure: Infrastructure,
        node: Node,
        engine: Engine,
        label: str,
        settings: Settings,
        came_back: Callable[[NodeAgent, list[ContainerInfo]], Awaitable[None]],
        state_changed: Callable[[NodeAgent], None],
    ) -> None:
        self.infrastructure = infrastructure
        self.node = node
        self.engine = engine
        self.reason = "not reached yet"
        self.since: datetime = now()
        self.info: NodeInfo | None = None
        self.images: dict[str, Image] = {}
        self.elsewhere: Callable[[], bool] = lambda: False
        self._label = label
        self._settings = settings
        self._came_back = came_back
        self._state_changed = state_changed
        self._up = asyncio.Event()
        self._look_now = asyncio.Event()
        self._last_contact = time.monotonic()
        self._outages = 0
        self._watches: dict[str, _Watch] = {}
        self._since_ns = int((time.time() - _LOOK_BACK) * 1e9)

    @property
    def id(self) -> str:
        """The Node's id."""
        return self.node.id

    @property
    def online(self) -> bool:
        """Whether the engine answers."""
        return self._up.is_set()

    @property
    def slots(self) -> int:
        """Containers that it takes at a time; 0 as long as its size is not known."""
        if self.node.slots is not None:
            return self.node.slots
        return 0 if self.info is None else max(1, self.info.cpus) * _SLOTS_PER_CPU

    @property
    def memory(self) -> int:
        """Bytes to hand out; 0 as long as its size is not known."""
        if self.node.memory is not None:
            return int(self.node.memory)
        return 0 if self.info is None else self.info.memory

    async def run(self) -> None:
        """Connect, watch, and connect again, for ever."""
        delay = 0.25
        while True:
            try:
                await self._connect()
                delay = 0.25
                await self._watch_until_lost()
            except NodeUnreachable as error:
                self._gone(str(error))
            except Exception:
                _log.exception("node %s: contact failed in an unexpected way", self.id)
                self._gone("internal error, see the service's log")
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._settings.reconnect_delay)
            self._give_up_watches()

    async def close(self) -> None:
        """Let go of the engine; containers go on."""
        await self.engine.close()

    def watch(self, container: str) -> None:
        """Note how a container ends from now on; before it is started, so that nothing is missed.

        What happened before the watch began is looked up by `look`.
        """
        self._watches[container] = _Watch(self._outages)

    def started(self, container: str) -> None:
        """Note that a watched container runs: from now on, its absence is an end."""
        self._watches[container].started = True

    def unwatch(self, container: str) -> None:
        """Stop noting."""
        self._watches.pop(container, None)

    def look(self, container: ContainerInfo | None, name: str) -> None:
        """Answer a watch from what the engine says now."""
        watch = self._watches.get(name)
        if watch is None or watch.future.done():
            return
        if container is None:
            if watch.started:
                watch.future.set_result(Exit(None, watch.out_of_memory, disturbed=True))
        elif container.state == "exited":
            oom = watch.out_of_memory or container.out_of_memory
            watch.future.set_result(Exit(container.exit_code, oom, disturbed=True))

    async def ended(self, container: str) -> Exit:
        """Wait until a watched container ends.  Raises `NodeLost`."""
        return await asyncio.shield(self._watches[container].future)

    async def call(self, do: Callable[[], Awaitable[T]]) -> T:
        """Make an engine call that may be repeated safely; outlasts outages.

        Raises
        ------
        NodeLost
            No contact for too long and there is another Node, or the call fails again and again.
        """
        for attempt in range(_TRIES_WHILE_ONLINE):
            await self.wait_online()
            try:
                return await do()
            except NodeUnreachable as error:
                last = error
                self._look_now.set()
                await asyncio.sleep(0.1 * 2**attempt)
        raise NodeLost(f"Node {self.id} failed {_TRIES_WHILE_ONLINE} times in a row: {last}")

    async def ensure_image(
        self,
        reference: str,
        credentials: Credentials | None,
        pulling: Callable[[], Awaitable[None]],
    ) -> Image:
        """Return the image, fetched first when the Node has it not; `pulling` is told before."""
        if (known := self.images.get(reference)) is not None:
            return known
        image = await self.call(lambda: self.engine.find_image(reference))
        if image is None:
            await pulling()
            image = await self.call(lambda: self.engine.pull(reference, credentials))
        self.images[reference] = image
        self._state_changed(self)
        return image

    def forget_image(self, reference: str) -> None:
        """Note that the Node has an image no more."""
        self.images.pop(reference, None)

    async def _connect(self) -> None:
        self.info = await self.engine.info()
        self.images = {
            reference: image
            for image in await self.engine.images()
            for reference in image.references
        }
        ours = await self.engine.containers(self._label)
        by_name = {mark.name: c for c in ours if (mark := mark_of(c)) is not None}
        for name in list(self._watches):
            self.look(by_name.get(name), name)
        await self._came_back(self, ours)
        self._last_contact = time.monotonic()
        self.reason = ""
        self.since = now()
        self._up.set()
        _log.info("node %s is online: engine %s", self.id, self.info.version)
        self._state_changed(self)

    async def _watch_until_lost(self) -> None:
        tasks = [asyncio.create_task(self._read_events()), asyncio.create_task(self._ping())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ping(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.ping_interval):
                    await self._look_now.wait()
            self._look_now.clear()
            self.info = await self.engine.info()
            self._last_contact = time.monotonic()

    async def _read_events(self) -> None:
        async for event in self.engine.events(self._label, self._since_ns):
            self._since_ns = max(self._since_ns, event.time_ns)
            self._take(event)
        raise NodeUnreachable(f"{self.id}: the event stream ended")

    def _take(self, event: ContainerEvent) -> None:
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

    def _gone(self, reason: str) -> None:
        if self._up.is_set():
            _log.warning("node %s is offline: %s", self.id, reason)
            self._outages += 1
            self._up.clear()
            self.since = now()
        self.reason = reason
        self._state_changed(self)

    @property
    def _is_lost(self) -> bool:
        silent = time.monotonic() - self._last_contact
        return not self.online and silent > self._settings.lost_after and self.elsewhere()

    def _give_up_watches(self) -> None:
        if self._is_lost:
            for watch in self._watches.values():
                if not watch.future.done():
                    watch.future.set_exception(self._lost())
                    # Nobody may be waiting for it any more: that is no error.
                    watch.future.exception()

    async def wait_online(self) -> None:
        """Return when the engine answers.  Raises `NodeLost`."""
        while not self._up.is_set():
            if self._is_lost:
                raise self._lost()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._up.wait()

    def _lost(self) -> NodeLost:
        return NodeLost(f"Node {self.id} does not answer: {self.reason}")
