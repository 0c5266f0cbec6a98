"""From the zip of an Execution folder to an Execution that can be kept here.

Nothing that the documents say is believed further than it must be: it is a description of what went
on elsewhere, written by whoever made the zip. Who owns the Execution, where it may run, who may see
it, and which files there are, is decided here.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from ccp_jupyter.hub_service import manifests
from ccp_jupyter.hub_service.controller.base import Imported
from ccp_jupyter.hub_service.exchange.archives import (
    MIB,
    Archive,
    Bounds,
    naming,
    opened,
)
from ccp_jupyter.hub_service.exchange.asked import Asked, read_asked
from ccp_jupyter.hub_service.exchange.course import (
    StatusDocument,
    conclude,
    concluded,
    read_status,
    read_tasks,
    tasks_of_instances,
)
from ccp_jupyter.hub_service.exchange.journals import write_journal
from ccp_jupyter.hub_service.exchange.layout import (
    ARCHIVE,
    CLAIMS,
    EVENTS,
    EXPERIMENT,
    FOLDER,
    FORMAT,
    FORMAT_VERSION,
    IMPORTED,
    INFRASTRUCTURE,
    INSTANCE,
    MANIFEST,
    METHOD,
    REQUEST,
    STATUS,
)
from ccp_jupyter.hub_service.exchange.notes import Notes
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import experiment_id
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.states import Status, Target
from ccp_jupyter.model.times import iso, now

_DOCUMENTS: Final = frozenset(
    {
        FOLDER,
        REQUEST,
        METHOD,
        EXPERIMENT,
        INFRASTRUCTURE,
        INSTANCE,
        STATUS,
        MANIFEST,
        EVENTS,
        IMPORTED,
        CLAIMS,
        ARCHIVE,
    }
)
_FOLDER_MEMBERS: Final = frozenset(
    {
        "format",
        "formatVersion",
        "producer",
        "service",
        "exported",
        "executionID",
        "execution",
        "tasks",
        "inputs",
    }
)
_MADE_ANEW: Final = re.compile(r"(metadata/)?(prov|ro-crate)[^/]*|outputs/std(out|err)\.\d+\.txt")
"""What the service makes from the rest whenever it is asked for."""
_CLAIMS: Final = ("name", "kind", "groups", "preferred_username", "sub", "iss")
"""Claims that say who it was. Others, such as tokens of older systems, are not kept."""
_TOLD: Final = ("id", "name", "description", "type")
_MOST_EARLIER: Final = 20
_LONGEST_ID: Final = 200
_LARGEST_HISTORY: Final = MIB
_MOST_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports, and where to.

    Attributes
    ----------
    owner : str
        Whose it becomes.
    claims : dict
        The hub's model of them, without any token.
    infrastructures : mapping
        Of this service, by id.
    service : str
        Where it was fetched from; empty when it came as a file.
    largest : int
        Bytes that the zip may become.
    """

    owner: str
    claims: dict[str, Any]
    infrastructures: Mapping[str, Infrastructure]
    service: str
    largest: int


@dataclass(frozen=True, slots=True)
class ReadExecution:
    """What a zip holds."""

    imported: Imported
    notes: list[str]


def is_execution(archive: Archive) -> bool:
    """Tell an Execution folder from a zip of Methods."""
    return any(name in archive for name in (FOLDER, REQUEST, STATUS, EXPERIMENT))


def unwrapped(archive: Archive) -> Archive:
    """Return what lies in the one folder at the top, where an Execution lies in one."""
    tops = {name.partition("/")[0] for name in archive.files}
    if is_execution(archive) or len(tops) != 1:
        return archive
    inner = archive.below(f"{tops.pop()}/")
    return inner if is_execution(inner) else archive


