"""What is told of an Execution, in one plain description that can be passed on.

Nothing here is secret: secret inputs are there as such, of the hub's claims there is only the name
of the user, and addresses are without logins.  `gathering` makes it from the records; `document`
(PROV) and `crate` (RO-Crate) say the same in their words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Service(_Fact):
    """Who tells it."""

    address: str
    """With a slash at the end."""
    version: str
    """Of the software that tells it now."""


class Plan(_Fact):
    """What was run: a Method, or a RED document."""

    kind: Literal["method", "experiment"]
    id: str
    """Empty for an Experiment."""
    title: str
    description: str = ""
    version: str
    """The author's; of an Experiment that of RED."""
    revision: int = 0
    """0 when nobody knows."""
    sha256: str
    """Of the document as JSON with sorted members, no white space, in UTF-8."""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


class InputFact(_Fact):
    """One value of an input."""

    input: str
    """Its id."""
    number: int = 1
    """Among the values of the input, from 1."""
    task: int | None = None
    """The batch that it belongs to; None: to all Tasks."""
    kind: Literal["value", "file", "link", "connector", "secret"]
    title: str = ""
    value: str | bool | int | float | None = None
    """Arrays and objects as JSON text; None when it is told by its digest, or is secret."""
    connector: str = ""
    """Program that brings a file into the container of a batch."""
    href: str = ""
    path: str = ""
    """Of a file that the service has, in the Execution's folder: ``inputs/table``."""
    media_type: str = ""
    size: int | None = None
    """Bytes."""
    sha256: str = ""

    @property
    def controls(self) -> bool:
        """Whether it tells the service how to run, rather than the Method what to work on."""
        return self.input.startswith("ccp")


class OutputFact(_Fact):
    """A file in output.zip."""

    path: str
    href: str
    size: int
    """Bytes."""
    sha256: str
    media_type: str
    task: int
    """The Task that left it, from 1."""


class SentFact(_Fact):
    """A file that a batch sent away by a connector."""

    output: str
    task: int
    connector: str


class Span(_Fact):
    """A phase of an Attempt."""

    phase: Phase
    start: datetime
    end: datetime | None = None
    """None while it goes on, or when nobody knows."""


class AttemptFact(_Fact):
    """One try of a Task on one Node."""

    number: int
    node: str
    outcome: Outcome | None
    reason: str = ""
    exit_code: int | None = None
    image: str = ""
    """Digest of the image that really ran."""
    container: str = ""
    """The engine's id of the container; empty when there was none."""
    container_name: str
    gpus: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


class TaskFact(_Fact):
    """One container's worth."""

    index: int
    state: TaskState
    attempts: tuple[AttemptFact, ...] = ()


class Place(_Fact):
    """The Infrastructure."""

    id: str
    name: str = ""
    description: str = ""
    type: str = ""


class OriginFact(_Fact):
    """The Execution that this one was made from."""

    kind: Literal["repeat", "verify", "reuse", "import"]
    id: str
    address: str
    """Of the service where it is or was, with a slash at the end."""
    here: bool
    """Whether that is the service that tells it."""
    at: datetime


class Facts(_Fact):
    """What happened, as far as it is known now."""

    service: Service
    id: str
    """Of the Execution."""
    status: Status
    message: str = ""
    note: str = ""
    """The user's."""
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    owner: str
    owner_is_person: bool = True
    """False for a service of the hub."""
    context: str = ""
    plan: Plan
    image: str
    """As it was asked for."""
    place: Place
    cpus: float
    """Of each container, at most."""
    memory: int
    """Bytes; of each container, at most."""
    max_time: int
    """Seconds; of the Execute phase."""
    replicas: int
    inputs: tuple[InputFact, ...] = ()
    inputs_left_out: int = 0
    """How many more there were; only Experiments with very many batches have that."""
    tasks: tuple[TaskFact, ...] = ()
    tasks_left_out: int = 0
    outputs: tuple[OutputFact, ...] = ()
    outputs_left_out: int = 0
    sent: tuple[SentFact, ...] = ()
    archive_size: int | None = None
    """Bytes of output.zip; None when there is none."""
    archive_digest: str = ""
    """Over paths and contents of all its files; empty when nobody knows."""
    origin: OriginFact | None = None

    @property
    def href(self) -> str:
        """Address of the Execution."""
        return f"{self.service.address}jobs/{self.id}"

    def inputs_of(self, task: int) -> list[InputFact]:
        """Return the inputs that one Task has worked with."""
        return [each for each in self.inputs if each.task in (None, task)]
