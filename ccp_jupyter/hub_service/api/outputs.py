"""Output files of an Execution: the list, single files, and output.zip with ranges."""

from __future__ import annotations

import asyncio
import mimetypes
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.api.documents import page_links
from ccp_jupyter.hub_service.api.errors import RESULT_NOT_AVAILABLE, RESULT_NOT_READY, ApiError
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.links import member_path
from ccp_jupyter.hub_service.api.operations import ZIP
from ccp_jupyter.hub_service.api.results import ARCHIVE
from ccp_jupyter.hub_service.api.streaming import (
    CHUNK,
    DownloadHandler,
    file_chunks,
    parse_range,
)
from ccp_jupyter.hub_service.manifests import manifest_of
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.states import is_final


class OutputHandlerBase(JobHandlerBase):
    """What the handlers of output files have in common."""

    async def archive(self, job_id: str) -> tuple[Execution, Path]:
        """Return an Execution and its output.zip.  Raises `ApiError` 404."""
        execution = await self.visible(job_id)
        if execution.output_size is None:
            if is_final(execution.status):
                detail = f"This Execution has no output files: {execution.message}"
                raise ApiError(404, detail, RESULT_NOT_AVAILABLE)
            detail = f"The Execution is {execution.status}; its files come when it has ended"
            raise ApiError(404, detail, RESULT_NOT_READY)
        return execution, self.services.folders.outputs(execution.id)


class OutputsHandler(OutputHandlerBase):
    """The list of output files."""

    async def get(self, job_id: str) -> None:
        """List the files of output.zip."""
        execution, archive = await self.archive(job_id)
        offset, limit = self.query["offset"], self.query["limit"]
        base = self.base_url
        path = f"jobs/{execution.id}/outputs"
        manifest = await manifest_of(self.services.folders, execution)
        if manifest is None:
            raise ApiError(404, "Its files are not there any more", RESULT_NOT_AVAILABLE)
        digest = execution.output_digest or await asyncio.to_thread(lambda: manifest.digest)
        files, count = await asyncio.to_thread(
            _listed, archive, manifest, f"{base}{path}/", offset, limit
        )
        following = offset + len(files) if offset + len(files) < count else None
        self.reply(
            {
                "files": files,
                "count": count,
                "size": execution.output_size,
                "digest": digest,
                "links": page_links(base, path, "", offset, limit, following),
            }
        )


class OutputFileHandler(OutputHandlerBase, DownloadHandler):
    """One output file, or output.zip itself."""

    async def get(self, job_id: str, path: str) -> None:
        """Send it."""
        _, archive = await self.archive(job_id)
        if path == ARCHIVE:
            await self._send_archive(archive)
        else:
            await self._send_member(archive, path)

    async def _send_archive(self, archive: Path) -> None:
        stat = await asyncio.to_thread(archive.stat)
        tag = f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'
        self.set_header("Etag", tag)
        self.set_header("Accept-Ranges", "bytes")
        if self.check_etag_header():
            self.unchanged()
            return
        part = None
        if self.request.headers.get("If-Range", tag) == tag:
            part = parse_range(self.request.headers.get("Range", ""), stat.st_size)
        start, length = part or (0, stat.st_size)
        if part:
            self.set_status(206)
            last = start + length - 1
            self.set_header("Content-Range", f"bytes {start}-{last}/{stat.st_size}")
        self.announce(ARCHIVE, ZIP, length)
        await self.send_chunks(file_chunks(archive, start, length))

    async def _send_member(self, archive: Path, path: str) -> None:
        opened = await asyncio.to_thread(open_member, archive, path)
        if opened is None:
            raise ApiError(404, f"There is no output file {shown(path)}", RESULT_NOT_AVAILABLE)
        source, info = opened
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        self.announce(path, kind, info.file_size)
        await self.send_chunks(member_chunks(source, info))


def _listed(
    archive: Path, manifest: Manifest, base: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    with zipfile.ZipFile(archive) as source:
        infos = [info for info in source.infolist() if not info.is_dir()]
    wanted = infos[offset : offset + limit]
    digests = {each.path: each.sha256 for each in manifest.files}
    return [_file(info, digests[info.filename], base) for info in wanted], len(infos)


def _file(info: zipfile.ZipInfo, sha256: str, base: str) -> dict[str, Any]:
    year, month, day, hour, minute, second = info.date_time
    return {
        "path": info.filename,
        "size": info.file_size,
        "compressed": info.compress_size,
        "sha256": sha256,
        "modified": f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}",
        "href": base + member_path(info.filename),
    }


def open_member(archive: Path, path: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo] | None:
    """Open a zip for one of its files; None when it has no such file."""
    source = zipfile.ZipFile(archive)
    try:
        info = source.getinfo(path)
    except KeyError:
        info = None
    if info is None or info.is_dir():
        source.close()
        return None
    return source, info


def member_chunks(source: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a file of a zip, and close the zip."""
    with source, source.open(info) as member:
        while chunk := member.read(CHUNK):
            yield chunk
