"""Engines on other machines: a real sshd before a real engine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from ccp_jupyter.hub_service.engines.base import ContainerSpec, NodeUnreachable
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import SHELL, needed
from tests.contract.engine.helpers import all_of, ended, output, tar_of, untarred
from tests.contract.engine.sshd import Sshd, sshd_before
from tests.stack.daemons import find
from tests.stack.engines import EngineHandle

pytestmark = [
    pytest.mark.usefixtures("server"),
    pytest.mark.parametrize("server", ["unix"], indirect=True),
]


@pytest.fixture
def sshd(server: EngineHandle) -> Iterator[Sshd]:
    with needed():
        context = sshd_before(server)
        found = context.__enter__()
    try:
        yield found
    finally:
        context.__exit__(None, None, None)


@pytest.fixture
def socket(server: EngineHandle) -> str:
    """Path of the engine's socket on the far machine."""
    return server.base_url.removeprefix("unix://")


@pytest.fixture
async def far(sshd: Sshd, socket: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(sshd.node(socket), timeout=5)
    yield engine
    await engine.close()


async def _started(engine: DockerEngine, script: str) -> str:
    container = await engine.create(
        ContainerSpec(
            name=f"test-{uuid.uuid4().hex}", image=SHELL, command=("/bin/sh", "-c", script)
        )
    )
    await engine.start(container)
    return container


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def _tunnels(engine: DockerEngine) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == f"ssh-{engine.node.id}"]


async def test_a_life(far: DockerEngine, sshd: Sshd) -> None:
    """Calls, uploads, logs, events and downloads, all through one login."""
    container = await far.create(
        ContainerSpec(
            name=f"test-{uuid.uuid4().hex}",
            image=SHELL,
            command=("/bin/sh", "-c", "cat /in; head -c 20000000 /dev/zero >/out; exit 3"),
            labels={"far": ""},
        )
    )
    began = time.time_ns()
    await far.put_files(container, "/", tar_of({"in": b"content"}))
    await far.start(container)
    assert await output(far, container) == "content"
    assert (await ended(far, container)).exit_code == 3
    fetched = await far.fetch(container, "/out", untarred)
    assert fetched == {"out": bytes(20_000_000)}
    async with asyncio.timeout(30):
        async for event in far.events("far", began):
            if event.kind == "die":
                break
    await far.remove(container)
    assert len(_tunnels(far)) == 1
    assert "Accepted publickey" in (log := (sshd.folder / "log").read_text())
    assert log.count("Accepted publickey") == 1


async def test_only_this_user_can_enter(far: DockerEngine) -> None:
    await far.info()
    [folder] = _own_folders()
    assert folder.stat().st_mode & 0o777 == 0o700
    [socket] = folder.iterdir()
    assert socket.stat().st_mode & 0o077 == 0
    await far.close()
    assert not folder.exists()
    assert not _tunnels(far)


def _own_folders() -> list[Path]:
    return [
        folder
        for folder in Path(tempfile.gettempdir()).glob("ccp-ssh-*")
        if folder.stat().st_uid == os.geteuid()
    ]


async def test_server_killed_in_the_middle_of_a_log(far: DockerEngine, sshd: Sshd) -> None:
    container = await _started(far, "for i in $(seq 60); do echo $i; sleep 0.05; done")
    frames, stamp = [], None
    with pytest.raises(NodeUnreachable, match="far"):
        async for frame in far.logs(container):
            frames.append(frame.data)
            stamp = frame.stamp
            if len(frames) == 5:
                await asyncio.to_thread(sshd.kill)
    # The first call may still meet the connection that is ending.
    told = ""
    async with asyncio.timeout(30):
        while "no SSH server answers on 127.0.0.1" not in told:
            with pytest.raises(NodeUnreachable) as met:
                await far.info()
            told = str(met.value)
    await asyncio.to_thread(sshd.start)
    frames += [frame.data async for frame in far.logs(container, after=stamp)]
    assert frames == [f"{number}\n".encode() for number in range(1, 61)]
    await far.remove(container)


async def test_ssh_killed_here(far: DockerEngine) -> None:
    """Somebody ends our ssh: what waits fails, the next call connects again."""
    container = await _started(far, "echo begun; sleep 600")
    frames = far.logs(container)
    assert (await anext(aiter(frames))).data == b"begun\n"
    [process] = _children_named("ssh")
    os.kill(process, signal.SIGKILL)
    with pytest.raises(NodeUnreachable, match="far"):
        await anext(aiter(frames))
    await _until(lambda: not _tunnels(far))
    assert (await far.inspect(container)) is not None
    await far.remove(container)
    assert len(_own_folders()) == 1


def _children_named(name: str) -> list[int]:
    own = f"/proc/{os.getpid()}/task"
    children = [
        int(pid) for task in Path(own).iterdir() for pid in (task / "children").read_text().split()
    ]
    return [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == name]


async def test_it_ends_with_the_service(sshd: Sshd, socket: str) -> None:
    """A service that is killed leaves no login behind."""
    node = sshd.node(socket).model_dump_json()
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVICE, node, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert service.stdout is not None
        ssh = find(int(await service.stdout.readline()))
        assert ssh.alive()
    finally:
        service.kill()
        await service.communicate()
    await _until(lambda: not ssh.alive())


