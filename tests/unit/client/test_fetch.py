"""From the service into the workspace: cut, killed, full, twice at once."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccp_jupyter.client import FetchFailed, NotAllowed, ServiceUnavailable
from ccp_jupyter.client import fetch as module
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.incoming import PREFIX, incoming, sweep
from ccp_jupyter.model.file_names import execution_name
from tests.unit.client import zips
from tests.unit.client.peer import TOKEN, Behaviour, Handler, Peer, answer, cut, status

ARCHIVE = "jobs/j1/outputs/output.zip"
FILES = {"stats.json": b"{}", "sub/noise.bin": os.urandom(3 * 2**20)}
DATA = zips.make(FILES)
NAME = "Column statistics-j1"


def served(
    data: bytes, tag: str = '"v1"', stop_at: int | None = None, wait: float = 0
) -> Behaviour:
    """Serve a file with ranges; cut the connection at a byte of it, or wait there."""

    async def behave(handler: Handler) -> None:
        start = 0
        wanted = handler.request.headers.get("Range")
        handler.set_header("Etag", tag)
        if wanted and handler.request.headers.get("If-Range") == tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            handler.set_status(206)
            handler.set_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.set_header("Content-Type", "application/zip")
        handler.set_header("Content-Length", str(len(data) - start))
        end = len(data) if stop_at is None else stop_at
        for at in range(start, end, 2**16):
            handler.write(data[at : min(at + 2**16, end)])
            await handler.flush()
        if stop_at is None:
            handler.finish()
            return
        await asyncio.sleep(wait)
        handler.cut()

    return behave


@pytest.fixture
async def execution(peer, client, workspace) -> AsyncExecution:
    peer.on("GET", "jobs/j1", answer(status("successful")))
    found: AsyncExecution = await client.execution("j1")
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


async def test_ordinary(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA))
    path = await execution.fetch()
    assert path == workspace / "CCP/executions" / NAME
    assert contents(path) == {**FILES, "output.zip": DATA}
    assert names(path.parent) == [NAME]


async def test_never_overwrites(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA))
    taken = workspace / "CCP/executions" / NAME
    taken.mkdir(parents=True)
    (taken / "mine").write_text("mine")
    taken.with_name(NAME + " (2)").write_text("a file")
    assert (await execution.fetch()).name == NAME + " (3)"
    assert (await execution.fetch()).name == NAME + " (4)"
    assert contents(taken) == {"mine": b"mine"}


async def test_empty_folder_of_this_name_is_not_taken_either(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA))
    taken = workspace / "CCP/executions" / NAME
    taken.mkdir(parents=True)
    assert (await execution.fetch()).name == NAME + " (2)"
    assert names(taken) == []


async def test_into_a_named_folder(peer, execution, tmp_path):
    peer.on("GET", ARCHIVE, served(DATA))
    assert await execution.fetch(tmp_path / "new") == tmp_path / "new"
    assert await execution.fetch(str(tmp_path / "new")) == tmp_path / "new" / NAME


async def test_archive_that_holds_an_output_zip(peer, execution):
    inner = {"output.zip": b"mine"}
    peer.on("GET", ARCHIVE, served(zips.make(inner)))
    path = await execution.fetch()
    assert (path / "output.zip").read_bytes() == b"mine"
    assert names(path) == ["output (archive).zip", "output.zip"]


async def test_cut_off_download_goes_on(peer, execution):
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2 * 2**20 + 5), served(DATA))
    path = await execution.fetch()
    assert (path / "output.zip").read_bytes() == DATA
    first, second = peer.requests("GET", ARCHIVE)
    assert "Range" not in first.headers
    assert second.headers["Range"] == f"bytes={2 * 2**20}-"


async def test_file_changed_meanwhile(peer, execution):
    other = zips.make({"other": os.urandom(2**21)})
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21), served(other, '"v2"'))
    assert (await execution.fetch() / "output.zip").read_bytes() == other


async def test_no_validator_means_starting_anew(peer, execution):
    peer.on("GET", ARCHIVE, served(DATA, 'W/"weak"', stop_at=2**21), served(DATA, 'W/"weak"'))
    assert (await execution.fetch() / "output.zip").read_bytes() == DATA
    assert "Range" not in peer.requests("GET", ARCHIVE)[1].headers


async def test_range_that_cannot_be(peer, execution):
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21), answer({}, 416), served(DATA))
    assert (await execution.fetch() / "output.zip").read_bytes() == DATA


async def test_wrong_range_is_refused(peer, execution, workspace):
    async def wrong(handler: Handler) -> None:
        handler.set_status(206)
        handler.set_header("Content-Range", "bytes 0-9/10")
        handler.finish(b"0123456789")

    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21), wrong)
    with pytest.raises(Exception, match="wrong range"):
        await execution.fetch()
    assert names(workspace / "CCP/executions") == []


async def test_gives_up_but_keeps_what_it_has(peer, execution, workspace, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1)
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21), cut())
    with pytest.raises(ServiceUnavailable):
        await execution.fetch()
    assert names(workspace / "CCP/executions") == [PREFIX + "j1"]
    peer.on("GET", ARCHIVE, served(DATA))
    path = await execution.fetch()
    assert peer.requests("GET", ARCHIVE)[-1].headers["Range"] == f"bytes={2**21}-"
    assert names(path.parent) == [NAME]


@pytest.mark.parametrize("data", [b"no zip at all", zips.with_name(b"../../x"), zips.encrypted()])
async def test_refused_archives_leave_nothing(peer, execution, workspace, data):
    peer.on("GET", ARCHIVE, served(data))
    with pytest.raises(FetchFailed):
        await execution.fetch()
    assert names(workspace / "CCP/executions") == []
    assert names(workspace) == ["CCP"]


async def test_no_outputs(peer, execution):
    peer.on("GET", ARCHIVE, answer({"detail": "its files come when it has ended"}, 404))
    with pytest.raises(FetchFailed, match="its files come when it has ended"):
        await execution.fetch()


async def test_not_allowed(peer, execution, workspace):
    peer.on("GET", ARCHIVE, answer({"detail": "no"}, 403))
    with pytest.raises(NotAllowed):
        await execution.fetch()
    assert names(workspace / "CCP/executions") == []


async def test_disk_full(peer, execution, small_disk):
    peer.on("GET", ARCHIVE, served(DATA))
    with pytest.raises(FetchFailed, match=r"need \d+ bytes"):
        await execution.fetch(small_disk / "out")
    assert names(small_disk) == []


async def test_disk_full_without_a_length(peer, execution, small_disk):
    async def chunked(handler: Handler) -> None:
        for at in range(0, len(DATA), 2**16):
            handler.write(DATA[at : at + 2**16])
            await handler.flush()

    peer.on("GET", ARCHIVE, chunked)
    with pytest.raises(FetchFailed, match="disk of the workspace is full"):
        await execution.fetch(small_disk / "out")
    assert names(small_disk) == []
    assert os.statvfs(small_disk).f_bavail == os.statvfs(small_disk).f_blocks


async def test_disk_full_while_unpacking(peer, execution, small_disk):
    peer.on("GET", ARCHIVE, served(zips.make({"zeros": bytes(5 * 2**20)})))
    with pytest.raises(FetchFailed, match="unpacked"):
        await execution.fetch(small_disk / "out")
    assert names(small_disk) == []


async def test_workspace_that_cannot_be_written(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA))
    (workspace / "CCP").write_text("a file where the folder should be")
    with pytest.raises(FetchFailed, match="cannot write into the workspace"):
        await execution.fetch()


async def test_two_at_once(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA))
    paths = await asyncio.gather(*(execution.fetch() for _ in range(4)))
    assert len(set(paths)) == 4
    for path in paths:
        assert contents(path) == {**FILES, "output.zip": DATA}
    assert len(names(workspace / "CCP/executions")) == 4


async def test_cancelled_fetch_leaves_nothing(peer, execution, workspace):
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21, wait=3600))
    fetching = asyncio.ensure_future(execution.fetch())
    await arrived(workspace / "CCP/executions" / (PREFIX + "j1") / "part", 2**20)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert names(workspace / "CCP/executions") == []


async def arrived(part: Path, size: int) -> None:
    def wait() -> None:
        end = time.monotonic() + 20
        while not part.exists() or part.stat().st_size < size:
            assert time.monotonic() < end
            time.sleep(0.001)

    await asyncio.to_thread(wait)


CHILD = """
import sys
from ccp_jupyter.client import Client
Client(sys.argv[1], sys.argv[2]).execution("j1").fetch()
"""


@contextmanager
def fetching_child(peer: Peer) -> Iterator[subprocess.Popen[bytes]]:
    """A process that fetches."""
    peer.on("GET", "jobs/j1", answer(status("successful")))
    process = subprocess.Popen([sys.executable, "-c", CHILD, peer.url, TOKEN])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_killed_while_downloading(peer, workspace, client):
    folder = workspace / "CCP/executions"
    peer.on("GET", ARCHIVE, served(DATA, stop_at=2**21, wait=3600))
    with fetching_child(peer) as child:
        await arrived(folder / (PREFIX + "j1") / "part", 2**20)
        child.send_signal(signal.SIGKILL)
    assert names(folder) == [PREFIX + "j1"]
    peer.on("GET", ARCHIVE, served(DATA))
    path = await (await client.execution("j1")).fetch()
    assert "Range" in peer.requests("GET", ARCHIVE)[-1].headers
    assert contents(path) == {**FILES, "output.zip": DATA}
    assert names(folder) == [NAME]


async def test_killed_while_unpacking(peer, workspace, client):
    folder = workspace / "CCP/executions"
    many = {f"{n:05}": bytes([n % 256]) * 10 for n in range(5_000)}
    peer.on("GET", ARCHIVE, served(zips.make(many)))
    with fetching_child(peer) as child:
        await arrived(folder / (PREFIX + "j1") / "files/00100", 0)
        child.send_signal(signal.SIGKILL)
    assert names(folder) == [PREFIX + "j1"]
    path = await (await client.execution("j1")).fetch()
    assert len(names(path)) == 5_001
    assert names(folder) == [NAME]


async def test_leftovers_of_others_are_swept_unless_in_use(peer, execution, workspace):
    folder = workspace / "CCP/executions"
    dead = folder / (PREFIX + "dead")
    (dead / "files").mkdir(parents=True)
    (dead / "part").write_bytes(b"x")
    (folder / (PREFIX + "file")).write_text("not a folder")
    (folder / "mine").mkdir()
    peer.on("GET", ARCHIVE, served(DATA))
    with incoming(folder, "busy") as busy:
        (busy / "part").write_bytes(b"x")
        await execution.fetch()
        assert (busy / "part").exists()
    assert names(folder) == [PREFIX + "busy", PREFIX + "file", NAME, "mine"]
    sweep(folder)
    assert names(folder) == [PREFIX + "file", NAME, "mine"]


def test_sweeping_while_others_begin(tmp_path):
    """Many processes make and sweep: nobody loses a folder that they hold."""
    code = """
