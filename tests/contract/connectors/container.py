"""Running the agent in a container, as the service does."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ccp_jupyter.hub_service import batch
from ccp_jupyter.hub_service.engines.base import ContainerInfo, ContainerSpec
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.helpers import all_of, ended, joined
from tests.stack import images

RED = images.reference("red")
AGENT = "/cc/restricted_red_agent.py"
JOB = "/cc/restricted_red_file.json"


@dataclass
class Done:
    """What a container left."""

    info: ContainerInfo
    result: dict[str, Any]
    stdout: str
    """Of the container."""
    stderr: str
    kept: dict[str, bytes] = field(default_factory=dict)
    """Files of ``/cc/result``."""

    @property
    def debug(self) -> str:
        return "\n".join(self.result["debugInfo"] or [])

    def succeeded(self) -> Done:
        """Check that it did, and return itself."""
        assert (self.info.exit_code, self.result["state"]) == (0, "succeeded"), self.debug
        return self

    def failed(self, *texts: str) -> Done:
        """Check that it did with these texts, and return itself."""
        assert (self.info.exit_code, self.result["state"]) == (1, "failed")
        for text in texts:
            assert text in self.debug, self.debug
        return self


def connector(command: str, access: dict[str, Any]) -> dict[str, Any]:
    """Return the member ``connector`` of a file or directory."""
    return {"command": f"red-connector-{command}", "access": access}


def file(name: str, command: str, access: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return an input file that goes into a folder of its own."""
    path = f"/cc/inputs/in-{name}/{name}"
    return {
        "class": "File",
        "connector": connector(command, access),
        "path": path,
        "basename": name,
        **members,
    }


def directory(name: str, command: str, access: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return an input directory."""
    return {
        "class": "Directory",
        "connector": connector(command, access),
        "path": f"/cc/inputs/{name}",
        **members,
    }


class Runner:
    """See the module.

    Parameters
    ----------
    engine : DockerEngine
        Where containers run.
    """

    def __init__(self, engine: DockerEngine) -> None:
        self.engine = engine
        self._made: list[str] = []

    async def sh(self, script: str, *, image: str = RED, **members: Any) -> Done:
        """Run a job with a shell script as its command to the end."""
        return await self.finish(await self.start(["sh", "-c", script], image=image, **members))

    async def start(self, argv: list[str], *, image: str = RED, **members: Any) -> str:
        """Create, fill and start a container; returns its id."""
        spec = ContainerSpec(
            name=f"test-{uuid.uuid4().hex}", image=image, command=("python3", AGENT, JOB)
        )
        container = await self.engine.create(spec)
        self._made.append(container)
        await self.engine.put_files(container, "/", _tar(_job(argv, members)))
        await self.engine.start(container)
        return container

    async def finish(self, container: str) -> Done:
        """Wait for the end; returns what is left."""
        info = await ended(self.engine, container, 60)
        frames = await all_of(self.engine.logs(container))
        stdout, stderr = (joined(frames, name).decode() for name in ("stdout", "stderr"))
        kept = await self.engine.fetch(container, "/cc/result", _files)
        return Done(info, json.loads(kept["result/result.json"]), stdout, stderr, kept)

    async def look(self, container: str, path: str) -> list[str]:
        """Return the names of all that lies in a folder of a container."""

        def names(stream: IO[bytes]) -> list[str]:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                return [member.name for member in archive]

        return await self.engine.fetch(container, path, names)

    async def remove_all(self) -> None:
        await asyncio.gather(*map(self.engine.remove, self._made))


def _job(argv: list[str], members: dict[str, Any]) -> dict[str, Any]:
    declared = members.pop("declared", {})
    return {
        "job": 1,
        "command": argv[:1],
        "argv": argv,
        "inputs": {},
        "outputs": {},
        "cli": {"outputs": declared, "stdout": "out.txt", "stderr": "err.txt"},
        "validate": True,
        "mark": "ccp-mark",
        "limit": 100_000,
        **members,
    }


def _tar(job: dict[str, Any]) -> io.BytesIO:
    """Return what the service puts into the container."""
    agent = Path(batch.__file__).with_name("agent.py").read_bytes()
    spool = io.BytesIO()
    with tarfile.open(fileobj=spool, mode="w") as tar:
        for name in ("cc", "cc/inputs", "cc/outputs", "cc/cloud", "cc/result"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(folder)
        for name, data, mode in ((AGENT, agent, 0o555), (JOB, json.dumps(job).encode(), 0o444)):
            member = tarfile.TarInfo(name.lstrip("/"))
            member.size, member.mode = len(data), mode
            tar.addfile(member, io.BytesIO(data))
    spool.seek(0)
    return spool


def _files(stream: IO[bytes]) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    return found
