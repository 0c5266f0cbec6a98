"""What containers may not do."""

from __future__ import annotations

import asyncio

import pytest

from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from tests.contract.engine.conftest import Run
from tests.contract.engine.helpers import ended, output

_CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "SETGID": 6, "SETUID": 7}


async def test_no_capabilities(engine: DockerEngine, run: Run) -> None:
    container = await run("grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
    status = dict(line.split(":\t") for line in (await output(engine, container)).splitlines())
    assert status.pop("NoNewPrivs") == "1"
    assert set(status) == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}
    assert set(status.values()) == {"0" * 16}


async def test_the_capabilities_of_the_configuration(engine: DockerEngine, run: Run) -> None:
    node = Node(id="n", base_url="unix:///x")
    configured = Infrastructure(id="i", name="i", nodes=(node,)).capabilities
    container = await run("grep CapEff /proc/self/status", capabilities=configured)
    mask = sum(1 << _CAPABILITIES[name] for name in configured)
    assert await output(engine, container) == f"CapEff:\t{mask:016x}\n"


async def test_no_way_out(engine: DockerEngine, run: Run) -> None:
    configured = tuple(_CAPABILITIES)
    container = await run(
        "ls /run/docker.sock /var/run/docker.sock 2>/dev/null && echo socket;"
        " mknod /disk b 254 0 2>/dev/null && echo device;"
        " mount -t tmpfs none /tmp 2>/dev/null && echo mount;"
        " chroot / true 2>/dev/null && echo chroot;"
        " echo 1 2>/dev/null >/proc/sys/kernel/panic && echo sysctl;"
        " ls /dev/sd* /dev/vd* /dev/nvme* 2>/dev/null && echo disk;"
        " hostname other 2>/dev/null && echo hostname;"
        " kill -0 2 2>/dev/null; echo $(ls /proc | grep -c '^[0-9]')",
        capabilities=configured,
    )
    lines = (await output(engine, container)).split()
    assert len(lines) == 1
    assert int(lines[0]) < 10


async def test_memory_without_swap(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "mount | grep -q cgroup2 && exit; cd /sys/fs/cgroup/memory;"
        " cat memory.limit_in_bytes memory.memsw.limit_in_bytes",
        memory=64 * 2**20,
    )
    assert set((await output(engine, container)).split()) <= {str(64 * 2**20)}
    hungry = await run("head -c 200m /dev/zero | tail -c 199m", memory=32 * 2**20)
    info = await ended(engine, hungry)
    assert info.exit_code == 137 or info.out_of_memory


async def test_fork_bomb(engine: DockerEngine, run: Run) -> None:
    # `exec`: the first process itself must not need a fork any more.
    container = await run("b() { b | b & }; (b) & exec sleep 60", pids=64)
    await asyncio.sleep(1)
    other = await run("echo alive")
    assert await output(engine, other) == "alive\n"
    assert (await engine.info()).containers_running >= 1
    await engine.stop(container)
    assert (await ended(engine, container)).state == "exited"


async def test_orphans_are_reaped(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "for i in $(seq 200); do (sleep 0.01 &) ; done; sleep 1; ps -o stat | grep -c Z", pids=250
    )
    assert await output(engine, container) == "0\n"


async def test_file_size(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "head -c 2000000 /dev/zero >/file; echo $?; stat -c %s /file", file_size=10**6
    )
    code, size = map(int, (await output(engine, container)).split())
    assert code != 0
    assert size <= 10**6


@pytest.mark.parametrize("limit", [0.5])
async def test_cpu(engine: DockerEngine, run: Run, limit: float) -> None:
    container = await run("while :; do :; done", cpus=limit)
    await asyncio.sleep(1)
    first = await engine.stats(container)
    await asyncio.sleep(2)
    second = await engine.stats(container)
    assert second.cpu_seconds - first.cpu_seconds < 2 * limit * 1.5


async def test_other_limits(engine: DockerEngine, run: Run) -> None:
    container = await run("ulimit -n; ulimit -c; cat /proc/1/comm")
    assert (await output(engine, container)).split() == ["16384", "0", "docker-init"]


async def test_disk_is_left_out_where_it_cannot_be_limited(engine: DockerEngine, run: Run) -> None:
    """The engines of the tests lie on file systems without quotas."""
    container = await run("echo works", disk=10**9)
    assert await output(engine, container) == "works\n"
