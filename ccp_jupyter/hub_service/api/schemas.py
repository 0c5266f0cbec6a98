"""The shapes of documents as types: the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ccp_jupyter.model.callbacks import CallbackState
from ccp_jupyter.model.events import LogEvent, PhaseEvent, StatusEvent
from ccp_jupyter.model.infrastructure import Identifier, Limits
from ccp_jupyter.model.states import Status


class Document(BaseModel):
    """Base of all: unknown members may be added later."""

    model_config = ConfigDict(extra="allow")


class Link(Document):
    """A link, as in link.yaml of the standard."""

    href: str
    rel: str = ""
    type: str = ""
    hreflang: str = ""
    title: str = ""


class Problem(Document):
    """One broken rule of a document that was sent."""

    member: str
    rule: str
    value: str


class Error(Document):
    """An error, as in exception.yaml of the standard (RFC 7807)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    problems: list[Problem] = Field([], description="with type urn:ccp:error/invalid-document")
    request_id: str = Field("", description="of an unexpected error, to find it in the log")


class Landing(Document):
    """Where everything is."""

    title: str
    description: str
    links: list[Link]


class Conformance(Document):
    """The conformance classes that are met."""

    conformsTo: list[str]  # noqa: N815  (names of the standard, here and below)


class MetadataEntry(Document):
    """Something about a Method: ``role`` says what."""

    title: str = ""
    role: str = ""
    href: str = ""


class ProcessSummary(Document):
    """A Method in a list."""

    id: str
    version: str
    title: str = ""
    description: str = ""
    keywords: list[str] = []
    metadata: list[MetadataEntry] = []
    jobControlOptions: list[Literal["async-execute", "sync-execute", "dismiss"]] = []  # noqa: N815
    outputTransmission: list[Literal["value", "reference"]] = []  # noqa: N815
    mutable: bool = Field(description="whether the caller may replace or delete it")
    links: list[Link] = []


class ProcessList(Document):
    """Methods that the caller may see."""

    processes: list[ProcessSummary]
    links: list[Link]


class InputDescription(Document):
    """One input or output of a Method."""

    title: str = ""
    description: str = ""
    minOccurs: int = 1  # noqa: N815
    maxOccurs: int | Literal["unbounded"] = 1  # noqa: N815
    schema_: dict[str, Any] = Field(alias="schema")


class Process(ProcessSummary):
    """A Method in full."""

    inputs: dict[str, InputDescription] = {}
    outputs: dict[str, InputDescription] = {}


class ScriptParameter(Document):
    """A script of a Method: ``deploy-script``, ``execute-script`` and so on."""

    name: str
    value: list[str]


class AdditionalParameters(Document):
    """The scripts of a Method."""

    parameters: list[ScriptParameter]


class MethodDocument(Document):
    """A Method as it is deployed: OGC process description, scripts, links to Infrastructures."""

    id: Identifier
    title: str = ""
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    inputs: dict[str, Any] = Field(description="one is `ccpimage`, the Runtime")
    outputs: dict[str, Any] = {}
    additionalParameters: AdditionalParameters | None = None  # noqa: N815
    links: list[Link] = Field(min_length=1, description="one has rel `compatibleWith`")


class RequestedOutput(Document):
    """How an output is wanted."""

    transmissionMode: Literal["value", "reference"] = "value"  # noqa: N815


class ExecuteRequest(Document):
    """A request to execute a Method."""

    inputs: dict[str, Any] = Field({}, description="by id; an array when an input takes several")
    outputs: dict[str, RequestedOutput] = {}
    response: Literal["raw", "document"] = "document"


class Resources(Document):
    """What each container of an Execution has to itself."""

    cpus: float
    memory: int = Field(description="bytes")
    disk: int = Field(description="bytes that its Node must have to hand out; 0: not looked at")
    pids: int
    gpus: list[dict[str, Any]] = Field(description="wishes: `vram` in MB, `id`, or none of them")
    maxTime: int = Field(description="seconds for the Execute phase")  # noqa: N815


class CallbackInfo(Document):
    """Where a callback of an Execution stands."""

    kind: Literal["inProgress", "success", "failed"]
    uri: str = Field(description="without its query")
    state: CallbackState
    tries: int
    problem: str = Field("", description="why the last try failed")
    nextTry: datetime | None = None  # noqa: N815
    delivered: datetime | None = None


