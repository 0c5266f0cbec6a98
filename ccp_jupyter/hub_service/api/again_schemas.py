"""Documents of dry runs, repetitions, and comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.hub_service.api.schemas import Document, Link, RequestedOutput, Resources
from ccp_jupyter.model.comparison import Comparison, OutputsDiff, Two


class DryRunInfo(Document):
    """What would happen with a request."""

    infrastructure: str
    image: str
    replicas: int
    resources: Resources
    priority: int
    nodes: list[str] = Field(description="that could ever run it; none: it would wait for one")
    imageOn: list[str] = Field(description="those of them that have the image")  # noqa: N815
    atOnce: bool = Field(description="whether it would begin at once")  # noqa: N815
    message: str = Field(description="where it would begin, or for what it would wait")
    position: int | None = Field(None, ge=1, description="in the queue, about; if it would wait")
    estimatedStart: datetime | None = Field(  # noqa: N815
        None, description="about, to the minute; missing: nobody can tell"
    )
    reusable: str | None = Field(
        None, description="Execution whose outputs it would get with ?reuse=true"
    )
    links: list[Link]


class Changes(BaseModel):
    """What shall be different this time."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Any] = Field(
        {}, description="only those that change; null: its default. Secrets must be given again"
    )
    outputs: dict[str, RequestedOutput] | None = None
    response: Literal["raw", "document"] | None = None
    mode: Literal["async", "auto"] | None = None
    subscriber: dict[str, str] | None = None


class Verification(Document):
    """Whether a repetition had the same outputs."""

    id: str
    original: str
    verdict: Literal["pending", "same", "different", "failed", "unknown"] = Field(
        description="unknown: the outputs of the original are not there any more"
    )
    message: str
    outputs: OutputsDiff | None = None
    digests: Two[list[str]] | None = Field(None, description="of the images that really ran")
    nodes: Two[list[str]] | None = None
    links: list[Link]


class ComparisonInfo(Comparison):
    """What is different between two Executions."""

    model_config = ConfigDict(extra="allow")

    links: list[Link]
