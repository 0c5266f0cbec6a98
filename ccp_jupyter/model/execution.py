"""Executions, their Tasks and Attempts: the records that the store keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase, Status, Target, TaskState
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import InputValue, SecretValue

CONTAINER_PREFIX = "ccp-"


class _Record(BaseModel):
    model_config = ConfigDict(validate_assignment=False)


class PhaseTime(_Record):
    """When an Attempt entered a phase."""

    phase: Phase
    at: datetime


class Attempt(_Record):
    """One try of a Task on one Node."""

    number: int = Field(ge=1)
    node: str
    phase: Phase = Phase.LAUNCH
    phases: list[PhaseTime] = []
    image: str | None = None
    """Digest (or engine-local id) of the image that really ran."""
    container_id: str | None = None
    exit_code: int | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    """Why it did not succeed, in words for the user."""


class Task(_Record):
    """One container's worth of an Execution: replica `index` (from 1) of a Method."""

    execution_id: str
    index: int = Field(ge=1)
    state: TaskState = TaskState.QUEUED
    attempts: list[Attempt] = []
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""

    @property
    def id(self) -> str:
        """Name of the Task, unique in the store."""
        return task_id(self.execution_id, self.index)

    @property
    def attempt(self) -> Attempt | None:
        """The Attempt that counts: the latest."""
        return self.attempts[-1] if self.attempts else None


class Execution(_Record):
    """One request to run a Method: the OGC job."""

    id: str
    owner: str
    method_id: str
    method: dict[str, Any]
    """The Method as executed."""
    request: dict[str, Any]
    """The execute request as sent, without secrets, and with links to the files it brought."""
    inputs: dict[str, list[InputValue]]
    """Checked values of every input, defaults filled in; one input may have several values."""
    claims: dict[str, Any] = {}
    """Who asked: the hub's user model without any token."""
    infrastructure_id: str
    limits: Limits
    """As they were at submission, `max_time` already lowered by ``ccpmaxtime``."""
    image: str
    context: str = ""
    """The group in which the Method was run; ``ccpcontext`` in the container."""
    replicas: int = 1
    idempotency_key: str | None = None
    request_digest: str = ""
    """SHA-256 of the canonical request, to tell a repeated request from another one."""
    status: Status = Status.ACCEPTED
    target: Target = Target.FINISHED
    message: str = ""
    progress: int = Field(0, ge=0, le=100)
    created: datetime = Field(default_factory=now)
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime = Field(default_factory=now)
    output_size: int | None = None
    """Bytes of output.zip; None as long as there is none."""
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""

    @property
    def secrets(self) -> list[str]:
        """Ids of the inputs whose values only the vault has."""
        return [
            name
            for name, values in self.inputs.items()
            if any(isinstance(value, SecretValue) for value in values)
        ]


def task_id(execution_id: str, index: int) -> str:
    """Return the name of a Task: Execution id, a dot, index of the replica."""
    return f"{execution_id}.{index}"


def container_name(task: str, attempt: int) -> str:
    """Return the container's name, derived so that the engine itself refuses a second start."""
    return f"{CONTAINER_PREFIX}{task}.{attempt}"
