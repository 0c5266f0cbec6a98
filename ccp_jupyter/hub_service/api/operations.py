"""What a route says about each of its verbs: who may call it, with what, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from ccp_jupyter.hub_service.api.errors import UNSUPPORTED_MEDIA_TYPE
from ccp_jupyter.hub_service.api.identity import READ
from ccp_jupyter.hub_service.api.params import Param

JSON = "application/json"
HTML = "text/html"
SSE = "text/event-stream"
ZIP = "application/zip"
ANY = "*/*"


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation answers.

    Attributes
    ----------
    description : str
        For people.
    content : mapping
        Media type to the type of the document; None when it is no JSON of ours.
    headers : mapping of str
        Name to description.
    """

    description: str
    content: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """A request body.

    Attributes
    ----------
    model : type of BaseModel
        Its shape, for the OpenAPI document.
    others : mapping
        Further media types that are accepted, with their shapes; None when they are no JSON.
    unsupported : str
        The RFC 7807 ``type`` of the answer to any other media type.
    media_type : str
        Of what has the shape `model`.
    """

    model: type[BaseModel]
    others: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    unsupported: str = UNSUPPORTED_MEDIA_TYPE
    media_type: str = JSON

    @property
    def content(self) -> Mapping[str, type[BaseModel] | None]:
        """All accepted media types with their shapes."""
        return {self.media_type: self.model, **self.others}


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of a route.

    Attributes
    ----------
    scope : str
        What the hub must have granted to the caller; `identity.OPEN` for everybody.
    id, summary : str
        Its name in generated clients, and one line for people.
    answers : mapping of int to Answer
        What it answers itself. Common errors are added by `openapi`.
    headers : mapping of str
        Request headers that it looks at, with their meaning.
    patterns : mapping of str
        Regular expressions for whole values of these headers, where not any text will do.
    errors : mapping of int to str
        Errors of its own, with their meaning.
    error_model : type of BaseModel, optional
        Shape of error documents, where it is not the usual one.
    schemes : tuple of str
        Ways of login, by their names in the OpenAPI document.
    page : str
        Template of the page that browsers get instead of JSON; empty: one that shows any document.
    """

    scope: str
    id: str
    summary: str
    answers: Mapping[int, Answer]
    query: tuple[Param, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    errors: Mapping[int, str] = field(default_factory=dict)
    tag: str = "processes"
    error_model: type[BaseModel] | None = None
    schemes: tuple[str, ...] = ("bearer", "token")
    page: str = ""


Operations = Mapping[str, Operation]
"""By verb, in capitals."""


def ok(model: type[BaseModel] | None, media: str = JSON, text: str = "it") -> Answer:
    """Return the answer that has a document."""
    return Answer(text, {media: model})


def get(
    name: str,
    summary: str,
    model: type[BaseModel],
    tag: str,
    query: tuple[Param, ...] = (),
    page: str = "",
) -> Operation:
    """Return the operation that reads one document."""
    return Operation(READ, name, summary, {200: ok(model)}, query, tag=tag, page=page)
