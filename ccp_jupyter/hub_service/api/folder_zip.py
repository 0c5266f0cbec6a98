"""The Execution folder as one zip: made from store, journal and files while it is sent."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from ccp_jupyter.hub_service.api.access import may_change
from ccp_jupyter.hub_service.api.folder_metadata import folder_documents
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.operations import ZIP
from ccp_jupyter.hub_service.api.provenance import write_for_folder
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.spooling import gathered, spool_logs
from ccp_jupyter.hub_service.api.streaming import DownloadHandler, file_chunks
from ccp_jupyter.hub_service.exchange.layout import ARCHIVE, EVENTS, IMPORTED, MANIFEST
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.manifests import manifest_of
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import is_final
from ccp_jupyter.model.values import FileValue
from ccp_jupyter.provenance.crate import METADATA


class FolderHandler(JobHandlerBase, DownloadHandler):
    """The Execution folder of an Execution."""

    async def get(self, job_id: str) -> None:
        """Send it as a zip; what an unfinished Execution does not have yet is left out."""
        execution = await self.visible(job_id)
        private = may_change(self.caller, execution)
        async with folder_chunks(
            self.services, execution, self.base_url, self.closed, private=private
        ) as chunks:
            self.announce(f"execution-{execution.id}.zip", ZIP)
            await self.send_chunks(chunks)


@asynccontextmanager
async def folder_chunks(
    services: Services,
    execution: Execution,
    base: str,
    closed: asyncio.Event,
    *,
    private: bool,
) -> AsyncIterator[Iterator[bytes]]:
    """Give the Execution folder as a zip, in pieces that a blocking iterator makes.

    Parameters
    ----------
    services : Services
        Where everything is.
    execution : Execution
        As it is stored.
    base : str
        Address of the service.
    closed : asyncio.Event
        Set when nobody wants it any more.
    private : bool
        Whether it is for its owner, or an administrator: only they get the claims.
    """
    tasks = await services.store.list_tasks(execution.id)
    infrastructure = services.controller.infrastructures.get(execution.infrastructure_id)
    documents = folder_documents(execution, tasks, infrastructure, base, private=private)
    if is_final(execution.status):
        await manifest_of(services.folders, execution)  # made where it is missing
    spool = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ccp-folder-"))
    try:
        logs, told = spool / "logs", spool / "provenance"
        logs.mkdir()
        told.mkdir()
        await spool_logs(services.events, execution.id, logs, closed)
        await write_for_folder(services, execution, base, told)
        stream = await asyncio.to_thread(_stream, documents, execution, services.folders, spool)
        yield gathered(iter(stream))
    finally:
        await asyncio.to_thread(shutil.rmtree, spool, ignore_errors=True)


def _stream(
    entries: dict[str, bytes], execution: Execution, folders: Folders, spool: Path
) -> ZipStream:
    stream = ZipStream(  # type: ignore[no-untyped-call]
        compress_type=ZIP_DEFLATED, compress_level=4
    )
    for name, data in entries.items():
        stream.add(data, name)
    for values in execution.inputs.values():
        for value in values:
            if isinstance(value, FileValue):
                path = folders.file(execution.id, value.path)
                if path.exists():
                    stream.add_path(path, value.path)
    for path in sorted((spool / "logs").iterdir()):
        stream.add_path(path, f"outputs/{path.name}")
    for path in sorted((spool / "provenance").iterdir()):
        stream.add_path(path, path.name if path.name == METADATA else f"metadata/{path.name}")
    for path, name in (
        (folders.manifest(execution.id), MANIFEST),
        (folders.imported(execution.id), IMPORTED),
    ):
        if path.exists():
            stream.add_path(path, name)
    journal = folders.journal(execution.id)
    if journal.exists():
        # Just what there is now: it may grow while it is sent.
        stream.add(file_chunks(journal, 0, journal.stat().st_size), EVENTS)
    archive = folders.outputs(execution.id)
    if execution.output_size is not None and archive.exists():
        stream.add_path(archive, ARCHIVE, compress_type=ZIP_STORED)
    return stream
