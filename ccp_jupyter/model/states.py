"""The states of Executions, Tasks and Attempts, and which change is allowed, as data."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar


class Status(StrEnum):
    """Where an Execution stands: the five values of OGC API - Processes 1.0, statusCode.yaml.

    And ``created`` of Part 4: kept, and to be started on request.
    """

    CREATED = "created"
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


class Target(StrEnum):
    """Where an Execution shall go; written by requests, moved towards by the controller."""

    FINISHED = "finished"
    DISMISSED = "dismissed"
    DELETED = "deleted"


class TaskState(StrEnum):
    """Where a Task stands; ``queued`` also after an Attempt that may be repeated."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


class Phase(StrEnum):
    """Where an Attempt is, in the order of a Method's lifecycle; ``ended`` when nothing is left."""

    LAUNCH = "launch"
    DEPLOY = "deploy"
    EXECUTE = "execute"
    FETCH = "fetch"
    DESTROY = "destroy"
    ENDED = "ended"


class Outcome(StrEnum):
    """How an Attempt went; only ``platform`` may be followed by another Attempt."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"
    PLATFORM = "platform"


STATUS_CHANGES: Final = {
    Status.CREATED: {Status.ACCEPTED, Status.FAILED, Status.DISMISSED},
    Status.ACCEPTED: {Status.RUNNING, Status.FAILED, Status.DISMISSED},
    Status.RUNNING: {Status.SUCCESSFUL, Status.FAILED, Status.DISMISSED},
    Status.SUCCESSFUL: set[Status](),
    Status.FAILED: set[Status](),
    Status.DISMISSED: set[Status](),
}

TARGET_CHANGES: Final = {
    Target.FINISHED: {Target.DISMISSED, Target.DELETED},
    Target.DISMISSED: {Target.DELETED},
    Target.DELETED: set[Target](),
}

TASK_CHANGES: Final = {
    TaskState.QUEUED: {TaskState.RUNNING, TaskState.FAILED, TaskState.DISMISSED},
    TaskState.RUNNING: {
        TaskState.QUEUED,
        TaskState.SUCCESSFUL,
        TaskState.FAILED,
        TaskState.DISMISSED,
    },
    TaskState.SUCCESSFUL: set[TaskState](),
    TaskState.FAILED: set[TaskState](),
    TaskState.DISMISSED: set[TaskState](),
}

# An error in any phase goes straight to Destroy, so that the Node is always cleaned up.
PHASE_CHANGES: Final = {
    Phase.LAUNCH: {Phase.DEPLOY, Phase.DESTROY},
    # A batch that could not receive its inputs has a result and streams to be fetched.
    Phase.DEPLOY: {Phase.EXECUTE, Phase.FETCH, Phase.DESTROY},
    Phase.EXECUTE: {Phase.FETCH, Phase.DESTROY},
    Phase.FETCH: {Phase.DESTROY},
    Phase.DESTROY: {Phase.ENDED},
    Phase.ENDED: set[Phase](),
}

_CHANGES: Final[dict[type[StrEnum], dict[StrEnum, set[StrEnum]]]] = {
    Status: STATUS_CHANGES,  # type: ignore[dict-item]
    Target: TARGET_CHANGES,  # type: ignore[dict-item]
    TaskState: TASK_CHANGES,  # type: ignore[dict-item]
    Phase: PHASE_CHANGES,  # type: ignore[dict-item]
}


S = TypeVar("S", bound=StrEnum)


class ForbiddenChange(ValueError):
    """A change of state that the tables in this module do not allow."""


def changed(old: S, new: S) -> S:
    """Return the new state when the tables allow the change.

    Parameters
    ----------
    old, new : Status, Target, TaskState or Phase
        Both of the same kind. Staying where one is counts as no change and is allowed.

    Returns
    -------
    Status, Target, TaskState or Phase
        `new`.

    Raises
    ------
    ForbiddenChange
        When the table has no such change.
    """
    if new is not old and new not in _CHANGES[type(old)][old]:
        raise ForbiddenChange(f"{type(old).__name__}: {old} cannot become {new}")
    return new


def is_final(state: Status | TaskState | Phase) -> bool:
    """Tell whether nothing follows a state."""
    return not _CHANGES[type(state)][state]
