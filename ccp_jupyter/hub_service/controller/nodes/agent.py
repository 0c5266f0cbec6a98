"""A Node as the controller works with it: connection, health, images, and who waits for what."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from ccp_jupyter.hub_service.controller.container import mark_of, service_label
from ccp_jupyter.hub_service.controller.nodes.claims import Claim, NodeTaken
from ccp_jupyter.hub_service.controller.nodes.images import NodeImages, PrivateImages
from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.controller.nodes.probation import Probation
from ccp_jupyter.hub_service.controller.nodes.room import Room
from ccp_jupyter.hub_service.controller.nodes.watches import Exit, Watches
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.base import (
    ContainerInfo,
    Credentials,
    Engine,
    EngineError,
    Image,
    NodeInfo,
    NodeUnreachable,
    NoResources,
    RegistryUnreachable,
)
from ccp_jupyter.hub_service.observing import logs
from ccp_jupyter.hub_service.scheduler.base import Place
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.times import now

T = TypeVar("T")
_log = logging.getLogger(__name__)

_TRIES_WHILE_ONLINE: Final = 5
_BEGINNING: Final = 16  # Attempts: enough to keep an engine busy, few enough to start soon
_LOOK_BACK: Final = 60.0  # seconds of past events read at the first contact: what ended meanwhile
_FIRST_DELAY: Final = 0.25  # seconds until the second try to reach a Node
_TAKEN_DELAY: Final = 30.0  # between two tries to get a Node that another service drives
_QUIET: Final = 1.0  # seconds in which events of others' containers are taken together
_CLAIM_INTERVAL: Final = 2.0  # between two looks for challenges where events are not yet read


class NodeLost(Exception):
    """No contact for too long, and there is another Node: the Attempt is given up."""


@dataclass(frozen=True, slots=True)
class Service:
    """Whose Nodes they are."""

    id: str
    """Tells this service's containers from those of others on the same engines."""
    instance: Instance
    """This process."""
    settings: Settings
    private: PrivateImages
    """Shared by all Nodes."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Who is told what of a Node."""

    came_back: Callable[[NodeAgent, list[ContainerInfo]], Awaitable[None]]
    """Awaited with all our containers at each contact, before the Node counts as online."""
    changed: Callable[[NodeAgent], None]
    """Its state has changed, or its images, or what it has to hand out."""
    displaced: Callable[[NodeAgent], None]
    """Another service has taken the Node while this process was silent."""
    elsewhere: Callable[[NodeAgent], bool]
    """Whether there is another Node that could do its work."""
    load: Callable[[NodeAgent], int]
    """Tasks that hold a place there."""


