"""What a zip from elsewhere must keep, before any of it is unpacked. Reads what it is given only.

Hostile zips lie: about sizes, about where entries are, about what their names mean. Client and
service refuse them by the same rules.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterable
from typing import IO, Final

from ccp_jupyter.model.errors import shown

LONGEST_PART: Final = 255
LONGEST_NAME: Final = 2000
_LARGEST_DIRECTORY: Final = 256 * 2**20
_END: Final = 22
"""Bytes of the record at the end of a zip, without its comment."""


class UnsafeZip(ValueError):
    """A zip is not unpacked; the text says why."""

    def __init__(self, rule: str, entry: str = "") -> None:
        self.rule = rule
        self.entry = entry
        """Name of the entry that breaks the rule, shortened; empty for the whole zip."""
        super().__init__(f"the entry {entry} {rule}" if entry else rule)


def refused(info: zipfile.ZipInfo, rule: str) -> UnsafeZip:
    """Return the error for an entry."""
    return UnsafeZip(rule, shown(info.orig_filename))


def check_directory(file: IO[bytes], most_entries: int) -> None:
    """Refuse a list of contents that is too long, before it is read into memory.

    Raises
    ------
    UnsafeZip
        It is too long.
    zipfile.BadZipFile
        It is no zip, or cut off.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - 2**16 - _END)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END:
        raise zipfile.BadZipFile("it has no list of contents (cut off, or no zip)")
    count, length = struct.unpack_from("<10xHL", tail, at)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # zip64
        (offset,) = struct.unpack_from("<8xQ", tail, at - 20)
        if offset + 56 > size:
            raise zipfile.BadZipFile("its list of contents lies outside")
        file.seek(offset)
        count, length = struct.unpack_from("<32xQQ", file.read(56))
    if count > most_entries:
        raise UnsafeZip(f"the archive has {count} entries; at most {most_entries} are unpacked")
    if length > _LARGEST_DIRECTORY:
        raise UnsafeZip(f"the archive's list of contents has {length} bytes, which is too much")


def safe_name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry, which leads nowhere outside.  Raises `UnsafeZip`."""
    name = info.orig_filename
    if not info.flag_bits & 0x800 and not name.isascii():
        try:
            # Without the flag, zipfile took the bytes for code page 437.
            name = name.encode("cp437").decode()
        except UnicodeError:
            raise refused(info, "has a name that is not UTF-8") from None
    # What another system would make of it counts too.
    everywhere = name.replace("\\", "/")
    if "\x00" in name:
        raise refused(info, "has a NUL in its name")
    if everywhere.startswith("/") or re.match(r"[A-Za-z]:/", everywhere):
        raise refused(info, "has an absolute path")
    if ".." in everywhere.split("/"):
        raise refused(info, 'has ".." in its path')
    parts = parts_of(name)
    if not parts:
        raise refused(info, "has no name")
    if max(len(part.encode()) for part in parts) > LONGEST_PART or len(name) > LONGEST_NAME:
        raise refused(info, f"has a name of over {LONGEST_PART} bytes (or {LONGEST_NAME} in all)")
    return name


def parts_of(name: str) -> tuple[str, ...]:
    """Return the steps of a name."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is a folder."""
    return info.orig_filename.endswith("/")


def check_kind(info: zipfile.ZipInfo) -> None:
    """Refuse what is neither a plain file nor a folder.  Raises `UnsafeZip`."""
    folder = is_folder(info)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        raise refused(info, "is a link or a device, not a file")
    if info.flag_bits & 1:
        raise refused(info, "is encrypted")
    if folder and info.file_size:
        raise refused(info, "is a folder with content")


def check_overlaps(infos: Iterable[zipfile.ZipInfo], end: int) -> None:
    """Refuse entries that share data: so a small archive would unpack to a huge one.

    Parameters
    ----------
    infos : iterable of ZipInfo
        All entries.
    end : int
        Where the list of contents begins.

    Raises
    ------
    UnsafeZip
    """
    for info in sorted(infos, key=lambda each: each.header_offset, reverse=True):
        if info.header_offset + 30 + info.compress_size > end:
            raise refused(info, "shares its data with another entry")
        end = info.header_offset
