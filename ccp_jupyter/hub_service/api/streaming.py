"""Sending large answers: blocking readers in threads, constant memory, clean ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import member_path

CHUNK: Final = 512 * 1024
_RANGE: Final = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")


class DownloadHandler(ApiHandler):
    """Base of handlers that send files."""

    def announce(self, name: str, media_type: str, size: int | None = None) -> None:
        """Set the headers of a download.

        Users' files are never shown as part of the hub's site: they could hold scripts.
        """
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{_quoted(name)}")
        if size is not None:
            self.set_header("Content-Length", str(size))

    async def send_chunks(self, chunks: Iterator[bytes]) -> None:
        """Send what a blocking iterator gives, at the speed at which the caller takes it.

        Parameters
        ----------
        chunks : iterator of bytes
            Runs in a thread. When it raises in the middle, the connection is cut, so that nobody
            takes the answer for complete.
        """
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return  # the caller went away
        except Exception as error:
            if not self._headers_written:
                raise
            self.log_exception(type(error), error, error.__traceback__)
            self.abort()
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                await asyncio.to_thread(close)


def _quoted(name: str) -> str:
    return member_path(name.rsplit("/", 1)[-1]).replace("/", "%2F") or "file"


def file_chunks(path: Path, start: int, length: int) -> Iterator[bytes]:
    """Yield a part of a file.

    Raises
    ------
    OSError
        It cannot be read, or is shorter than `start` + `length`.
    """
    with path.open("rb") as file:
        file.seek(start)
        while length > 0:
            chunk = file.read(min(CHUNK, length))
            if not chunk:
                raise OSError(f"{path.name} became shorter while it was sent")
            length -= len(chunk)
            yield chunk


def parse_range(value: str, size: int) -> tuple[int, int] | None:
    """Return begin and length of the part that a ``Range`` header asks for.

    Parameters
    ----------
    value : str
        The header. Several ranges, and units other than bytes, may be ignored and are.
    size : int
        Of the whole file, bytes.

    Returns
    -------
    tuple of int, int, or None
        None for the whole file.

    Raises
    ------
    ApiError
        416: the part lies outside of the file.
    """
    match = _RANGE.fullmatch(value.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
        if last and int(last) < int(first):
            return None  # not a valid range, so it counts as none (RFC 9110)
    if start > end:
        raise ApiError(
            416,
            f"Range: the file has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end - start + 1
