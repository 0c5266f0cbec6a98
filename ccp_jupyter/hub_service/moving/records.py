"""From documents of a CC-Agency database to the records of the service."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId

from ccp_jupyter.hub_service.moving.history import UNFINISHED, Course, course
from ccp_jupyter.hub_service.moving.values import (
    Damaged,
    Json,
    moment,
    plain,
    text,
    whole,
    without_secrets,
)
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import (
    DEFAULT_CONCURRENCY,
    Batch,
    Experiment,
    batch_id,
    experiment_id,
)
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.red.engines import gpus_of
from ccp_jupyter.model.states import Status, Target, TaskState
from ccp_jupyter.model.times import truncated

ORIGIN: Final = "takenOver"
"""Member of ``Execution.request`` that says where it comes from."""

_LONGEST_MESSAGE: Final = 1000


@dataclass(slots=True)
class Records:
    """An Experiment as the service keeps it."""

    execution: Execution
    tasks: list[Task]
    ids: dict[str, str]
    """Ids in CC-Agency to ids here, of the Experiment and its batches."""
    unfinished: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Ids of batches that cannot be understood, and why."""


def new_id(old: str) -> str:
    """Return the id here of an Experiment of CC-Agency; the same at each call.

    Ids of batches are made of their Experiment's, whose last six digits must be zero for that.
    Otherwise the time in front stays, so that ids go on to sort by age, and the rest is made anew.

    Parameters
    ----------
    old : str
        24 hex digits.
    """
    if old.endswith("000000"):
        return old
    digest = hashlib.sha256(f"cc-agency {old}".encode()).digest()
    return experiment_id(int(old[:8], 16), digest)


def origin(execution: Execution) -> str | None:
    """Return the id that an Execution had in CC-Agency; None when it was made here."""
    found = execution.request.get(ORIGIN)
    return found.get("experimentId") if isinstance(found, dict) else None


def records(
    document: Json, batches: Sequence[Json], users: dict[str, str], infrastructure_id: str
) -> Records:
    """Return the records of an experiment and its batches.

    Parameters
    ----------
    document : dict
        Of the collection ``experiments``, of any version.
    batches : sequence of dict
        Of the collection ``batches``; those of this experiment.
    users : dict
        Names in CC-Agency to names at the hub; who is not in it keeps the name.
    infrastructure_id : str
        What the Execution shall belong to.

    Raises
    ------
    Damaged
        The experiment cannot be understood, or nothing of it is left.
    """
    old: ObjectId = document["_id"]
    name = text(document, "username")
    owner, id_ = users.get(name, name), new_id(str(old))
    created = moment(document.get("registrationTime")) or _made(old)
    execution = _draft(id_, owner, infrastructure_id, created)
    execution.request = {ORIGIN: {"from": "CC-Agency", "experimentId": str(old)}}
    made = Records(execution, [], {str(old): id_})
    courses = _add_tasks(made, batches)
    if not made.tasks:
        raise Damaged("it has no batches" if not batches else "none of its batches can be read")
    made.unfinished = sum(not each.finished for each in courses)
    execution.experiment = _experiment(document, made.tasks)
    settings = execution.experiment.container["settings"]
    execution.image = str(settings["image"].get("url", ""))
    execution.gpus = gpus_of(settings)
    execution.replicas = len(made.tasks)
    _conclude(execution, made.tasks, courses)
    return made


def _add_tasks(made: Records, batches: Sequence[Json]) -> list[Course]:
    """Add a Task for each batch that can be understood."""
    courses: list[Course] = []
    for index, each in _numbered(batches):
        try:
            task, went = _task(made.execution.id, made.execution.owner, index, each)
        except Damaged as error:
            made.skipped.append((str(each["_id"]), str(error)))
            continue
        made.tasks.append(task)
        courses.append(went)
        made.ids[str(each["_id"])] = batch_id(made.execution.id, index)
    return courses


def _draft(id_: str, owner: str, infrastructure_id: str, created: datetime) -> Execution:
    return Execution(
        id=id_,
        owner=owner,
        method_id="",
        method={},
        request={},
        inputs={},
        infrastructure_id=infrastructure_id,
        limits=Limits(),
        image="",
        created=created,
    )


def _made(id_: ObjectId) -> datetime:
    """Return when an id was made: it says so itself."""
    return truncated(id_.generation_time.astimezone(UTC))


def _numbered(batches: Sequence[Json]) -> list[tuple[int, Json]]:
    """Return the batches with their index from 1; those without a place of their own at the end."""
    placed: dict[int, Json] = {}
    homeless: list[Json] = []
    for each in batches:
        position = whole(each.get("batchesListIndex"), 0)
        if position is None or position >= len(batches) or position in placed:
            homeless.append(each)
        else:
            placed[position] = each
    free = (position for position in range(len(batches)) if position not in placed)
    placed.update(zip(free, homeless, strict=False))
    return [(position + 1, placed[position]) for position in sorted(placed)]


