"""From the tar stream of /ccp_data to output.zip, in constant memory.

All functions block and run in worker threads.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from ccp_jupyter.model.infrastructure import Limits

_CHUNK: Final = 256 * 1024
_LEVEL: Final = 4  # nearly the size of level 6 in half its time
_WORTH_IT: Final = 0.95  # of the first chunk's size after compression; above it is kept as it is
_MOST_NOTES: Final = 50
_END: Final = 1024  # a tar ends with so many zero bytes at least


class OutputsTooLarge(Exception):
    """/ccp_data holds more than the Infrastructure allows; the text says what."""


class NoRoom(Exception):
    """The service's disk is full."""


@dataclass(slots=True)
class Packed:
    """What became of /ccp_data."""

    files: int = 0
    size: int = 0
    """Bytes before compression."""
    notes: list[str] = field(default_factory=list)
    """What was left out or renamed, in words for the user."""

    def note(self, text: str) -> None:
        """Add a note, unless there are very many already."""
        if len(self.notes) == _MOST_NOTES:
            self.notes.append("… and more")
        elif len(self.notes) < _MOST_NOTES:
            self.notes.append(text)


def pack(archive: IO[bytes], target: Path, limits: Limits) -> Packed:
    """Write a zip from an engine's tar stream of a folder.

    Links to other files of the folder become copies; links to elsewhere, devices and sockets are
    left out with a note. Names that are not UTF-8 get ``%XX`` for the bytes in question.

    Parameters
    ----------
    archive : file
        Uncompressed tar; names begin with the folder's own.
    target : Path
        Complete when the function returns; not there when it raises.
    limits : Limits
        `output_size` and `output_files` count.

    Raises
    ------
    OutputsTooLarge, NoRoom
    tarfile.TarError
        The stream is damaged or was cut off.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _whole_or_nothing(target) as partial:
        return _write(archive, partial, limits)


def join(parts: Sequence[Path], target: Path) -> None:
    """Make one zip of the replicas' zips; replica *k* lies in the folder ``replica-k``.

    Compressed data is copied as it is. A single part is not copied at all, and lies at the top.

    Raises
    ------
    NoRoom
    """
    if len(parts) == 1:
        parts[0].replace(target)
        return
    with (
        _whole_or_nothing(target) as partial,
        zipfile.ZipFile(partial, "w", allowZip64=True) as joined,
    ):
        for number, part in enumerate(parts, 1):
            with zipfile.ZipFile(part) as source:
                for info in source.infolist():
                    _copy_entry(source, info, joined, f"replica-{number}/{info.filename}")
    for part in parts:
        part.unlink(missing_ok=True)


def _write(archive: IO[bytes], partial: Path, limits: Limits) -> Packed:
    packed = Packed()
    links: list[tuple[str, str, str]] = []
    whole = _Whole(archive)
    with (
        tarfile.open(fileobj=cast("IO[bytes]", whole), mode="r|", bufsize=_CHUNK) as tar,
        zipfile.ZipFile(partial, "w", allowZip64=True) as target,
    ):
        for member in tar:
            raw = PurePosixPath(member.name)
            name = _zip_name(PurePosixPath(*raw.parts[1:]), packed)
            if name is None:
                continue
            if member.issym() or member.islnk():
                links.append((name, _inside(member, raw), member.linkname))
            elif member.isfile():
                _count(packed, member, name, limits)
                _write_file(tar, member, name, target)
            elif member.isdir():
                target.writestr(_info(member, f"{name}/"), b"")
            else:
                packed.note(f"{name} is no ordinary file and was left out")
    whole.check()
    if links:
        _copy_links(partial, links, packed, limits)
    return packed


class _Whole:
    """Passes a tar on and notices when it is cut off, which tarfile takes for the end."""

    def __init__(self, archive: IO[bytes]) -> None:
        self._archive = archive
        self._tail = b""

    def read(self, size: int) -> bytes:
        data = self._archive.read(size)
        self._tail = (self._tail + data[-_END:])[-_END:]
        return data

    def check(self) -> None:
        while self.read(_CHUNK):
            pass
        if self._tail != bytes(_END):
            raise tarfile.ReadError("the stream from the engine was cut off")


def _zip_name(path: PurePosixPath, packed: Packed) -> str | None:
    name = str(path)
    if name == "." or ".." in path.parts:
        return None
    try:
        name.encode()
    except UnicodeEncodeError:
        safe = "".join(f"%{ord(c) - 0xDC00:02X}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in name)
        packed.note(f"the name of {safe} is not UTF-8; %XX stands for the bytes in question")
        return safe
    return name


def _inside(member: tarfile.TarInfo, raw: PurePosixPath) -> str:
    """Return the path, below the folder, that a link points to; empty when it leads outside."""
    link = PurePosixPath(member.linkname)
    if member.islnk():
        base = link
    elif link.is_absolute():
        base = PurePosixPath(*link.parts[1:])
    else:
        base = PurePosixPath(os.path.normpath(raw.parent / link))
    return str(PurePosixPath(*base.parts[1:])) if base.parts[:1] == raw.parts[:1] else ""


def _count(packed: Packed, member: tarfile.TarInfo, name: str, limits: Limits) -> None:
    packed.files += 1
    packed.size += member.size
    if packed.size > limits.output_size:
        raise OutputsTooLarge(
            f"/ccp_data holds more than the {limits.output_size} bytes that the Infrastructure"
            f" allows (at {name} with {member.size} bytes)"
        )
    if packed.files > limits.output_files:
        raise OutputsTooLarge(
            f"/ccp_data holds more than the {limits.output_files} files that the Infrastructure"
            " allows"
        )


def _write_file(
    tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, target: zipfile.ZipFile
) -> None:
    source = tar.extractfile(member)
    if source is None:  # only for members that are no files
        raise ValueError(f"{name} is no file")
    first = source.read(_CHUNK)
    info = _info(member, name)
    info.compress_type = zipfile.ZIP_DEFLATED if _is_compressible(first) else zipfile.ZIP_STORED
    with target.open(info, "w", force_zip64=member.size > 2**31) as sink:
        sink.write(first)
        shutil.copyfileobj(source, sink, _CHUNK)


def _is_compressible(chunk: bytes) -> bool:
    return len(zlib.compress(chunk, 1)) < len(chunk) * _WORTH_IT


def _info(member: tarfile.TarInfo, name: str) -> zipfile.ZipInfo:
    # Zip has no times before 1980.
    moment = time.gmtime(max(member.mtime, 315_532_800))
    info = zipfile.ZipInfo(name, moment[:6])
    kind = stat.S_IFDIR if name.endswith("/") else stat.S_IFREG
    info.external_attr = (kind | (member.mode & 0o777)) << 16
    info._compresslevel = _LEVEL  # type: ignore[attr-defined]
    return info


def _copy_links(
    partial: Path, links: list[tuple[str, str, str]], packed: Packed, limits: Limits
) -> None:
    # A second pass, because the stream comes once and a link may stand before its target.
    with (
        zipfile.ZipFile(partial, "a", allowZip64=True) as target,
        zipfile.ZipFile(partial) as source,
    ):
        for name, inside, link in links:
            try:
                info = source.getinfo(inside)
            except KeyError:
                packed.note(f"{name} is a link to {link}, which is not in /ccp_data: left out")
                continue
            packed.size += info.file_size
            packed.files += 1
            if packed.size > limits.output_size or packed.files > limits.output_files:
                raise OutputsTooLarge("/ccp_data with its links is larger than allowed")
            _copy_entry(source, info, target, name)


def _copy_entry(
    source: zipfile.ZipFile, info: zipfile.ZipInfo, target: zipfile.ZipFile, name: str
) -> None:
    """Copy an entry with its compressed data as it is; zipfile has no public way to do that."""
    if source.fp is None or target.fp is None:
        raise ValueError("zip file is closed")
    copy = zipfile.ZipInfo(name, info.date_time)
    for member in ("compress_type", "external_attr", "CRC", "compress_size", "file_size"):
        setattr(copy, member, getattr(info, member))
    source.fp.seek(info.header_offset)
    local = source.fp.read(30)
    skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    data_at = info.header_offset + 30 + skip
    target.fp.seek(target.start_dir)
    copy.header_offset = target.fp.tell()
    target.fp.write(copy.FileHeader(zip64=copy.file_size > 2**31 - 1))
    left = copy.compress_size
    while left:
        source.fp.seek(data_at)
        chunk = source.fp.read(min(_CHUNK, left))
        if not chunk:
            raise zipfile.BadZipFile(f"{info.filename} is cut off")
        target.fp.write(chunk)
        data_at += len(chunk)
        left -= len(chunk)
    target.start_dir = target.fp.tell()
    target.filelist.append(copy)
    target.NameToInfo[copy.filename] = copy
    target._didModify = True  # type: ignore[attr-defined]


@contextlib.contextmanager
def _whole_or_nothing(target: Path) -> Iterator[Path]:
    """Give a path to write to; at the end it is flushed to the disk and becomes the target."""
    partial = target.with_suffix(".partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom("The service's disk is full") from error
        raise
    finally:
        partial.unlink(missing_ok=True)
