"""What a route says about each of its verbs: who may call it, with what, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from ccp_jupyter.hub_service.api.params import Param

JSON = "application/json"
SSE = "text/event-stream"
ZIP = "application/zip"


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
    """A request body in JSON.

    Attributes
    ----------
    model : type of BaseModel
        Its shape, for the OpenAPI document.
    media_types : tuple of str
        Accepted values of ``Content-Type``.
    """

    model: type[BaseModel]
    media_types: tuple[str, ...] = (JSON,)


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
    errors : mapping of int to str
        Errors of its own, with their meaning.
    """

    scope: str
    id: str
    summary: str
    answers: Mapping[int, Answer]
    query: tuple[Param, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    errors: Mapping[int, str] = field(default_factory=dict)
    tag: str = "processes"


Operations = Mapping[str, Operation]
"""By verb, in capitals."""
