"""The parts of a Method: what is said about it, its links, scripts, inputs and outputs."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from ccp_jupyter.model.checking import Checker
from ccp_jupyter.model.schema import Part, Schema

MOST_VALUES = 10_000
"""Values of one input."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Keywords = tuple[Annotated[str, Field(max_length=200)], ...]


class Metadata(Part):
    """Something said about a Method, input or output; members beyond these are kept."""

    model_config = ConfigDict(extra="allow")

    role: str | None = None
    title: str | None = None
    href: str | None = None


class Link(Part):
    """A link; members beyond these are kept."""

    model_config = ConfigDict(extra="allow")

    rel: str | None = None
    title: str | None = None
    href: str
    type: str | None = None
    hreflang: str | None = None


class Parameter(Part):
    """A named list: a script, or something of other software, which is kept."""

    model_config = ConfigDict(extra="allow")

    name: str
    value: tuple[Any, ...]


class Parameters(Part):
    """The additional parameters of a Method: its scripts, above all."""

    model_config = ConfigDict(extra="allow")

    parameters: tuple[Parameter, ...] = ()


def _max_occurs(value: object) -> object:
    if value == "unbounded" or (type(value) is int and 1 <= value <= MOST_VALUES):
        return value
    raise ValueError(f'must be a whole number from 1 to {MOST_VALUES}, or "unbounded"')


class Descriptor(Part):
    """An input or an output."""

    id: str
    title: str | None = Field(None, max_length=500)
    description: str | None = None
    keywords: Keywords | None = None
    metadata: tuple[Metadata, ...] | None = None
    additional_parameters: dict[str, Any] | None = None
    min_occurs: int = Field(1, ge=0, le=MOST_VALUES)
    max_occurs: Annotated[int | Literal["unbounded"], BeforeValidator(_max_occurs)] = 1
    schema_: Schema = Field(alias="schema")

    @property
    def many(self) -> bool:
        """Whether it takes several values."""
        return self.max_occurs != 1

    @cached_property
    def checker(self) -> Checker:
        """Checks values, compiled once."""
        schema = self.schema_.document()
        if self.id == "ccpimage":
            # CCP gives it the format "url", but image references are none.
            schema.pop("format", None)
        return Checker(schema)

    def default_values(self) -> list[Any]:
        """Return the default as a list of values; an empty list when there is none."""
        default = self.schema_.default
        if default is None:
            return []
        if self.many and isinstance(default, list):
            one = self.schema_.type in (None, "array") and self.checker.accepts(default)
            return [default] if one else list(default)
        return [default]
