"""Files that travel inside an execute request, without being held in memory."""

from __future__ import annotations

import asyncio
import base64
import json
import mimetypes
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccp_jupyter.client.errors import CcpError
from ccp_jupyter.client.transport import Body

_CHUNK = 3 * 2**18  # a multiple of 3, so that pieces of base64 can be joined


@dataclass(frozen=True)
class Upload:
    """Content of one file, from the disk or from memory."""

    source: Path | bytes
    size: int
    media_type: str

    @property
    def encoded_size(self) -> int:
        """Bytes of the base64 text."""
        return (self.size + 2) // 3 * 4

    async def encoded(self) -> AsyncIterator[bytes]:
        """Yield the content as base64.

        Raises
        ------
        CcpError
            The file is not what it was when the request was made up.
        """
        if isinstance(self.source, bytes):
            for start in range(0, len(self.source), _CHUNK):
                yield base64.b64encode(self.source[start : start + _CHUNK])
            return
        left = self.size
        with await asyncio.to_thread(self.source.open, "rb") as file:
            while left:
                chunk = await asyncio.to_thread(file.read, min(_CHUNK, left))
                if not chunk or (len(chunk) % 3 and len(chunk) < left):
                    raise CcpError(f"{self.source} became shorter while it was sent")
                left -= len(chunk)
                yield base64.b64encode(chunk)


class Request:
    """An execute request under construction: a JSON document with holes for files."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._uploads: list[Upload] = []

    def hole(self, upload: Upload) -> str:
        """Return the text that stands in the document for a file's content."""
        self._uploads.append(upload)
        return f"{self._mark}:{len(self._uploads) - 1}"

    def body(self, document: dict[str, Any]) -> Body:
        """Return the body: the document as JSON, its holes filled while it is sent."""
        text = json.dumps(document, allow_nan=False, ensure_ascii=True)
        parts: list[bytes | Upload] = []
        for n, part in enumerate(re.split(rf"{self._mark}:(\d+)", text)):
            parts.append(self._uploads[int(part)] if n % 2 else part.encode())
        size = sum(p.encoded_size if isinstance(p, Upload) else len(p) for p in parts)

        async def chunks() -> AsyncIterator[bytes]:
            for part in parts:
                if isinstance(part, bytes):
                    yield part
                    continue
                async for piece in part.encoded():
                    yield piece

        return Body(size, chunks)


def guessed_type(name: str, declared: str) -> str:
    """Return a media type: the declared one if it says more than "text", else by the name."""
    if declared and declared not in ("text/plain", "application/octet-stream"):
        return declared
    return mimetypes.guess_type(name)[0] or declared or "application/octet-stream"
