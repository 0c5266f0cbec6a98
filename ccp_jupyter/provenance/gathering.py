"""From the records of an Execution to `Facts`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from ccp_jupyter.model.execution import Attempt, Execution, Task, container_name
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.values import FileValue, InputValue, LinkValue, PlainValue, file_name
from ccp_jupyter.provenance.facts import (
    AttemptFact,
    Facts,
    InputFact,
    OriginFact,
    OutputFact,
    Place,
    Plan,
    SentFact,
    Service,
    Span,
    TaskFact,
)
from ccp_jupyter.provenance.texts import (
    clean,
    is_clean,
    media_type_of,
    public_address,
)

MOST_FILES: Final = 20_000
"""Output files that are told one by one."""
MOST_TASKS: Final = 1_000
"""Tasks that are told one by one; all have the same phases."""
MOST_INPUTS: Final = 10_000
"""Values of inputs that are told one by one."""

_FOLDER: Final = re.compile(r"(?:replica|batch)-([0-9]{1,9})/")
_LARGEST: Final = 2**63
_SERVICE_OWNER: Final = "service/"


@dataclass(frozen=True, slots=True)
class Files:
    """What is on the service's disk of an Execution.

    Attributes
    ----------
    manifest : Manifest, optional
        Of output.zip.
    linked : mapping of str to OutputFile
        Linked inputs once fetched, by their name: ``table``, or ``table.2`` when an input takes
        several; with their path in the Execution's folder.
    """

    manifest: Manifest | None = None
    linked: Mapping[str, OutputFile] = field(default_factory=dict)


def gather(
    execution: Execution,
    tasks: Sequence[Task],
    files: Files,
    service: Service,
    infrastructure: Infrastructure | None = None,
) -> Facts:
    """Return what is known of an Execution now.

    Parameters
    ----------
    execution, tasks
        As they are stored, where no secret is. All Tasks, by index.
    files : Files
        What it has left on the disk.
    service : Service
        Who tells it.
    infrastructure : Infrastructure, optional
        None when it is not there any more.
    """
    address = service.address
    inputs = list(islice(_inputs(execution, tasks, files.linked), MOST_INPUTS + 1))
    total = len(inputs)
    if total > MOST_INPUTS:
        total = sum(1 for _ in _inputs(execution, tasks, files.linked))
    listed: list[OutputFile] = []
    if files.manifest is not None and execution.output_size is not None:
        listed = files.manifest.files
    return Facts(
        service=service,
        id=execution.id,
        status=execution.status,
        message=clean(execution.message),
        note=_note(execution),
        created=execution.created,
        started=_started(execution, tasks),
        finished=execution.finished,
        owner=clean(execution.owner),
        owner_is_person=not execution.owner.startswith(_SERVICE_OWNER),
        context=clean(execution.context),
        plan=_plan(execution),
        image=clean(execution.image),
        place=_place(execution, infrastructure),
        cpus=execution.limits.cpus,
        memory=int(execution.limits.memory),
        max_time=execution.limits.max_time,
        replicas=execution.replicas,
        inputs=tuple(inputs[:MOST_INPUTS]),
        inputs_left_out=max(0, total - MOST_INPUTS),
        tasks=tuple(_task(each) for each in tasks[:MOST_TASKS]),
        tasks_left_out=max(0, len(tasks) - MOST_TASKS),
        outputs=tuple(_output(each, execution, address) for each in listed[:MOST_FILES]),
        outputs_left_out=max(0, len(listed) - MOST_FILES),
        sent=tuple(_sent(tasks[:MOST_TASKS])),
        archive_size=execution.output_size,
        archive_digest=_digest(execution, files.manifest),
        origin=_origin(execution, address),
    )


def plan_document(execution: Execution) -> dict[str, Any]:
    """Return the document of what was run: a Method, or an Experiment without its batches."""
    if (experiment := execution.experiment) is not None:
        return experiment.model_dump(mode="json", exclude_none=True)
    return execution.method


def document_text(document: object) -> bytes:
    """Return a JSON document with sorted members and no white space, in UTF-8.

    Its SHA-256 is the digest of a Method or Experiment.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _started(execution: Execution, tasks: Iterable[Task]) -> datetime | None:
    """Return when it began: its first Attempt is written down a moment before its status."""
    times = [each.at for task in tasks for attempt in task.attempts for each in attempt.phases[:1]]
    if execution.started is not None:
        times.append(execution.started)
    return min(times, default=None)


def _digest(execution: Execution, manifest: Manifest | None) -> str:
    if execution.output_digest:
        return execution.output_digest
    return manifest.digest if manifest is not None else ""


def _note(execution: Execution) -> str:
    first = next(iter(execution.inputs.get("ccpnote", [])), None)
    return clean(str(first.value)) if isinstance(first, PlainValue) else ""


def _plan(execution: Execution) -> Plan:
    sha256 = hashlib.sha256(document_text(plan_document(execution))).hexdigest()
    if (experiment := execution.experiment) is not None:
        command = experiment.cli.get("baseCommand") or "RED experiment"
        words = [command] if isinstance(command, str) else [str(word) for word in command]
        lines = (experiment.doc or " ".join(words)).strip().splitlines()
        return Plan(
            kind="experiment",
            id="",
            title=clean(lines[0], 200) if lines else "RED experiment",
            description=clean(experiment.doc or ""),
            version=clean(experiment.red_version),
            sha256=sha256,
        )
    method = execution.method
    entries = [each for each in method.get("metadata") or () if isinstance(each, dict)]
    return Plan(
        kind="method",
        id=execution.method_id,
        title=clean(str(method.get("title") or execution.method_id)),
        description=clean(str(method.get("description") or "")),
        version=clean(str(method.get("version") or "")),
        revision=execution.method_revision,
        sha256=sha256,
        authors=tuple(
            clean(str(each.get("title") or "")) for each in entries if each.get("role") == "author"
        ),
        keywords=tuple(clean(str(each)) for each in method.get("keywords") or ()),
    )


