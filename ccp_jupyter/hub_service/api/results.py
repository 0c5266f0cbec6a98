"""The results document of an Execution: its outputs by id."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ccp_jupyter.hub_service.api.bodies import parse_json
from ccp_jupyter.hub_service.api.errors import (
    EXECUTION_FAILED,
    RESULT_NOT_AVAILABLE,
    RESULT_NOT_READY,
    ApiError,
)
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.links import OGC_REL, member_path
from ccp_jupyter.hub_service.api.logs import log_pieces
from ccp_jupyter.hub_service.api.operations import ZIP
from ccp_jupyter.hub_service.api.raw_results import (
    BINARY,
    TEXT,
    RawPart,
    multipart_chunks,
    raw_chunks,
)
from ccp_jupyter.hub_service.api.streaming import DownloadHandler
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.values import DATA_FOLDER

ARCHIVE: Final = "output.zip"
_STREAMS: Final = {
    "stdout": "stdout",
    "stderr": "stderr",
    "/std_out": "stdout",
    "/std_err": "stderr",
}
_JSON: Final = "application/json"
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}(; ?[\w.+-]+=[\w.+-]+){0,5}", re.A)
"""What may stand in a header; anything else counts as not declared."""
_MOST_INLINE: Final = 16
"""All values of one document together, in multiples of the largest one."""
_LONGEST_RAW_LOG: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the results carry.

    Attributes
    ----------
    id : str
        Of the output.
    media_type : str
        As declared or asked for; empty when neither.
    by_value : bool
        Whether the request asks for the value, when it is small enough.
    href : str
        Where the Method says that it lies; empty when it says nothing.
    """

    id: str
    media_type: str
    by_value: bool
    href: str

    @property
    def stream(self) -> str | None:
        """``stdout`` or ``stderr`` for an output that is one of them."""
        return _STREAMS.get(self.href) or (_STREAMS.get(self.id) if not self.href else None)

    @property
    def path(self) -> str | None:
        """Path below /ccp_data; None when it is bound to no file."""
        try:
            path = PurePosixPath(self.href).relative_to(DATA_FOLDER)
        except ValueError:
            return None
        return str(path) if path.parts and ".." not in path.parts else None


def wanted_outputs(execution: Execution) -> list[Wanted]:
    """Return the outputs that the request asks for, or all that the Method declares."""
    declared: Mapping[str, Any] = execution.method.get("outputs") or {}
    asked: Mapping[str, Any] = execution.request.get("outputs") or {name: {} for name in declared}
    return [_wanted(name, declared.get(name) or {}, asked[name] or {}) for name in asked]


def _wanted(name: str, declared: Mapping[str, Any], asked: Mapping[str, Any]) -> Wanted:
    schema = declared.get("schema") or {}
    chosen = (asked.get("format") or {}).get("mediaType")
    href = next(
        (
            str(entry.get("href", ""))
            for entry in declared.get("metadata") or []
            if entry.get("role") == "file"
        ),
        "",
    )
    by_value = asked.get("transmissionMode", "value") == "value"
    kind = str(chosen or schema.get("contentMediaType") or "")
    return Wanted(name, kind if _MEDIA_TYPE.fullmatch(kind) else "", by_value, href)


def inline(data: bytes, media_type: str) -> tuple[bool, Any]:
    """Return whether a document can carry a file's content by value, and how.

    JSON is parsed; an object becomes a qualified value, as the standard wants it. Other text stays
    text. What is neither valid JSON nor text is not carried.
    """
    kind = media_type.split(";")[0].strip().lower()
    if kind == _JSON or kind.endswith("+json"):
        try:
            value = parse_json(data)
        except InvalidDocument:
            return False, None
        if isinstance(value, dict) or value is None:
            return True, {"value": value, "mediaType": media_type}
        return True, value
    if kind and not kind.startswith("text/"):
        return False, None
    try:
        return True, data.decode()
    except UnicodeDecodeError:
        return False, None


