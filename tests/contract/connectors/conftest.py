"""An engine with test images, servers beside it, and a way to run the agent in a container."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pytest

from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.conftest import missing
from tests.connectors.fixtures import ftp, ssh, web
from tests.contract.connectors.container import RED, Runner
from tests.stack import images
from tests.stack.engines import CannotStart, EngineHandle, start_engine

__all__ = ["ftp", "ssh", "web"]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHandle]:
    """An engine with the images ``red`` and ``shell``."""
    try:
        handle = start_engine(tmp_path_factory.mktemp("engine"), "red-node", follow_parent=True)
    except CannotStart as error:
        missing(str(error))
        raise
    try:
        try:
            images.load(handle, ["red", "shell"])
        except CannotStart as error:
            missing(str(error))
        yield handle
    finally:
        handle.stop()


@pytest.fixture(scope="session")
def server_host(node: EngineHandle) -> str:
    """Where the engine's containers reach this machine."""
    return node.host_address


@pytest.fixture
async def runner(node: EngineHandle) -> AsyncIterator[Runner]:
    """What runs agents; removes the containers after the test."""
    engine = DockerEngine(node.node())
    runner = Runner(engine)
    try:
        yield runner
    finally:
        await runner.remove_all()
        await engine.close()


@pytest.fixture(scope="session", params=["plain", "entrypoint", "user", "user in root's group"])
def image(request: pytest.FixtureRequest, node: EngineHandle) -> str:
    """The image ``red`` and variants of it that the original agent could not run in."""
    lines = {
        "plain": "",
        "entrypoint": 'ENTRYPOINT ["/bin/echo", "not the agent"]\nWORKDIR /usr',
        "user": "USER 1234:5678",
        "user in root's group": "USER 1234:0",
    }[request.param]
    if not lines:
        return RED
    return build(node, request.param.split()[0] + str(len(lines)), f"FROM {RED}\n{lines}\n")


def build(node: EngineHandle, name: str, dockerfile: str) -> str:
    """Build an image without network; returns its reference."""
    reference = f"ccp-test/red-{name}:1"
    client = node.client(timeout=120)
    try:
        for step in client.build(
            fileobj=io.BytesIO(dockerfile.encode()),
            tag=reference,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            assert "error" not in step, step
    finally:
        client.close()
    return reference