def _task(execution_id: str, owner: str, index: int, document: Json) -> tuple[Task, Course]:
    if not isinstance(document["_id"], ObjectId):
        raise Damaged("_id is no ObjectId")
    created = moment(document.get("registrationTime")) or _made(document["_id"])
    went = course(document, created)
    inputs, outputs = document.get("inputs"), document.get("outputs")
    if not isinstance(inputs, dict):
        raise Damaged("inputs is no object")
    batch = Batch(
        inputs=_given(inputs),
        outputs=_given(outputs) if isinstance(outputs, dict) else {},
        doc=_optional_text(document, "doc"),
    )
    batch.stdout = _optional_text(document, "cliStdout") or batch.stdout
    batch.stderr = _optional_text(document, "cliStderr") or batch.stderr
    task = Task(
        execution_id=execution_id,
        index=index,
        owner=owner,
        created=created,
        batch=batch,
        ended=went.ended,
        reason=went.reason,
        state=went.state,
        attempts=went.attempts,
    )
    return task, went


def _given(members: Json) -> Json:
    # Member by member: one of them may be called "access".
    return {name: without_secrets(value) for name, value in plain(members).items()}


def _experiment(document: Json, tasks: list[Task]) -> Experiment:
    cli, container = document.get("cli"), document.get("container")
    if not isinstance(cli, dict):
        raise Damaged("cli is no object")
    settings = container.get("settings") if isinstance(container, dict) else None
    if not isinstance(settings, dict) or not isinstance(settings.get("image"), dict):
        raise Damaged("container.settings.image is no object")
    kept: Json = without_secrets(plain(settings))
    kept["image"].pop("auth", None)
    gpus = _gpus(kept.pop("gpus", None))
    if gpus:
        kept["gpus"] = {"vendor": "nvidia", "devices": [{"vramMin": each} for each in gpus]}
    execution = document.get("execution")
    asked = execution.get("settings") if isinstance(execution, dict) else None
    asked = asked if isinstance(asked, dict) else {}
    return Experiment(
        red_version=str(plain(document.get("redVersion", ""))),
        cli=plain(cli),
        container={"engine": "docker", "settings": kept},
        execution=_engine(execution, asked),
        doc=_optional_text(document, "doc"),
        retry=asked.get("retryIfFailed") is True,
        validate_connectors=asked.get("disableConnectorValidation") is not True,
        concurrency=whole(asked.get("batchConcurrencyLimit"), 1) or DEFAULT_CONCURRENCY,
        fuse=any(_mounts(task.batch.inputs) for task in tasks if task.batch),
    )


def _engine(execution: object, asked: Json) -> Json | None:
    if not isinstance(execution, dict):
        return None
    settings = without_secrets(plain({k: v for k, v in asked.items() if k != "access"}))
    return {"engine": str(plain(execution.get("engine", "ccagency"))), "settings": settings}


def _gpus(asked: object) -> list[int]:
    """Return the least VRAM of each wanted GPU, in any of the forms of RED 5 to 9."""
    devices = asked.get("devices") if isinstance(asked, dict) else asked
    if isinstance(devices, list):
        sizes = [each if isinstance(each, dict) else {} for each in devices]
        wanted = [s.get("vramMin") or s.get("minVram") or s.get("min_vram") for s in sizes]
        return [whole(each, 0) or 0 for each in wanted]
    count = whole(asked.get("count"), 1) if isinstance(asked, dict) else None
    return [0] * min(count or 0, 1000)


def _mounts(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_mounts, value))
    if not isinstance(value, dict):
        return False
    connector = value.get("connector")
    if isinstance(connector, dict):
        return connector.get("mount") is True
    return any(map(_mounts, value.values()))


def _optional_text(document: Json, member: str) -> str | None:
    found = document.get(member)
    return str(plain(found)) if isinstance(found, str) and found else None


def _conclude(execution: Execution, tasks: list[Task], courses: list[Course]) -> None:
    """Give the Execution the state that its batches have together."""
    of = f"of {len(tasks)} batches"
    failed = [task for task in tasks if task.state is TaskState.FAILED]
    good = sum(task.state is TaskState.SUCCESSFUL for task in tasks)
    unfinished = sum(not each.finished for each in courses)
    if failed:
        first = failed[0]
        reason = first.reason or (first.attempt and first.attempt.reason) or "failed"
        if len(tasks) > 1:
            reason = f"{len(failed)} {of} failed; batch {first.index}: {reason}"
        execution.status, execution.message = Status.FAILED, reason[:_LONGEST_MESSAGE]
    elif unfinished:
        execution.status = Status.DISMISSED
        execution.message = f"{UNFINISHED}: {unfinished} {of}" if len(tasks) > 1 else UNFINISHED
    elif good:
        left = len(tasks) - good
        execution.status = Status.SUCCESSFUL
        execution.message = f"Successful; {left} {of} were cancelled" if left else "Successful"
    else:
        execution.status, execution.message = Status.DISMISSED, "All batches cancelled"
    if execution.status is Status.DISMISSED:
        execution.target = Target.DISMISSED
    execution.progress = 100 if execution.status is Status.SUCCESSFUL else 100 * good // len(tasks)
    began = [attempt.phases[0].at for task in tasks for attempt in task.attempts]
    execution.started = min(began, default=None)
    ends = [each.ended for each in courses]
    execution.finished = execution.updated = max([execution.created, *ends])
