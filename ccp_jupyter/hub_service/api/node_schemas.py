"""The shapes of documents about Nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.hub_service.api.schemas import Document, Link
from ccp_jupyter.model.infrastructure import Gpu, Node
from ccp_jupyter.model.node_record import NodeState

LONGEST_REASON = 500
"""Characters of why a Node drains."""


class Room(Document):
    """What is free on a Node."""

    slots: int = Field(description="Tasks that may begin")
    memory: int = Field(description="bytes")
    cpus: float
    gpus: int


class Used(Document):
    """What Tasks of this service hold on a Node."""

    memory: int = Field(description="bytes")
    cpus: float
    gpus: list[str] = Field(description="their ids")


class Outside(Document):
    """What others run on a Node."""

    containers: int
    memory: int = Field(description="bytes that these may use")


class NodeEntry(Document):
    """A Node as it is now. Members that are not known are left out."""

    id: str
    infrastructure: str
    state: NodeState
    online: bool = Field(description="whether the engine answers")
    reason: str = Field(description="why it is in this state; empty when it is online")
    since: datetime = Field(description="when it came into this state")
    draining: bool = Field(description="whether nothing new begins there, also while it is offline")
    running: int = Field(description="Tasks of this service on it")
    slots: int = Field(description="Tasks that it takes at a time")
    free: Room
    memory: int | None = Field(None, description="bytes to hand out")
    cpus: float | None = Field(None, description="cores to hand out")
    gpus: list[Gpu] | None = Field(None, description="GPUs to hand out")
    version: str | None = Field(None, description="of the engine")
    base_url: str | None = Field(None, description="only for administrators, as all that follows")
    added: bool | None = Field(None, description="whether it was added while the service ran")
    used: Used | None = None
    outside: Outside | None = None
    configuration: dict[str, Any] | None = Field(None, description="as it was given")


class NodeList(Document):
    """Nodes."""

    nodes: list[NodeEntry]
    links: list[Link]


class NewNode(Node):
    """A Node to add; members as in the configuration."""


class NodeChange(BaseModel):
    """What an administrator wants of a Node."""

    model_config = ConfigDict(extra="forbid")

    draining: bool = Field(description="true: nothing new begins there; false: it works again")
    reason: str = Field(
        "", max_length=LONGEST_REASON, description="why, in words that users may read"
    )


class NodeCheckEntry(Document):
    """One thing that was looked at on a Node."""

    name: str
    ok: bool
    message: str = Field(description="what was found; when it is not ok, what to do")


class NodeChecks(Document):
    """Everything that a Node needs, looked at now."""

    id: str
    ok: bool = Field(description="whether all is well")
    checks: list[NodeCheckEntry]
