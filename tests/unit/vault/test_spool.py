"""The spool of a sealed vault: damaged files, keys and their rotation, full disks."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.vault.base import SecretsLost, VaultUnreachable
from ccp_jupyter.hub_service.vault.bounds import Refusal
from ccp_jupyter.hub_service.vault.client import OtherSpool, VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.keys import SealKey, read_keys
from ccp_jupyter.hub_service.vault.process import Refused
from ccp_jupyter.hub_service.vault.spool import Spool
from tests.unit.vault.processes import ended
from tests.unit.vault.sealing import KEYS, VALUE, Sealed, close, write_keys

# --- damaged files ---


@pytest.fixture
def spool(place: Path) -> Iterator[Path]:
    """Return the folder of a spool with three records."""
    folder = place / "spool"
    spool = Spool(folder, KEYS[:1])
    for number in range(3):
        spool.write(("execution", f"e{number}"), {"secrets": {"s": str(number)}})
    close(spool)
    yield folder


def survivors(folder: Path, keys: Sequence[SealKey] = KEYS[:1]) -> list[str]:
    spool = Spool(folder, keys)
    try:
        return sorted(key[1] for key, _ in spool.load())
    finally:
        close(spool)


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("r-*"))


def test_a_file_that_is_cut_off_loses_only_itself(
    spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = records(spool)[0].read_bytes()
    for size in range(len(whole)):
        records(spool)[0].write_bytes(whole[:size])
        name = records(spool)[0].name
        assert len(survivors(spool)) == 2
        assert f"{name} is damaged or cut off ({size} bytes)" in caplog.text
        assert not (spool / name).exists()
        (spool / name).write_bytes(whole)
        assert len(survivors(spool)) == 3


def test_a_flipped_bit_anywhere_loses_only_that_file(spool: Path) -> None:
    path = records(spool)[1]
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert len(survivors(spool)) == 2, place
    path.write_bytes(whole)
    assert len(survivors(spool)) == 3


def test_a_file_in_the_place_of_another_is_damaged(spool: Path) -> None:
    first, second, _ = records(spool)
    second.write_bytes(first.read_bytes())
    assert len(survivors(spool)) == 2


async def test_a_damaged_file_is_reported_and_the_rest_is_there(sealed: Sealed) -> None:
    await sealed.client.put("e1", {"a": VALUE})
    (path,) = sealed.files()
    await sealed.client.put("e2", {"a": VALUE})
    await ended(sealed.pid, signal.SIGKILL)
    path.write_bytes(path.read_bytes()[:-1])
    await sealed.start()
    assert await sealed.client.executions() == {"e2"}
    with pytest.raises(SecretsLost):
        await sealed.client.get("e1")
    assert f"spool: {path.name} is damaged or cut off" in sealed.log


def test_what_does_not_belong_there_is_left_alone(spool: Path) -> None:
    (spool / "README").write_text("precious")
    assert len(survivors(spool)) == 3
    assert (spool / "README").read_text() == "precious"


# --- keys ---


async def test_a_wrong_key_is_refused_and_changes_nothing(sealed: Sealed) -> None:
    await sealed.client.put("e1", {"a": VALUE})
    await sealed.client.put("e2", {"a": VALUE})
    await ended(sealed.pid, signal.SIGKILL)
    before = [(path.name, path.read_bytes()) for path in sealed.files()]
    write_keys(sealed.keys, KEYS[1])
    with pytest.raises(VaultUnreachable, match="2 of 2 files are encrypted with a key that is not"):
        await sealed.start()
    assert [(path.name, path.read_bytes()) for path in sealed.files()] == before
    write_keys(sealed.keys, KEYS[0])
    await sealed.start()
    assert await sealed.client.executions() == {"e1", "e2"}


async def test_rotation(sealed: Sealed) -> None:
    await sealed.client.put("e1", {"a": VALUE})
    held = [path.open("rb") for path in sealed.files()]
    write_keys(sealed.keys, KEYS[1], KEYS[0])
    await sealed.restart()
    assert "1 file(s) encrypted anew with the first key" in sealed.log
    await sealed.client.put("e2", {"a": VALUE})
    assert not held[0].read().strip(b"\0")
    held[0].close()
    write_keys(sealed.keys, KEYS[1])
    await sealed.restart()
    assert await sealed.client.get("e1") == {"a": VALUE}
    assert await sealed.client.executions() == {"e1", "e2"}


def test_rotation_that_is_not_complete_needs_both_keys(spool: Path) -> None:
    # As after a crash in the middle of it: one file is encrypted anew, two are not.
    half = Spool(spool, [KEYS[1], KEYS[0]])
    next(half.load())
    close(half)
    for keys in (KEYS[:1], KEYS[1:2]):
        with pytest.raises(Refused, match="of 3 files are encrypted with a key that is not"):
            survivors(spool, keys)
    assert len(survivors(spool, [KEYS[1], KEYS[0]])) == 3
    assert len(survivors(spool, KEYS[1:2])) == 3


def test_key_files(place: Path) -> None:
    path = place / "keys"
    write_keys(path, *KEYS)
    assert read_keys(path) == KEYS
    text = path.read_text().replace("+", "-").replace("/", "_")
    path.write_text(f"# newest first\n\n  {text.replace(chr(10), chr(13) + chr(10))}\n")
    assert read_keys(path) == KEYS
    path.chmod(0o400)
    assert read_keys(path) == KEYS
    assert KEYS[0].key.hex() not in repr(KEYS[0])
    assert repr(KEYS[0].key) not in repr(KEYS[0])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o601])
def test_a_key_file_that_others_may_read(place: Path, mode: int) -> None:
    write_keys(place / "keys", KEYS[0], mode=mode)
    with pytest.raises(Refused, match=f"mode {mode:04o}, so others may read it"):
        read_keys(place / "keys")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "holds no key"),
        (b"# nothing\n", "holds no key"),
        (b"hunter2hunter2", "line 1: must be 32 bytes as base64"),
        (base64.b64encode(b"hunter2" * 5)[:44], "line 1: must be 32 bytes"),
        (base64.b64encode(b"x" * 31), "line 1: must be 32 bytes"),
        (base64.b64encode(b"x" * 32) + b"\nhunter2\n", "line 2: must be 32 bytes"),
        (b"\xff\xfe\x00", "line 1: must be 32 bytes"),
        (b"x" * 70_000, "more than 65536 bytes"),
    ],
    ids=lambda x: str(x)[:30],
)
def test_key_files_that_are_none(place: Path, content: bytes, rule: str) -> None:
    (place / "keys").write_bytes(content)
    (place / "keys").chmod(0o600)
    with pytest.raises(Refused, match=rule) as caught:
        read_keys(place / "keys")
    assert "hunter2" not in str(caught.value)


def test_what_is_no_file_is_no_key_file(place: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        read_keys(place / "none")
    with pytest.raises(Refused, match="no regular file"):
        read_keys(place)
    os.mkfifo(place / "pipe", 0o600)
    with pytest.raises(Refused, match="no regular file"):
        read_keys(place / "pipe")


def test_a_key_file_of_another_user(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    write_keys(place / "keys", KEYS[0])
    os.chown(place / "keys", 65534, 65534)
    with pytest.raises(Refused, match="belongs to user 65534"):
        read_keys(place / "keys")


# --- the folder ---


def test_a_spool_has_one_vault(place: Path) -> None:
    first = Spool(place / "spool", KEYS)
    with pytest.raises(Refused, match="another vault uses the spool"):
        Spool(place / "spool", KEYS)
    close(first)


def test_a_spool_that_others_may_enter(place: Path) -> None:
    (place / "spool").mkdir()
    (place / "spool").chmod(0o750)
    with pytest.raises(Refused, match="mode 0750"):
        Spool(place / "spool", KEYS)


async def test_a_vault_with_another_spool_is_not_taken_for_ours(sealed: Sealed) -> None:
    where = sealed.place / "vault.sock", sealed.place / "vault.log"
    with pytest.raises(OtherSpool, match=f"spool, not in memory only: .* end process {sealed.pid}"):
        await ensure_running(*where)
    with pytest.raises(OtherSpool, match=r"spool, not in .*elsewhere"):
        await ensure_running(*where, sealed.keys, sealed.place / "elsewhere")
    with pytest.raises(ValueError, match="both or none"):
        await ensure_running(*where, sealed.keys)
    assert await ensure_running(*where, sealed.keys, sealed.spool) == sealed.pid


def test_a_key_file_needs_a_spool(place: Path) -> None:
    for option in ("--key-file", "--spool"):
        command = [sys.executable, "-m", "ccp_jupyter.hub_service.vault.server"]
        command += ["--socket", str(place / "vault.sock"), option, str(place / "x")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2
        assert "--key-file and --spool belong together" in done.stderr


# --- the disk ---


async def test_a_spool_that_cannot_be_written(sealed: Sealed) -> None:
    await sealed.client.put("e1", {"a": "1"})
    await sealed.client.save_secret("alice", "aws", VALUE)
    hidden = sealed.place / "hidden"
    sealed.spool.rename(hidden)
    with pytest.raises(VaultUnreachable, match="spool cannot be written"):
        await sealed.client.put("e1", {"a": "2"})
    with pytest.raises(VaultUnreachable, match="spool cannot be written"):
        await sealed.client.save_secret("alice", "new", VALUE)
    with pytest.raises(VaultUnreachable, match="spool cannot be written"):
        await sealed.client.use_secrets("alice", ["aws"], "e1")
    assert await sealed.client.get("e1") == {"a": "1"}
    assert [s.name for s in await sealed.client.list_secrets("alice")] == ["aws"]
    hidden.rename(sealed.spool)
    await sealed.client.put("e1", {"a": "2"})
    assert await sealed.client.use_secrets("alice", ["aws"], "e1") == {"aws": VALUE}
    await sealed.restart()
    assert await sealed.client.get("e1") == {"a": "2"}


def test_a_full_disk(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root")
    folder = place / "spool"
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        spool = Spool(folder, KEYS)
        spool.write(("execution", "e1"), {"secrets": {"s": "x" * 100_000}})
        with pytest.raises(Refusal, match="disk of its spool is full") as caught:
            spool.write(("execution", "e1"), {"secrets": {"s": "y" * 300_000}})
        assert caught.value.answer["error"] == "full"
        assert len(list(folder.iterdir())) == 2, "the lock and the record"
        spool.erase(("execution", "e1"))
        assert not spool.holds(("execution", "e1"))
        spool.write(("execution", "e1"), {"secrets": {"s": "y" * 100_000}})
        close(spool)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_many_at_once(sealed: Sealed) -> None:
    other = VaultClient(sealed.place / "vault.sock")

    async def one(client: VaultClient, number: int) -> None:
        name = f"e{number}"
        await client.put(name, {"s": str(number)})
        if number % 3 == 0:
            await client.forget(name)

    await asyncio.gather(*(one((sealed.client, other)[n % 2], n) for n in range(120)))
    await other.close()
    await sealed.restart()
    assert await sealed.client.executions() == {f"e{n}" for n in range(120) if n % 3}
    assert len(sealed.files()) == 80
    assert await sealed.client.get("e1") == {"s": "1"}
