"""Docker engines, reached by unix socket or TCP, as the engines' interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import IO, TypeVar

from docker.auth import encode_header
from docker.errors import APIError, NotFound
from docker.utils import parse_repository_tag, version_lt
from urllib3.exceptions import HTTPError

from ccp_jupyter.hub_service.engines import _docker_formats as formats
from ccp_jupyter.hub_service.engines import _docker_neighbours as neighbours
from ccp_jupyter.hub_service.engines._docker_errors import pull_failed
from ccp_jupyter.hub_service.engines._docker_files import Outgoing, taken
from ccp_jupyter.hub_service.engines._docker_threads import Threads
from ccp_jupyter.hub_service.engines._docker_transport import Call, Client
from ccp_jupyter.hub_service.engines.base import (
    BadRequest,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    Credentials,
    Image,
    LogFrame,
    NodeInfo,
    NodeUnreachable,
    Outsider,
    Stats,
    Token,
)
from ccp_jupyter.model.infrastructure import Node

T = TypeVar("T")

_READ = 64 * 1024
# The engine filters by its own stamps, which may be a little older than those of frames that were
# delivered before: all pieces of a line have the time of its first.
_LOG_OVERLAP = 60
# Engines before 23.0 may end a log that they follow before its last frames (they notice the end of
# the container first), so that it has to be read once more.
_WHOLE_LOGS = "1.42"
_KNOWN_COMMANDS = 1000


class DockerEngine:
    """One docker engine.

    It is not contacted before the first call; every call connects again when needed. An engine
    that hangs is told from one that is slow by asking it for a sign of life, so that slow work is
    never given up, and nobody waits longer than `timeout` for an engine that is gone.

    Parameters
    ----------
    node : Node
        Where it is.
    timeout : float
        Seconds within which a hung engine is noticed.
    pull_timeout : float
        Seconds for one pull.
    """

    def __init__(self, node: Node, *, timeout: float = 10.0, pull_timeout: float = 1800.0) -> None:
        self.node = node
        self._timeout = timeout
        self._pull_timeout = pull_timeout
        self._threads = Threads(node, timeout)
        self._pulls: dict[tuple[str, Credentials | None], _Pull] = {}
        self._neighbours = neighbours.Neighbours()
        # Image and command that were found to fit, as an ordered set.
        self._commands: dict[tuple[str, str], None] = {}

    async def info(self) -> NodeInfo:
        """Ask the engine about itself."""

        def work(client: Client, _: Call) -> NodeInfo:
            return formats.node_info(client.info(), client.api_version)

        return await self._threads.run_now(work, self._timeout)

    async def events(
        self, label: str, since_ns: int | None = None
    ) -> AsyncIterator[ContainerEvent]:
        """Yield what happens to containers with this label, to others, and to tokens.

        The engine remembers its last 256 events only, and none from before its own restart: who
        continues by `since_ns` looks at `containers` too.
        """
        params = {"filters": json.dumps(formats.EVENT_FILTERS)}
        if since_ns is not None:
            params["since"] = f"{since_ns // 10**9}.{since_ns % 10**9:09}"

        def work(client: Client, call: Call) -> Iterator[list[ContainerEvent]]:
            lines = formats.LineSplitter()
            for data in _stream(client, call, "/events", params):
                read = (formats.event(json.loads(line), label) for line in lines.feed(data))
                yield [e for e in read if e and (since_ns is None or e.time_ns > since_ns)]

        async for event in self._threads.stream(work):
            yield event
        raise NodeUnreachable(f"node {self.node.id} ended its stream of events")

    async def find_image(self, reference: str) -> Image | None:
        """Return a local image, or None."""
        formats.checked_reference(reference)

        def work(client: Client, _: Call) -> Image | None:
            try:
                return _find_image(client, reference)
            except NotFound:
                return None

        return await self._short(work, reference)

    async def pull(self, reference: str, credentials: Credentials | None = None) -> Image:
        """Fetch an image; concurrent calls for one reference share one pull."""
        formats.checked_reference(reference)
        key = (reference, credentials)
        pull = self._pulls.get(key)
        if pull is None:
            task = asyncio.create_task(self._pull(reference, credentials))
            pull = self._pulls[key] = _Pull(task)
            task.add_done_callback(lambda _: self._drop(key, task))
        return await self._share(pull, key)

    async def images(self) -> list[Image]:
        """Return the images that have at least one reference."""
        found = await self._short(lambda client, _: [formats.image(d) for d in client.images()])
        return [image for image in found if image.references]

    async def remove_image(self, reference: str) -> None:
        """Remove an image that no container uses; no error when it is used or not there."""
        formats.checked_reference(reference)

        def work(client: Client, _: Call) -> None:
            try:
                client.remove_image(reference)
            except APIError as error:
                # 409: a container uses it.
                if error.status_code not in (404, 409):
                    raise

        await self._short(work, reference)

    async def create(self, spec: ContainerSpec) -> str:
        """Create, but do not start.

        When a command is used with an image for the first time, the engine is asked whether the
        image has it. An init process runs it, so the engine itself would not say.
        """
        formats.checked_name(spec.name)
        if not spec.command or not spec.command[0]:
            raise BadRequest(f"{spec.name}: there is no command")
        pair = (spec.image, spec.command[0])

        def work(client: Client, call: Call) -> str:
            created = _create(client, spec)
            if pair not in self._commands and pair[1].startswith("/"):
                _check_command(client, created["Id"], spec)
            return str(created["Id"])

        container = await self._short(work, spec.image)
        self._remember(pair)
        return container

    async def put_files(self, container: str, path: str, archive: IO[bytes]) -> None:
        """Unpack an uncompressed tar, from a seekable file, into the container."""
        formats.checked_name(container)

        def work(client: Client, call: Call) -> None:
            try:
                client.put_archive(container, path, Outgoing(archive, call))
            except (OSError, HTTPError):
                # An engine that refuses may hang up before it has read the archive, so that its
                # reason is lost. The likely reason comes out when asked for.
                client.ask("HEAD", f"/containers/{container}/archive", params={"path": path})
                raise

        await self._threads.run(work, self._threads.uploads, subject=f"{container}:{path}")

    async def start(self, container: str) -> None:
        """Start; no error when it runs."""
        formats.checked_name(container)
        await self._short(lambda client, _: client.start(container), container)

    async def logs(self, container: str, after: str | None = None) -> AsyncIterator[LogFrame]:
        """Yield what was and will be written, until the container ends.

        The log of a container that was not started yet is empty.
        """
        formats.checked_name(container)
        path = f"/containers/{container}/logs"
        params = {"follow": "1", "stdout": "1", "stderr": "1", "timestamps": "1"}
        if after is not None:
            params["since"] = formats.since_before(after, _LOG_OVERLAP)

        def work(client: Client, call: Call) -> Iterator[list[LogFrame]]:
            parser = formats.FrameParser(after)
            for data in _stream(client, call, path, params):
                yield parser.feed(data)
            if version_lt(client.api_version, _WHOLE_LOGS):
                rest = {**params, "follow": "0"}
                if parser.last:
                    rest["since"] = formats.since_before(parser.last, _LOG_OVERLAP)
                parser = formats.FrameParser(parser.last or after)
                with contextlib.suppress(APIError):  # it was removed meanwhile
                    for data in _stream(client, call, path, rest):
                        yield parser.feed(data)

        async for frame in self._threads.stream(work, container):
            yield frame

    async def fetch(self, container: str, path: str, take: Callable[[IO[bytes]], T]) -> T:
        """Stream a folder out of a container, as an uncompressed tar."""
        formats.checked_name(container)

        def work(client: Client, call: Call) -> T:
            response = client.ask(
                "GET", f"/containers/{container}/archive", params={"path": path}, stream=True
            )
            return taken(response, call, take)

        return await self._threads.run(work, self._threads.downloads, subject=f"{container}:{path}")

    async def stats(self, container: str) -> Stats:
        """Return present use; zeros when it does not run."""
        formats.checked_name(container)

        def work(client: Client, _: Call) -> Stats:
            return formats.stats(client.stats(container, stream=False, one_shot=True))

        return await self._short(work, container)

    async def inspect(self, container: str) -> ContainerInfo | None:
        """Return the container as it is, or None when there is none."""
        formats.checked_name(container)

        def work(client: Client, _: Call) -> ContainerInfo | None:
            try:
                return formats.container(client.inspect_container(container))
            except NotFound:
                return None

        return await self._short(work, container)

    async def containers(self, label: str) -> list[ContainerInfo]:
        """Return all containers that carry this label; their times are not set."""

        def work(client: Client, _: Call) -> list[ContainerInfo]:
            found = client.containers(all=True, filters={"label": [label]})
            return [formats.listed_container(data) for data in found]

        return await self._short(work)

    async def outsiders(self, label: str) -> list[Outsider]:
        """Return the running containers that do not carry this label.

        Costs one call, one more for each that was not there the last time, and one for each without
        a limit of memory when half a minute has passed since it was asked what it uses.
        """
        return await self._short(lambda client, _: self._neighbours.look(client, label))

    async def tokens(self, key: str) -> list[Token]:
        """Return the tokens (volumes) that carry a label of this key."""
        return await self._short(lambda client, _: neighbours.tokens(client, key))

    async def put_token(self, token: Token) -> None:
        """Leave a token; one of this name stays as it is."""
        neighbours.checked_token(token.name)
        await self._short(lambda client, _: neighbours.put_token(client, token), token.name)

    async def remove_token(self, name: str) -> None:
        """Remove a token; no error when it is gone."""
        neighbours.checked_token(name)
        await self._short(lambda client, _: neighbours.remove_token(client, name), name)

    async def stop(self, container: str, grace: float = 0.0) -> None:
        """End a container; returns when it has ended."""
        formats.checked_name(container)
        action, params = "kill", {"signal": "KILL"}
        if grace > 0:
            action, params = "stop", {"t": str(math.ceil(grace))}

        def work(client: Client, _: Call) -> None:
            try:
                client.ask("POST", f"/containers/{container}/{action}", params=params, longer=grace)
            except APIError as error:
                # 409: it does not run (any more).
                if error.status_code not in (404, 409):
                    raise

        await self._short(work, container)

    async def remove(self, container: str) -> None:
        """Remove a container with its anonymous volumes, running or not."""
        formats.checked_name(container)

        def work(client: Client, _: Call) -> None:
            try:
                client.remove_container(container, v=True, force=True)
            except APIError as error:
                # 409: somebody else is removing it.
                if error.status_code not in (404, 409):
                    raise

        await self._short(work, container)

    async def close(self) -> None:
        """Let go of connections and threads; the containers stay."""
        for pull in list(self._pulls.values()):
            pull.task.cancel()
        await self._threads.close()

    async def _short(self, work: Callable[[Client, Call], T], subject: str = "") -> T:
        return await self._threads.run(work, self._threads.calls, subject=subject)

    async def _pull(self, reference: str, credentials: Credentials | None) -> Image:
        login = {}
        if credentials is not None:
            login = {
                "username": credentials.username,
                "password": credentials.password.get_secret_value(),
            }
        repository, tag = parse_repository_tag(reference)
        params = {"fromImage": repository, "tag": tag or "latest"}
        headers = {"X-Registry-Auth": encode_header(login).decode()}

        def work(client: Client, call: Call) -> Image:
            lines = formats.LineSplitter()
            try:
                for data in _stream(client, call, "/images/create", params, "POST", headers):
                    for line in map(json.loads, lines.feed(data)):
                        if "error" in line:
                            raise pull_failed(str(line["error"]), self.node.id, reference)
            except APIError as error:
                text, status = str(error.explanation or error), error.status_code or 500
                raise pull_failed(text, self.node.id, reference, status) from error
            return _find_image(client, reference)

        self._forget_commands(reference)
        return await self._threads.run(
            work, self._threads.pulls, subject=reference, limit=self._pull_timeout
        )

    async def _share(self, pull: _Pull, key: tuple[str, Credentials | None]) -> Image:
        pull.waiting += 1
        try:
            return await asyncio.shield(pull.task)
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if pull.task.cancelled() and waiter is not None and not waiter.cancelling():
                raise NodeUnreachable(f"node {self.node.id} was given up") from None
            raise
        finally:
            pull.waiting -= 1
            if not pull.waiting and not pull.task.done():
                pull.task.cancel()
                self._drop(key, pull.task)

    def _drop(self, key: tuple[str, Credentials | None], task: asyncio.Task[Image]) -> None:
        if key in self._pulls and self._pulls[key].task is task:
            del self._pulls[key]
        if task.done() and not task.cancelled():
            task.exception()  # whoever waited has seen it

    def _remember(self, pair: tuple[str, str]) -> None:
        self._commands[pair] = None
        while len(self._commands) > _KNOWN_COMMANDS:
            del self._commands[next(iter(self._commands))]

    def _forget_commands(self, reference: str) -> None:
        for pair in [pair for pair in self._commands if pair[0] == reference]:
            del self._commands[pair]


@dataclass
class _Pull:
    """A pull that several wait for, and which ends when the last of them goes away."""

    task: asyncio.Task[Image]
    waiting: int = 0


def _stream(
    client: Client,
    call: Call,
    path: str,
    params: dict[str, str],
    method: str = "GET",
    headers: dict[str, str] | None = None,
) -> Iterator[bytes]:
    """Yield the body of a response in pieces, as soon as they come."""
    response = client.ask(method, path, params=params, headers=headers, stream=True)
    try:
        while data := response.raw.read1(_READ, decode_content=False):
            call.touch()
            yield data
    finally:
        response.close()


def _find_image(client: Client, reference: str) -> Image:
    return formats.image(client.inspect_image(reference))  # type: ignore[no-untyped-call]


def _create(client: Client, spec: ContainerSpec) -> dict[str, str]:
    if spec.disk > 0 and client.limits_disk is None:
        client.limits_disk = formats.may_limit_disk(client.info())
    limit_disk = spec.disk > 0 and client.limits_disk is True
    body = formats.create_body(
        client, spec, limit_disk=limit_disk, podman=client.is_podman, rootless=client.is_rootless
    )
    try:
        return dict(client.create_container_from_config(body, spec.name))  # type: ignore[no-untyped-call]
    except APIError as error:
        # Whether its file system keeps quotas shows only in use.
        if not limit_disk or "storage-opt" not in str(error.explanation):
            raise
    client.limits_disk = False
    return _create(client, spec)


def _check_command(client: Client, container: str, spec: ContainerSpec) -> None:
    """Remove the container again when its image lacks the command."""
    try:
        client.ask("HEAD", f"/containers/{container}/archive", params={"path": spec.command[0]})
    except NotFound:
        client.remove_container(container, v=True, force=True)
        raise BadRequest(f"{spec.image}: the image has no {spec.command[0]}") from None
