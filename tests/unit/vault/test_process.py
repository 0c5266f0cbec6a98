"""Starting and ending the vault's process, and what the kernel knows of it."""

# ruff: noqa: ASYNC240 - looking at a few small files does not hold up anybody here

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.wire import EXIT_TAKEN
from tests.unit.vault.processes import ended, gone

SERVER = [sys.executable, "-m", "ccp_jupyter.hub_service.vault.server"]


def run(path: Path) -> subprocess.CompletedProcess[str]:
    """Run a vault that is expected not to start."""
    command = [*SERVER, "--socket", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


async def test_a_running_vault_is_found(vault_pid: int, socket_path: Path, place: Path) -> None:
    assert await ensure_running(socket_path, place / "other.log") == vault_pid
    assert not (place / "other.log").exists()


async def test_many_callers_start_one_vault(socket_path: Path, place: Path) -> None:
    pids = await asyncio.gather(
        *(ensure_running(socket_path, place / "vault.log") for _ in range(6))
    )
    try:
        assert len(set(pids)) == 1
        mine = f"--socket\0{socket_path}\0".encode()
        running = []
        for entry in await asyncio.to_thread(os.listdir, "/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and mine in Path(f"/proc/{entry}/cmdline").read_bytes():
                    running.append(int(entry))
        assert running == [pids[0]]
    finally:
        await ended(pids[0], signal.SIGTERM)


async def test_sigterm_ends_it_cleanly(
    vault_pid: int, client: VaultClient, socket_path: Path, place: Path
) -> None:
    await client.put("e1", {"a": "b"})
    _, half_a_request = await asyncio.open_unix_connection(str(socket_path))
    half_a_request.write(b'{"op":')
    await half_a_request.drain()
    await ended(vault_pid, signal.SIGTERM)
    half_a_request.close()
    assert not socket_path.exists()
    log = (place / "vault.log").read_text()
    assert f"vault {vault_pid} ends" in log
    assert "Traceback" not in log, log


async def test_sigterm_while_connections_come_in(socket_path: Path, place: Path) -> None:
    for _ in range(10):
        pid = await ensure_running(socket_path, place / "vault.log")
        # The signal comes while the vault has accepted this one, but does not read from it yet.
        _, writer = await asyncio.open_unix_connection(str(socket_path))
        writer.write(b'{"op":')
        await ended(pid, signal.SIGTERM)
        writer.close()
    log = (place / "vault.log").read_text()
    assert log.count("ends") == 10
    assert "Traceback" not in log, log


def test_it_ends_with_code_0(socket_path: Path) -> None:
    command = [*SERVER, "--socket", str(socket_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "listens on" not in process.stderr.readline():
            assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0


def test_files_are_private(socket_path: Path, vault_pid: int, place: Path) -> None:
    assert gone(vault_pid) is False
    for file, mode in ((socket_path, 0o600), (place, 0o700), (place / "vault.log", 0o600)):
        assert file.stat().st_mode & 0o777 == mode, file


async def test_a_folder_that_is_missing_is_made_private(place: Path) -> None:
    path = place / "a" / "vault.sock"
    pid = await ensure_running(path, place / "logs" / "vault.log")
    try:
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        await ended(pid, signal.SIGTERM)


def test_a_second_vault_does_not_start(socket_path: Path, vault_pid: int) -> None:
    second = run(socket_path)
    assert second.returncode == EXIT_TAKEN
    assert "another vault lives on" in second.stderr
    assert not gone(vault_pid)
    assert socket_path.is_socket()


def test_something_else_that_listens_is_left_alone(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(socket_path))
        other.listen()
        second = run(socket_path)
        assert second.returncode == EXIT_TAKEN
        assert "something else listens" in second.stderr
        assert socket_path.is_socket()


async def test_a_stale_socket_is_replaced(socket_path: Path, place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    pid = await ensure_running(socket_path, place / "vault.log")
    await ended(pid, signal.SIGTERM)


async def test_a_file_that_is_no_socket_is_left_alone(socket_path: Path, place: Path) -> None:
    socket_path.write_text("precious")
    with pytest.raises(VaultUnreachable, match=r"exit code 1\): see .*vault\.log"):
        await ensure_running(socket_path, place / "vault.log")
    assert socket_path.read_text() == "precious"
    assert "is no socket" in (place / "vault.log").read_text()


def test_a_folder_that_others_may_enter_is_refused(place: Path) -> None:
    for mode in (0o755, 0o710, 0o701):
        place.chmod(mode)
        refused = run(place / "vault.sock")
        assert refused.returncode == 1
        assert f"has mode {mode:04o}" in refused.stderr
    assert not (place / "vault.sock").exists()


def test_a_folder_of_another_user_is_refused(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a folder away needs root")
    os.chown(place, 65534, 65534)
    refused = run(place / "vault.sock")
    assert refused.returncode == 1
    assert "belongs to user 65534" in refused.stderr


def test_a_name_too_long_for_a_socket(place: Path) -> None:
    refused = run(place / ("x" * 120))
    assert refused.returncode == 1
    assert "path too long" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_is_in_no_dump_and_no_swap(vault_pid: int) -> None:
    process = Path(f"/proc/{vault_pid}")
    limits = (process / "limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    may_lock = int(status["CapEff"], 16) >> 14 & 1
    locked = int(status["VmLck"].split()[0])
    assert (locked > 1000) == bool(may_lock)


_PROTECTED = """
import ctypes, logging, resource
from ccp_jupyter.hub_service.vault.process import protect_memory
logging.basicConfig()
protect_memory()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_the_kernel_will_not_dump_it() -> None:
    command = [sys.executable, "-c", _PROTECTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "(0, 0) 0\n", "core limit, and what PR_GET_DUMPABLE says"


_AS_NOBODY = """
import os, resource, shutil, sys  # argparse imports shutil when it is too late
from ccp_jupyter.hub_service.vault.server import main
resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
sys.exit(main())
"""


def test_a_user_who_may_not_lock_memory_is_told_and_served(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("running a vault as another user needs root")
    os.chown(place, 65534, 65534)
    command = [sys.executable, "-c", _AS_NOBODY, "--socket", str(place / "vault.sock")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "memory is not locked" in process.stderr.readline()
        assert "listens on" in process.stderr.readline()
        assert "VmLck:\t       0 kB" in Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
        assert process.wait(10) == 0


_SERVICE = """
import asyncio, sys, time
from pathlib import Path
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running

async def main():
    place = Path(sys.argv[1])
    pid = await ensure_running(place / "vault.sock", place / "vault.log")
    await VaultClient(place / "vault.sock").put("e1", {"a": "b"})
    print(pid, flush=True)

asyncio.run(main())
time.sleep(60)
"""


async def test_it_survives_kill_9_of_the_service_and_its_group(place: Path) -> None:
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SERVICE, str(place)),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert service.stdout is not None
    pid = int(await service.stdout.readline())
    os.killpg(service.pid, signal.SIGKILL)
    await service.communicate()
    await asyncio.sleep(0.1)
    try:
        assert os.getsid(pid) == pid
        started = time.monotonic()
        client = VaultClient(place / "vault.sock")
        assert await client.get("e1") == {"a": "b"}
        assert await client.ping() == pid
        assert time.monotonic() - started < 5
        await client.close()
    finally:
        await ended(pid, signal.SIGTERM)