def _place(execution: Execution, record: Infrastructure | None) -> Place:
    if record is None:
        return Place(id=execution.infrastructure_id)
    return Place(
        id=record.id,
        name=clean(record.name),
        description=clean(record.description),
        type=record.type,
    )


# --- inputs ---


def _inputs(
    execution: Execution, tasks: Iterable[Task], linked: Mapping[str, OutputFile]
) -> Iterator[InputFact]:
    declared = execution.method.get("inputs") or {}
    for name in sorted(execution.inputs):
        descriptor = declared.get(name) or {}
        many = descriptor.get("maxOccurs", 1) != 1
        title = clean(str(descriptor.get("title") or ""))
        for number, value in enumerate(execution.inputs[name], 1):
            found = linked.get(file_name(name, number, many))
            yield _input(name, number, title, value, found)
    for task in tasks:
        if task.batch is not None:
            for name in sorted(task.batch.inputs):
                yield from _of_batch(task.index, name, task.batch.inputs[name])


def _input(
    name: str, number: int, title: str, value: InputValue, found: OutputFile | None
) -> InputFact:
    known: dict[str, Any] = {"input": clean(name), "number": number, "title": title}
    match value:
        case PlainValue():
            return InputFact(**known, kind="value", **_told(value.value))
        case FileValue():
            return InputFact(
                **known,
                kind="file",
                media_type=clean(value.media_type),
                path=clean(value.path),
                size=value.size,
                sha256=value.sha256,
            )
        case LinkValue():
            if found is not None:
                known |= {"path": found.path, "size": found.size, "sha256": found.sha256}
            href, kind = public_address(value.href), clean(value.media_type)
            return InputFact(**known, kind="link", href=href, media_type=kind)
        case _:
            return InputFact(**known, kind="secret")


def _told(value: object) -> dict[str, Any]:
    """Return how a literal is told: as it is when it is short, or else by its digest."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < _LARGEST):
        return {"value": value}
    if isinstance(value, float):
        return {"value": value}
    kind = "text/plain" if isinstance(value, str) else "application/json"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if is_clean(text):
        return {"value": text, "media_type": kind}
    data = text.encode("utf-8", "surrogatepass")
    return {"media_type": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _of_batch(index: int, name: str, value: object) -> Iterator[InputFact]:
    for number, each in enumerate(value if isinstance(value, list) else [value], 1):
        known: dict[str, Any] = {"input": clean(name), "number": number, "task": index}
        if isinstance(each, dict) and each.get("class") in ("File", "Directory"):
            yield InputFact(
                **known,
                kind="connector",
                title=clean(str(each.get("basename") or "")),
                connector=_connector(each),
            )
        else:
            yield InputFact(**known, kind="value", **_told(each))


def _connector(value: Mapping[str, Any]) -> str:
    connector = value.get("connector")
    # Its `access` is the name of a secret, and says nothing outside of the service.
    return clean(str(connector.get("command") or "")) if isinstance(connector, dict) else ""


def _sent(tasks: Iterable[Task]) -> Iterator[SentFact]:
    for task in tasks:
        for name in sorted(task.batch.outputs) if task.batch is not None else ():
            value = task.batch.outputs[name] if task.batch is not None else None
            if isinstance(value, dict):
                yield SentFact(output=clean(name), task=task.index, connector=_connector(value))


# --- what ran ---


def _task(task: Task) -> TaskFact:
    attempts = tuple(_attempt(task, each) for each in task.attempts)
    return TaskFact(index=task.index, state=task.state, attempts=attempts)


def _attempt(task: Task, attempt: Attempt) -> AttemptFact:
    return AttemptFact(
        number=attempt.number,
        node=clean(attempt.node),
        outcome=attempt.outcome,
        reason=clean(attempt.reason or ""),
        exit_code=attempt.exit_code,
        image=clean(attempt.image or ""),
        container=clean(attempt.container_id or ""),
        container_name=container_name(task.id, attempt.number),
        gpus=tuple(map(clean, attempt.gpus)),
        spans=tuple(_spans(attempt)),
    )


def _spans(attempt: Attempt) -> Iterator[Span]:
    """Yield the phases with begin and end, in order also where the service's clock was set back."""
    latest: datetime | None = None
    times: list[tuple[Phase, datetime]] = []
    for each in attempt.phases:
        latest = each.at if latest is None else max(latest, each.at)
        times.append((each.phase, latest))
    for number, (phase, start) in enumerate(times):
        if phase is not Phase.ENDED:
            end = times[number + 1][1] if number + 1 < len(times) else None
            yield Span(phase=phase, start=start, end=end)


# --- what came of it ---


def _output(listed: OutputFile, execution: Execution, address: str) -> OutputFact:
    folder = _FOLDER.match(listed.path) if execution.replicas > 1 else None
    path = quote(listed.path.encode("utf-8", "surrogateescape"), safe="/")
    return OutputFact(
        path=clean(listed.path),
        href=f"{address}jobs/{execution.id}/outputs/{path}",
        size=listed.size,
        sha256=listed.sha256,
        media_type=media_type_of(listed.path),
        task=int(folder[1]) if folder else 1,
    )


def _origin(execution: Execution, address: str) -> OriginFact | None:
    origin = execution.origin
    if origin is None or origin.kind == "clone":  # only Methods are cloned
        return None
    service = public_address(origin.service) or address
    return OriginFact(
        kind=origin.kind,
        id=clean(origin.id),
        address=service if service.endswith("/") else service + "/",
        here=not origin.service,
        at=origin.at,
    )
