"""A sealed vault for tests, and its spool without a vault."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
from pathlib import Path

from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.keys import SealKey
from ccp_jupyter.hub_service.vault.spool import Spool
from tests.unit.vault.processes import ended

VALUE = "correct-horse-battery-staple"
KEYS = [SealKey(bytes([n] * 32)) for n in range(3)]


def write_keys(path: Path, *keys: SealKey, mode: int = 0o600) -> None:
    path.write_text("".join(base64.b64encode(key.key).decode() + "\n" for key in keys))
    path.chmod(mode)


class Sealed:
    """A sealed vault that may be started and killed again and again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.keys = place / "keys"
        self.spool = place / "spool"
        self.client = VaultClient(place / "vault.sock")
        self.pid = 0
        write_keys(self.keys, KEYS[0])

    async def start(self) -> None:
        where = self.place / "vault.sock", self.place / "vault.log"
        self.pid = await ensure_running(*where, self.keys, self.spool)

    async def restart(self, number: signal.Signals = signal.SIGKILL) -> None:
        await ended(self.pid, number)
        await self.start()

    @property
    def log(self) -> str:
        return (self.place / "vault.log").read_text()

    def files(self) -> list[Path]:
        return sorted(path for path in self.spool.iterdir() if path.name != "lock")

    def opened(self) -> str:
        """Return all that the keys decrypt in the spool, whatever the files are called."""
        found = []
        for path in self.files():
            name = path.name[path.name.index("r-") :]
            copy = self.place / "look" / name
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        with contextlib.suppress(FileNotFoundError):
            found += [str(each) for each in Spool(self.place / "look", KEYS).load()]
        for path in (self.place / "look").glob("*"):
            path.unlink()
        return "\n".join(found)


def close(spool: Spool) -> None:
    """Let go of a spool, so that another may have the folder."""
    os.close(spool._lock)
    os.close(spool._directory)
