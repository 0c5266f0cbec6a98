"""A stand-by and drivers as servers in this process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from tornado import web
from tornado.http1connection import HTTP1Connection

from ccp_jupyter.hub_service.api.forwarding import make_stand_by
from ccp_jupyter.hub_service.api.relay import NOT_DRIVING, Relay
from ccp_jupyter.hub_service.leadership import Leadership
from ccp_jupyter.hub_service.listening import Server
from ccp_jupyter.hub_service.store.base import Lease
from tests.stack.ports import free_port

PREFIX = "/services/ccp/"
PIECE = b"0123456789abcdef" * 4096


@web.stream_request_body
class Handler(web.RequestHandler):
    """Tells what it got; some paths do more."""

    def initialize(self, driver: TestDriver) -> None:
        self.driver = driver
        self.digest = hashlib.sha256()
        self.size = 0

    def prepare(self) -> None:
        cast("HTTP1Connection", self.request.connection).set_max_body_size(2**40)

    def data_received(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)

    def compute_etag(self) -> None:
        return None

    def on_connection_close(self) -> None:
        self.driver.left.set()

    async def answer(self, name: str) -> None:
        self.driver.requests.append(f"{self.request.method} {self.request.uri}")
        behaviour = getattr(self, name, None)
        if behaviour is not None:
            await behaviour()
            return
        self.add_header("Set-Cookie", "a=1")
        self.add_header("Set-Cookie", "b=2")
        self.write(
            {
                "driver": self.driver.name,
                "uri": self.request.uri,
                "headers": sorted(self.request.headers.get_all()),
                "size": self.size,
                "sha256": self.digest.hexdigest(),
            }
        )

    get = head = post = put = patch = delete = options = answer

    async def unchanged(self) -> None:
        self.set_status(304)
        self.set_header("ETag", '"7"')

    async def nothing(self) -> None:
        self.set_status(204)

    async def sized(self) -> None:
        self.set_header("Content-Length", "1000")
        if self.request.method != "HEAD":
            self.write(b"x" * 1000)

    async def large(self) -> None:
        for _ in range(int(self.get_query_argument("pieces"))):
            self.write(PIECE)
            await self.flush()

    async def events(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.write(b"data: 1\n\n")
        await self.flush()
        await self.driver.released.wait()
        self.write(b"data: 2\n\n")

    async def cut(self) -> None:
        self.write(b"the beginning")
        await self.flush()
        cast("HTTP1Connection", self.request.connection).stream.close()

    async def silent(self) -> None:
        cast("HTTP1Connection", self.request.connection).stream.close()

    async def stuck(self) -> None:
        await self.driver.released.wait()

    async def elsewhere(self) -> None:
        self.set_status(503)
        self.set_header(NOT_DRIVING, "1")


@dataclass
class TestDriver:
    """A server that stands for the API of whoever drives."""

    __test__ = False
    name: str
    lease: Lease
    server: Server
    requests: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> None:
        self.released.set()
        self.server.stop()
        await self.server.close_all_connections()


@dataclass
class Cluster:
    """One stand-by, any number of drivers one after the other."""

    leadership: Leadership
    relay: Relay
    url: str
    http: httpx.AsyncClient
    drivers: list[TestDriver] = field(default_factory=list)

    def driver(self, always: str = "") -> TestDriver:
        """Start a driver that nobody knows of yet; `always` is how it takes every request."""
        term = len(self.drivers) + 1
        port = free_port()
        lease = Lease("service", f"h{term}", f"http://127.0.0.1:{port}", term, datetime.now(UTC))
        driver = TestDriver(f"driver {term}", lease, cast("Server", None))
        pattern = ".*()" if always else PREFIX + "([a-z]*).*"
        handler: Any = (
            type("Always", (Handler,), {"": getattr(Handler, always)}) if always else Handler
        )
        driver.server = Server(web.Application([(pattern, handler, {"driver": driver})]))
        driver.server.open(lease.address)
        self.drivers.append(driver)
        return driver

    async def drives(self, driver: TestDriver) -> None:
        await self.leadership.note(driver.lease)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    leadership = Leadership(cast("Any", None), "http://127.0.0.1:1")
    relay = Relay(leadership, PREFIX)
    server = Server(make_stand_by(relay, 2**40))
    address = f"http://127.0.0.1:{free_port()}"
    server.open(address)
    async with httpx.AsyncClient(base_url=address + PREFIX, timeout=60, trust_env=False) as http:
        cluster = Cluster(leadership, relay, address + PREFIX, http)
        yield cluster
    server.stop()
    for driver in cluster.drivers:
        await driver.end()
    await server.close_all_connections()
    await relay.close()
