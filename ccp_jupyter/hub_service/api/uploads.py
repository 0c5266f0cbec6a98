"""Request bodies that are too large for memory: they go to the disk while they arrive."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final, cast

from tornado.http1connection import HTTP1Connection

from ccp_jupyter.hub_service.api import bodies
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.operations import JSON, Body

MOST_AT_ONCE: Final = 2
"""Uploads of one user at one time."""
_PIECE: Final = 2**20
"""Written at a time, since each write costs a change of threads."""
_RESERVE: Final = 256 * 2**20
"""Bytes of the disk that are left to others."""
_TIMEOUT: Final = 3600.0
"""Seconds in which such a body must arrive."""


class Upload:
    """A body on its way to the disk, in a folder of its own.

    Parameters
    ----------
    folder : Path
        Empty; removed by `discard` with all in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "body"
        self.size = 0
        self._file: IO[bytes] = self.path.open("xb")
        self._gathered = bytearray()
        self._lock = asyncio.Lock()

    async def add(self, chunk: bytes) -> None:
        """Take a piece.  Raises `OSError`."""
        self.size += len(chunk)
        self._gathered += chunk
        if len(self._gathered) >= _PIECE:
            await self.flush()

    async def flush(self) -> None:
        """Write what is gathered.  Raises `OSError`."""
        async with self._lock:
            gathered, self._gathered = bytes(self._gathered), bytearray()
            await asyncio.to_thread(self._write, gathered)

    def _write(self, data: bytes) -> None:
        if self._file.closed:  # the caller has gone away meanwhile
            return
        if shutil.disk_usage(self.folder).free < _RESERVE:
            raise OSError(errno.ENOSPC, "the rest of the disk is for others")
        self._file.write(data)
        self._file.flush()

    async def discard(self) -> None:
        """Remove the folder with all in it."""
        async with self._lock:
            self._file.close()
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class UploadHandler(ApiHandler):
    """Base of handlers whose body goes to the disk; see `uploaded`."""

    media_type = ""
    """Of the body, in lower case, without parameters."""
    _upload: Upload | None = None
    _limit = 0
    _working = False
    _counted = False

    def largest(self, media_type: str) -> int:
        """Return how many bytes a body may have: documents are read into memory, archives not."""
        options = self.services.options
        return options.max_body if media_type == JSON else options.max_import

    def _expect_body(self, body: Body) -> None:
        kind = self.request.headers.get("Content-Type", "")
        bodies.check_content_type(kind, tuple(body.content), body.unsupported)
        self.media_type = kind.split(";")[0].strip().lower()
        bodies.check_content_encoding(self.request.headers.get("Content-Encoding", "identity"))
        self._limit = self.largest(self.media_type)
        if self.body_size() > self._limit:
            raise bodies.too_large(self._limit)
        free = shutil.disk_usage(self.services.folders.root).free
        if self.body_size() + _RESERVE > free:
            raise ApiError(507, "The service's disk has no room for it; nothing was changed")
        self._count()
        connection = cast("HTTP1Connection", self.request.connection)
        connection.set_max_body_size(max(self._limit, self.settings["max_drain"]))
        connection.set_body_timeout(_TIMEOUT)
        self._upload = Upload(self.services.folders.incoming())

    def _count(self) -> None:
        """Count the upload in.  Raises `ApiError` 429."""
        uploads, name = self.shared.uploads, self.caller.name
        if uploads.get(name, 0) >= MOST_AT_ONCE:
            raise ApiError(
                429,
                f"You have {MOST_AT_ONCE} imports under way; wait until one has ended",
                headers={"Retry-After": "5"},
            )
        uploads[name] = uploads.get(name, 0) + 1
        self._counted = True

    async def data_received(self, chunk: bytes) -> None:
        """Write a piece of the body, before the next one is read; or drop it."""
        upload = self._upload
        if upload is None:
            return
        try:
            if upload.size + len(chunk) > self._limit:
                raise bodies.too_large(self._limit)
            await upload.add(chunk)
        except (ApiError, OSError) as error:
            await self._discard()
            self.refuse(_told(error))

    @asynccontextmanager
    async def uploaded(self) -> AsyncIterator[Upload]:
        """Give the body, complete and on the disk; it is gone afterwards."""
        upload = self._upload
        if upload is None:
            raise ApiError(400, "The connection ended before the body was complete")
        self._working = True
        try:
            await upload.flush()
            yield upload
        except OSError as error:
            raise _told(error) from error
        finally:
            self._working = False
            await self._discard()

    async def _discard(self) -> None:
        upload, self._upload = self._upload, None
        if self._counted:
            self._counted = False
            uploads, name = self.shared.uploads, self.caller.name
            uploads[name] -= 1
            if not uploads[name]:
                del uploads[name]
        if upload is not None:
            await upload.discard()

    def on_finish(self) -> None:
        """Let go of the body."""
        super().on_finish()
        self._drop_upload()

    def on_connection_close(self) -> None:
        """Let go of the body, unless it is being worked with."""
        super().on_connection_close()
        self._drop_upload()

    def _drop_upload(self) -> None:
        if not self._working and (self._upload is not None or self._counted):
            self._dropping = asyncio.ensure_future(self._discard())


def _told(error: Exception) -> Exception:
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return ApiError(507, "The service's disk is full; nothing was changed")
    return error
