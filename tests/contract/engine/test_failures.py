"""Engines that die, hang, come back, or were never there."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import pytest

from ccp_jupyter.hub_service.engines.base import ContainerSpec, NodeUnreachable
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Node
from tests.contract.engine.conftest import SHELL, Run
from tests.contract.engine.helpers import all_of, ended, output, tar_of, untarred
from tests.stack.certificates import make_certificates
from tests.stack.engines import EngineHandle, start_engine
from tests.stack.images import load
from tests.stack.ports import free_port

TIMEOUT = 2.0


@pytest.fixture
async def shaky(fragile: EngineHandle) -> AsyncIterator[DockerEngine]:
    """Connected to an engine that the test may break."""
    engine = DockerEngine(fragile.node(), timeout=TIMEOUT)
    yield engine
    await engine.close()


async def _sleeper(engine: DockerEngine, script: str = "echo begun; sleep 600") -> str:
    container = await engine.create(
        ContainerSpec(
            name=f"test-{uuid.uuid4().hex}", image=SHELL, command=("/bin/sh", "-c", script)
        )
    )
    await engine.start(container)
    return container


def _own_threads(engine: DockerEngine) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == f"engine-{engine.node.id}"]


def _short_calls(engine: DockerEngine, container: str) -> list[Callable[[], Any]]:
    spec = ContainerSpec(name=f"t-{uuid.uuid4().hex}", image=SHELL, command=("/bin/true",))
    return [
        engine.info,
        engine.images,
        lambda: engine.find_image(SHELL),
        lambda: engine.create(spec),
        lambda: engine.put_files(container, "/", tar_of({"a": b""})),
        lambda: engine.start(container),
        lambda: engine.fetch(container, "/etc", untarred),
        lambda: engine.stats(container),
        lambda: engine.inspect(container),
        lambda: engine.containers("label"),
        lambda: engine.stop(container),
        lambda: engine.remove(container),
        lambda: engine.pull("127.0.0.1:1/x:1"),
    ]


async def test_killed_engine(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky, "head -c 50000000 /dev/zero >/data; echo begun; sleep 600")
    frames = shaky.logs(container)
    await anext(frames)
    arrived = threading.Event()

    def take(file: IO[bytes]) -> int:
        file.read(1000)
        arrived.set()
        while arrived.is_set():
            time.sleep(0.01)
        return len(file.read())

    async def first_event() -> None:
        await anext(shaky.events("label"))

    reading = asyncio.ensure_future(anext(frames))
    listening = asyncio.create_task(first_event())
    fetching = asyncio.create_task(shaky.fetch(container, "/data", take))
    await asyncio.to_thread(arrived.wait)
    fragile.kill9()
    arrived.clear()
    for task in (reading, listening, fetching):
        with pytest.raises(NodeUnreachable, match=shaky.node.id):
            await asyncio.wait_for(task, 5)
    for call in _short_calls(shaky, container):
        with pytest.raises(NodeUnreachable, match=shaky.node.id):
            await call()
    fragile.restart()
    assert (await shaky.info()).cpus
    info = await shaky.inspect(container)
    assert info is not None
    assert info.state == "exited"
    assert (await all_of(shaky.logs(container)))[0].data == b"begun\n"
    again = await _sleeper(shaky, "echo works")
    assert await output(shaky, again) == "works\n"


async def test_container_that_outlives_its_engine(tmp_path: Path) -> None:
    server = start_engine(tmp_path, "revived", live_restore=True, follow_parent=True)
    try:
        load(server, ["shell"])
        engine = DockerEngine(server.node(), timeout=TIMEOUT)
        container = await _sleeper(engine, "for i in $(seq 40); do echo $i; sleep 0.1; done")
        frames, stamp = [], None
        with pytest.raises(NodeUnreachable):
            async for frame in engine.logs(container):
                frames.append(frame.data)
                stamp = frame.stamp
                if len(frames) == 5:
                    await asyncio.to_thread(server.restart)
        frames += [frame.data async for frame in engine.logs(container, after=stamp)]
        assert frames == [f"{number}\n".encode() for number in range(1, 41)]
        assert (await ended(engine, container)).exit_code == 0
        await engine.close()
    finally:
        server.stop()


async def test_taker_that_hides_the_failure(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky, "head -c 50000000 /dev/zero >/data; echo begun; sleep 600")
    await anext(shaky.logs(container))

    def take(file: IO[bytes]) -> str:
        file.read(1000)
        fragile.kill9()
        with contextlib.suppress(Exception):
            while file.read(2**20):
                pass
        return "all is well"

    with pytest.raises(NodeUnreachable):
        await shaky.fetch(container, "/data", take)


async def test_restarted_engine_is_used_at_once(fragile: EngineHandle, shaky: DockerEngine) -> None:
    await shaky.info()
    fragile.restart()
    assert await shaky.find_image(SHELL) is not None


async def test_hung_engine(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky)
    fragile.suspend()

    async def seconds(call: Callable[[], Any]) -> float:
        began = time.monotonic()
        with pytest.raises(NodeUnreachable, match=shaky.node.id):
            await call()
        return time.monotonic() - began

    try:
        times = await asyncio.gather(*map(seconds, _short_calls(shaky, container)))
        assert max(times) < TIMEOUT + 0.5
    finally:
        fragile.resume()
    assert (await shaky.info()).cpus


async def test_hung_engine_with_a_queue(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky)
    fragile.suspend()
    began = time.monotonic()
    try:
        calls = [shaky.inspect(container) for _ in range(60)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(result) for result in results} == {NodeUnreachable}
        assert time.monotonic() - began < TIMEOUT + 0.5
    finally:
        fragile.resume()
    assert await shaky.inspect(container) is not None


async def test_slow_is_not_hung(fragile: EngineHandle) -> None:
    engine = DockerEngine(fragile.node(), timeout=0.4)
    container = await _sleeper(engine, "trap '' TERM; echo; sleep 600")
    await anext(engine.logs(container))
    began = time.monotonic()
    await engine.stop(container, grace=2)
    assert time.monotonic() - began > 1.5
    await engine.close()


async def test_hung_engine_goes_on(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky, "for i in 1 2 3 4; do sleep 0.3; echo $i; done")
    reading = asyncio.create_task(output(shaky, container))
    await asyncio.sleep(0.5)
    fragile.suspend()
    await asyncio.sleep(1)
    fragile.resume()
    assert await asyncio.wait_for(reading, 10) == "1\n2\n3\n4\n"


async def test_close_of_a_hung_engine(fragile: EngineHandle, shaky: DockerEngine) -> None:
    container = await _sleeper(shaky)
    frames = shaky.logs(container)
    await anext(frames)
    fragile.suspend()
    try:
        waiting: list[asyncio.Future[Any]] = [
            asyncio.create_task(shaky.inspect(container)) for _ in range(5)
        ]
        waiting.append(asyncio.ensure_future(anext(frames)))
        await asyncio.sleep(0.1)
        assert _own_threads(shaky)
        began = time.monotonic()
        await shaky.close()
        assert time.monotonic() - began < TIMEOUT
        assert not _own_threads(shaky)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {NodeUnreachable}
    finally:
        fragile.resume()


async def test_close_leaves_no_thread(server: EngineHandle, run: Run) -> None:
    container = await run("seq 20000; sleep 600")
    engine = DockerEngine(server.node(id="closing"))
    streams = [engine.logs(container) for _ in range(20)]
    for stream in streams:
        await anext(stream)
    events = asyncio.ensure_future(anext(engine.events("x")))
    await asyncio.sleep(0.1)
    assert len(_own_threads(engine)) == 21
    await engine.close()
    assert not _own_threads(engine)
    with pytest.raises(NodeUnreachable):
        await events
    with pytest.raises(NodeUnreachable, match="closed"):
        await engine.info()
    await engine.close()


async def test_threads_end_when_nobody_waits(server: EngineHandle, run: Run) -> None:
    container = await run("mkdir /data; truncate -s 9G /data/sparse; echo begun; sleep 600")
    engine = DockerEngine(server.node(id="cancelled"))
    frames = engine.logs(container)
    await anext(frames)

    def take(file: IO[bytes]) -> None:
        while file.read(2**20):
            pass

    tasks = [
        asyncio.ensure_future(anext(frames)),
        asyncio.ensure_future(anext(engine.events("x"))),
        asyncio.create_task(engine.fetch(container, "/data", take)),
        asyncio.create_task(engine.stop(container, grace=20)),
    ]
    await asyncio.sleep(0.5)
    assert len(_own_threads(engine)) == 4
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.5)
    assert not _own_threads(engine)
    began = time.monotonic()
    await engine.remove(container)  # the engine has let go of it
    assert time.monotonic() - began < 10
    await engine.close()


@pytest.mark.parametrize("place", ["unix:///no/such/socket", "tcp://127.0.0.1:{port}"])
async def test_no_engine(place: str) -> None:
    node = Node(id="nowhere", base_url=place.format(port=free_port()), insecure=True)
    engine = DockerEngine(node, timeout=TIMEOUT)
    for call in (engine.info(), engine.remove("x"), all_of(engine.logs("x")), engine.pull("x:1")):
        began = time.monotonic()
        with pytest.raises(NodeUnreachable, match="nowhere"):
            await call
        assert time.monotonic() - began < TIMEOUT
    await engine.close()


async def test_address_that_swallows_everything() -> None:
    node = Node(id="swallowed", base_url="tcp://192.0.2.77:2375", insecure=True)
    engine = DockerEngine(node, timeout=1)
    began = time.monotonic()
    with pytest.raises(NodeUnreachable, match="swallowed"):
        await engine.info()
    with pytest.raises(NodeUnreachable, match="swallowed"):
        await engine.inspect("x")
    assert time.monotonic() - began < 3
    await engine.close()


@pytest.mark.parametrize("server", ["tls"], indirect=True)
async def test_certificates_are_checked(server: EngineHandle, tmp_path: Path) -> None:
    assert server.tls is not None
    _, stranger = make_certificates(tmp_path)
    other_client = server.tls.model_copy(update={"cert": stranger.cert, "key": stranger.key})
    for tls, insecure in ((stranger, False), (other_client, False), (None, True)):
        engine = DockerEngine(server.node(tls=tls, insecure=insecure), timeout=TIMEOUT)
        with pytest.raises(NodeUnreachable):
            await engine.info()
        await engine.close()


async def test_missing_certificate_files(tmp_path: Path) -> None:
    tls = {name: tmp_path / name for name in ("ca", "cert", "key")}
    node = Node(id="n", base_url="tcp://127.0.0.1:1", tls=tls)
    engine = DockerEngine(node, timeout=TIMEOUT)
    with pytest.raises(NodeUnreachable, match="No such file"):
        await engine.info()
    await engine.close()