class ResultsHandler(JobHandlerBase, DownloadHandler):
    """The results of an Execution."""

    async def get(self, job_id: str) -> None:
        """Give the outputs, as a document by id unless the request asked for ``raw``."""
        execution = await self.visible(job_id)
        check_successful(execution)
        wanted = wanted_outputs(execution)
        if execution.request.get("response") == "raw":
            await self._send_raw(execution, wanted)
        else:
            await self._send_document(execution, wanted)

    async def _send_document(self, execution: Execution, wanted: list[Wanted]) -> None:
        base = f"{self.base_url}jobs/{execution.id}/"
        limit = self.services.options.inline_output
        archive = self.services.folders.outputs(execution.id)
        parts = await asyncio.to_thread(located, archive, execution.replicas, wanted)
        found = await asyncio.to_thread(_shown_files, archive, wanted, parts, base, limit)
        document: dict[str, Any] = {}
        for output in wanted:
            if output.stream is not None:
                text = (
                    await self._log_text(execution, output.stream, limit)
                    if output.by_value
                    else None
                )
                reference = {"href": f"{base}log?stream={output.stream}", "type": "text/plain"}
                document[output.id] = reference if text is None else text
            elif output.id in found:
                document[output.id] = found[output.id]
        document[ARCHIVE] = {"href": f"{base}outputs/{ARCHIVE}", "type": ZIP}
        self.reply(document)

    async def _log_text(self, execution: Execution, stream: str, limit: int) -> str | None:
        """Return what was written to a stream; None when it is longer than the limit."""
        kept: list[str] = []
        async for piece in log_pieces(self.services.events, execution.id, None, stream):
            kept.append(piece)
            limit -= len(piece)
            if limit < 0:
                return None
        return "".join(kept)

    async def _send_raw(self, execution: Execution, wanted: list[Wanted]) -> None:
        base = f"{self.base_url}jobs/{execution.id}/"
        archive = self.services.folders.outputs(execution.id)
        located_files = await asyncio.to_thread(located, archive, execution.replicas, wanted)
        parts: list[RawPart] = []
        for output in wanted:
            if output.stream is not None:
                href = f"{base}log?stream={output.stream}"
                text = await self._log_text(execution, output.stream, _LONGEST_RAW_LOG)
                data = text.encode("utf-8", "replace") if text is not None else None
                by_value = output.by_value and data is not None
                parts.append(RawPart(output.id, TEXT, href, by_value, data=data))
            for info in located_files.get(output.id, []):
                href = f"{base}outputs/{member_path(info.filename)}"
                kind = output.media_type or BINARY
                parts.append(RawPart(output.id, kind, href, output.by_value, info=info))
        if not parts:
            raise ApiError(404, "None of the requested outputs is there", RESULT_NOT_AVAILABLE)
        await self._send_parts(archive, parts)

    async def _send_parts(self, archive: Path, parts: list[RawPart]) -> None:
        if not any(part.by_value for part in parts):
            for part in parts:
                self.add_header("Link", f'<{part.href}>; rel="{OGC_REL}results"; title="{part.id}"')
            self.set_status(204)
            self.clear_header("Content-Type")
            self.finish()
            return
        if len(parts) == 1:
            self.announce(parts[0].name, parts[0].media_type, parts[0].size)
            await self.send_chunks(raw_chunks(archive, parts[0]))
            return
        boundary = uuid.uuid4().hex
        self.announce("results", f"multipart/related; boundary={boundary}")
        await self.send_chunks(multipart_chunks(archive, parts, boundary))


def located(
    archive: Path, replicas: int, outputs: list[Wanted]
) -> dict[str, list[zipfile.ZipInfo]]:
    """Return the files that outputs are bound to, by output; each replica may have one."""
    found: dict[str, list[zipfile.ZipInfo]] = {}
    if not archive.exists():
        return found
    with zipfile.ZipFile(archive) as source:
        for output in outputs:
            if output.path is None or output.stream is not None:
                continue
            names = [f"replica-{number}/{output.path}" for number in range(1, replicas + 1)]
            for name in names if replicas > 1 else [output.path]:
                if name in source.NameToInfo and not source.getinfo(name).is_dir():
                    found.setdefault(output.id, []).append(source.getinfo(name))
    return found


def _shown_files(
    archive: Path,
    outputs: list[Wanted],
    files: dict[str, list[zipfile.ZipInfo]],
    base: str,
    limit: int,
) -> dict[str, Any]:
    """Return what the document says of each output that has files."""
    found: dict[str, Any] = {}
    room = limit * _MOST_INLINE
    if not files:
        return found
    with zipfile.ZipFile(archive) as source:
        for output in outputs:
            shown: list[Any] = []
            for info in files.get(output.id, []):
                possible, value = False, None
                if output.by_value and info.file_size <= min(limit, room):
                    possible, value = inline(source.read(info), output.media_type)
                    room -= info.file_size
                href = f"{base}outputs/{member_path(info.filename)}"
                reference = {"href": href, "type": output.media_type or BINARY}
                shown.append(value if possible else reference)
            if shown:
                found[output.id] = shown[0] if len(shown) == 1 else shown
    return found


def check_successful(execution: Execution) -> None:
    """Raise `ApiError` unless the Execution has results."""
    match execution.status:
        case Status.SUCCESSFUL:
            return
        case Status.FAILED:
            detail = execution.message or "The Execution failed"
            raise ApiError(422, detail, EXECUTION_FAILED, jobID=execution.id)
        case Status.DISMISSED:
            raise ApiError(404, "The Execution was dismissed", RESULT_NOT_AVAILABLE)
        case _:
            detail = f"The Execution is {execution.status}; its results come when it has ended"
            raise ApiError(404, detail, RESULT_NOT_READY)


def pretty(document: object) -> bytes:
    """Return JSON for people, as the files of an Execution folder have it."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