import sys, time
from pathlib import Path
from ccp_jupyter.client.incoming import incoming, sweep
end = time.monotonic() + 2
while time.monotonic() < end:
    with incoming(Path(sys.argv[1]), "same") as folder:
        (folder / "part").write_text("x")
        sweep(Path(sys.argv[1]))
        assert (folder / "part").read_text() == "x"
        (folder / "part").unlink()
"""
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, str(tmp_path)])
        for _ in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert names(tmp_path) == []


async def test_folder_as_a_zip(peer, execution, workspace):
    peer.on("GET", "jobs/j1/folder", cut(), served(DATA))
    first = await execution.folder()
    second = await execution.folder()
    assert [path.name for path in (first, second)] == [NAME + ".zip", NAME + " (2).zip"]
    assert zipfile.ZipFile(second).namelist() == list(FILES)
    assert names(first.parent) == [NAME + " (2).zip", NAME + ".zip"]


async def test_files_and_single_ones(peer, execution):
    listed = [{"path": "a b/ü.txt", "size": 5, "href": "x"}]
    peer.on("GET", "jobs/j1/outputs", answer({"files": listed, "count": 1}))
    peer.on(
        "GET", "jobs/j1/outputs/a%20b/%C3%BC.txt", cut(b"he", Content_Length="5"), answer(b"hello")
    )
    (found,) = await execution.files()
    assert (found.path, found.size) == ("a b/ü.txt", 5)
    assert await execution.read(found.path) == b"hello"
    with await execution.open(found.path) as file:
        assert file.read(2) == b"he"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Column statistics", "Column statistics-7de2c1f0"),
        ("../../etc/passwd", "etc passwd-7de2c1f0"),
        ("a\x00b\n\x1b[31mc", "a b 31mc-7de2c1f0"),
        ("", "execution-7de2c1f0"),
        ("...", "execution-7de2c1f0"),
        ("ß" * 300, "ß" * 50 + "-7de2c1f0"),
        ("\ud800", "execution-7de2c1f0"),
        ("C:\\x", "C x-7de2c1f0"),
    ],
)
def test_names_of_folders(title, expected):
    assert execution_name(title, "7de2c1f0-1111") == expected


async def test_quota_is_told_like_a_full_disk(peer, execution, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    peer.on("GET", ARCHIVE, served(DATA))
    monkeypatch.setattr(module, "_flush_file", full)
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="quota"):
        await execution.fetch()
    assert time.monotonic() - begun < 5
