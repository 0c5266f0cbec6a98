"""Fixtures of the client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ccp_jupyter.client import AsyncClient
from tests.unit.client.peer import TOKEN, Peer, running


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running() as peer:
        yield peer


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(peer.url, TOKEN, timeout=5) as client:
        yield client


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace, with the current folder somewhere else."""
    root = tmp_path / "workspace"
    root.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("CCP_WORKSPACE", str(root))
    return root
