"""Values of inputs: as a request brings them, and as an Execution keeps them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

DATA_FOLDER = "/ccp_data"
"""Folder in the container: holds the inputs, and all of it comes back as output.zip."""

SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""Names of users' personal secrets."""


class PlainValue(BaseModel):
    """A literal: text, number, boolean, array or object."""

    kind: Literal["value"] = "value"
    value: Any


class FileValue(BaseModel):
    """A file that came with the request and now lies in the Execution's folder."""

    kind: Literal["file"] = "file"
    path: str
    """Relative to the Execution's folder: ``inputs/table`` or ``inputs/table.2``."""
    size: int
    sha256: str
    media_type: str = "application/octet-stream"


class LinkValue(BaseModel):
    """A file to be fetched when the Execution is deployed."""

    kind: Literal["link"] = "link"
    href: str
    media_type: str = "application/octet-stream"


class SecretValue(BaseModel):
    """A value that only the vault has, under the input's id."""

    kind: Literal["secret"] = "secret"


InputValue = Annotated[
    PlainValue | FileValue | LinkValue | SecretValue, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file as a request brings it, decoded; becomes a `FileValue` when it is stored."""

    data: bytes
    media_type: str = "application/octet-stream"


def file_name(input_id: str, number: int, many: bool) -> str:
    """Return the name of an input's file: the id, with ``.number`` when it takes several."""
    return f"{input_id}.{number}" if many else input_id


def container_path(input_id: str, number: int, many: bool) -> str:
    """Return where an input's file lies in the container; also what ``{{ id }}`` becomes."""
    return f"{DATA_FOLDER}/input/{file_name(input_id, number, many)}"
