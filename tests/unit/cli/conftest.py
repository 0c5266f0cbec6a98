"""A command line with a state folder, a service and a keyring of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest

from ccp_jupyter.cli import main
from tests.unit.cli.documents import RED, Ran
from tests.unit.client.peer import TOKEN, Peer, running

Ccp = Callable[..., Ran]


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 9

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder; the current folder has nothing in it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def ring() -> Iterator[Ring]:
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """The service that the environment names."""
    with running() as peer:
        monkeypatch.setenv("CCP_SERVICE_URL", peer.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
        yield peer


@pytest.fixture
def ccp(capfd: pytest.CaptureFixture[str]) -> Ccp:
    """Run the command line."""

    def run(*words: str | Path) -> Ran:
        capfd.readouterr()
        code = main([str(word) for word in words])
        sys.stdout.flush()
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def red(home: Path) -> Path:
    """A valid document in the current folder."""
    path = home / "here/red.yml"
    path.write_text(RED)
    return path
