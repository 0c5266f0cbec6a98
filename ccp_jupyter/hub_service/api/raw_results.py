"""Outputs as they are sent: one file or text each, alone or as parts of one body."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.api.bodies import parse_json
from ccp_jupyter.hub_service.api.negotiation import is_json
from ccp_jupyter.hub_service.api.streaming import CHUNK
from ccp_jupyter.model.errors import InvalidDocument

BINARY: Final = "application/octet-stream"
TEXT: Final = "text/plain"
_MOST_INLINE: Final = 16
"""All values of one document together, in multiples of the largest one."""


@dataclass(frozen=True, slots=True)
class RawPart:
    """One output, or one replica's file of it.

    Attributes
    ----------
    id : str
        Of the output.
    media_type, href : str
        What it is, and where it can be fetched; no `href`: nothing is kept of it.
    by_value : bool
        Whether its content is sent; otherwise only where it is.
    info : ZipInfo, optional
        The file in output.zip.
    data : bytes, optional
        The content of an output that is no file; None too when that is too long to be sent.
    utf8 : bool
        Whether it is a text of ours, which is in UTF-8.
    """

    id: str
    media_type: str
    href: str
    by_value: bool
    info: zipfile.ZipInfo | None = None
    data: bytes | None = None
    utf8: bool = False

    @property
    def name(self) -> str:
        """Name for the file into which a browser puts it."""
        return self.info.filename if self.info else f"{self.id}.txt"

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return self.info.file_size if self.info else len(self.data or b"")

    @property
    def sent(self) -> bool:
        """Whether its content can be sent, and shall."""
        return self.by_value and (self.info is not None or self.data is not None)

    @property
    def content_type(self) -> str:
        """Value of the header for its content."""
        if self.utf8 and self.media_type == TEXT:
            return f"{TEXT}; charset=utf-8"
        return self.media_type or BINARY

    @property
    def reference(self) -> dict[str, str]:
        """Where it is, as the standard has references."""
        return {"href": self.href, "type": self.media_type or BINARY}


Parts = Mapping[str, Sequence[RawPart]]
"""By output id; an output that is not there has none."""


@contextmanager
def _opened(archive: Path, parts: Iterable[RawPart]) -> Iterator[zipfile.ZipFile | None]:
    """Open a zip once for all parts that lie in it."""
    if any(part.info is not None for part in parts):
        with zipfile.ZipFile(archive) as source:
            yield source
    else:
        yield None


def _content(source: zipfile.ZipFile | None, part: RawPart) -> Iterator[bytes]:
    if part.info is None or source is None:
        yield part.data or b""
        return
    with source.open(part.info) as member:
        while chunk := member.read(CHUNK):
            yield chunk


def raw_chunks(archive: Path, part: RawPart) -> Iterator[bytes]:
    """Yield the content of a part."""
    with _opened(archive, [part]) as source:
        yield from _content(source, part)


def multipart_chunks(archive: Path, parts: Sequence[RawPart], boundary: str) -> Iterator[bytes]:
    """Yield a body ``multipart/related``: one part for each output, with its id as Content-ID.

    Parts that are sent by reference are empty and have a ``Content-Location``.
    """
    with _opened(archive, parts) as source:
        yield from _bodies(source, parts, boundary)
    yield f"--{boundary}--\r\n".encode()


def _bodies(
    source: zipfile.ZipFile | None, parts: Iterable[RawPart], boundary: str
) -> Iterator[bytes]:
    for part in parts:
        head = [f"--{boundary}", f"Content-ID: <{part.id}>", f"Content-Type: {part.content_type}"]
        if not part.sent:
            head.append(f"Content-Location: {part.href}")
        yield "\r\n".join([*head, "", ""]).encode()
        if part.sent:
            yield from _content(source, part)
        yield b"\r\n"


def inline(data: bytes, media_type: str) -> tuple[bool, Any]:
    """Return whether a document can carry a content by value, and how.

    JSON is parsed; an object becomes a qualified value, as the standard wants it. Other text stays
    text. What is neither valid JSON nor text is not carried.
    """
    if is_json(media_type):
        try:
            value = parse_json(data)
        except InvalidDocument:
            return False, None
        if isinstance(value, dict) or value is None:
            return True, {"value": value, "mediaType": media_type}
        return True, value
    if media_type and not media_type.lower().startswith("text/"):
        return False, None
    try:
        return True, data.decode()
    except UnicodeDecodeError:
        return False, None


def shown(archive: Path, parts: Parts, limit: int) -> dict[str, list[Any]]:
    """Return what a document says of each part: its value, or where it is.  Blocks.

    Parameters
    ----------
    archive : Path
        output.zip; is opened only when a part lies in it.
    parts : mapping
        By output id.
    limit : int
        Largest content that is carried by value, bytes; 0: all by reference.
    """
    room = limit * _MOST_INLINE
    found: dict[str, list[Any]] = {name: [] for name in parts}
    every = [part for each in parts.values() for part in each]
    with _opened(archive, every) as source:
        for part in every:
            possible, value = False, None
            if limit and part.sent and part.size <= min(limit, room):
                possible, value = inline(b"".join(_content(source, part)), part.media_type)
                room -= part.size
            found[part.id].append(value if possible else part.reference)
    return found