class NodeAgent:
    """Keeps contact with one Node.

    Parameters
    ----------
    infrastructure, node : Infrastructure, Node
        What it belongs to and how it is reached.
    engine : Engine
        The way to it; closed by `close`.
    service : Service
        Whose it is.
    tell : Callbacks
        Who is told of changes.
    added : bool
        Whether it was added at run time.
    """

    def __init__(
        self,
        infrastructure: Infrastructure,
        node: Node,
        engine: Engine,
        service: Service,
        tell: Callbacks,
        added: bool = False,
    ) -> None:
        settings = service.settings
        self.infrastructure = infrastructure
        self.node = node
        self.engine = engine
        self.added = added
        self.since: datetime = now()
        self.info: NodeInfo | None = None
        self.images = NodeImages(engine, service.private)
        self.room = Room(node)
        self.beginning = asyncio.Semaphore(_BEGINNING)
        """Held by a new Attempt until its container runs, so that of very many that are placed at
        once the first do not wait for the last at every step."""
        self.label = service_label(service.id)
        self._settings = settings
        self._tell = tell
        me = replace(service.instance, id=uuid.uuid4().hex)
        self._claim = Claim(engine, service.id, me, node.id, settings.claim_patience)
        self._probation = Probation(
            node.id,
            settings.probation_after,
            settings.probation_delay,
            settings.probation_longest,
            self._changed,
        )
        self._watches = Watches()
        self._state = NodeState.OFFLINE
        self._offline = "not reached yet"
        self._draining: str | None = None
        self._retired = ""
        self._trial_slots = 1
        self._up = asyncio.Event()
        self._look_now = asyncio.Event()
        self._others_changed = asyncio.Event()
        self._last_contact = time.monotonic()
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
    def state(self) -> NodeState:
        """How the Node is."""
        if not self.online:
            return NodeState.OFFLINE
        if self._draining is not None:
            return NodeState.DRAINING
        return NodeState.DEGRADED if self._probation.active else NodeState.ONLINE

    @property
    def reason(self) -> str:
        """Why it is in this state; empty when it is online."""
        match self.state:
            case NodeState.OFFLINE:
                return self._offline
            case NodeState.DRAINING:
                return self._draining or "an administrator lets it drain"
            case NodeState.DEGRADED:
                return self._probation.reason
        return ""

    @property
    def draining(self) -> bool:
        """Whether an administrator lets nothing new begin there."""
        return self._draining is not None

    @property
    def accepts(self) -> bool:
        """Whether Tasks may be placed there now or after a short probation."""
        return self.state in (NodeState.ONLINE, NodeState.DEGRADED)

    @property
    def slots(self) -> int:
        """Containers that it takes at a time; 0 as long as its size is not known."""
        return self.room.slots(self.info)

    def place(self) -> Place:
        """Return what the scheduler has to know of the Node now."""
        online, slots = self.accepts, self.slots
        if self._probation.active:
            online = online and self._probation.is_open
            slots = min(slots, self._trial_slots)
        return self.room.place(
            self.info, self.infrastructure, slots, set(self.images.known), online, self.reason
        )

    async def run(self) -> None:
        """Connect, watch, and connect again, until cancelled."""
        logs.note(node=self.id)
        delay = _FIRST_DELAY
        while True:
            longest = self._settings.reconnect_delay
            try:
                await self._connect()
                delay = _FIRST_DELAY
                await self._watch_until_lost()
            except NodeTaken as error:
                self._taken(error)
                longest = _TAKEN_DELAY
            except NodeUnreachable as error:
                self._gone(str(error))
            except EngineError as error:
                self._gone(f"its engine cannot be used: {error}")
            except Exception:
                _log.exception("node %s: contact failed in an unexpected way", self.id)
                self._gone("internal error, see the service's log")
            await asyncio.sleep(min(delay, longest))
            delay = min(delay * 2, longest)
            self._give_up_watches()

    async def close(self) -> None:
        """Let go of the engine, for whoever wants it next; containers go on."""
        self._probation.close()
        try:
            await self._claim.release()
        except (TimeoutError, EngineError, NodeUnreachable) as error:
            why = str(error) or "it does not answer"
            _log.warning("node %s keeps a token of this service: %s", self.id, why)
        await self.engine.close()

    def drain(self, reason: str | None) -> None:
        """Let nothing new begin there, for this reason; let it work again when it is None."""
        self._draining = reason
        self._changed()

    def retire(self, reason: str) -> None:
        """Make all that waits for the Node give it up, from now on."""
        self._retired = reason
        self._offline = reason
        self._up.clear()
        self._give_up_watches()
        self._changed()

    @property
    def retired(self) -> bool:
        """Whether the Node will not come back."""
        return bool(self._retired)

    def watch(self, container: str) -> None:
        """Note how a container ends from now on; before it is started, so that nothing is missed.

        What happened before the watch began is looked up by `look`.
        """
        self._watches.add(container)
        self._probation.begins(container)

    def started(self, container: str) -> None:
        """Note that a watched container runs: from now on, its absence is an end."""
        self._watches.started(container)
        self._probation.works()

    def failed(self, container: str, error: Exception) -> None:
        """Note what broke off the Attempt of a watched container."""
        ours = isinstance(error, RegistryUnreachable | NoResources | NodeLost)
        if ours and self.online and not self._watches.is_started(container):
            self._probation.failed(container, str(error))

    def unwatch(self, container: str) -> None:
        """Stop noting."""
        self._watches.remove(container)
        self._probation.over(container)

    def look(self, container: ContainerInfo | None, name: str) -> None:
        """Answer a watch from what the engine says now."""
        self._watches.look(container, name)

    async def ended(self, container: str) -> Exit:
        """Wait until a watched container ends.  Raises `NodeLost`."""
        return await self._watches.ended(container)

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
                await self._claim.confirm()
                return await do()
            except NodeTaken as error:
                last: Exception = error
                self._taken(error)
                self._look_now.set()
            except NodeUnreachable as error:
                last = error
                self._look_now.set()
                await asyncio.sleep(0.1 * 2**attempt)
        raise NodeLost(f"Node {self.id} failed {_TRIES_WHILE_ONLINE} times in a row: {last}")

    async def ensure_image(
        self,
        reference: str,
        login: Callable[[], Awaitable[Credentials | None]],
        pulling: Callable[[], Awaitable[None]],
        *,
        refresh: bool = False,
    ) -> Image:
        """Return the image; see `images.NodeImages.ensure`."""
        was_there = reference in self.images
        image = await self.images.ensure(self.call, reference, login, pulling, refresh=refresh)
        if not was_there:
            self._changed()
        return image

    def forget_image(self, reference: str) -> None:
        """Note that the Node has an image no more."""
        self.images.forget(reference)

    async def wait_online(self) -> None:
        """Return when the engine answers.  Raises `NodeLost`."""
        while not self._up.is_set():
            if self._is_lost:
                raise self._lost()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._up.wait()

    async def _connect(self) -> None:
        self.info = await self.engine.info()
        await self._claim.take()
        await self._as_owner(self._take_stock())
        self._last_contact = time.monotonic()
        self._up.set()
        _log.info("node %s is online: engine %s", self.id, self.info.version)
        self._changed()

    async def _as_owner(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that may take long, and let others know meanwhile whose the Node is."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait((task,), timeout=_CLAIM_INTERVAL))[0]:
                await self._claim.take()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _take_stock(self) -> None:
        """Look at what is there, and let it be brought in line with what should be."""
        self.images.known = {
            reference: image
            for image in await self.engine.images()
            for reference in image.references
        }
        self.room.outside = await self.engine.outsiders(self.label)
        ours = await self.engine.containers(self.label)
        self._watches.look_at({mark.name: c for c in ours if (mark := mark_of(c)) is not None})
        await self._tell.came_back(self, ours)

    async def _watch_until_lost(self) -> None:
        tasks = [
            asyncio.create_task(work)
            for work in (self._read_events(), self._ping(), self._look_outside())
        ]
        if keep := self.infrastructure.keep_images_for:
            prune = self.images.prune(keep, keeping=set(self.infrastructure.runtimes))
            tasks.append(asyncio.create_task(prune))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ping(self) -> None:
        # Challenges that came before the event stream was open.
        await asyncio.sleep(_QUIET)
        await self._claim.take()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.ping_interval):
                    await self._look_now.wait()
            self._look_now.clear()
            await self._claim.confirm()
            self.info = await self.engine.info()
            self._claim.sure()
            self._last_contact = time.monotonic()

    async def _read_events(self) -> None:
        async for event in self.engine.events(self.label, self._since_ns):
            self._since_ns = max(self._since_ns, event.time_ns)
            if event.kind == "outside":
                self._others_changed.set()
            elif event.kind == "token":
                await self._claim.heard(event.container_id)
            else:
                self._watches.take(event)
        raise NodeUnreachable(f"{self.id}: the event stream ended")

    async def _look_outside(self) -> None:
        """Look again at what others run, soon after something of it has changed."""
        while True:
            await self._others_changed.wait()
            await asyncio.sleep(_QUIET)
            self._others_changed.clear()
            self.room.outside = await self.engine.outsiders(self.label)
            self._changed()

    def _changed(self) -> None:
        """Take note of the state, and tell."""
        if self.state is not self._state:
            self._state, self.since = self.state, now()
        if self._probation.active and self._probation.is_open:
            self._trial_slots = self._tell.load(self) + 1
        self._tell.changed(self)

    def _taken(self, error: NodeTaken) -> None:
        displaced = self.online
        self._gone(str(error))
        if displaced:
            self._tell.displaced(self)

    def _gone(self, reason: str) -> None:
        if self._up.is_set() or reason != self._offline:
            _log.warning("node %s is offline: %s", self.id, reason)
        if self._up.is_set():
            self._watches.outage()
            self._up.clear()
        self._offline = self._retired or reason
        self._changed()

    @property
    def _is_lost(self) -> bool:
        silent = time.monotonic() - self._last_contact
        lost = not self.online and silent > self._settings.lost_after
        return self.retired or (lost and self._tell.elsewhere(self))

    def _give_up_watches(self) -> None:
        if self._is_lost:
            self._watches.fail(self._lost())

    def _lost(self) -> NodeLost:
        if self._retired:
            return NodeLost(self._retired)
        return NodeLost(f"Node {self.id} does not answer: {self.reason}")
