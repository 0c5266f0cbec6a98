"""A stand-in GPU in a real engine.

There is no GPU and no driver here. dockerd, containerd, runc and the containers are real; what
stands in is the program that NVIDIA's toolkit installs: ``nvidia-container-runtime-hook`` on
dockerd's PATH, a prestart hook that makes devices in the container. Ours makes ``/dev/nvidiaN``
for each GPU that dockerd asks for, with the numbers of ``/dev/null``. So the way of a request from
`ContainerSpec.gpus` through the engine to a device in the container is real up to that program;
that CUDA works behind it is not shown. ``tests/unit`` has the scheduler's share with no engine.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from docker.types import DeviceRequest

from ccp_jupyter.hub_service.engines.base import ContainerSpec, EngineError, Outsider
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import SHELL, needed
from tests.contract.engine.helpers import output
from tests.stack import images
from tests.stack.engines import EngineHandle, start_engine

# An OCI hook gets the container's state on stdin; the rest stands in the bundle's config.json.
_HOOK = r"""#!/bin/sh
set -eu
state=$(cat)
member() { grep -o "\"$1\": *\"*[^\",}]*" | head -n 1 | sed 's/.*: *"*//'; }
pid=$(printf %s "$state" | member pid)
config=$(cat "$(printf %s "$state" | member bundle)/config.json")
root=$(printf %s "$config" | grep -o '"root": *{[^}]*}' | member path)
wanted=$(printf %s "$config" | grep -o '"NVIDIA_VISIBLE_DEVICES=[^"]*' | tail -n 1)
wanted=${wanted#*=}
[ "$wanted" != all ] || wanted=0,1,2
for id in $(printf %s "$wanted" | tr , ' '); do
    case $id in
    0 | 1 | 2) nsenter --target "$pid" --mount mknod -m 666 "$root/dev/nvidia$id" c 1 3 ;;
    *)
        echo "nvidia-container-cli: device error: $id: unknown device" >&2
        exit 1
        ;;
    esac
done
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHandle]:
    """An engine on a machine with three stand-in GPUs."""
    folder = tmp_path_factory.mktemp("gpus")
    hook = folder / "bin/nvidia-container-runtime-hook"
    hook.parent.mkdir()
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    patch = pytest.MonkeyPatch()
    patch.setenv("PATH", f"{hook.parent}:{os.environ['PATH']}")
    with needed():
        handle = start_engine(folder / "engine", "gpus", options=("--debug",), follow_parent=True)
    patch.undo()
    with needed():
        images.load(handle, ["shell"])
    yield handle
    handle.stop()


@pytest.fixture
async def engine(machine: EngineHandle) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(machine.node())
    yield engine
    for container in await engine.containers("gpus"):
        await engine.remove(container.id)
    await engine.close()


async def _sees(engine: DockerEngine, *gpus: str) -> list[str]:
    container = await _created(engine, "ls /dev | grep nvidia; true", *gpus)
    await engine.start(container)
    return (await output(engine, container)).split()


async def _created(engine: DockerEngine, script: str, *gpus: str) -> str:
    return await engine.create(
        ContainerSpec(
            name=f"gpus-{uuid.uuid4().hex}",
            image=SHELL,
            command=("/bin/sh", "-c", script),
            labels={"gpus": ""},
            gpus=gpus,
        )
    )


async def test_each_sees_its_own(engine: DockerEngine) -> None:
    assert await _sees(engine, "1") == ["nvidia1"]
    assert await _sees(engine, "0", "2") == ["nvidia0", "nvidia2"]
    assert await _sees(engine) == []


async def test_a_gpu_that_is_not_there(engine: DockerEngine) -> None:
    container = await _created(engine, "true", "7")
    with pytest.raises(EngineError, match="unknown device"):
        await engine.start(container)


async def test_gpus_of_others(engine: DockerEngine, machine: EngineHandle) -> None:
    """What somebody else took by `docker run --gpus` is seen."""
    for gpus in (("1",), ("0", "2"), ()):
        await engine.start(await _created(engine, "sleep 600", *gpus))
    client = machine.client()
    request = DeviceRequest(driver="nvidia", count=-1, capabilities=[["gpu"]])
    host = client.create_host_config(device_requests=[request])
    made = client.create_container(SHELL, ["sleep", "600"], labels=["gpus"], host_config=host)
    client.start(made["Id"])
    client.close()
    found: list[Outsider] = await engine.outsiders("ccp.service=us")
    assert sorted(outsider.gpus for outsider in found) == [(), ("*",), ("0", "2"), ("1",)]
