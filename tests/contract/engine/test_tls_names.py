"""Which name an engine's certificate must be for, with real certificates and a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import ValidationError

from ccp_jupyter.hub_service.engines.base import NodeUnreachable
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.model.infrastructure import Node, Tls
from tests.contract.engine.conftest import needed
from tests.stack.certificates import make_certificates
from tests.stack.engines import start_engine
from tests.stack.ports import free_port

NAME = "localhost"
# Beside which the certificate is for an address that is not the engine's.
ADDRESS = "10.9.8.7"


@dataclass(frozen=True)
class Named:
    """An engine at 127.0.0.1 whose certificate is for others only."""

    base_url: str
    tls: Tls

    def engine(self, **tls: object) -> DockerEngine:
        files = Tls.model_validate({**self.tls.model_dump(), **tls})
        return DockerEngine(Node(id="named", base_url=self.base_url, tls=files), timeout=10)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    folder = tmp_path_factory.mktemp("named")
    server, client = make_certificates(folder / "tls", ADDRESS)
    url = f"tcp://127.0.0.1:{free_port()}"
    options = ("--host", url, "--tlsverify", "--tlscacert", str(server.ca))
    files = ("--tlscert", str(server.cert), "--tlskey", str(server.key))
    with needed():
        handle = start_engine(
            folder / "engine", "named", options=(*options, *files), follow_parent=True
        )
    yield Named(url, client)
    handle.stop()


@pytest.mark.parametrize("hostname", [NAME, False])
async def test_names_that_fit(named: Named, hostname: str | bool) -> None:
    engine = named.engine(hostname=hostname)
    assert (await engine.info()).cpus
    await engine.close()


@pytest.mark.parametrize("hostname", [True, "other.example.org", "127.0.0.1", "host"])
async def test_names_that_do_not_fit(named: Named, hostname: str | bool) -> None:
    engine = named.engine(hostname=hostname)
    with pytest.raises(NodeUnreachable, match=r"(?i)certificate|match"):
        await engine.info()
    await engine.close()


@pytest.mark.parametrize("hostname", [NAME, False, True])
async def test_the_authority_is_checked_in_any_case(
    named: Named, tmp_path: Path, hostname: str | bool
) -> None:
    stranger, _ = make_certificates(tmp_path, "127.0.0.1")
    engine = named.engine(hostname=hostname, ca=stranger.ca)
    with pytest.raises(NodeUnreachable, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify"):
        await engine.info()
    await engine.close()


@pytest.mark.parametrize("hostname", ["", "x" * 300, None, 7, ["a"]])
def test_what_is_no_name(hostname: object) -> None:
    files = {"ca": "/a", "cert": "/b", "key": "/c"}
    with pytest.raises(ValidationError, match="hostname"):
        Tls.model_validate({**files, "hostname": hostname})
