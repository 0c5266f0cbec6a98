"""The sealed vault: what is acknowledged survives kill -9, what is forgotten does not."""

# ruff: noqa: ASYNC240 - looking at a few small files does not hold up anybody here

from __future__ import annotations

import asyncio
import base64
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.vault.base import OwnerFull, VaultUnreachable
from ccp_jupyter.hub_service.vault.spool import Spool
from tests.unit.vault.sealing import KEYS, VALUE, Sealed, close, write_keys


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restart_loses_nothing(sealed: Sealed, number: signal.Signals) -> None:
    client = sealed.client
    secrets = {"password": VALUE, "ключ": 'a"b\\c\n\x00\udcff𝄞', "empty": ""}
    await client.put("e1", {"old": "x"})
    await client.put("e1", secrets)
    await client.put("e2", {})
    await client.save_secret("alice", "aws", VALUE, "ghcr.io", "al")
    await client.save_secret("alice", "gone", "x")
    await client.use_secrets("alice", ["aws"], "e1")
    await client.remove_secret("alice", "gone")
    before = await client.list_secrets("alice")
    assert len(before[0].uses) == 1
    await client.open_session("key", {"user": "alice"}, 60)
    assert await client.survives_restart()
    for _ in range(2):
        await sealed.restart(number)
        assert await client.get("e1") == secrets
        assert await client.get("e2") == {}
        assert await client.executions() == {"e1", "e2"}
        assert await client.list_secrets("alice") == before
        assert await client.use_login("alice", "ghcr.io", "e1") == ("al", VALUE)
        assert await client.session("key") is None
    await client.forget("e1")
    await sealed.restart(number)
    assert await client.executions() == {"e2"}


async def test_owners_survive_a_restart(sealed: Sealed) -> None:
    for number in range(4):
        secrets = {str(n): "x" * 4_000_000 for n in range(7)}
        await sealed.client.put(f"e{number}", secrets, "alice")
    await sealed.restart()
    with pytest.raises(OwnerFull, match="one owner's Executions"):
        await sealed.client.put("e4", secrets, "alice")
    await sealed.client.put("e4", secrets, "bob")
    await sealed.client.forget("e0")
    await sealed.client.put("e5", secrets, "alice")


async def test_eight_megabytes(sealed: Sealed) -> None:
    secrets = {str(n): "x" * 8000 for n in range(1000)}
    await sealed.client.put("e1", secrets)
    await sealed.restart()
    assert await sealed.client.get("e1") == secrets


async def test_nothing_is_readable_in_the_spool(sealed: Sealed) -> None:
    await sealed.client.put("e-readable", {"password": VALUE})
    await sealed.client.save_secret("alice-readable", "aws-readable", VALUE, "ghcr.io", "user-al")
    assert len(sealed.files()) == 2
    assert VALUE in sealed.opened()
    for path in sealed.files():
        content = path.name.encode() + path.read_bytes()
        for text in (VALUE, "readable", "ghcr", "user-al", "password"):
            assert text.encode() not in content
            assert base64.b64encode(text.encode()).rstrip(b"=") not in content
        assert path.stat().st_mode & 0o777 == 0o600
    assert sealed.spool.stat().st_mode & 0o777 == 0o700
    command = Path(f"/proc/{sealed.pid}/cmdline").read_bytes()
    environment = Path(f"/proc/{sealed.pid}/environ").read_bytes()
    key = sealed.keys.read_bytes().strip()
    assert str(sealed.keys).encode() in command
    assert key not in command + environment
    assert key.decode() not in sealed.log
    assert VALUE not in sealed.log


async def test_what_is_forgotten_or_replaced_is_not_there(sealed: Sealed) -> None:
    await sealed.client.put("e1", {"a": "first-value"})
    held = [path.open("rb") for path in sealed.files()]
    await sealed.client.put("e1", {"a": VALUE})
    held += [path.open("rb") for path in sealed.files()]
    await sealed.client.save_secret("alice", "aws", VALUE)
    assert sealed.opened().count(VALUE) == 2
    assert "first-value" not in sealed.opened()
    await sealed.client.forget("e1")
    await sealed.client.remove_secret("alice", "aws")
    assert sealed.files() == []
    for file in held:
        assert not file.read().strip(b"\0"), "also the blocks of removed files were overwritten"
        file.close()


# --- killed at any moment ---


