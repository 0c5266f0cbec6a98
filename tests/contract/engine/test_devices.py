"""GPUs and FUSE reach the engine as it wants them; images are removed when nobody uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.engines.base import EngineError
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import Run
from tests.contract.engine.helpers import output
from tests.stack import images
from tests.stack.engines import EngineHandle
from tests.stack.registry import RegistryHandle


def host_config(server: EngineHandle, container: str) -> dict[str, Any]:
    client = server.client()
    try:
        found: dict[str, Any] = client.inspect_container(container)["HostConfig"]
        return found
    finally:
        client.close()


async def test_gpus_are_asked_for_by_id(server: EngineHandle, run: Run) -> None:
    container = await run("true", start=False, gpus=("1", "GPU-4b3f"))
    [request] = host_config(server, container)["DeviceRequests"]
    assert request["DeviceIDs"] == ["1", "GPU-4b3f"]
    assert request["Capabilities"] == [["gpu"]]


async def test_an_engine_without_the_gpu_runtime_says_so(engine: DockerEngine, run: Run) -> None:
    container = await run("true", start=False, gpus=("0",))
    with pytest.raises(EngineError, match="gpu"):
        await engine.start(container)


async def test_without_gpus_nothing_is_asked_for(server: EngineHandle, run: Run) -> None:
    found = host_config(server, await run("true", start=False))
    assert not found["DeviceRequests"]
    assert not found["Devices"]


@pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="MISSING: no /dev/fuse here")
async def test_fuse_only_when_asked_for(engine: DockerEngine, run: Run) -> None:
    script = "test -c /dev/fuse && echo fuse; grep CapEff /proc/self/status"
    assert "fuse" not in await output(engine, await run(script))
    shown = await output(engine, await run(script, fuse=True))
    assert shown.startswith("fuse\n")
    assert int(shown.split()[-1], 16) == 1 << 21  # SYS_ADMIN


async def test_remove_image(
    engine: DockerEngine, server: EngineHandle, registry: RegistryHandle, run: Run
) -> None:
    reference = registry.push(server, images.reference("noshell"), "ccp/removed:1")
    await engine.pull(reference)
    assert await engine.find_image(reference) is not None
    await engine.remove_image(reference)
    assert await engine.find_image(reference) is None
    await engine.remove_image(reference)
