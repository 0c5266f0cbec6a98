"""A vault of its own for each test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running


def gone(pid: int) -> bool:
    """Tell whether a process has ended, whoever its parent is."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def ended(pid: int, number: signal.Signals) -> None:
    """Send a signal and wait until the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, f"{pid} does not end"
        await asyncio.sleep(0.01)


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
