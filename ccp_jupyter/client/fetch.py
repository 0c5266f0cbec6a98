"""From the service into the workspace: download with resumption, unpack, one rename at the end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import httpx

from ccp_jupyter.client.errors import FetchFailed, NotFound, ServiceError, ServiceUnavailable
from ccp_jupyter.client.incoming import clear, incoming, place, place_file, sweep
from ccp_jupyter.client.transport import Call, Transport, delays, path_of
from ccp_jupyter.client.unpack import Unpacked, disk_message, flush, unpack
from ccp_jupyter.model.file_names import execution_name

EXECUTIONS = Path("CCP") / "executions"
"""Below the workspace."""
ARCHIVE = "output.zip"
PATIENCE = 120.0
"""Seconds for which a download is tried again while nothing new arrives."""
MAKING = 600.0
"""Seconds for which the service may be silent while it makes what it sends."""
_CHUNK = 2**20
_ZIP = "application/zip"

Report = Callable[[int, int | None], None]
"""Takes the bytes that have arrived, and all that there will be (None: unknown)."""
T = TypeVar("T")


@dataclass(frozen=True)
class Fetched:
    """What came into the workspace."""

    path: Path
    files: int
    size: int
    notes: tuple[str, ...] = field(default=())
    """Names that had to be changed, in words for the user."""


async def fetch_outputs(
    transport: Transport,
    execution_id: str,
    title: str,
    root: Path,
    to: Path | None = None,
    report: Report | None = None,
) -> Fetched:
    """Download output.zip, unpack it into a new folder and put the zip beside the files.

    Parameters
    ----------
    transport : Transport
        The service.
    execution_id, title : str
        Of the Execution, and of its Method.
    root : Path
        The workspace.
    to : Path, optional
        Folder to make, or an existing folder to make one in; default: below ``CCP/executions``.
    report : callable, optional
        Told how far the download is.

    Raises
    ------
    FetchFailed
        Nothing half-done was left.
    ServiceError
        The service refused, or could not be reached for long; the next fetch continues.
    """
    wanted = _wanted(root, to, execution_name(title, execution_id))
    call = Call("GET", path_of("jobs", execution_id, "outputs", ARCHIVE))

    async def work(folder: Path) -> Fetched:
        archive = await download(transport, call, folder, report)
        files = folder / "files"
        await threaded(lambda _: shutil.rmtree(files, ignore_errors=True))
        unpacked = await threaded(lambda stop: unpack(archive, files, stop=stop))
        return await threaded(lambda _: _finish(archive, files, wanted, unpacked))

    return await in_folder(wanted.parent, execution_id, work)


async def fetch_folder(
    transport: Transport,
    execution_id: str,
    title: str,
    root: Path,
    to: Path | None = None,
    report: Report | None = None,
) -> Path:
    """Download the whole Execution folder as one zip, which stays packed.

    Parameters and errors are those of `fetch_outputs`; `to` is the file to make, or an existing
    folder to make it in.
    """
    wanted = _wanted(root, to, execution_name(title, execution_id) + ".zip")
    call = Call("GET", path_of("jobs", execution_id, "folder"))
    return await _fetch_zip(transport, call, wanted, f"{execution_id}.folder", report)


async def fetch_crate(
    transport: Transport,
    execution_id: str,
    title: str,
    root: Path,
    to: Path | None = None,
    report: Report | None = None,
) -> Path:
    """Download an Execution as an RO-Crate, which stays packed; see `fetch_folder`."""
    wanted = _wanted(root, to, execution_name(title, execution_id) + ".crate.zip")
    call = Call("GET", path_of("jobs", execution_id, "rocrate"), {"f": "zip"})
    return await _fetch_zip(transport, call, wanted, f"{execution_id}.crate", report)


async def _fetch_zip(
    transport: Transport, call: Call, wanted: Path, name: str, report: Report | None
) -> Path:
    async def work(folder: Path) -> Path:
        # Made anew at each download, so an earlier part of it is of no use.
        (folder / "meta.json").unlink(missing_ok=True)
        archive = await download(transport, call, folder, report, MAKING)
        placed = place_file(archive, wanted)
        flush(placed.parent)
        clear(folder)
        return placed

    return await in_folder(wanted.parent, name, work)


async def download(
    transport: Transport,
    call: Call,
    folder: Path,
    report: Report | None = None,
    silence: float | None = None,
) -> Path:
    """Download into ``folder/part``, continuing what is there, through interruptions.

    Parameters
    ----------
    transport, call, folder, report
        See `fetch_outputs`.
    silence : float, optional
        Seconds without a byte that count as an interruption; default: the client's timeout.

    Returns
    -------
    Path
        The complete file.
    """
    part = folder / "part"
    pauses = delays(0.5)
    moved = time.monotonic()
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            meta = folder / "meta.json"
            return await _download_once(transport, call, part, meta, report, silence)
        except ServiceUnavailable as error:
            if (part.stat().st_size if part.exists() else 0) > before:
                pauses, moved = delays(0.5), time.monotonic()
            pause = error.retry_after if error.retry_after is not None else next(pauses)
            if time.monotonic() + pause - moved > PATIENCE:
                raise
            await asyncio.sleep(pause)


async def _download_once(
    transport: Transport,
    call: Call,
    part: Path,
    meta: Path,
    report: Report | None,
    silence: float | None,
) -> Path:
    tag, have = _state(part, meta)
    headers = {"Accept": f"{_ZIP}, */*;q=0.1"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    again = Call(call.method, call.path, call.params, headers=headers)
    try:
        async with transport.stream(again, silence=silence) as response:
            if response.status_code == 206:
                _check_range(response, have)
            else:
                have = 0
                _note(meta, response.headers.get("etag", ""))
            total = _total(response, have)
            _check_space(part, have, total)
            with part.open("r+b" if have else "wb") as file:
                file.truncate(have)
                file.seek(have)
                await _receive(response, file, have, total, report)
    except ServiceError as error:
        if error.status != 416:
            raise
        _forget(meta)
        raise ServiceUnavailable("the archive has changed; starting anew") from None
    return part


async def _receive(
    response: httpx.Response, file: IO[bytes], have: int, total: int | None, report: Report | None
) -> None:
    async for chunk in response.aiter_bytes(_CHUNK):
        await asyncio.to_thread(file.write, chunk)
        have += len(chunk)
        if report:
            report(have, total)
    await asyncio.to_thread(_flush_file, file)
    if total is not None and have != total:
        raise ServiceUnavailable(f"the download was cut off at {have} of {total} bytes")


def _flush_file(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _state(part: Path, meta: Path) -> tuple[str, int]:
    """Return the strong validator of what has arrived, and how much that is."""
    try:
        tag = json.loads(meta.read_text())["etag"]
        size = part.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0
    # A weak validator does not promise equal bytes.
    if not isinstance(tag, str) or not tag.startswith('"'):
        return "", 0
    return tag, size


def _note(meta: Path, tag: str) -> None:
    fresh = meta.with_suffix(".new")
    fresh.write_text(json.dumps({"etag": tag}))
    fresh.replace(meta)


def _forget(meta: Path) -> None:
    meta.unlink(missing_ok=True)


def _check_range(response: httpx.Response, have: int) -> None:
    found = response.headers.get("content-range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", found)
    if not match or int(match[1]) != have:
        raise ServiceError(f"the service answered with the wrong range (found {found[:80]!r})")


def _total(response: httpx.Response, have: int) -> int | None:
    length = response.headers.get("content-length", "")
    return have + int(length) if length.isdigit() else None


def _check_space(part: Path, have: int, total: int | None) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise FetchFailed(
            f"the outputs need {total - have} bytes, the disk of the workspace has {free} left"
        )


def _wanted(root: Path, to: Path | None, name: str) -> Path:
    if to is None:
        return root / EXECUTIONS / name
    to = to.expanduser().absolute()
    return to / name if to.is_dir() else to


def _finish(archive: Path, files: Path, wanted: Path, unpacked: Unpacked) -> Fetched:
    kept = files / ARCHIVE
    if kept.exists():  # the container wrote a file of this name
        kept = files / "output (archive).zip"
    archive.rename(kept)
    flush(files)
    placed = place(files, wanted)
    flush(placed.parent)
    clear(archive.parent)
    return Fetched(placed, unpacked.files, unpacked.size, tuple(unpacked.notes))


async def in_folder(parent: Path, key: str, work: Callable[[Path], Awaitable[T]]) -> T:
    """Do some work in a locked folder; sweep up what crashed downloads of others left."""
    try:
        with incoming(parent, key) as folder:
            await asyncio.to_thread(sweep, parent)
            try:
                return await work(folder)
            except ServiceUnavailable:
                raise  # what has arrived stays for the next try
            except BaseException:
                clear(folder)
                raise
    except NotFound as error:
        raise FetchFailed(f"there is nothing to fetch: {error}") from None
    except OSError as error:
        raise FetchFailed(disk_message(error)) from error


async def threaded(work: Callable[[threading.Event], T]) -> T:
    """Run blocking work in a thread; when cancelled, tell it to stop and wait until it has."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # `Stopped`, as asked for
        raise
