"""The shapes of documents as types: the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

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


class StatusInfo(Document):
    """How an Execution stands; satisfies both dialects of the standard."""

    jobID: str  # noqa: N815
    id: str
    processID: str  # noqa: N815
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
    title: str = Field("", description="of the Method")
    links: list[Link]


class JobList(Document):
    """Executions, newest first."""

    jobs: list[StatusInfo]
    links: list[Link]


class Results(RootModel[dict[str, Any]]):
    """Outputs by id: a value, ``{value, mediaType}`` for objects, or ``{href, type}``."""


class OutputFile(Document):
    """One file of output.zip."""

    path: str
    size: int
    compressed: int
    modified: str = Field(description="local time of the container, without a zone")
    href: str


class OutputList(Document):
    """The files of output.zip."""

    files: list[OutputFile]
    count: int = Field(description="of all files")
    size: int = Field(description="bytes of output.zip")
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


class NodeEntry(Document):
    """A Node as it is now."""

    id: str
    online: bool
    reason: str
    since: datetime
    running: int
    slots: int
    memory: int | None = None
    cpus: int | None = None
    version: str | None = None
    base_url: str | None = Field(None, description="only for administrators")


class NodeList(Document):
    """The Nodes of an Infrastructure."""

    nodes: list[NodeEntry]
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


class Health(Document):
    """Whether the parts of the service work."""

    status: Literal["ok", "failing"]
    checks: dict[str, Literal["ok", "failing"]]