_SERVICE = """
import asyncio, os, pathlib, sys, time
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Node

async def main():
    await DockerEngine(Node.model_validate_json(sys.argv[1])).info()
    tasks = pathlib.Path("/proc/self/task").iterdir()
    print(*(t.joinpath("children").read_text().strip() for t in tasks), flush=True)
    time.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("key", r"127\.0\.0\.1 does not let ccp[0-9a-f]* in with this key"),
        ("no key", "the private key cannot be used"),
        ("host unknown", r"the host key of 127\.0\.0\.1 is unknown: it is not in "),
        ("host changed", r"the host key of 127\.0\.0\.1 is another one"),
        ("no server", r"no SSH server answers on 127\.0\.0\.1, port"),
        ("no host", r"there is no such host: nowhere\.invalid"),
        ("no socket", r"no engine listens on /no/such/socket of 127\.0\.0\.1"),
        ("forbidden socket", r"no engine listens on .* of 127\.0\.0\.1, or ccp.* may not use it"),
    ],
)
async def test_why_it_cannot_be_reached(
    sshd: Sshd, socket: str, tmp_path: Path, broken: str, words: str
) -> None:
    node = sshd.node(socket)
    known = tmp_path / "known hosts"
    known.write_text("")
    if broken == "key":
        node = sshd.node(socket, ssh_key=sshd.folder / "stranger")
    elif broken == "no key":
        node = sshd.node(socket, ssh_key=tmp_path / "missing")
    elif broken == "host unknown":
        node = sshd.node(socket, ssh_known_hosts=known)
    elif broken == "host changed":
        other = (sshd.folder / "stranger.pub").read_text()
        known.write_text(f"[127.0.0.1]:{sshd.port} {other}")
        node = sshd.node(socket, ssh_known_hosts=known)
    elif broken == "no server":
        await asyncio.to_thread(sshd.kill)
    elif broken == "no host":
        node = sshd.node(socket, base_url=f"ssh://{sshd.user}@nowhere.invalid{socket}")
    elif broken == "no socket":
        node = sshd.node("/no/such/socket")
    else:
        os.chown(socket, 0, 0)
    engine = DockerEngine(node, timeout=10)
    for _ in range(2):
        with pytest.raises(NodeUnreachable, match=f"node far does not work: SSH: {words}"):
            await engine.info()
    await engine.close()
    assert not _tunnels(engine)


async def test_server_that_refuses_forwarding(server: EngineHandle, socket: str) -> None:
    with needed(), sshd_before(server, "AllowStreamLocalForwarding no") as sshd:
        engine = DockerEngine(sshd.node(socket))
        # The server answers as if the engine were not there.
        with pytest.raises(NodeUnreachable, match=r"forwarding \(AllowStreamLocalForwarding\)"):
            await engine.info()
        await engine.close()


async def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    """Something accepts connections and keeps silent: the call ends in time, `close` at once."""

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader_gone.wait()
        writer.close()

    reader_gone = asyncio.Event()
    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    node = Sshd(tmp_path, "nobody", port).node("")
    engine = DockerEngine(node, timeout=1)
    with pytest.raises(NodeUnreachable, match="far"):
        await engine.info()
    waiting = asyncio.create_task(engine.inspect("x"))
    await _until(lambda: bool(_tunnels(engine)))
    await engine.close()
    with pytest.raises(NodeUnreachable):
        await waiting
    assert not _tunnels(engine)
    reader_gone.set()
    listener.close()


async def test_remains_of_a_killed_service_are_removed(
    far: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # paths of sockets are
        monkeypatch.setattr("tempfile.tempdir", short)
        dead, young = Path(short, "ccp-ssh-dead"), Path(short, "ccp-ssh-young")
        for folder in (dead, young):
            folder.mkdir(mode=0o700)
        os.utime(dead, (1, 1))
        await far.info()
        assert not await asyncio.to_thread(dead.exists)
        assert await asyncio.to_thread(young.exists)


async def test_a_long_name_of_the_folder_for_temporary_files(
    far: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert (await far.info()).cpus > 0


async def test_slow_reader_does_not_hold_up_others(far: DockerEngine) -> None:
    """All share one login; a download that nobody reads must not stop the rest."""
    container = await _started(far, "head -c 50000000 /dev/zero >/data; echo begun; sleep 600")
    await anext(aiter(far.logs(container)))
    arrived, go_on = threading.Event(), threading.Event()

    def take(file: IO[bytes]) -> int:
        count = len(file.read(1000))
        arrived.set()
        go_on.wait()
        while block := file.read(65536):
            count += len(block)
        return count

    fetching = asyncio.create_task(far.fetch(container, "/data", take))
    await asyncio.to_thread(arrived.wait)
    for _ in range(5):
        assert (await far.info()).cpus
    go_on.set()
    assert await fetching > 50_000_000
    await far.remove(container)
    assert await all_of(far.logs(await _started(far, "true"))) == []
