"""The results document of an Execution: its outputs by id."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
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
from ccp_jupyter.hub_service.api.links import member_path
from ccp_jupyter.hub_service.api.logs import log_pieces
from ccp_jupyter.hub_service.api.operations import ZIP
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
    return Wanted(name, str(chosen or schema.get("contentMediaType") or ""), by_value, href)


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


class ResultsHandler(JobHandlerBase):
    """The results of an Execution."""

    async def get(self, job_id: str) -> None:
        """Give the outputs by id, by value or by reference."""
        execution = await self.visible(job_id)
        check_successful(execution)
        limit = self.services.options.inline_output
        wanted = wanted_outputs(execution)
        files = [each for each in wanted if each.stream is None and each.path is not None]
        archive = self.services.folders.outputs(execution.id)
        found = await asyncio.to_thread(_from_archive, archive, execution.replicas, files, limit)
        base = f"{self.base_url}jobs/{execution.id}/"
        document: dict[str, Any] = {}
        for output in wanted:
            if output.stream is not None:
                document[output.id] = await self._stream(execution, output, base)
            elif output.id in found:
                parts = [_shown(output, part, base) for part in found[output.id]]
                document[output.id] = parts[0] if len(parts) == 1 else parts
        document[ARCHIVE] = {"href": f"{base}outputs/{ARCHIVE}", "type": ZIP}
        self.reply(document)

    async def _stream(self, execution: Execution, output: Wanted, base: str) -> Any:
        reference = {"href": f"{base}log?stream={output.stream}", "type": "text/plain"}
        if not output.by_value:
            return reference
        pieces: AsyncIterator[str] = log_pieces(
            self.services.events, execution.id, None, output.stream
        )
        kept: list[str] = []
        room = self.services.options.inline_output
        async for piece in pieces:
            kept.append(piece)
            room -= len(piece)
            if room < 0:
                return reference
        return "".join(kept)


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of an output; `data` is None when it is too large to be carried."""

    name: str
    data: bytes | None


def _from_archive(
    archive: Path, replicas: int, outputs: list[Wanted], limit: int
) -> dict[str, list[_Part]]:
    """Return the files that outputs are bound to; each replica may have one."""
    found: dict[str, list[_Part]] = {}
    if not outputs or not archive.exists():
        return found
    with zipfile.ZipFile(archive) as source:
        for output in outputs:
            names = [f"replica-{number}/{output.path}" for number in range(1, replicas + 1)]
            for name in names if replicas > 1 else [str(output.path)]:
                try:
                    info = source.getinfo(name)
                except KeyError:
                    continue
                small = output.by_value and info.file_size <= limit
                part = _Part(name, source.read(info) if small else None)
                found.setdefault(output.id, []).append(part)
    return found


def _shown(output: Wanted, part: _Part, base: str) -> Any:
    if part.data is not None:
        possible, value = inline(part.data, output.media_type)
        if possible:
            return value
    kind = output.media_type or "application/octet-stream"
    return {"href": f"{base}outputs/{member_path(part.name)}", "type": kind}


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
