"""What was done with what, by whom: PROV in six forms, and an RO-Crate."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from zipstream import ZIP_DEFLATED, ZipStream

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.negotiation import preferred
from ccp_jupyter.hub_service.api.operations import ZIP
from ccp_jupyter.hub_service.api.outputs import member_chunks, open_member
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.spooling import gathered, spool_logs
from ccp_jupyter.hub_service.api.streaming import DownloadHandler, file_chunks
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.manifests import manifest_of
from ccp_jupyter.hub_service.provenance_writer import CannotWrite
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.states import is_final
from ccp_jupyter.model.values import LinkValue, file_name
from ccp_jupyter.provenance.crate import METADATA, OUTPUTS, PLAN_FILES, crate_metadata, log_path
from ccp_jupyter.provenance.facts import Facts, Service
from ccp_jupyter.provenance.formats import FORMS, IN_FOLDER
from ccp_jupyter.provenance.gathering import Files, document_text, gather, plan_document

_log = logging.getLogger(__name__)

LD_JSON: Final = "application/ld+json"
CRATE_FORMS: Final = {"zip": ZIP, "jsonld": LD_JSON}
"""By the names that ``f=`` takes; the first is the usual one."""


class _FormHandler(JobHandlerBase, DownloadHandler):
    """Base of handlers that have forms of their own, and no page."""

    pages = False
    forms: dict[str, str]

    def chosen(self) -> str:
        """Return the name of the form that the caller wants.  Raises `ApiError` 406."""
        self.set_header("Vary", "Accept")
        asked: str | None = self.query["f"]
        if asked is not None:
            return asked
        accept = ",".join(self.request.headers.get_list("Accept"))
        found = preferred(accept, list(self.forms.values()))
        if found is None:
            offers = ", ".join(self.forms.values())
            raise ApiError(406, f"Accept: there is only {offers} (found {shown(accept)})")
        return next(name for name, kind in self.forms.items() if kind == found)


class ProvenanceHandler(_FormHandler):
    """PROV of an Execution."""

    forms = {name: form.media_type for name, form in FORMS.items()}  # noqa: RUF012 (never changed)

    async def get(self, job_id: str) -> None:
        """Send it; of an Execution that goes on, what is known so far."""
        name = self.chosen()
        execution = await self.visible(job_id)
        async with written_provenance(self.services, execution, self.base_url, (name,)) as folder:
            path = folder / FORMS[name].file_name
            size = (await asyncio.to_thread(path.stat)).st_size
            kind = FORMS[name].media_type
            textual = kind.startswith("text/")
            self.announce(
                f"provenance-{execution.id}{FORMS[name].suffix}",
                kind + "; charset=utf-8" if textual else kind,
                size,
            )
            await self.send_chunks(file_chunks(path, 0, size))


@asynccontextmanager
async def written_provenance(
    services: Services, execution: Execution, base: str, forms: tuple[str, ...]
) -> AsyncIterator[Path]:
    """Give a folder with the provenance of an Execution in some forms, for a while.

    Raises
    ------
    ccp_jupyter.hub_service.provenance_writer.CannotWrite
    """
    facts = await facts_of(services, execution, base)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ccp-prov-"))
    try:
        await services.provenance.write(facts, forms, folder)
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def write_for_folder(
    services: Services, execution: Execution, base: str, folder: Path
) -> None:
    """Write the forms that every Execution folder has, and its description as a crate.

    A folder without them is better than none: when they cannot be written, that is logged.
    """
    facts = await facts_of(services, execution, base)
    metadata = await asyncio.to_thread(lambda: _pretty(crate_metadata(facts, packed=True)))
    await asyncio.to_thread((folder / METADATA).write_bytes, metadata)
    try:
        await services.provenance.write(facts, IN_FOLDER, folder)
    except CannotWrite as error:
        _log.error("%s: its provenance cannot be written: %s", execution.id, error)


async def facts_of(services: Services, execution: Execution, base: str) -> Facts:
    """Return what is known of an Execution now."""
    tasks = await services.store.list_tasks(execution.id)
    manifest: Manifest | None = None
    if is_final(execution.status):
        manifest = await manifest_of(services.folders, execution)
    place = services.controller.infrastructures.get(execution.infrastructure_id)
    teller = Service(address=base, version=version("ccp-jupyter"))

    def gathered_now() -> Facts:
        files = Files(manifest, _linked(services.folders, execution))
        return gather(execution, tasks, files, teller, place)

    return await asyncio.to_thread(gathered_now)


def _linked(folders: Folders, execution: Execution) -> dict[str, OutputFile]:
    """Return the linked inputs that were fetched, by name."""
    declared = execution.method.get("inputs") or {}
    found: dict[str, OutputFile] = {}
    for name, values in execution.inputs.items():
        many = (declared.get(name) or {}).get("maxOccurs", 1) != 1
        for number, value in enumerate(values, 1):
            if not isinstance(value, LinkValue):
                continue
            file = file_name(name, number, many)
            path = folders.file(execution.id, f"inputs/{file}")
            try:
                with path.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                    size = content.tell()
            except FileNotFoundError:
                continue
            found[file] = OutputFile(path=f"inputs/{file}", size=size, sha256=digest)
    return found


class CrateHandler(_FormHandler):
    """An Execution as an RO-Crate."""

    forms = CRATE_FORMS

    async def get(self, job_id: str) -> None:
        """Send its files with their description, or the description alone."""
        name = self.chosen()
        execution = await self.visible(job_id)
        facts = await facts_of(self.services, execution, self.base_url)
        metadata = await asyncio.to_thread(lambda: _pretty(crate_metadata(facts)))
        if name == "jsonld":
            self.announce(METADATA, LD_JSON, len(metadata))
            await self.send_chunks(iter([metadata]))
            return
        spool = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ccp-crate-"))
        try:
            await spool_logs(self.services.events, execution.id, spool, self.closed)
            stream = await asyncio.to_thread(
                _crate_stream, metadata, facts, execution, self.services.folders, spool
            )
            self.announce(f"execution-{execution.id}.crate.zip", ZIP)
            await self.send_chunks(gathered(iter(stream)))
        finally:
            await asyncio.to_thread(shutil.rmtree, spool, ignore_errors=True)


def _pretty(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _crate_stream(
    metadata: bytes, facts: Facts, execution: Execution, folders: Folders, spool: Path
) -> ZipStream:
    """Return the crate's zip: every file that its description names."""
    stream = ZipStream(  # type: ignore[no-untyped-call]
        compress_type=ZIP_DEFLATED, compress_level=4
    )
    stream.add(metadata, METADATA)
    stream.add(document_text(plan_document(execution)), PLAN_FILES[facts.plan.kind])
    for path in dict.fromkeys(each.path for each in facts.inputs if each.path):
        stream.add_path(folders.file(execution.id, path), path)
    for task in facts.tasks:
        for name in ("stdout", "stderr"):
            log = spool / f"{name}.{task.index}.txt"
            if log.exists():
                stream.add_path(log, log_path(name, task.index))
            else:
                stream.add(b"", log_path(name, task.index))
    archive = folders.outputs(execution.id)
    if facts.archive_size is not None:
        with zipfile.ZipFile(archive) as source:
            names = [info.filename for info in source.infolist() if not info.is_dir()]
        for name in names:
            stream.add(_member(archive, name), OUTPUTS + name)
    return stream


def _member(archive: Path, name: str) -> Iterator[bytes]:
    """Yield an output file, opened only when its turn comes."""
    opened = open_member(archive, name)
    if opened is not None:
        yield from member_chunks(*opened)
