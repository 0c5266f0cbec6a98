"""The shapes of documents that belong to pages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, RootModel

from ccp_jupyter.hub_service.api.schemas import Document, Link


class FieldOption(Document):
    """A value to choose."""

    value: str
    chosen: bool


class FormField(Document):
    """A field of a form, made from an input."""

    id: str
    title: str
    control: str
    required: bool
    many: bool
    description: str = ""
    text: str = Field("", description="what stands in it at first")
    options: list[FieldOption] = Field([])
    rules: list[str] = Field([])
    limits: dict[str, str] = Field({})
    media_type: str = ""
    errors: list[str] = Field([])
    steering: bool = Field(False, description="whether it says how the Method runs")


class OutputChoice(Document):
    """An output to ask for."""

    id: str
    title: str
    description: str = ""
    chosen: bool


class FormDocument(Document):
    """The form of a Method."""

    id: str
    title: str
    version: str
    description: str = ""
    fields: list[FormField]
    outputs: list[OutputChoice]
    notes: list[str] = Field([], description="what could not be filled in, and why")
    problems: list[str] = Field([], description="what is wrong and belongs to no field")
    links: list[Link]


class FormData(RootModel[dict[str, Any]]):
    """Fields of a form: ``inputs.<id>`` for each input, several times for several values."""


class EndQuestion(Document):
    """What happens when an Execution is ended or removed by form."""

    jobID: str  # noqa: N815  (name of the standard)
    title: str
    status: str
    action: Literal["dismiss", "remove"]
    links: list[Link]
