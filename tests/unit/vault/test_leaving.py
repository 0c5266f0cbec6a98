"""A vault that ends when nobody asks, so that another machine's may have the spool."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from tests.unit.vault.processes import ended, gone


def a_key(place: Path) -> Path:
    path = place / "key"
    path.touch(mode=0o600)
    path.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
    return path


async def test_one_spool_goes_from_vault_to_vault(place: Path) -> None:
    key, spool, log = a_key(place), place / "spool", place / "vault.log"
    here, there = place / "here.sock", place / "there.sock"
    first = await ensure_running(here, log, key, spool, leave_after=1.0)
    client = VaultClient(here)
    for _ in range(6):  # asked now and then, it stays
        await client.put("execution-1", {"password": "p"}, "alice")
        await asyncio.sleep(0.3)
    assert not gone(first)
    # As after a freeze of the service: the connection is open, and nobody asks.
    second = await ensure_running(there, log, key, spool, leave_after=1.0)
    assert gone(first)
    assert not here.exists()
    other = VaultClient(there)
    assert await other.get("execution-1") == {"password": "p"}
    await other.forget("execution-1")
    await other.close()
    await client.close()
    deadline = time.monotonic() + 30
    while not gone(second):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    third = await ensure_running(here, log, key, spool)
    assert await client.executions() == set(), "what the other vault has forgotten is forgotten"
    await client.close()
    await asyncio.sleep(1.5)
    assert not gone(third), "it was not told to leave"
    await ended(third, signal.SIGTERM)


def test_a_vault_without_a_spool_must_not_leave(place: Path) -> None:
    command = [sys.executable, "-m", "ccp_jupyter.hub_service.vault.server"]
    done = subprocess.run(
        [*command, "--socket", str(place / "s"), "--leave-after", "1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "--leave-after needs a --spool" in done.stderr
