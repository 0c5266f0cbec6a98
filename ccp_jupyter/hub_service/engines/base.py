"""The engines' interface.

Every implementation passes the contract suite in ``tests/contract/engine/`` against a real engine.
All calls are awaitable and may be cancelled; none blocks the event loop, and one slow Node delays
only itself. Every call may raise `NodeUnreachable`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Literal, Protocol, TypeVar

from pydantic import SecretStr

T = TypeVar("T")

TOKEN_PREFIX = "ccp-token-"  # noqa: S105  no secret
"""Every token's name begins with it: what else lies on an engine carries no label in its events."""


class EngineError(Exception):
    """An engine refused; the text is fit for users."""


class ImageMissing(EngineError):
    """The registry has no such image, or no such tag."""


class NoAccess(EngineError):
    """The registry wants a login, or refuses the one it got."""


class RegistryUnreachable(EngineError):
    """The registry did not answer, or broke off; another try or another Node may help."""


class NoResources(EngineError):
    """The engine has no room: disk full, out of memory, too many containers."""


class BadRequest(EngineError):
    """The request itself cannot work here: no such command in the image, invalid reference."""


class NotThere(EngineError):
    """No such container (any more), or no such path in it."""


class AlreadyThere(EngineError):
    """A container of this name exists: somebody started this Attempt before."""


class NodeUnreachable(EngineError):
    """The engine did not answer, or answered that it is not working now; try again later."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What an engine says of its machine."""

    version: str
    memory: int
    """Bytes."""
    cpus: int
    containers_running: int
    time: datetime | None = None
    """Of the machine's clock, when it answered; None when the engine does not say."""
    api: str = ""
    """Version of the interface that it speaks, such as ``1.41``; empty when it has none."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a Node has."""

    id: str
    digest: str | None
    """``name@sha256:…`` as the registry knows it; None for images never pushed or pulled."""
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Login of a registry."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything about a container before it starts. No privileges, no host path, no socket."""

    name: str
    image: str
    command: tuple[str, ...]
    """Replaces both entrypoint and command of the image."""
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    memory: int = 2**30
    cpus: float = 1.0
    pids: int = 512
    file_size: int = 10 * 2**30
    """Largest file that a process may write, bytes."""
    disk: int = 0
    """Bytes that it may write to its own file system, where the engine can limit them; 0: any."""
    network: str = "bridge"
    capabilities: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    """Ids of GPUs that it may use."""
    fuse: bool = False
    """Let it mount by FUSE: device, capability SYS_ADMIN, no AppArmor profile."""


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """A container as the engine sees it now."""

    id: str
    name: str
    labels: dict[str, str]
    state: Literal["created", "running", "exited"]
    exit_code: int | None
    """None unless `state` is ``exited``."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something that happened to a container, or to a token."""

    kind: Literal["start", "oom", "kill", "die", "destroy", "outside", "token"]
    """``kill``: somebody asked the engine to send it a signal, or the engine itself goes down.
    ``outside``: a container without our label was started or ended. ``token``: a token was made;
    `container_id` is its name."""
    container_id: str
    labels: dict[str, str]
    """Empty for ``outside`` and ``token``."""
    time_ns: int
    """Of the engine's clock; give the last one as `since` to continue."""
    exit_code: int | None = None
    """Set when `kind` is ``die``."""


@dataclass(frozen=True, slots=True)
class Outsider:
    """A running container that carries no label of the asking service."""

    name: str
    memory: int
    """Bytes: its limit, or what it uses now when it has none."""
    cpus: float
    """Cores: its limit, or 0 when it has none."""
    gpus: tuple[str, ...]
    """Ids of devices that it asked for; ``*`` stands for all."""


