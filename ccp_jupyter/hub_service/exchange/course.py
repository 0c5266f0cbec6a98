"""How an imported Execution went: status, Tasks, Attempts, phases, as its documents claim it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
)

from ccp_jupyter.hub_service.exchange.notes import Notes
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.execution import Attempt, PhaseTime, Task
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState, is_final
from ccp_jupyter.model.times import now, truncated

LARGEST_RESULT: Final = 256 * 1024
"""Bytes of what the agent of one Attempt reported."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENDED: Final = {
    Status.SUCCESSFUL: TaskState.SUCCESSFUL,
    Status.FAILED: TaskState.FAILED,
    Status.DISMISSED: TaskState.DISMISSED,
}
_BY_OUTCOME: Final = {
    Outcome.SUCCESSFUL: TaskState.SUCCESSFUL,
    Outcome.FAILED: TaskState.FAILED,
    Outcome.PLATFORM: TaskState.FAILED,
    Outcome.DISMISSED: TaskState.DISMISSED,
}


def sane(moment: datetime) -> datetime:
    """Return a time that this service could have written: in UTC, not before 1970, not to come."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return truncated(min(max(moment, _EPOCH), now()))
    except OverflowError:  # the first and last day of the calendar, in another zone
        return _EPOCH


def _bounded(most: int) -> Any:
    def cut(value: object) -> object:
        if not isinstance(value, str):
            return value
        return "".join(c if c.isprintable() or c == "\n" else "�" for c in value[:most])

    return BeforeValidator(cut)


Moment = Annotated[datetime, AfterValidator(sane)]
Words = Annotated[str, _bounded(2000)]
Name = Annotated[str, _bounded(300)]


class StatusDocument(BaseModel):
    """What ``metadata/jobStatus.json`` says, as far as it is taken."""

    job_id: Name = Field("", alias="jobID")
    status: Status
    message: Words = ""
    progress: int = Field(0, ge=0, le=100)
    created: Moment
    started: Moment | None = None
    finished: Moment | None = None
    updated: Moment | None = None


class _Phase(BaseModel):
    phase: Phase
    at: Moment


class _Attempt(BaseModel):
    number: int = Field(ge=1, le=10_000)
    node: Name = ""
    phases: list[_Phase] = Field([], max_length=100)
    image: Name | None = None
    container_id: Name | None = None
    exit_code: int | None = Field(None, ge=-(2**31), lt=2**31)
    outcome: Outcome | None = None
    reason: Words | None = None
    gpus: list[Name] = Field([], max_length=64)
    result: dict[str, Any] | None = None


class _Task(BaseModel):
    index: int = Field(ge=1)
    state: TaskState
    created: Moment | None = None
    ended: Moment | None = None
    reason: Words | None = None
    attempts: list[_Attempt] = Field([], max_length=1000)


class _Instance(BaseModel):
    """One entry of ``metadata/instance.json``."""

    replica: int = Field(ge=1, validation_alias=AliasChoices("replica", "batch"))
    attempt: int = Field(1, ge=1, le=10_000)
    node: Name = ""
    container_id: Name | None = Field(None, alias="containerID")
    image: Name | None = None
    exit_code: int | None = Field(None, alias="exitCode", ge=-(2**31), lt=2**31)
    outcome: Outcome | None = None
    reason: Words | None = None
    phases: list[_Phase] = Field([], max_length=100)


_TASKS: Final = TypeAdapter(list[_Task])
_INSTANCES: Final = TypeAdapter(list[_Instance])


def read_status(document: object, place: str) -> StatusDocument:
    """Return a status document.  Raises `InvalidDocument`, which names the file."""
    try:
        found = StatusDocument.model_validate(document)
    except ValidationError as error:
        raise _invalid(error, place) from error
    found.started = found.started and max(found.started, found.created)
    if is_final(found.status):
        end = found.finished or found.updated or found.started or found.created
        found.finished = max(end, found.started or found.created)
    return found


def read_tasks(document: object, place: str) -> list[Task]:
    """Return the Tasks of ``metadata/folder.json``, for no Execution yet.

    Raises
    ------
    InvalidDocument
    """
    try:
        found = _TASKS.validate_python(document)
    except ValidationError as error:
        raise _invalid(error, f"{place}: tasks") from error
    return [
        Task(
            execution_id="",
            index=each.index,
            created=each.created or now(),
            ended=each.ended,
            reason=each.reason,
            state=each.state,
            attempts=[_kept(one.model_dump()) for one in each.attempts],
        )
        for each in found
    ]


def tasks_of_instances(document: dict[str, Any], place: str) -> list[Task]:
    """Return the Tasks that ``metadata/instance.json`` tells of, where there is nothing better.

    Raises
    ------
    InvalidDocument
    """
    try:
        found = _INSTANCES.validate_python(document.get("instances", []))
    except ValidationError as error:
        raise _invalid(error, f"{place}: instances") from error
    tasks: dict[int, Task] = {}
    for each in found:
        task = tasks.setdefault(each.replica, Task(execution_id="", index=each.replica))
        members = each.model_dump(exclude={"replica", "attempt"})
        task.attempts.append(_kept({**members, "number": each.attempt}))
        outcome = task.attempts[-1].outcome
        task.state = _BY_OUTCOME[outcome] if outcome else TaskState.DISMISSED
        task.reason = task.attempts[-1].reason
    return list(tasks.values())


def _kept(members: dict[str, Any]) -> Attempt:
    """Return an Attempt with nothing left to do."""
    result = members.get("result")
    if result is not None and len(json.dumps(result, default=str)) > LARGEST_RESULT:
        members["result"] = None
    attempt = Attempt.model_validate(members)
    attempt.phase = Phase.ENDED
    if attempt.phases and attempt.phases[-1].phase is not Phase.ENDED:
        attempt.phases.append(PhaseTime(phase=Phase.ENDED, at=attempt.phases[-1].at))
    return attempt


def concluded(
    tasks: Iterable[Task], replicas: int, status: StatusDocument, place: str, notes: Notes
) -> list[Task]:
    """Return a Task for each replica, each with a final state.

    Raises
    ------
    InvalidDocument
        There are Tasks of no replica, or two of one.
    """
    by_index: dict[int, Task] = {}
    for task in tasks:
        if task.index in by_index or task.index > replicas:
            rule = f"must have each number from 1 to {replicas}, the replicas, at most once"
            raise InvalidDocument([Problem(f"{place}: tasks", rule, shown(task.index))])
        by_index[task.index] = task
    end = status.finished or status.updated or status.created
    state = _ENDED.get(status.status, TaskState.DISMISSED)
    if missing := [index for index in range(1, replicas + 1) if index not in by_index]:
        notes.add(f"nothing tells how {len(missing)} of {replicas} replicas went")
    for index in missing:
        by_index[index] = Task(execution_id="", index=index, state=state)
    for task in by_index.values():
        task.created = status.created
        if not is_final(task.state):
            task.state = TaskState.DISMISSED
        task.ended = task.ended or end
    return [by_index[index] for index in sorted(by_index)]


def conclude(status: StatusDocument, notes: Notes) -> None:
    """Give a status that is not final one that is: what went on elsewhere does not go on here."""
    if is_final(status.status):
        return
    text = f"It was {status.status} when it was exported"
    notes.add(f"{text}; here it counts as dismissed")
    status.status, status.message = Status.DISMISSED, text
    status.finished = status.updated or status.started or status.created


def _invalid(error: ValidationError, place: str) -> InvalidDocument:
    problems = []
    for each in error.errors()[:20]:
        member = ".".join(str(step) for step in each["loc"])
        rule = each["msg"].replace("Input should", "must", 1)
        problems.append(Problem(f"{place}: {member}", rule, shown(each["input"])))
    return InvalidDocument(problems)
