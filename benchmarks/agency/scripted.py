"""An engine that costs nothing: containers are entries in a dict, and each runs for a given time.

It does in this process what the controller asks of an engine, and counts it; the agent's reports
and its result are those of a batch that went well.
"""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TypeVar

from ccp_jupyter.hub_service.controller.container import read_mark
from ccp_jupyter.hub_service.engines.base import (
    AlreadyThere,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    Credentials,
    Image,
    LogFrame,
    NodeInfo,
    NotThere,
    Outsider,
    Stats,
    Token,
)

T = TypeVar("T")

IMAGE = "registry.example.org/scripted:1"
_OF_CONTAINERS = frozenset(
    {"create", "put_files", "start", "logs", "fetch", "stats", "inspect", "stop", "remove"}
)
RESULT = {
    "command": ["sh", "-c"],
    "process": {"returnCode": 0, "executed": True, "stdout": "out", "stderr": "err"},
    "inputs": {},
    "outputs": {},
    "state": "succeeded",
    "debugInfo": None,
}


@dataclass
class Container:
    """One of them."""

    spec: ContainerSpec
    started: float = 0.0
    """As of `time.time`; 0 until it is started."""
    code: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None

    def info(self) -> ContainerInfo:
        """Describe it."""
        state = "exited" if self.ended.is_set() else "running" if self.started else "created"
        begun = datetime.fromtimestamp(self.started, UTC) if self.started else None
        name, labels = self.spec.name, dict(self.spec.labels)
        return ContainerInfo(name, name, labels, state, self.code, begun)  # type: ignore[arg-type]


