"""The shapes of documents about deploying, revisions, and jobs that are only kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.hub_service.api.schemas import Document, ExecuteRequest, Link
from ccp_jupyter.model.infrastructure import Identifier


class OgcPackage(Document):
    """An OGC application package: ogcapppkg.yaml of Part 2."""

    processDescription: dict[str, Any] = Field(  # noqa: N815  (names of the standard)
        {}, description="of the process; with its execute-script, when the unit is an image"
    )
    executionUnit: dict[str, Any] | list[dict[str, Any]] = Field(  # noqa: N815
        description="{type, image, config}, or {value, mediaType} with a CWL CommandLineTool"
    )


class CwlTool(Document):
    """A CWL CommandLineTool, or several in a `$graph`."""

    cwlVersion: Literal["v1.0", "v1.1", "v1.2"]  # noqa: N815


class RevisionEntry(Document):
    """One of the documents that a Method has had."""

    revision: int = Field(ge=1)
    title: str
    version: str = Field(description="the author's, such as 1.2.0")
    created: datetime = Field(description="when it was deployed or replaced")
    author: str = Field("", description="who did that")
    etag: str = Field("", description="only of the newest: of the Method, for If-Match")
    links: list[Link]


class RevisionList(Document):
    """The revisions of a Method, newest first."""

    revisions: list[RevisionEntry]
    links: list[Link]


class CloneRequest(BaseModel):
    """What shall be different in a copy of a Method."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier | None = Field(None, description="default: a new one")
    title: str | None = Field(None, max_length=500)
    version: str | None = Field(None, description="such as 1.2.0", max_length=100)


class NewJob(ExecuteRequest):
    """A request to execute a Method, to be kept until it is started."""

    process: str = Field(description="address of the Method, or of one of its revisions")


class ChangedJob(ExecuteRequest):
    """Another request, in place of the one that is kept; for the same Method."""

    process: str | None = Field(None, description="as it was, or another revision")


class JobDefinition(Document):
    """The request of an Execution, without secrets."""

    process: str = Field("", description="address of the Method; Experiments have none")
    inputs: dict[str, Any] = Field({}, description="as they were sent; files are links")
    outputs: dict[str, Any] = Field({}, description="as they were asked for")


class JobInputs(Document):
    """What an Execution was given, without secrets."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    links: list[Link]
