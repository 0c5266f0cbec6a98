"""Zips as a container's outputs make them, and as somebody hostile makes them."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Iterable


def entry(name: str, mode: int = stat.S_IFREG | 0o644, **members: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    for member, value in members.items():
        setattr(info, member, value)
    return info


def make(files: dict[str, bytes] | Iterable[tuple[zipfile.ZipInfo, bytes]]) -> bytes:
    """Return a zip; a dictionary holds names and contents, names that end with "/" are folders."""
    entries = (
        [
            (
                entry(name, stat.S_IFDIR | 0o755 if name.endswith("/") else stat.S_IFREG | 0o644),
                data,
            )
            for name, data in files.items()
        ]
        if isinstance(files, dict)
        else files
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for info, data in entries:
            target.writestr(info, data)
    return buffer.getvalue()


def with_name(raw: bytes) -> bytes:
    """Return a zip with one entry whose name is these bytes, which zipfile itself would change."""
    placeholder = b"x" * len(raw)
    return make({placeholder.decode(): b"content"}).replace(placeholder, raw)


def with_declared_size(size: int) -> bytes:
    """Return a zip whose list of contents announces another size than there is."""
    data = bytearray(make({"a": b"x" * 1000}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", size)
    return bytes(data)


def with_overlap() -> bytes:
    """Return a zip in which two entries share their data, as the best known bombs do."""
    data = bytearray(make({"a": b"x" * 1000, "b": b"x" * 1000}))
    second = data.rfind(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    data[second + 46 : second + 47] = b"b"
    return bytes(data)


def encrypted() -> bytes:
    """Return a zip whose entry says that it is encrypted."""
    data = bytearray(make({"a": b"x"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark) + offset
        data[at] |= 1
    return bytes(data)
