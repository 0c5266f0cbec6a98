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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, cast

from ccp_jupyter.hub_service import manifests
from ccp_jupyter.hub_service.manifests import Hashed
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.manifest import Manifest, OutputFile

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
    result: dict[str, Any] | None = None
    """What the agent of a batch reported."""
    listed: dict[str, OutputFile] = field(default_factory=dict)
    """The files by path; of several of one path the last, as readers of zips take it."""

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
        Complete when the function returns; not there when it raises. Its manifest lies beside it,
        see `manifest_beside`.
    limits : Limits
        `output_size` and `output_files` count.

    Raises
    ------
    OutputsTooLarge, NoRoom
    tarfile.TarError
        The stream is damaged or was cut off.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_or_nothing(target) as partial:
        packed = _write(archive, partial, limits)
        write_manifest(target, packed)
        return packed


def manifest_beside(part: Path) -> Path:
    """Return where the manifest of a Task's zip lies until all are joined."""
    return part.with_suffix(".json")


def write_manifest(part: Path, packed: Packed) -> None:
    """Write the manifest of a Task's zip, before the zip gets its name."""
    manifests.write(manifest_beside(part), Manifest.of(packed.listed.values()))


def drop_part(part: Path) -> None:
    """Delete a Task's zip with its manifest; no error when they are not there."""
    part.unlink(missing_ok=True)
    manifest_beside(part).unlink(missing_ok=True)


def join(parts: Mapping[str, Path], target: Path, listing: Path) -> Manifest:
    """Make one zip of the Tasks' zips, each in a folder of this name.

    Compressed data is copied as it is. A single part without a folder's name is not copied at all.

    Parameters
    ----------
    parts : mapping of str to Path
        Folder's name to zip. They are gone afterwards.
    target, listing : Path
        The zip, and its manifest: that is written first, so that a zip has one always.

    Raises
    ------
    NoRoom
    """
    with room():
        manifest = _joined_manifest(parts)
        manifests.write(listing, manifest)
    if list(parts) == [""]:
        parts[""].replace(target)
    else:
        _copy_parts(parts, target)
    for part in parts.values():
        drop_part(part)
    return manifest


def _joined_manifest(parts: Mapping[str, Path]) -> Manifest:
    found: list[OutputFile] = []
    for folder, part in parts.items():
        files = manifests.kept(manifest_beside(part), part).files
        prefix = f"{folder}/" if folder else ""
        found += [file.model_copy(update={"path": prefix + file.path}) for file in files]
    return Manifest.of(found)


def _copy_parts(parts: Mapping[str, Path], target: Path) -> None:
    with (
        whole_or_nothing(target) as partial,
        zipfile.ZipFile(partial, "w", allowZip64=True) as joined,
    ):
        for folder, part in parts.items():
            with zipfile.ZipFile(part) as source:
                for info in source.infolist():
                    _copy_entry(source, info, joined, f"{folder}/{info.filename}")


def _write(archive: IO[bytes], partial: Path, limits: Limits) -> Packed:
    packed = Packed()
    links: list[tuple[str, str, str]] = []
    whole = Whole(archive)
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
                packed.listed[name] = _write_file(tar, member, name, target)
            elif member.isdir():
                target.writestr(_info(member, f"{name}/"), b"")
            else:
                packed.note(f"{name} is no ordinary file and was left out")
    whole.check()
    if links:
        _copy_links(partial, links, packed, limits)
    return packed


class Whole:
    """Passes a tar on and notices when it is cut off, which tarfile takes for the end."""

    def __init__(self, archive: IO[bytes]) -> None:
        self._archive = archive
        self._tail = b""

    def read(self, size: int) -> bytes:
        """Read on."""
        data = self._archive.read(size)
        self._tail = (self._tail + data[-_END:])[-_END:]
        return data

    def check(self) -> None:
        """Read to the end.  Raises `tarfile.ReadError` when that was too early."""
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
) -> OutputFile:
    source = tar.extractfile(member)
    if source is None:  # only for members that are no files
        raise ValueError(f"{name} is no file")
    first = source.read(_CHUNK)
    info = _info(member, name)
    info.compress_type = zipfile.ZIP_DEFLATED if _is_compressible(first) else zipfile.ZIP_STORED
    with target.open(info, "w", force_zip64=member.size > 2**31) as sink:
        # Here, where the data passes anyway: nothing is read twice for it.
        hashed = Hashed(sink)
        hashed.write(first)
        shutil.copyfileobj(source, hashed, _CHUNK)
    return hashed.file(name)


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
            packed.listed[name] = packed.listed[inside].model_copy(update={"path": name})


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
def whole_or_nothing(target: Path) -> Iterator[Path]:
    """Give a path to write to; at the end it is flushed to the disk and becomes the target."""
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)  # a process that is about to end may have it open still
    try:
        with room():
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Raise `NoRoom` when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom("The service's disk is full") from error
        raise
