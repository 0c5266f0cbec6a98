"""The schema of an input or output: OGC's subset of JSON Schema, as schema.yaml 1.0 has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ccp_jupyter.model.patterns import compiled

FILE_FORMATS = frozenset({"file", "remotefile"})
"""Formats whose values are files: uploaded, or chosen in the workspace."""

SECRET_FORMAT = "secret"  # noqa: S105
BINARY_ENCODINGS = frozenset({"base64", "binary"})
"""Content encodings whose values come as base64 text."""


def _compiles(pattern: str) -> str:
    compiled(pattern)
    return pattern


Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """What all parts of a Method have in common: frozen, and camelCase in JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )

    def document(self) -> dict[str, Any]:
        """Return the one output form, in decoded JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Schema(Part):
    """What values may be: JSON Schema with the boolean exclusive bounds of OpenAPI 3.0."""

    title: str | None = None
    description: str | None = None
    type: Literal["array", "boolean", "integer", "number", "object", "string"] | None = None
    format: str | None = None
    content_media_type: str | None = None
    content_encoding: str | None = None
    content_schema: str | None = None
    enum: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None
    default: Any = None
    example: Any = None
    read_only: bool | None = None
    write_only: bool | None = None
    deprecated: bool | None = None
    nullable: bool | None = None
    minimum: int | float | None = None
    exclusive_minimum: bool | None = None
    maximum: int | float | None = None
    exclusive_maximum: bool | None = None
    multiple_of: Annotated[int | float, Field(gt=0)] | None = None
    min_length: Count | None = None
    max_length: Count | None = None
    pattern: Annotated[str, AfterValidator(_compiles)] | None = None
    min_items: Count | None = None
    max_items: Count | None = None
    unique_items: bool | None = None
    items: Schema | None = None
    min_properties: Count | None = None
    max_properties: Count | None = None
    required: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    properties: dict[str, Schema] | None = None
    additional_properties: bool | Schema | None = None
    all_of: tuple[Schema, ...] | None = None
    any_of: tuple[Schema, ...] | None = None
    one_of: tuple[Schema, ...] | None = None
    not_: Schema | None = Field(None, alias="not")

    @property
    def is_secret(self) -> bool:
        """Whether values must never be shown or stored."""
        return self.format == SECRET_FORMAT

    @property
    def is_file(self) -> bool:
        """Whether values are files."""
        encoding = (self.content_encoding or "").lower()
        return self.format in FILE_FORMATS or encoding in BINARY_ENCODINGS
