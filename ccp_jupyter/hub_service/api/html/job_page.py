"""What the page of an Execution shows beside its status: inputs, phases, log, output files."""

from __future__ import annotations

import asyncio
import mimetypes
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ccp_jupyter.codegen.languages import LANGUAGES
from ccp_jupyter.hub_service.api.access import may_change
from ccp_jupyter.hub_service.api.errors import NO_SUCH_JOB, ApiError
from ccp_jupyter.hub_service.api.html.shown import seconds
from ccp_jupyter.hub_service.api.html.tails import tail
from ccp_jupyter.hub_service.api.links import member_path
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Attempt, Task
from ccp_jupyter.model.states import Status, is_final
from ccp_jupyter.model.times import iso

if TYPE_CHECKING:
    from ccp_jupyter.hub_service.api.handler import ApiHandler

SCRIPT: Final = "follow.js"
_REFRESH: Final = 5
"""Seconds between two looks of a browser without scripts."""
_LINES: Final = 200
_MOST_TASKS: Final = 50
_MOST_FILES: Final = 50
_LARGEST_IMAGE: Final = 5_000_000
_LARGEST_TEXT: Final = 4000
_MOST_PREVIEWS: Final = 12
_IMAGES: Final = frozenset(
    ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif")
)
_TEXTS: Final = frozenset(("application/json", "application/x-sh", "application/xml"))


async def job_extras(handler: ApiHandler, document: Any) -> dict[str, object]:
    """Return what the page of one Execution shows beside its document.  Raises `ApiError` 404."""
    services = handler.services
    job_id = str(document["jobID"])
    execution = await services.store.get_execution(job_id)
    if execution is None:  # removed at this moment
        raise ApiError(404, f"There is no Execution {shown(job_id)} any more", NO_SUCH_JOB)
    final = is_final(execution.status)
    tasks = await services.store.list_tasks(execution.id)
    base = f"{handler.base_url}jobs/{execution.id}/outputs/"
    files: list[dict[str, Any]] = []
    count = 0
    if execution.output_size is not None:
        archive = services.folders.outputs(execution.id)
        files, count = await asyncio.to_thread(output_files, archive, base)
    owns = may_change(handler.caller, execution)
    begun = execution.status is not Status.CREATED
    return {
        "title": str(document.get("title") or "Execution"),
        "final": final,
        "owns": owns,
        "inputs": shown_inputs(execution.request.get("inputs") or {}) if owns else None,
        "tasks": [task_row(task) for task in tasks[:_MOST_TASKS]],
        "more_tasks": max(0, len(tasks) - _MOST_TASKS),
        "log": await tail(services.events, execution.id, _LINES),
        "files": files,
        "count": count,
        "languages": LANGUAGES,
        "refresh": None if final or not begun else _REFRESH,
        "script": SCRIPT if begun and not final else None,
    }


def shown_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a request as the page shows them: of secrets and files only that."""
    return {
        name: [_shown(each) for each in value] if isinstance(value, list) else _shown(value)
        for name, value in inputs.items()
    }


def _shown(value: Any) -> Any:
    if value == {"secret": True}:
        return "(a secret)"
    if isinstance(value, dict) and str(value.get("href", "")).startswith("inputs/"):
        return f"(a file that came with the request, {value.get('type', 'of unknown kind')})"
    return value


def task_row(task: Task) -> dict[str, Any]:
    """Return what the page says of one Task."""
    return {
        "index": task.index,
        "state": task.state,
        "reason": task.reason or "",
        "attempts": [_attempt(each) for each in task.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "node": attempt.node,
        "phase": attempt.phase,
        "phases": [
            {"phase": each.phase, "at": iso(each.at), "took": _took(attempt, number)}
            for number, each in enumerate(attempt.phases)
        ],
        "exit_code": attempt.exit_code,
        "outcome": attempt.outcome,
        "reason": attempt.reason or "",
    }


def _took(attempt: Attempt, number: int) -> str:
    """Return how long a phase was; empty while it goes on."""
    if number + 1 >= len(attempt.phases):
        return ""
    between = attempt.phases[number + 1].at - attempt.phases[number].at
    return seconds(between.total_seconds())


def output_files(archive: Path, base: str) -> tuple[list[dict[str, Any]], int]:
    """Return the first files of output.zip with previews, and how many there are. Blocks.

    Parameters
    ----------
    archive : Path
        The zip; no file is the same as an empty one.
    base : str
        Address of its files, with a slash at the end.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            infos = [info for info in source.infolist() if not info.is_dir()]
            previews = 0
            found = []
            for info in infos[:_MOST_FILES]:
                one = _file(info, base)
                if previews < _MOST_PREVIEWS:
                    one |= _preview(source, info)
                    previews += "text" in one or "image" in one
                found.append(one)
            return found, len(infos)
    except FileNotFoundError:  # removed at this moment
        return [], 0


def _file(info: zipfile.ZipInfo, base: str) -> dict[str, Any]:
    return {
        "path": info.filename,
        "size": info.file_size,
        "href": base + member_path(info.filename),
    }


def _preview(source: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, Any]:
    kind = mimetypes.guess_type(info.filename)[0] or ""
    if kind in _IMAGES and info.file_size <= _LARGEST_IMAGE:
        return {"image": True}
    if not (kind.startswith("text/") or kind in _TEXTS):
        return {}
    with source.open(info) as member:
        data = member.read(_LARGEST_TEXT)
    text = data.decode("utf-8", "replace")
    if "\x00" in text:
        return {}
    return {"text": text, "cut": info.file_size > len(data)}