class OriginInfo(Document):
    """What an Execution was made from."""

    kind: Literal["repeat", "verify", "reuse", "clone", "import"] = Field(
        description="reuse: it did not run, its outputs were taken over"
    )
    id: str = Field(description="of the other Execution, which may be gone")
    at: datetime


class StatusInfo(Document):
    """How an Execution stands; satisfies both dialects of the standard."""

    jobID: str  # noqa: N815
    id: str
    kind: Literal["method", "experiment"]
    processID: str = Field(description="id of the Method; red for Experiments")  # noqa: N815
    type: Literal["process"]
    processingEntityType: Literal["ogc-api-processes"]  # noqa: N815
    status: Status
    message: str = ""
    progress: int = Field(0, ge=0, le=100)
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    updated: datetime
    owner: str
    title: str = Field("", description="of the Method or the Experiment")
    position: int | None = Field(
        None, ge=1, description="in the queue, about, while it waits for a place"
    )
    estimatedStart: datetime | None = Field(  # noqa: N815
        None, description="about, to the minute, while it waits for a place"
    )
    origin: OriginInfo | None = None
    resources: Resources
    priority: int = Field(0, description="among the owner's own Executions; -100 to 100")
    callbacks: list[CallbackInfo] | None = Field(
        None, description="who is told how it goes; only for its owner"
    )
    links: list[Link]


class JobList(Document):
    """Executions, newest first."""

    jobs: list[StatusInfo]
    links: list[Link]


class Results(RootModel[Any]):
    """Outputs by id: a value, ``{value, mediaType}`` for objects, or ``{href, type}``.

    Where one output is sent as it is, and is JSON, it has any form.
    """


class Values(RootModel[Any]):
    """Values of an output, in a list; one value that is JSON itself has any form."""


class OutputFile(Document):
    """One file of output.zip."""

    path: str
    size: int
    compressed: int
    sha256: str = Field(description="of its content")
    modified: str = Field(description="local time of the container, without a zone")
    href: str


class OutputList(Document):
    """The files of output.zip."""

    files: list[OutputFile]
    count: int = Field(description="of all files")
    size: int = Field(description="bytes of output.zip")
    digest: str = Field(
        description="SHA-256 over paths and contents of all files: the same for the same files"
    )
    links: list[Link]


AnyEvent = Annotated[StatusEvent | PhaseEvent | LogEvent, Field(discriminator="kind")]


class Events(Document):
    """Events of an Execution, in order; ``seq`` counts from 1 without gaps."""

    events: list[AnyEvent]


class InfrastructureInfo(Document):
    """A place to run containers, as users see it."""

    id: str
    name: str
    description: str
    type: str
    limits: Limits
    nodes: int
    nodes_online: int
    available: bool
    links: list[Link]


class InfrastructureList(Document):
    """All Infrastructures."""

    infrastructures: list[InfrastructureInfo]
    links: list[Link]


class RuntimeEntry(Document):
    """An image that an Infrastructure can run."""

    reference: str
    source: Literal["configured", "registry", "node"]
    nodes: list[str] = Field(description="ids of the Nodes that have it already")


class RuntimeList(Document):
    """The Runtimes of an Infrastructure."""

    runtimes: list[RuntimeEntry]
    links: list[Link]


class SecretUse(Document):
    """One use of a personal secret."""

    at: datetime
    execution: str = Field(description="id of the Execution that it was released to")


class PersonalSecret(Document):
    """What there is to know of a personal secret; never its value."""

    name: str
    created: datetime
    registry: str | None = Field(None, description="the secret is the password there")
    username: str | None = None
    uses: list[SecretUse] = Field(description="the latest, newest first")


class SecretList(Document):
    """The caller's personal secrets, by name."""

    secrets: list[PersonalSecret]
    survives_restart: bool = Field(description="of the vault; if not, they are gone after one")
    links: list[Link]


class NewSecret(BaseModel):
    """A personal secret to keep."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(min_length=1, description="at most 64 KiB in UTF-8; nobody can read it back")
    registry: str | None = Field(None, description="host of an image registry, without https://")
    username: str | None = Field(None, description="at the registry")


class SecretKept(Document):
    """A personal secret is kept."""

    name: str
    survives_restart: bool = Field(description="of the vault; if not, it is gone after one")
