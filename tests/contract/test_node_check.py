"""What a Node needs, looked at on real engines."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from ccp_jupyter.hub_service.controller.nodes import check as checks
from ccp_jupyter.hub_service.controller.nodes.agent import Callbacks, NodeAgent, Service
from ccp_jupyter.hub_service.controller.nodes.check import check_node
from ccp_jupyter.hub_service.controller.nodes.images import PrivateImages
from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.times import now
from tests.conftest import missing
from tests.stack import images
from tests.stack.engines import CannotStart, start_engine

ALL = ["reach", "certificate", "version", "clock", "image", "disk", "network"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real engine by mutual TLS, which has the image with a shell."""
    folder = tmp_path_factory.mktemp("checked")
    try:
        engine = start_engine(folder, "n1", tls=True, follow_parent=True)
    except (CannotStart, FileNotFoundError) as error:
        missing(str(error))
        raise
    yield engine
    engine.stop()


async def nothing(*_):
    return None


class Slow(DockerEngine):
    """Tells another time, or another version."""

    changes: ClassVar[dict[str, Any]] = {}

    async def info(self):
        return replace(await super().info(), **self.changes)


@pytest.fixture
async def check(server):
    """Connect to the engine, and look at it."""
    agents = []

    async def check(address="", engine=DockerEngine, node=None, **members):
        node = node or server.node()
        infrastructure = Infrastructure(id="lab", name="Lab", nodes=(node,), **members)
        service = Service("check", Instance.new(), Settings(), PrivateImages(None))
        tell = Callbacks(
            came_back=nothing,
            changed=lambda _: None,
            displaced=lambda *_: None,
            elsewhere=lambda _: False,
            load=lambda _: 0,
        )
        agent = NodeAgent(infrastructure, node, engine(node, timeout=5.0), service, tell)
        agents.append(agent)
        if engine is DockerEngine and node == server.node():
            await agent._connect()
        found = await check_node(agent, address)
        return {each.name: each for each in found}

    yield check
    for agent in agents:
        await agent.close()


async def test_no_image_with_a_shell(check, server):
    """The first test of this module: nothing was loaded yet."""
    found = await check("https://127.0.0.1")
    for name in ("disk", "network"):
        assert found[name].ok
        assert found[name].message.startswith("not looked at: the Node has no image with a shell")
    assert found["image"].message.startswith("not looked at: ")


@pytest.fixture(scope="module")
def loaded(server):
    images.load(server, ["shell"])


async def test_all_at_once(check, server, loaded):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        address = f"{server.host_address}:{listener.getsockname()[1]}"
        found = await check(f"http://{address}")
    assert list(found) == ALL
    assert found["reach"].ok
    assert found["version"].ok
    assert "of the docker API" in found["version"].message
    assert found["clock"].ok
    assert "GiB free" in found["disk"].message
    assert found["network"].ok, found["network"].message
    assert found["network"].message == f"containers reach this service at {address}"
    # The tests' certificates are good for a day.
    assert not found["certificate"].ok
    assert "in 0 days; make a new one" in found["certificate"].message
    client = server.client()
    assert [c["Names"] for c in client.containers(all=True)] == []
    client.close()


async def test_a_disk_without_room(check, loaded, monkeypatch):
    monkeypatch.setattr(checks, "_LEAST_FREE", 2**60)
    found = await check()
    assert not found["disk"].ok
    assert "remove images and containers that nobody needs" in found["disk"].message


async def test_no_way_back(check, server, loaded):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = await check(f"http://{server.host_address}:{port}/hub/")
    assert not found["network"].ok
    assert "containers cannot connect to this service" in found["network"].message


async def test_an_address_that_is_not_known(check, loaded):
    found = await check("")
    assert found["network"].ok
    assert "not looked at" in found["network"].message


async def test_an_image_that_cannot_be_pulled(check, loaded):
    found = await check(runtimes=("127.0.0.1:1/none:1",))
    assert not found["image"].ok
    assert "127.0.0.1:1/none:1" in found["image"].message


@pytest.mark.parametrize(
    ("seconds", "said"), [(-60, "60 s behind the clock here"), (90, "90 s ahead of the clock")]
)
async def test_a_clock_that_is_wrong(check, monkeypatch, seconds, said):
    monkeypatch.setattr(Slow, "changes", {"time": now() + timedelta(seconds=seconds)})
    found = await check(engine=Slow)
    assert not found["clock"].ok
    number, words = said.split(" ", 1)
    shown, rest = found["clock"].message.split(" ", 1)
    assert abs(int(shown) - int(number)) < 30  # while a slow machine looked
    assert rest.startswith(words)


@pytest.mark.parametrize(
    ("api", "ok"), [("1.39", False), ("1.40", True), ("2.0", True), ("", True)]
)
async def test_versions(check, monkeypatch, api, ok):
    monkeypatch.setattr(Slow, "changes", {"api": api})
    found = await check(engine=Slow)
    assert found["version"].ok is ok
    assert ok or "at least 1.40 is needed" in found["version"].message


async def test_an_engine_that_is_not_there(check, tmp_path):
    node = Node(id="n2", base_url=f"unix://{tmp_path}/none.sock")
    found = await check(node=node)
    assert list(found) == ["reach"]
    assert not found["reach"].ok
    assert "No such file or directory; is the engine started" in found["reach"].message


async def test_an_engine_that_hangs(check, server):
    server.suspend()
    try:
        async with asyncio.timeout(100):
            found = await check(engine=Slow)
    finally:
        server.resume()
    assert not found["reach"].ok