def read_execution(archive: Archive, importer: Importer, work: Path) -> ReadExecution:
    """Read an Execution folder.

    Parameters
    ----------
    archive : Archive
        The zip, open.
    importer : Importer
        For whom.
    work : Path
        An empty folder; becomes the Execution's own.

    Raises
    ------
    InvalidDocument
        Names file, member, rule and value. The caller removes `work`.
    OSError
        Such as no space left.
    """
    notes = Notes()
    folder = _folder_document(archive, notes)
    asked = read_asked(archive, importer.infrastructures, work, notes)
    status = read_status(archive.json(STATUS), STATUS)
    conclude(status, notes)
    tasks = _tasks(archive, folder, asked.replicas, status, notes)
    execution = _execution(importer, asked, status, folder)
    for task in tasks:
        task.execution_id, task.owner = execution.id, execution.owner
    for task, batch in zip(tasks, asked.batches, strict=False):
        task.batch = batch
    _check_inputs(folder, asked, notes)
    _take_outputs(archive, execution, asked.infrastructure, work, importer.largest, notes)
    write_journal(archive, execution, tasks, work / "events.jsonl", notes)
    _tell_unknown(archive, asked, notes)
    _write_claims(archive, execution, notes, work)
    return ReadExecution(Imported(execution, tasks, work), notes.texts)


def _folder_document(archive: Archive, notes: Notes) -> dict[str, Any]:
    if FOLDER not in archive:
        return {}
    found = archive.json(FOLDER)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        value = shown(found.get("format")) if isinstance(found, dict) else shown(found)
        raise InvalidDocument([Problem(f"{FOLDER}: format", f"must be {FORMAT!r}", value)])
    version = found.get("formatVersion")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        rule = f"must be a version that this service knows, from 1 to {FORMAT_VERSION}"
        raise InvalidDocument([Problem(f"{FOLDER}: formatVersion", rule, shown(version))])
    for name in sorted(found.keys() - _FOLDER_MEMBERS):
        notes.add(f"{FOLDER}: unknown member {shown(name)} was left out")
    return found


def _tasks(
    archive: Archive, folder: dict[str, Any], replicas: int, status: StatusDocument, notes: Notes
) -> list[Task]:
    if "tasks" in folder:
        return concluded(read_tasks(folder["tasks"], FOLDER), replicas, status, FOLDER, notes)
    found = tasks_of_instances(archive.json_object(INSTANCE), INSTANCE)
    return concluded(found, replicas, status, INSTANCE, notes)


def _execution(
    importer: Importer, asked: Asked, status: StatusDocument, folder: dict[str, Any]
) -> Execution:
    dismissed = status.status is Status.DISMISSED
    return Execution(
        id=_new_id(asked, status),
        owner=importer.owner,
        claims=importer.claims,
        infrastructure_id=asked.infrastructure.id,
        limits=asked.limits,
        replicas=asked.replicas,
        status=status.status,
        target=Target.DISMISSED if dismissed else Target.FINISHED,
        message=status.message or status.status.capitalize(),
        progress=100 if status.status is Status.SUCCESSFUL else status.progress,
        created=status.created,
        started=status.started,
        finished=status.finished,
        updated=now(),
        origin=_origin(importer, status, folder),
        **asked.members,
    )


def _new_id(asked: Asked, status: StatusDocument) -> str:
    """Return an id; an Experiment's begins with its time, by which agencies sort."""
    if asked.batches:
        return experiment_id(int(status.created.timestamp()), os.urandom(5))
    return str(uuid.uuid4())


def _origin(importer: Importer, status: StatusDocument, folder: dict[str, Any]) -> Origin:
    claimed = folder.get("executionID")
    name = claimed if isinstance(claimed, str) and claimed else status.job_id
    plain = re.sub(r"[^A-Za-z0-9._-]", "", name)[:_LONGEST_ID]
    return Origin(kind="import", id=plain, service=importer.service or _address(folder))


def _address(folder: dict[str, Any]) -> str:
    """Return the address of the other service, as the archive claims it; empty for anything odd."""
    found = folder.get("service")
    if not isinstance(found, str) or len(found) > 300 or not found.isascii():
        return ""
    try:
        parts = urlsplit(found)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not plain or parts.query or parts.fragment or not re.fullmatch(r"[\x21-\x7e]+", found):
        return ""
    return found


