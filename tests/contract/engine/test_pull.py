"""Getting images from registries."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import NotFound
from pydantic import SecretStr

from ccp_jupyter.hub_service.engines.base import (
    Credentials,
    ImageMissing,
    NoAccess,
    NodeUnreachable,
    NoResources,
    RegistryUnreachable,
)
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import SHELL
from tests.stack.engines import EngineHandle, start_engine
from tests.stack.ports import free_port
from tests.stack.registry import RegistryHandle

RIGHT = Credentials(RegistryHandle.username, SecretStr(RegistryHandle.password))
WRONG = Credentials(RegistryHandle.username, SecretStr("not-the-password"))


@pytest.fixture
def public(server: EngineHandle, registry: RegistryHandle) -> str:
    """A new image in the open registry, which the engine does not have."""
    return registry.push(server, SHELL, f"test/{uuid.uuid4().hex}:1")


@pytest.fixture
def private(server: EngineHandle, registry: RegistryHandle) -> str:
    """A new image in the private registry."""
    return registry.push(server, SHELL, f"test/{uuid.uuid4().hex}:1", private=True)


@pytest.fixture(scope="module")
def large_image(server: EngineHandle, registry: RegistryHandle) -> str:
    """An image of 60 MB that does not compress, in the open registry."""
    client = server.client()
    command = ["sh", "-c", "head -c 60000000 /dev/urandom >/large"]
    container = client.create_container(SHELL, command)["Id"]
    client.start(container)
    client.wait(container)
    client.commit(container, "large", "1")
    client.remove_container(container)
    reference = registry.push(server, "large:1", f"large/{uuid.uuid4().hex}:1")
    client.remove_image("large:1")
    client.close()
    return reference


@pytest.fixture
def large(server: EngineHandle, large_image: str) -> Iterator[str]:
    """The same, which the engine does not have."""
    yield large_image
    client = server.client()
    with contextlib.suppress(NotFound):
        client.remove_image(large_image, force=True)
    client.close()


async def test_pull(engine: DockerEngine, public: str) -> None:
    assert await engine.find_image(public) is None
    image = await engine.pull(public)
    assert public in image.references
    assert image.digest is not None
    assert re.fullmatch(re.escape(public[:-2]) + "@sha256:[0-9a-f]{64}", image.digest)
    assert await engine.find_image(public) == image
    assert image.id in {found.id for found in await engine.images()}
    assert await engine.pull(public) == image
    by_digest = await engine.pull(image.digest)
    assert by_digest.id == image.id


async def test_what_the_registry_does_not_have(engine: DockerEngine, public: str) -> None:
    repository = public.rpartition(":")[0]
    missing = [
        f"{repository}:no-such-tag",
        f"{repository}-no-such-repository:1",
        f"{repository}@sha256:{'0' * 64}",
        repository,
    ]
    for reference in missing:
        with pytest.raises(ImageMissing, match=re.escape(reference)):
            await engine.pull(reference)


async def test_login(engine: DockerEngine, private: str) -> None:
    for credentials in (None, WRONG):
        with pytest.raises(NoAccess, match=re.escape(private)) as caught:
            await engine.pull(private, credentials)
        assert "not-the-password" not in str(caught.value) + repr(credentials)
    image = await engine.pull(private, RIGHT)
    assert private in image.references
    with pytest.raises(ImageMissing):
        await engine.pull(f"{private}-missing", RIGHT)


async def test_credentials_are_not_kept(engine: DockerEngine, private: str) -> None:
    await engine.pull(private, RIGHT)
    with pytest.raises(NoAccess):
        await engine.pull(private)


async def test_a_shared_pull_needs_the_same_login(engine: DockerEngine, private: str) -> None:
    results = await asyncio.gather(
        engine.pull(private, RIGHT),
        engine.pull(private, WRONG),
        engine.pull(private),
        return_exceptions=True,
    )
    assert [type(r).__name__ for r in results] == ["Image", "NoAccess", "NoAccess"]


async def test_registry_that_does_not_answer(engine: DockerEngine) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(
        RegistryUnreachable, match=f"{address}/a/b:1: the registry cannot be reached"
    ):
        await engine.pull(f"{address}/a/b:1")


async def test_concurrent_pulls_are_one(
    engine: DockerEngine, registry: RegistryHandle, public: str
) -> None:
    images = await asyncio.gather(*(engine.pull(public) for _ in range(10)))
    assert len(set(images)) == 1
    repository = public.split("/", 1)[1].rpartition(":")[0]
    assert len(registry.requests(f"^HEAD /v2/{repository}/manifests/1$")) == 1


async def test_who_gives_up_does_not_stop_others(engine: DockerEngine, large: str) -> None:
    first = asyncio.create_task(engine.pull(large))
    second = asyncio.create_task(engine.pull(large))
    await asyncio.sleep(0.1)
    first.cancel()
    image = await second
    assert large in image.references
    assert first.cancelled()


async def test_a_pull_that_nobody_waits_for_ends(engine: DockerEngine, large: str) -> None:
    pulls = [asyncio.create_task(engine.pull(large)) for _ in range(3)]
    await asyncio.sleep(0.1)
    for pull in pulls:
        pull.cancel()
    await asyncio.gather(*pulls, return_exceptions=True)
    began = time.monotonic()
    await engine.close()
    assert time.monotonic() - began < 1


async def test_pull_again_after_giving_up(engine: DockerEngine, large: str) -> None:
    first = asyncio.create_task(engine.pull(large))
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.sleep(0)
    assert large in (await engine.pull(large)).references


async def test_registry_cut_off_in_the_middle(
    engine: DockerEngine, registry: RegistryHandle, large: str
) -> None:
    repository = large.split("/", 1)[1].rpartition(":")[0]
    pull = asyncio.create_task(engine.pull(large))
    begun = len(registry.requests(f"^GET /v2/{repository}/blobs/"))
    while len(registry.requests(f"^GET /v2/{repository}/blobs/")) == begun:
        await asyncio.wait({pull}, timeout=0.005)
        assert not pull.done()
    registry.cut()
    try:
        with pytest.raises(RegistryUnreachable, match="the registry cannot be reached"):
            await pull
    finally:
        registry.restore()
    assert await engine.find_image(large) is None
    assert large in (await engine.pull(large)).references


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EngineHandle]:
    """An engine with 20 MB of disk."""
    data = tmp_path / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", str(data)], check=True)
    try:
        server = start_engine(tmp_path / "engine", "small", data_root=data, follow_parent=True)
        yield server
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(data)], check=False)


async def test_a_full_disk(small: EngineHandle, large_image: str) -> None:
    engine = DockerEngine(small.node())
    with pytest.raises(NoResources, match=r"disk is full.*no space left"):
        await engine.pull(large_image)
    assert (await engine.info()).cpus
    await engine.close()


async def test_a_pull_has_a_time_limit(server: EngineHandle, large: str) -> None:
    engine = DockerEngine(server.node(), pull_timeout=0.1)
    with pytest.raises(NodeUnreachable, match="no result within"):
        await engine.pull(large)
    await engine.close()
