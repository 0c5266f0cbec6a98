"""A vault of its own for each test."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from tests.unit.vault.processes import ended
from tests.unit.vault.sealing import Sealed


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder whose name is short enough for sockets, wherever the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="ccp-vault-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def socket_path(place: Path) -> Path:
    return place / "vault.sock"


@pytest.fixture
async def vault_pid(place: Path, socket_path: Path) -> AsyncIterator[int]:
    pid = await ensure_running(socket_path, place / "vault.log")
    yield pid
    await ended(pid, signal.SIGTERM)


@pytest.fixture
async def client(socket_path: Path, vault_pid: int) -> AsyncIterator[VaultClient]:
    client = VaultClient(socket_path)
    yield client
    await client.close()


@pytest.fixture
async def sealed(place: Path) -> AsyncIterator[Sealed]:
    sealed = Sealed(place)
    await sealed.start()
    yield sealed
    await sealed.client.close()
    await ended(sealed.pid, signal.SIGTERM)