class ScriptedEngine:
    """See `ccp_jupyter.hub_service.engines.base.Engine`.

    Parameters
    ----------
    seconds : float
        How long each container runs.

    Attributes
    ----------
    calls : Counter
        By name of the method.
    starts : dict
        Name to the moment of the start, as of `time.time`; also of containers that are gone.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: Counter[str] = Counter()
        self.starts: dict[str, float] = {}
        self._containers: dict[str, Container] = {}
        self._tokens: dict[str, Token] = {}
        self._events: asyncio.Queue[ContainerEvent] = asyncio.Queue()
        self._image = Image("sha256:0", f"{IMAGE}@sha256:0", (IMAGE,))
        self._tar = _result_tar()

    @property
    def of_containers(self) -> int:
        """Calls about one container; what is asked of a Node or an image is not in it."""
        return sum(count for name, count in self.calls.items() if name in _OF_CONTAINERS)

    @property
    def others(self) -> str:
        """The other calls, in words."""
        rest = {name: count for name, count in self.calls.items() if name not in _OF_CONTAINERS}
        return ", ".join(f"{count} x {name}" for name, count in sorted(rest.items())) or "none"

    async def info(self) -> NodeInfo:
        """See `Engine`."""
        self.calls["info"] += 1
        return NodeInfo("scripted", 2**42, 64, len(self._containers))

    async def events(
        self, label: str, since_ns: int | None = None
    ) -> AsyncIterator[ContainerEvent]:
        """See `Engine`."""
        self.calls["events"] += 1
        while True:
            yield await self._events.get()

    async def find_image(self, reference: str) -> Image | None:
        """See `Engine`."""
        self.calls["find_image"] += 1
        return self._image

    async def pull(self, reference: str, credentials: Credentials | None = None) -> Image:
        """See `Engine`."""
        self.calls["pull"] += 1
        return self._image

    async def images(self) -> list[Image]:
        """See `Engine`."""
        self.calls["images"] += 1
        return [self._image]

    async def remove_image(self, reference: str) -> None:
        """See `Engine`."""
        self.calls["remove_image"] += 1

    async def create(self, spec: ContainerSpec) -> str:
        """See `Engine`."""
        self.calls["create"] += 1
        if spec.name in self._containers:
            raise AlreadyThere(spec.name)
        self._containers[spec.name] = Container(spec)
        return spec.name

    async def put_files(self, container: str, path: str, archive: IO[bytes]) -> None:
        """See `Engine`."""
        self.calls["put_files"] += 1
        self._get(container)
        archive.read()

    async def start(self, container: str) -> None:
        """See `Engine`."""
        self.calls["start"] += 1
        found = self._get(container)
        found.started = self.starts[container] = time.time()
        self._tell("start", found)
        loop = asyncio.get_running_loop()
        found.timer = loop.call_later(self.seconds, self._end, found, 0)

    async def logs(self, container: str, after: str | None = None) -> AsyncIterator[LogFrame]:
        """See `Engine`."""
        self.calls["logs"] += 1
        found = self._get(container)
        mark = read_mark(found.spec.labels)
        for number, phase in enumerate(("deploy", "execute", "fetch")):
            if phase == "fetch":
                await found.ended.wait()
            report = f"{mark.text if mark else ''} {phase}\n".encode()
            yield LogFrame("stderr", report, f"{number:030}")

    async def fetch(self, container: str, path: str, take: Callable[[IO[bytes]], T]) -> T:
        """See `Engine`."""
        self.calls["fetch"] += 1
        self._get(container)
        return await asyncio.to_thread(take, io.BytesIO(self._tar))

    async def stats(self, container: str) -> Stats:
        """See `Engine`."""
        self.calls["stats"] += 1
        return Stats(0, 0.0)

    async def inspect(self, container: str) -> ContainerInfo | None:
        """See `Engine`."""
        self.calls["inspect"] += 1
        found = self._containers.get(container)
        return None if found is None else found.info()

    async def containers(self, label: str) -> list[ContainerInfo]:
        """See `Engine`."""
        self.calls["containers"] += 1
        return [container.info() for container in self._containers.values()]

    async def outsiders(self, label: str) -> list[Outsider]:
        """See `Engine`."""
        self.calls["outsiders"] += 1
        return []

    async def tokens(self, key: str) -> list[Token]:
        """See `Engine`."""
        self.calls["tokens"] += 1
        return [token for token in self._tokens.values() if key in token.labels]

    async def put_token(self, token: Token) -> None:
        """See `Engine`."""
        self.calls["put_token"] += 1
        self._tokens.setdefault(token.name, token)

    async def remove_token(self, name: str) -> None:
        """See `Engine`."""
        self.calls["remove_token"] += 1
        self._tokens.pop(name, None)

    async def stop(self, container: str, grace: float = 0.0) -> None:
        """See `Engine`."""
        self.calls["stop"] += 1
        if (found := self._containers.get(container)) is not None:
            self._end(found, 137)

    async def remove(self, container: str) -> None:
        """See `Engine`."""
        self.calls["remove"] += 1
        if (found := self._containers.pop(container, None)) is not None:
            self._end(found, 137)
            self._tell("destroy", found)

    async def close(self) -> None:
        """See `Engine`."""
        for container in self._containers.values():
            if container.timer is not None:
                container.timer.cancel()

    def _get(self, container: str) -> Container:
        try:
            return self._containers[container]
        except KeyError:
            raise NotThere(f"no container {container}") from None

    def _end(self, container: Container, code: int) -> None:
        if container.ended.is_set() or not container.started:
            return
        if container.timer is not None:
            container.timer.cancel()
        container.code = code
        container.ended.set()
        self._tell("die", container)

    def _tell(self, kind: str, container: Container) -> None:
        spec, moment = container.spec, time.time_ns()
        code = container.code if kind == "die" else None
        event = ContainerEvent(kind, spec.name, dict(spec.labels), moment, code)  # type: ignore[arg-type]
        self._events.put_nowait(event)


def _result_tar() -> bytes:
    """Return what the agent leaves in its folder."""
    spool = io.BytesIO()
    with tarfile.open(fileobj=spool, mode="w") as tar:
        for name, text in (("result.json", json.dumps(RESULT)), ("stdout", ""), ("stderr", "")):
            info = tarfile.TarInfo(f"result/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return spool.getvalue()
