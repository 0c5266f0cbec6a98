"""Small things that the tests of engines share."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
import time
from collections.abc import AsyncIterator
from typing import IO

from ccp_jupyter.hub_service.controller.tars import writing
from ccp_jupyter.hub_service.engines.base import ContainerInfo, LogFrame
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.stack.engines import EngineHandle


def tar_of(files: dict[str, bytes]) -> io.BytesIO:
    """Return an uncompressed tar with these files."""
    output = io.BytesIO()
    with writing(output) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    output.seek(0)
    return output


def untarred(file: IO[bytes]) -> dict[str, bytes]:
    """Return the regular files of a tar that comes as a stream."""
    found = {}
    with tarfile.open(fileobj=file, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            if member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    return found


async def all_of(frames: AsyncIterator[LogFrame]) -> list[LogFrame]:
    """Read a log to its end."""
    return [frame async for frame in frames]


def joined(frames: list[LogFrame], stream: str) -> bytes:
    """Return what a stream wrote."""
    return b"".join(frame.data for frame in frames if frame.stream == stream)


async def ended(engine: DockerEngine, container: str, timeout: float = 20) -> ContainerInfo:
    """Wait until a container has ended and return it."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        info = await engine.inspect(container)
        assert info is not None
        if info.state == "exited":
            return info
        await asyncio.sleep(0.03)
    raise AssertionError(f"{container} still runs after {timeout} s")


async def output(engine: DockerEngine, container: str) -> str:
    """Return all that a container writes to stdout until it ends."""
    return joined(await all_of(engine.logs(container)), "stdout").decode()


def requests_of(server: EngineHandle) -> list[str]:
    """Return what a docker engine with ``--debug`` was asked for, as ``GET /v1.41/info``."""
    return re.findall(r'msg="Calling ([A-Z]+ [^"]+)"', server.log.read_text(errors="replace"))
