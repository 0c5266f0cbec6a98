"""Unpack a zip that may be hostile into a new folder: all of it, or nothing.

Names that could lead out of the folder, things that are no plain files, and archives that are not
what their directory says are refused. Names that are merely awkward (a backslash, a control
character, two that differ only in case on a file system that does not tell them apart) are
changed, with a note: a container may well have written them in good faith.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import shutil
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ccp_jupyter.client.errors import FetchFailed
from ccp_jupyter.model import zip_rules
from ccp_jupyter.model.errors import shown

MOST_ENTRIES = 500_000
_RESERVE = 16 * 2**20
"""Bytes of the disk that are left for others."""
_CHUNK = 2**20
_FLUSHES = 16
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,  # a compression method that this Python does not know
    OverflowError,
    RuntimeError,  # encrypted
    ValueError,  # names that are not UTF-8, nonsense numbers
)


class Stopped(Exception):
    """Unpacking was given up because the caller asked for that."""


@dataclass(slots=True)
class Unpacked:
    """What was unpacked."""

    files: int = 0
    size: int = 0
    notes: list[str] = field(default_factory=list)
    """Names that had to be changed, in words for the user."""


@dataclass(slots=True)
class _Entry:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    folder: bool


def unpack(
    archive: Path,
    target: Path,
    *,
    stop: threading.Event | None = None,
    most_entries: int = MOST_ENTRIES,
    case_sensitive: bool | None = None,
) -> Unpacked:
    """Unpack a zip; blocks.

    Parameters
    ----------
    archive : Path
        The zip.
    target : Path
        A folder that is not there yet; its parent is.
    stop : threading.Event, optional
        Set it from elsewhere to give up.
    most_entries : int
        More entries are refused.
    case_sensitive : bool, optional
        Whether the file system tells ``a`` from ``A``; tried out by default.

    Returns
    -------
    Unpacked
        On stable storage.

    Raises
    ------
    FetchFailed
        Refused, broken, or no room; there is no `target` then.
    Stopped
        `stop` was set; there is no `target` then.
    """
    target.mkdir()
    try:
        if case_sensitive is None:
            case_sensitive = _tells_case(target)
        with archive.open("rb") as file:
            zip_rules.check_directory(file, most_entries)
            with zipfile.ZipFile(file) as source:
                unpacked = Unpacked()
                entries = _checked(source, unpacked.notes, case_sensitive)
                _check_room(entries, target)
                _write(source, entries, target, unpacked, stop or threading.Event())
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError):
            raise FetchFailed(disk_message(error)) from error
        if isinstance(error, zip_rules.UnsafeZip):
            raise _as_failure(error) from error
        if isinstance(error, BROKEN):
            raise FetchFailed(f"the archive is broken: {error}") from error
        raise
    return unpacked


def disk_message(error: OSError) -> str:
    """Return what an error of the file system means for the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk of the workspace is full (or your quota used up); make room, fetch again"
    return f"cannot write into the workspace: {error.strerror or error}"


def _checked(source: zipfile.ZipFile, notes: list[str], case_sensitive: bool) -> list[_Entry]:
    """Return what to write, every name checked."""
    infos = source.infolist()
    zip_rules.check_overlaps(infos, source.start_dir)
    taken: dict[tuple[str, ...], tuple[str, ...]] = {}
    files: set[tuple[str, ...]] = set()
    entries = []
    for info in infos:
        parts = _safe_parts(info, notes)
        folder = zip_rules.is_folder(info)
        zip_rules.check_kind(info)
        parts = _distinct(parts, folder, taken, notes, case_sensitive)
        if not folder:
            if parts in files:
                raise _refused(info, "is there twice")
            files.add(parts)
        entries.append(_Entry(info, parts, folder))
    for entry in entries:
        above = entry.parts if entry.folder else entry.parts[:-1]
        if any(above[:n] in files for n in range(1, len(above) + 1)):
            raise _refused(entry.info, "lies below something that is a file")
    return entries


def _refused(info: zipfile.ZipInfo, rule: str) -> FetchFailed:
    return _as_failure(zip_rules.refused(info, rule))


