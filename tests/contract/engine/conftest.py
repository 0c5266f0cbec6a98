"""Real engines, by unix socket and by mutual TLS; every test here runs with each."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.engines.base import ContainerSpec
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.stack import images
from tests.stack.engines import CannotStart, EngineHandle, start_engine
from tests.stack.registry import RegistryHandle, start_registry

SHELL = images.reference("shell")
NOSHELL = images.reference("noshell")

Run = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session", params=["unix", "tls"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineHandle]:
    """An engine with the images ``shell`` and ``noshell``."""
    yield from _server(tmp_path_factory.mktemp("engine"), request.param)


@pytest.fixture(params=["unix", "tls"])
def fragile(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineHandle]:
    """An engine for one test alone, which may break it."""
    yield from _server(tmp_path, request.param)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryHandle]:
    """An open and a private registry."""
    with needed():
        handle = start_registry(tmp_path_factory.mktemp("registry"), follow_parent=True)
    yield handle
    handle.stop()


@pytest.fixture
async def engine(server: EngineHandle) -> AsyncIterator[DockerEngine]:
    """What is tested, connected to `server`."""
    engine = DockerEngine(server.node())
    yield engine
    await engine.close()


@pytest.fixture
async def run(engine: DockerEngine) -> AsyncIterator[Run]:
    """Create a container for a shell script; all are removed after the test.

    ``await run(script, start=True, **members_of_ContainerSpec)`` returns its id.
    """
    made: list[str] = []

    async def run(script: str, *, start: bool = True, **members: Any) -> str:
        values: dict[str, Any] = {
            "name": f"test-{uuid.uuid4().hex}",
            "image": SHELL,
            "command": ("/bin/sh", "-c", script),
        }
        container = await engine.create(ContainerSpec(**{**values, **members}))
        made.append(container)
        if start:
            await engine.start(container)
        return container

    yield run
    for container in made:
        await engine.remove(container)


@dataclass
class _Needed:
    """A part that fails the run in CI when it is missing, and skips elsewhere."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CannotStart) and not os.environ.get("CI"):
            pytest.skip(str(error))


def needed() -> _Needed:
    """Return a context in which a missing component fails in CI, and skips elsewhere."""
    return _Needed()


def _server(folder: Path, kind: str) -> Iterator[EngineHandle]:
    with needed():
        handle = start_engine(
            folder,
            f"{kind}-node",
            tls=kind == "tls",
            options=("--debug", "--max-download-attempts", "1"),
            follow_parent=True,
        )
    try:
        with needed():
            images.load(handle, ["shell", "noshell"])
        yield handle
    finally:
        handle.stop()
