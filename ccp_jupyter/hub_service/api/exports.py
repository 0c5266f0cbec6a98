"""Methods as files: one as JSON, several or a category as a zip."""

from __future__ import annotations

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from ccp_jupyter.hub_service.api.access import may_change
from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, NO_SUCH_PROCESS, ApiError
from ccp_jupyter.hub_service.api.identity import Caller
from ccp_jupyter.hub_service.api.operations import JSON, ZIP
from ccp_jupyter.hub_service.api.processes import MethodHandler
from ccp_jupyter.hub_service.api.streaming import DownloadHandler, file_chunks
from ccp_jupyter.hub_service.store.base import MethodQuery
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.file_names import method_file_name, numbered, plain_name
from ccp_jupyter.model.sharing import Sharing, with_sharing
from ccp_jupyter.model.stored_method import StoredMethod

_PAGE: Final = 100


def exported(method: StoredMethod, caller: Caller) -> dict[str, Any]:
    """Return the document of a Method for a file; for others it says not with whom it is shared."""
    if may_change(caller, method):
        return method.document
    return with_sharing(method.document, Sharing())


def file_name(method: StoredMethod) -> str:
    """Return the name of a Method's file."""
    return method_file_name(method.title, str(method.document.get("version", "")))


class MethodExportHandler(MethodHandler, DownloadHandler):
    """One Method as a file."""

    pages: ClassVar[bool] = False

    async def get(self, process_id: str) -> None:
        """Send it, or one of its older revisions."""
        method = await self.stored(process_id)
        revision = self.query["revision"]
        if revision not in (None, method.revision):
            old = await self.services.store.get_revision(process_id, revision)
            if old is None:
                detail = f"Method {shown(process_id)} has no revision {revision}"
                raise ApiError(404, detail, NO_SUCH_PROCESS)
            method = old
        body = _text(exported(method, self.caller))
        self.announce(file_name(method), JSON, len(body))
        self.finish(body)


class MethodsExportHandler(MethodHandler, DownloadHandler):
    """Several Methods as a zip."""

    pages: ClassVar[bool] = False

    async def get(self) -> None:
        """Send those with these ids, or those of a category."""
        ids, category = self.query["ids"], self.query["category"]
        if bool(ids) == (category is not None):
            detail = "ids, category: give one of them"
            raise ApiError(400, detail, INVALID_PARAMETER)
        found = self._of_ids(ids) if ids else self._of_category(str(category))
        name = f"{plain_name(category or 'methods', 'methods')}.zip"
        with tempfile.TemporaryDirectory(prefix="ccp-methods-") as folder:
            target = Path(folder, "methods.zip")
            await self._write(target, found)
            size = await asyncio.to_thread(_size, target)
            self.announce(name, ZIP, size)
            await self.send_chunks(file_chunks(target, 0, size))

    async def _of_ids(self, ids: Sequence[str]) -> AsyncIterator[list[StoredMethod]]:
        for process_id in dict.fromkeys(ids):
            yield [await self.stored(process_id)]

    async def _of_category(self, category: str) -> AsyncIterator[list[StoredMethod]]:
        viewer = await self.viewer()
        offset: int | None = 0
        while offset is not None:
            query = MethodQuery(viewer, category=category, limit=_PAGE, offset=offset)
            page = await self.services.store.list_methods(query)
            yield page.items
            offset = page.next_offset

    async def _write(self, target: Path, pages: AsyncIterator[list[StoredMethod]]) -> None:
        """Write a zip to the disk, because the Methods may be too many for memory."""
        taken: set[str] = set()
        async for page in pages:
            files = {
                _free_name(file_name(each), taken): exported(each, self.caller) for each in page
            }
            await asyncio.to_thread(_append, target, files)


def _size(path: Path) -> int:
    return path.stat().st_size


def _free_name(wanted: str, taken: set[str]) -> str:
    number = 1
    while (name := numbered(wanted, number)).casefold() in taken:
        number += 1
    taken.add(name.casefold())
    return name


def _append(target: Path, files: dict[str, dict[str, Any]]) -> None:
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, document in files.items():
            archive.writestr(name, _text(document))


def _text(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