def _as_failure(error: zip_rules.UnsafeZip) -> FetchFailed:
    return FetchFailed(f"the archive is refused: {error}" if error.entry else str(error))


def _safe_parts(info: zipfile.ZipInfo, notes: list[str]) -> tuple[str, ...]:
    name = zip_rules.safe_name(info)
    parts = zip_rules.parts_of(name)
    safe = tuple(_plain_name(part) for part in parts)
    if safe != parts:
        notes.append(f"{shown(name)} became {'/'.join(safe)}")
    return safe


def _plain_name(part: str) -> str:
    """Return a name without backslashes, control characters and drive letters: as ``%XX``."""
    plain = "".join(
        "".join(f"%{byte:02X}" for byte in c.encode())
        if c == "\\" or unicodedata.category(c) == "Cc"
        else c
        for c in part
    )
    return re.sub(r"\A([A-Za-z]):", r"\1%3A", plain)


def _distinct(
    parts: tuple[str, ...],
    folder: bool,
    taken: dict[tuple[str, ...], tuple[str, ...]],
    notes: list[str],
    case_sensitive: bool,
) -> tuple[str, ...]:
    """Return a path that the file system can tell from all others."""
    if case_sensitive:
        return parts
    for depth in range(1, len(parts) + 1):
        head = parts[:depth]
        wanted = head
        number = 1
        while taken.setdefault(_key(head), wanted) != wanted:
            number += 1
            head = (*head[:-1], _numbered(wanted[-1], number, folder or depth < len(parts)))
        if head != wanted:
            notes.append(f"{'/'.join(wanted)} became {'/'.join(head)}: it differs only in case")
            parts = head + parts[depth:]
    return parts


def _key(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _numbered(name: str, number: int, folder: bool) -> str:
    stem, dot, suffix = name.rpartition(".")
    if folder or not stem:
        return f"{name} ({number})"
    return f"{stem} ({number}){dot}{suffix}"


def _tells_case(folder: Path) -> bool:
    probe = folder / "probe"
    probe.touch()
    try:
        return not (folder / "PROBE").exists()
    finally:
        probe.unlink()


def _check_room(entries: list[_Entry], target: Path) -> None:
    need = sum(entry.info.file_size for entry in entries)
    free = shutil.disk_usage(target).free
    if need + _RESERVE > free:
        raise FetchFailed(
            f"the outputs need {need} bytes unpacked, the disk of the workspace has {free} left"
        )


def _write(
    source: zipfile.ZipFile,
    entries: list[_Entry],
    target: Path,
    unpacked: Unpacked,
    stop: threading.Event,
) -> None:
    written: list[Path] = []
    for entry in entries:
        if stop.is_set():
            raise Stopped
        path = target.joinpath(*entry.parts)
        (path if entry.folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not entry.folder:
            _write_file(source, entry.info, path, stop)
            written.append(path)
            unpacked.files += 1
            unpacked.size += entry.info.file_size
    _flush(target, written)


def _write_file(
    source: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, stop: threading.Event
) -> None:
    mode = 0o777 if (info.external_attr >> 16) & stat.S_IXUSR else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    size = 0
    with os.fdopen(os.open(path, flags, mode), "wb", 0) as sink, source.open(info) as content:
        while chunk := content.read(_CHUNK):
            if stop.is_set():
                raise Stopped
            size += len(chunk)
            sink.write(chunk)
    if size != info.file_size:
        raise _refused(info, f"has {size} bytes, and {info.file_size} were announced")


def _flush(target: Path, written: list[Path]) -> None:
    folders = {target}
    for path in written:
        folders.update(parent for parent in path.parents if parent.is_relative_to(target))
    # File systems write down together what is waited for at the same time.
    with ThreadPoolExecutor(_FLUSHES) as pool:
        for _ in pool.map(flush, written):
            pass
        for _ in pool.map(flush, folders):
            pass


def flush(path: Path) -> None:
    """Bring a file or the entries of a folder to stable storage."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
