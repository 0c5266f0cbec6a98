"""What is different between two Executions; pure, bounded in what it returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice, pairwise
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.text_diff import LONGEST_LINE, MOST_LINES, TextDiff, text_diff
from ccp_jupyter.model.values import FileValue, InputValue, LinkValue, PlainValue

_MOST_FILES: Final = 500
_MOST_TASKS: Final = 100
_LONGEST_VALUE: Final = 2000

T = TypeVar("T")


class Two(BaseModel, Generic[T]):
    """The same of both."""

    this: T
    other: T
    same: bool


class MethodDiff(BaseModel):
    """What was run."""

    id: Two[str]
    version: Two[str]
    revision: Two[int]
    """0 when nobody knows."""
    same: bool
    """Whether the documents are the same, whatever they are called."""
    scripts: dict[str, TextDiff]
    """By name, those that differ."""
    members: dict[str, TextDiff]
    """Other members of the document that differ, as JSON."""


class InputsDiff(BaseModel):
    """What it was run with: values; files and long values by digest; of secrets only the names."""

    added: dict[str, list[Any]]
    """Only this one has them."""
    removed: dict[str, list[Any]]
    """Only the other one has them."""
    changed: dict[str, Two[list[Any]]]
    secrets: list[str]
    """Inputs whose values nobody can compare."""


class ChangedFile(BaseModel):
    """An output file that both have, with different content."""

    path: str
    this: OutputFile
    other: OutputFile


class OutputsDiff(BaseModel):
    """What came out, by path and digest. Lists are cut; `counts` counts all."""

    known: bool
    """Whether both have outputs."""
    same: bool
    counts: dict[str, int]
    """``same``, ``changed``, ``added`` (only this one has them), ``removed``."""
    changed: list[ChangedFile]
    added: list[OutputFile]
    removed: list[OutputFile]


class PhaseTimes(BaseModel):
    """How long the Attempt that counts was in a phase, seconds."""

    task: int
    phase: Phase
    this: float | None
    """None: it was not there, or is there still."""
    other: float | None


class Comparison(BaseModel):
    """Two Executions, `this` and `other`."""

    id: Two[str]
    status: Two[str]
    message: Two[str]
    exit_codes: Two[list[int | None]]
    """By Task."""
    method: MethodDiff
    inputs: InputsDiff
    image: Two[str]
    """As it was asked for."""
    digests: Two[list[str]]
    """Of the images that really ran."""
    infrastructure: Two[str]
    nodes: Two[list[str]]
    limits: dict[str, Two[Any]]
    """Those that differ."""
    times: list[PhaseTimes]
    outputs: OutputsDiff
    log: TextDiff


@dataclass(frozen=True, slots=True)
class Side:
    """All that is compared of one Execution."""

    execution: Execution
    tasks: Sequence[Task]
    manifest: Manifest | None = None
    """None: it has put out nothing."""
    log: Sequence[str] = field(default=())
    """At most `MOST_LINES` lines, in an order that does not depend on chance."""
    log_cut: bool = False
    """Whether it has more."""


def compare(this: Side, other: Side) -> Comparison:
    """Return what is different between two Executions; takes long for long logs."""
    both = (this, other)
    one, two = this.execution, other.execution
    return Comparison(
        id=pair(one.id, two.id),
        status=pair(str(one.status), str(two.status)),
        message=pair(one.message, two.message),
        exit_codes=pair(*map(_exit_codes, both)),
        method=_method(one, two),
        inputs=_inputs(one.inputs, two.inputs),
        image=pair(one.image, two.image),
        digests=pair(*(attempts_say(side.tasks, lambda each: each.image) for side in both)),
        infrastructure=pair(one.infrastructure_id, two.infrastructure_id),
        nodes=pair(*(attempts_say(side.tasks, lambda each: each.node) for side in both)),
        limits=_limits(one, two),
        times=_times(this.tasks, other.tasks),
        outputs=compare_outputs(this.manifest, other.manifest),
        log=_log(this, other),
    )


def attempts_say(tasks: Iterable[Task], say: Callable[[Attempt], str | None]) -> list[str]:
    """Return what the Attempts that count say of something, each once."""
    found = {say(task.attempt) for task in tasks if task.attempt is not None}
    return sorted(text for text in found if text)


def compare_outputs(this: Manifest | None, other: Manifest | None) -> OutputsDiff:
    """Return which output files differ."""
    mine = {file.path: file for file in this.files} if this else {}
    theirs = {file.path: file for file in other.files} if other else {}
    changed = [
        ChangedFile(path=path, this=file, other=theirs[path])
        for path, file in mine.items()
        if path in theirs and theirs[path].sha256 != file.sha256
    ]
    added = [file for path, file in mine.items() if path not in theirs]
    removed = [file for path, file in theirs.items() if path not in mine]
    known = this is not None and other is not None
    return OutputsDiff(
        known=known,
        same=known and not (changed or added or removed),
        counts={
            "same": len(mine) - len(changed) - len(added),
            "changed": len(changed),
            "added": len(added),
            "removed": len(removed),
        },
        changed=changed[:_MOST_FILES],
        added=added[:_MOST_FILES],
        removed=removed[:_MOST_FILES],
    )


def pair(this: T, other: T) -> Two[T]:
    """Return the same of both, and whether it is equal."""
    return Two(this=this, other=other, same=this == other)


def _exit_codes(side: Side) -> list[int | None]:
    tasks = side.tasks[:_MOST_TASKS]
    return [None if task.attempt is None else task.attempt.exit_code for task in tasks]


# --- what was run, and with what ------------------------------------------------------------


def _method(one: Execution, two: Execution) -> MethodDiff:
    mine, theirs = _document(one), _document(two)
    my_scripts, their_scripts = _scripts(mine), _scripts(theirs)
    names = dict.fromkeys((*my_scripts, *their_scripts))
    scripts = {
        name: text_diff(their_scripts.get(name, []), my_scripts.get(name, []))
        for name in names
        if my_scripts.get(name, []) != their_scripts.get(name, [])
    }
    members = {
        name: text_diff(_lines(theirs.get(name)), _lines(mine.get(name)))
        for name in dict.fromkeys((*mine, *theirs))
        if name not in ("additionalParameters", "id") and mine.get(name) != theirs.get(name)
    }
    rest = [_other_parameters(document) for document in (mine, theirs)]
    if rest[0] != rest[1]:
        members["additionalParameters"] = text_diff(_lines(rest[1]), _lines(rest[0]))
    return MethodDiff(
        id=pair(one.method_id, two.method_id),
        version=pair(str(mine.get("version", "")), str(theirs.get("version", ""))),
        revision=pair(one.method_revision, two.method_revision),
        same=not (scripts or members),
        scripts=scripts,
        members=members,
    )


def _document(execution: Execution) -> dict[str, Any]:
    if execution.experiment is None:
        return execution.method
    return execution.experiment.model_dump(mode="json", exclude_none=True)


def _parameters(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = document.get("additionalParameters") or {}
    return list(found.get("parameters") or [])


def _scripts(document: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        str(each["name"]): [line for text in each["value"] for line in str(text).splitlines()]
        for each in _parameters(document)
        if str(each.get("name", "")).endswith("-script")
    }


def _other_parameters(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        each for each in _parameters(document) if not str(each.get("name", "")).endswith("-script")
    ]


def _lines(value: object) -> list[str]:
    if value is None:
        return []
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).splitlines()


def _inputs(
    this: Mapping[str, list[InputValue]], other: Mapping[str, list[InputValue]]
) -> InputsDiff:
    mine, theirs = _decisive(this), _decisive(other)
    secrets = {
        name
        for inputs, shown in ((this, mine), (other, theirs))
        for name in inputs
        if name not in shown
    }
    return InputsDiff(
        added={name: value for name, value in mine.items() if name not in other},
        removed={name: value for name, value in theirs.items() if name not in this},
        changed={
            name: pair(value, theirs[name])
            for name, value in mine.items()
            if name in theirs and value != theirs[name]
        },
        secrets=sorted(secrets),
    )


def _decisive(inputs: Mapping[str, list[InputValue]]) -> dict[str, list[Any]]:
    """Return values as they are shown, without inputs that have secrets."""
    found = {name: [_shown(value) for value in values] for name, values in inputs.items()}
    return {name: values for name, values in found.items() if None not in values}


def _shown(value: InputValue) -> dict[str, Any] | None:
    match value:
        case PlainValue():
            text = json.dumps(value.value, ensure_ascii=False)
            if len(text) <= _LONGEST_VALUE:
                return {"value": value.value}
            digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            return {"sha256": digest, "characters": len(text)}
        case FileValue():
            media_type = value.media_type
            return {"sha256": value.sha256, "size": value.size, "mediaType": media_type}
        case LinkValue():
            return {"href": value.href, "mediaType": value.media_type}
        case _:
            return None


def _limits(one: Execution, two: Execution) -> dict[str, Two[Any]]:
    mine, theirs = (
        {
            **each.limits.model_dump(mode="json"),
            "gpus": [asdict(gpu) for gpu in each.gpus],
            "replicas": each.replicas,
            "priority": each.priority,
        }
        for each in (one, two)
    )
    return {
        name: pair(value, theirs[name]) for name, value in mine.items() if value != theirs[name]
    }


# --- what happened ------------------------------------------------------------------------


def _times(this: Sequence[Task], other: Sequence[Task]) -> list[PhaseTimes]:
    mine, theirs = _durations(this), _durations(other)
    return [
        PhaseTimes(task=task, phase=phase, this=mine.get(key), other=theirs.get(key))
        for key in sorted({*mine, *theirs}, key=lambda each: (each[0], _ORDER.index(each[1])))
        for task, phase in [key]
    ]


_ORDER: Final = list(Phase)


def _durations(tasks: Sequence[Task]) -> dict[tuple[int, Phase], float]:
    found = {}
    for task in tasks[:_MOST_TASKS]:
        phases = task.attempt.phases if task.attempt is not None else []
        for begun, ended in pairwise(phases):
            seconds = (ended.at - begun.at).total_seconds()
            found[task.index, begun.phase] = round(seconds, 3)
    return found


def _log(this: Side, other: Side) -> TextDiff:
    mine, theirs = (
        [line[:LONGEST_LINE] for line in islice(side.log, MOST_LINES)] for side in (this, other)
    )
    found = text_diff(theirs, mine)
    cut = this.log_cut or other.log_cut or len(this.log) > MOST_LINES or len(other.log) > MOST_LINES
    if cut:
        # Nobody can say of what was not looked at that it is the same.
        found = found.model_copy(update={"cut": True, "same": False})
    return found
