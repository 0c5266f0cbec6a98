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
from typing import IO

from ccp_jupyter.client.errors import FetchFailed
from ccp_jupyter.model.errors import shown

MOST_ENTRIES = 500_000
_LARGEST_DIRECTORY = 256 * 2**20
_LONGEST_PART = 255
_LONGEST_NAME = 2000
_RESERVE = 16 * 2**20
"""Bytes of the disk that are left for others."""
_CHUNK = 2**20
_FLUSHES = 16
_BROKEN = (
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
            _check_directory(file, most_entries)
            with zipfile.ZipFile(file) as source:
                unpacked = Unpacked()
                entries = _checked(source, unpacked.notes, case_sensitive)
                _check_room(entries, target)
                _write(source, entries, target, unpacked, stop or threading.Event())
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError):
            raise FetchFailed(disk_message(error)) from error
        if isinstance(error, _BROKEN):
            raise FetchFailed(f"the archive is broken: {error}") from error
        raise
    return unpacked


def disk_message(error: OSError) -> str:
    """Return what an error of the file system means for the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk of the workspace is full (or your quota used up); make room, fetch again"
    return f"cannot write into the workspace: {error.strerror or error}"


def _check_directory(file: IO[bytes], most_entries: int) -> None:
    """Refuse a list of contents that is too long, before it is read into memory."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - 2**16 - 22)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("it has no list of contents (cut off, or no zip)")
    count, length = struct.unpack_from("<10xHL", tail, at)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # zip64
        (offset,) = struct.unpack_from("<8xQ", tail, at - 20)
        if offset + 56 > size:
            raise zipfile.BadZipFile("its list of contents lies outside")
        file.seek(offset)
        count, length = struct.unpack_from("<32xQQ", file.read(56))
    if count > most_entries:
        raise FetchFailed(f"the archive has {count} entries; at most {most_entries} are unpacked")
    if length > _LARGEST_DIRECTORY:
        raise FetchFailed(f"the archive's list of contents has {length} bytes, which is too much")


def _checked(source: zipfile.ZipFile, notes: list[str], case_sensitive: bool) -> list[_Entry]:
    """Return what to write, every name checked."""
    infos = source.infolist()
    _check_overlaps(infos, source)
    taken: dict[tuple[str, ...], tuple[str, ...]] = {}
    files: set[tuple[str, ...]] = set()
    entries = []
    for info in infos:
        parts = _safe_parts(info, notes)
        folder = info.orig_filename.endswith("/")
        _check_kind(info, folder)
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
    return FetchFailed(f"the archive is refused: the entry {shown(info.orig_filename)} {rule}")


def _safe_parts(info: zipfile.ZipInfo, notes: list[str]) -> tuple[str, ...]:
    name = info.orig_filename
    if not info.flag_bits & 0x800 and not name.isascii():
        try:
            # Without the flag, zipfile took the bytes for code page 437.
            name = name.encode("cp437").decode()
        except UnicodeError:
            raise _refused(info, "has a name that is not UTF-8") from None
    # What another system would make of it counts too.
    everywhere = name.replace("\\", "/")
    if "\x00" in name:
        raise _refused(info, "has a NUL in its name")
    if everywhere.startswith("/") or re.match(r"[A-Za-z]:/", everywhere):
        raise _refused(info, "has an absolute path")
    if ".." in everywhere.split("/"):
        raise _refused(info, 'has ".." in its path')
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts:
        raise _refused(info, "has no name")
    if max(len(part.encode()) for part in parts) > _LONGEST_PART or len(name) > _LONGEST_NAME:
        raise _refused(
            info, f"has a name of over {_LONGEST_PART} bytes (or {_LONGEST_NAME} in all)"
        )
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


def _check_kind(info: zipfile.ZipInfo, folder: bool) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        raise _refused(info, "is a link or a device, not a file")
    if info.flag_bits & 1:
        raise _refused(info, "is encrypted")
    if folder and info.file_size:
        raise _refused(info, "is a folder with content")


def _check_overlaps(infos: list[zipfile.ZipInfo], source: zipfile.ZipFile) -> None:
    """Refuse entries that share data: so a small archive would unpack to a huge one."""
    end = source.start_dir
    for info in sorted(infos, key=lambda each: each.header_offset, reverse=True):
        if info.header_offset + 30 + info.compress_size > end:
            raise _refused(info, "shares its data with another entry")
        end = info.header_offset


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
