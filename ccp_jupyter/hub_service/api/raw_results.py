"""Results as the execute request of OGC 1.0 asks for them with ``"response": "raw"``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.api.streaming import CHUNK

BINARY: Final = "application/octet-stream"
TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class RawPart:
    """One output, or one replica's file of it.

    Attributes
    ----------
    id : str
        Of the output.
    media_type, href : str
        What it is, and where it can be fetched.
    by_value : bool
        Whether its content is sent; otherwise only where it is.
    info : ZipInfo, optional
        The file in output.zip.
    data : bytes, optional
        The content of an output that is no file.
    """

    id: str
    media_type: str
    href: str
    by_value: bool
    info: zipfile.ZipInfo | None = None
    data: bytes | None = None

    @property
    def name(self) -> str:
        """Name for the file into which a browser puts it."""
        return self.info.filename if self.info else f"{self.id}.txt"

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return self.info.file_size if self.info else len(self.data or b"")


def raw_chunks(archive: Path, part: RawPart) -> Iterator[bytes]:
    """Yield the content of a part."""
    if part.info is None:
        if part.data:
            yield part.data
        return
    with zipfile.ZipFile(archive) as source, source.open(part.info) as member:
        while chunk := member.read(CHUNK):
            yield chunk


def multipart_chunks(archive: Path, parts: list[RawPart], boundary: str) -> Iterator[bytes]:
    """Yield a body ``multipart/related``: one part for each output, with its id as Content-ID.

    Parts that are sent by reference are empty and have a ``Content-Location``.
    """
    for part in parts:
        head = [f"--{boundary}", f"Content-ID: <{part.id}>", f"Content-Type: {part.media_type}"]
        if not part.by_value:
            head.append(f"Content-Location: {part.href}")
        yield "\r\n".join([*head, "", ""]).encode()
        if part.by_value:
            yield from raw_chunks(archive, part)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
