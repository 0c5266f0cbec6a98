"""Executions, their Tasks and Attempts: the records that the store keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.model.callbacks import Callback
from ccp_jupyter.model.experiment import Batch, BatchState, Experiment
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.sharing import Sharing
from ccp_jupyter.model.states import Outcome, Phase, Status, Target, TaskState
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import InputValue, SecretValue

CONTAINER_PREFIX = "ccp-"

IN_SERVICE = "_service"
"""In place of an Infrastructure's id: it runs in the service itself. None can be called so."""

_BATCH_STATES = {
    TaskState.QUEUED: BatchState.REGISTERED,
    TaskState.SUCCESSFUL: BatchState.SUCCEEDED,
    TaskState.FAILED: BatchState.FAILED,
    TaskState.DISMISSED: BatchState.CANCELLED,
}


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
    gpus: list[str] = []
    """Ids of the Node's GPUs that it has to itself."""
    result: dict[str, Any] | None = None
    """What the in-container agent reported (``ccagent``): secrets masked, size bounded."""


class Task(_Record):
    """One container's worth of an Execution: replica or batch number `index`, from 1."""

    execution_id: str
    index: int = Field(ge=1)
    owner: str = ""
    """Whose it is; as in the Execution, here for lists of Tasks."""
    created: datetime = Field(default_factory=now)
    batch: Batch | None = None
    """What to work on; None for a Method's replica."""
    ended: datetime | None = None
    """When it got its final state."""
    reason: str | None = None
    """Why it has its final state, where no Attempt says so."""
    to_notify: bool = False
    """Whether the notification hooks have still to hear of its end."""
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

    @property
    def batch_state(self) -> BatchState:
        """Where it stands, in the words of CC-Agency."""
        if self.state is TaskState.RUNNING:
            attempt = self.attempt
            placed = attempt is None or attempt.phase is Phase.LAUNCH
            return BatchState.SCHEDULED if placed else BatchState.PROCESSING
        return _BATCH_STATES[self.state]


class Execution(_Record):
    """One request to run a Method or an Experiment: the OGC job."""

    id: str
    owner: str
    experiment: Experiment | None = None
    """The RED document; None when a Method is run."""
    method_id: str
    """Empty for an Experiment."""
    method: dict[str, Any]
    """The Method as executed; empty for an Experiment."""
    method_revision: int = 0
    """Of the Method at this service; 0 when nobody knows."""
    request: dict[str, Any]
    """The execute request as sent, without secrets, and with links to the files it brought."""
    inputs: dict[str, list[InputValue]]
    """Checked values of every input, defaults filled in; one input may have several values."""
    claims: dict[str, Any] = {}
    """Who asked: the hub's user model without any token."""
    infrastructure_id: str
    limits: Limits
    """As they were at submission, with what the Method or document asked for and got."""
    gpus: list[GpuWish] = []
    """What each Task wants to itself."""
    priority: int = Field(0, ge=-100, le=100)
    """Among Executions of the same owner, those with a higher one go first."""
    image: str
    context: str = ""
    """The group in which the Method was run; ``ccpcontext`` in the container."""
    replicas: int = 1
    """Number of its Tasks: replicas of a Method, batches of an Experiment."""
    after: list[str] = []
    """Executions that must be successful before this one begins."""
    idempotency_key: str | None = None
    returns: Literal["", "minimal", "representation"] = ""
    """Whether its results shall be links or values; empty: as the service likes."""
    request_digest: str = ""
    """SHA-256 of the canonical request, to tell a repeated request from another one."""
    status: Status = Status.ACCEPTED
    target: Target = Target.FINISHED
    message: str = ""
    progress: int = Field(0, ge=0, le=100)
    ending: bool = False
    """Whether, with its final status, its end has still to be told or something be cleared up."""
    created: datetime = Field(default_factory=now)
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime = Field(default_factory=now)
    output_size: int | None = None
    """Bytes of output.zip; None as long as there is none."""
    output_digest: str | None = None
    """`Manifest.digest` of output.zip; None as long as nobody knows it."""
    reuse_key: str = ""
    """SHA-256 of all that decides about the outputs; empty when they cannot be reused."""
    origin: Origin | None = None
    sharing: Sharing = Field(default_factory=Sharing)
    callbacks: list[Callback] = []
    base_url: str = ""
    """Address of the service as the one who submitted it saw it; for links in callbacks."""
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""

    @property
    def built_in(self) -> bool:
        """Whether it runs in the service itself, as one of its built-in processes."""
        return self.infrastructure_id == IN_SERVICE

    @property
    def has_callbacks_due(self) -> bool:
        """Whether somebody has to be told of something."""
        return any(each.is_due for each in self.callbacks)

    @property
    def has_secrets(self) -> bool:
        """Whether there is something that only the vault has."""
        if self.experiment is not None:
            return self.experiment.has_secrets
        return any(isinstance(v, SecretValue) for values in self.inputs.values() for v in values)


def task_id(execution_id: str, index: int) -> str:
    """Return the name of a Task: Execution id, a dot, index of the replica."""
    return f"{execution_id}.{index}"


def container_name(task: str, attempt: int) -> str:
    """Return the container's name, derived so that the engine itself refuses a second start."""
    return f"{CONTAINER_PREFIX}{task}.{attempt}"