async def hammer(sealed: Sealed, seed: int, known: dict[str, str | None]) -> None:
    """Put and forget until the vault is gone; `known` holds what was acknowledged.

    None: forgotten; the value "?" and a value: either of two.
    """
    choose = random.Random(seed)
    number = 0
    while True:
        number += 1
        name = f"e{choose.randrange(6)}"
        before = known.get(name)
        if choose.random() < 0.4:
            known[name] = f"?{before or ''}|"
            await sealed.client.forget(name)
            known[name] = None
        else:
            value = f"{seed}-{number}-" + "x" * choose.choice((10, 5000, 300_000))
            known[name] = f"?{before or ''}|{value}"
            await sealed.client.put(name, {"s": value})
            known[name] = value


async def kill_after(sealed: Sealed, seconds: float) -> None:
    await asyncio.sleep(seconds)
    os.kill(sealed.pid, signal.SIGKILL)


@pytest.mark.parametrize("seed", range(4))
async def test_killed_at_any_moment(sealed: Sealed, seed: int) -> None:
    known: dict[str, str | None] = {}
    choose = random.Random(seed)
    for turn in range(4):
        killer = asyncio.create_task(kill_after(sealed, choose.uniform(0.001, 0.25)))
        with pytest.raises(VaultUnreachable):
            await hammer(sealed, seed * 100 + turn, known)
        await killer
        await sealed.restart()
        kept = await sealed.client.executions()
        for name, value in known.items():
            found = (await sealed.client.get(name))["s"] if name in kept else None
            if value is not None and value.startswith("?"):
                assert found in {each or None for each in value[1:].split("|")}, name
            else:
                assert found == value, name
            known[name] = found
        assert all(path.name.startswith("r-") for path in sealed.files()), "nothing half done"
        opened = sealed.opened()
        for name, value in known.items():
            assert (f"'{name}'" in opened) == (value is not None)
    assert "damaged" not in sealed.log


_STOPPED = """
import builtins, os, sys
from pathlib import Path
from ccp_jupyter.hub_service.vault import spool as module
from ccp_jupyter.hub_service.vault.keys import read_keys

place, stop = Path(sys.argv[1]), int(sys.argv[2])
spool = module.Spool(place / "spool", read_keys(place / "keys"))
list(spool.load())
count = 0

def counted(original):
    def call(*args, **kwargs):
        global count
        count += 1
        if count == stop:
            os._exit(9)
        return original(*args, **kwargs)
    return call

for owner, name in (
    (os, "open"), (os, "fsync"), (os, "pwrite"), (Path, "replace"), (Path, "rename"),
    (Path, "unlink"), (os, "fdopen"),
):
    setattr(owner, name, counted(getattr(owner, name)))
done = []
def step(word, call, *args):
    call(*args)
    print(word, flush=True)
step("put", spool.write, ("execution", "new"), {"secrets": {"s": "new-value"}})
step("replaced", spool.write, ("execution", "old"), {"secrets": {"s": "newer-value"}})
step("forgotten", spool.erase, ("execution", "gone"))
print("end", flush=True)
"""


def test_stopped_at_every_call(place: Path) -> None:
    """End the process before each single call that changes the disk, as a crash would."""
    write_keys(place / "keys", KEYS[0])
    for stop in range(1, 60):
        folder = place / "spool"
        spool = Spool(folder, KEYS[:1])
        spool.write(("execution", "old"), {"secrets": {"s": "old-value"}, "owner": ""})
        spool.write(("execution", "gone"), {"secrets": {"s": "gone-value"}, "owner": ""})
        close(spool)
        done = subprocess.run(
            [sys.executable, "-c", _STOPPED, str(place), str(stop)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout.split()
        assert (done.returncode, "end" in said) in ((9, False), (0, True)), done.stderr
        spool = Spool(folder, KEYS[:1])
        kept = {key[1]: record["secrets"]["s"] for key, record in spool.load()}
        assert kept.get("new", "" if "put" not in said else None) in ("", "new-value")
        assert kept["old"] in (
            {"newer-value"} if "replaced" in said else {"old-value", "newer-value"}
        )
        assert kept.get("gone") in ({None} if "forgotten" in said else {None, "gone-value"})
        left = [path.name for path in folder.iterdir() if path.name != "lock"]
        assert len(left) == len(kept), left
        close(spool)
        for path in folder.iterdir():
            path.unlink()
        if "end" in said:
            assert stop > 15, "the calls were counted"
            return
    pytest.fail("it never came to the end")
