"""A disk that is full, and a process that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.events.log import FileEventLog, JournalFull
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.states import Status
from tests.unit.events.samples import E1, E2, log_event, status_event

_WRITER = """
import asyncio, sys
from pathlib import Path
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from tests.unit.events.samples import log_event

async def main():
    log = FileEventLog(Folders(Path(sys.argv[1])))
    async def one(n):
        event = await log.append("alice", log_event("x" * 3000))
        sys.stdout.write(f"{event.seq}\\n")
        sys.stdout.flush()
    n = 0
    while True:
        await asyncio.gather(*(one(n) for _ in range(20)))
asyncio.run(main())
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_file_system(small: Path) -> None:
    log = FileEventLog(Folders(small / "executions"))
    await log.append("alice", status_event())
    (small / "big").write_bytes(b"x" * 200_000)
    with pytest.raises(JournalFull, match="no room"):
        for _ in range(100):
            await log.append("alice", log_event("x" * 9_000))
    kept = await log.read(E1)
    with pytest.raises(JournalFull):
        await log.append("alice", log_event("x" * 100_000, E2))
    (small / "big").unlink()
    again = await log.append("alice", status_event(Status.SUCCESSFUL))
    assert again.seq == len(kept) + 1
    assert await log.read(E1) == [*kept, again]
    assert (await log.append("alice", log_event("", E2))).seq == 1
    await log.close()


def acknowledged_until_killed(root: Path, delay: float) -> list[int]:
    """Run a writer, kill it, and return the numbers that it had been given."""
    command = [sys.executable, "-c", _WRITER, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(delay)
        child.kill()
        return [int(n) for n in (first + child.stdout.read()).split(b"\n")[:-1]]


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.11, 0.2])
async def test_nothing_acknowledged_is_lost_by_kill_9(folders: Folders, delay: float) -> None:
    acknowledged = acknowledged_until_killed(folders.root, delay)
    log = FileEventLog(folders)
    new = await log.append("alice", log_event("new"))
    everything: list[int] = []
    while events := await log.read(E1, everything[-1] if everything else 0):
        everything += [event.seq for event in events]
    await log.close()
    assert everything == list(range(1, new.seq + 1))
    assert 0 < max(acknowledged) < new.seq