@dataclass(frozen=True, slots=True)
class Token:
    """A named, empty thing left on an engine (docker: a volume), which says who works there."""

    name: str
    """Begins with `TOKEN_PREFIX`; then 1 to 200 letters, digits and ``_.-``."""
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class LogFrame:
    """A piece of what a container wrote, as the engine delivers it: at most 16 KiB or one line."""

    stream: Literal["stdout", "stderr"]
    data: bytes
    """Without the engine's timestamp; without "\\n" at the end when a line was cut in pieces."""
    stamp: str
    """RFC 3339 with nine digits, fixed width, so that text order is time order."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a running container uses."""

    memory: int
    cpu_seconds: float


class Engine(Protocol):
    """One Node."""

    async def info(self) -> NodeInfo:
        """Ask the engine about itself; answers within `timeout` seconds or raises."""

    def events(self, label: str, since_ns: int | None = None) -> AsyncIterator[ContainerEvent]:
        """Yield what happens to containers with this label (``key=value``), to others, to tokens.

        One connection, no polling. Ends only by `NodeUnreachable` or when it is closed.
        """

    async def find_image(self, reference: str) -> Image | None:
        """Return a local image, or None."""

    async def pull(self, reference: str, credentials: Credentials | None = None) -> Image:
        """Fetch an image; concurrent calls for one reference share one pull.

        Raises `ImageMissing`, `NoAccess`, `RegistryUnreachable`, `NoResources`, `BadRequest`.
        """

    async def images(self) -> list[Image]:
        """Return the images that have at least one reference."""

    async def remove_image(self, reference: str) -> None:
        """Remove an image that no container uses; no error when it is used or not there."""

    async def create(self, spec: ContainerSpec) -> str:
        """Create, but do not start; returns the engine's id.

        Raises `AlreadyThere`, `ImageMissing`, `NoResources`, `BadRequest`.
        """

    async def put_files(self, container: str, path: str, archive: IO[bytes]) -> None:
        """Unpack an uncompressed tar into the container, started or not.  Raises `NotThere`."""

    async def start(self, container: str) -> None:
        """Start; no error when it runs.  Raises `NotThere`, `BadRequest`, `NoResources`."""

    def logs(self, container: str, after: str | None = None) -> AsyncIterator[LogFrame]:
        """Yield what was and will be written, until the container ends.

        Parameters
        ----------
        container : str
            Name or id.
        after : str, optional
            `LogFrame.stamp`; only frames with a later one are yielded.
        """

    async def fetch(self, container: str, path: str, take: Callable[[IO[bytes]], T]) -> T:
        """Stream a folder out of a container, as an uncompressed tar.

        Parameters
        ----------
        container : str
            Name or id; may have ended.
        path : str
            Absolute folder; names in the tar begin with its last component.
        take : callable
            Reads the tar from a blocking file, in a worker thread, and returns something. It need
            not read to the end.

        Returns
        -------
        object
            What `take` returned.

        Raises
        ------
        NotThere
            No such container or folder.
        """

    async def stats(self, container: str) -> Stats:
        """Return present use.  Raises `NotThere`."""

    async def inspect(self, container: str) -> ContainerInfo | None:
        """Return the container as it is, or None when there is none."""

    async def containers(self, label: str) -> list[ContainerInfo]:
        """Return all containers, ended ones too, that carry this label."""

    async def outsiders(self, label: str) -> list[Outsider]:
        """Return the running containers that do not carry this label."""

    async def tokens(self, key: str) -> list[Token]:
        """Return the tokens that carry a label of this key."""

    async def put_token(self, token: Token) -> None:
        """Leave a token; no error when one of this name is there, which stays as it is.

        Raises `BadRequest` for a name that is none of a token.
        """

    async def remove_token(self, name: str) -> None:
        """Remove a token; no error when it is gone."""

    async def stop(self, container: str, grace: float = 0.0) -> None:
        """End a container: SIGTERM, after `grace` seconds SIGKILL; at once when `grace` is 0.

        No error when it has ended or is not there.
        """

    async def remove(self, container: str) -> None:
        """Remove a container with its anonymous volumes, running or not; no error when gone."""

    async def close(self) -> None:
        """Let go of connections and threads; the containers stay."""