def _check_inputs(folder: dict[str, Any], asked: Asked, notes: Notes) -> None:
    claimed = folder.get("inputs")
    if not isinstance(claimed, dict):
        return
    for path, digest in asked.files.items():
        if path in claimed and claimed[path] != digest:
            notes.add(f"{path}: is not the file that the Execution had: its digest differs")


def _take_outputs(
    archive: Archive,
    execution: Execution,
    infrastructure: Infrastructure,
    work: Path,
    largest: int,
    notes: Notes,
) -> None:
    """Put output.zip into the folder, read it through, and write its manifest."""
    if ARCHIVE not in archive:
        if execution.status is Status.SUCCESSFUL:
            notes.add("there are no output files in the archive")
        return
    target = work / "output.zip"
    execution.output_size = archive.copy(ARCHIVE, target, largest).size
    limits = infrastructure.limits
    most = int(limits.output_size) * execution.replicas
    # Folders are entries too.
    entries = 2 * limits.output_files * execution.replicas
    with naming(ARCHIVE), opened(target, Bounds(entries, most, tells_case=True)):
        manifest = manifests.from_zip(target)
    execution.output_digest = manifest.digest
    manifests.write(work / "manifest.json", manifest)
    if MANIFEST in archive:
        _compare(archive, manifest, notes)


def _compare(archive: Archive, manifest: Manifest, notes: Notes) -> None:
    with naming(MANIFEST):
        raw = archive.json(MANIFEST)
    try:
        claimed = {each.path: each for each in Manifest.model_validate(raw).files}
    except ValidationError:
        notes.add(f"{MANIFEST}: is no manifest; nothing was compared with it")
        return
    there = {each.path: each for each in manifest.files}
    for what, paths in (
        (
            "is not the file that the Execution put out: its digest differs",
            [
                path
                for path in sorted(there.keys() & claimed.keys())
                if there[path] != claimed[path]
            ],
        ),
        ("is missing, and the manifest has it", sorted(claimed.keys() - there.keys())),
        ("is not in the manifest", sorted(there.keys() - claimed.keys())),
    ):
        for path in paths[:_MOST_LISTED]:
            notes.add(f"output file {shown(path)} {what}")
        if len(paths) > _MOST_LISTED:
            notes.add(f"{len(paths) - _MOST_LISTED} more output files: each {what}")


def _tell_unknown(archive: Archive, asked: Asked, notes: Notes) -> None:
    unknown = [
        name
        for name in archive.files
        if name not in _DOCUMENTS and name not in asked.files and not _MADE_ANEW.fullmatch(name)
    ]
    if unknown:
        listed = ", ".join(shown(name) for name in unknown[:_MOST_LISTED])
        more = f" and {len(unknown) - _MOST_LISTED} more" if len(unknown) > _MOST_LISTED else ""
        notes.add(f"left out, because nothing is known of them: {listed}{more}")


def _write_claims(archive: Archive, execution: Execution, notes: Notes, work: Path) -> None:
    """Keep what the documents said of where it came from, as information that nobody checked."""
    claims = archive.json_object(CLAIMS)
    infrastructure = archive.json_object(INFRASTRUCTURE)
    found: dict[str, Any] = {
        "importedAt": iso(now()),
        "origin": execution.origin.model_dump(mode="json") if execution.origin else None,
        "claims": {name: claims[name] for name in _CLAIMS if _is_plain(claims.get(name))},
        "infrastructure": {
            name: infrastructure[name] for name in _TOLD if _is_plain(infrastructure.get(name))
        },
        "notes": notes.texts,
        "before": _earlier(archive, notes),
    }
    (work / "imported.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")


def _earlier(archive: Archive, notes: Notes) -> list[Any]:
    """Return what earlier imports noted, newest first."""
    last = archive.json_object(IMPORTED)
    if not last:
        return []
    before = last.pop("before", [])
    found = [last, *(before if isinstance(before, list) else [])]
    if len(found) > _MOST_EARLIER or len(json.dumps(found)) > _LARGEST_HISTORY:
        notes.add(f"{IMPORTED}: what earlier imports noted is too much, and was left out")
        return []
    return found


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= 1000 and all(isinstance(each, str) for each in value)
    return isinstance(value, str) and len(value) <= 1000
