"""A limit of disk is sent where the engine can keep it.

The engines of the tests lie on ext4, which has no quotas for containers: that the limit is left out
there is tested on a real one. Here a scripted engine's answers decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from ccp_jupyter.hub_service.engines._docker_formats import may_limit_disk
from ccp_jupyter.hub_service.engines.base import BadRequest, ContainerSpec
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Node

NO_QUOTA = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
XFS = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "xfs"]]}
EXT4 = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]}
SPEC = ContainerSpec(name="c", image="x:1", command=("sh",), disk=10**9)


class Scripted(ThreadingHTTPServer):
    """Answers what creating a container asks for, and keeps what came."""

    daemon_threads = True

    def __init__(self, info: dict[str, Any], refusal: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.info, self.refusal = info, refusal
        self.sizes: list[str | None] = []
        self.infos = 0

    def engine(self) -> DockerEngine:
        url = f"tcp://127.0.0.1:{self.server_port}"
        return DockerEngine(Node(id="scripted", base_url=url, insecure=True))


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        if self.path.endswith("/info"):
            self.server.infos += 1
            return self._answer(200, self.server.info)
        return self._answer(200, {"ApiVersion": "1.41"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        size = (body["HostConfig"].get("StorageOpt") or {}).get("size")
        self.server.sizes.append(size)
        if self.server.refusal and size is not None:
            return self._answer(500, {"message": self.server.refusal})
        return self._answer(201, {"Id": "a" * 64, "Warnings": []})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def scripted(request: pytest.FixtureRequest) -> Iterator[Scripted]:
    server = Scripted(*request.param)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("scripted", "sizes"),
    [
        ((XFS,), ["1000000000", "1000000000"]),
        ((EXT4,), [None, None]),
        # It has no quotas after all: asked once, then never again.
        ((XFS, NO_QUOTA), ["1000000000", None, None]),
    ],
    indirect=["scripted"],
)
async def test_what_is_sent(scripted: Scripted, sizes: list[str | None]) -> None:
    engine = scripted.engine()
    for _ in range(2):
        assert await engine.create(SPEC) == "a" * 64
    await engine.close()
    assert scripted.sizes == sizes
    assert scripted.infos == 1


@pytest.mark.parametrize("scripted", [(XFS,)], indirect=True)
async def test_without_a_limit_nothing_is_asked(scripted: Scripted) -> None:
    engine = scripted.engine()
    await engine.create(ContainerSpec(name="c", image="x:1", command=("sh",)))
    await engine.close()
    assert (scripted.sizes, scripted.infos) == ([None], 0)


@pytest.mark.parametrize("scripted", [(XFS, "invalid size")], indirect=True)
async def test_other_refusals_are_errors(scripted: Scripted) -> None:
    engine = scripted.engine()
    with pytest.raises(Exception, match="invalid size") as caught:
        await engine.create(SPEC)
    await engine.close()
    assert not isinstance(caught.value, BadRequest)
    assert scripted.sizes == ["1000000000"]


@pytest.mark.parametrize(
    ("info", "may"),
    [
        (XFS, True),
        (EXT4, False),
        ({"Driver": "overlay2", "DriverStatus": None}, False),
        ({"Driver": "btrfs"}, True),
        ({"Driver": "zfs"}, True),
        ({"Driver": "vfs", "DriverStatus": []}, False),
        ({"Driver": "overlay", "DriverStatus": []}, False),
        ({}, False),
    ],
)
def test_which_engines_may(info: dict[str, Any], may: bool) -> None:
    assert may_limit_disk(info) is may
