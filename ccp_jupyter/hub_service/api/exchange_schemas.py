"""The shapes of documents about imports."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ccp_jupyter.hub_service.api.schemas import Document, Problem


class ImportResult(Document):
    """What became of one file."""

    name: str = Field(description="in the archive, or place in the array; empty for the whole")
    kind: Literal["method", "execution", ""]
    outcome: Literal["created", "replaced", "equal", "refused"]
    id: str = Field("", description="what it has here; not for what was refused")
    href: str = ""
    title: str = ""
    version: str = ""
    notes: list[str] = Field([], description="what was left out, or differs from what it claims")
    problems: list[Problem] = Field([], description="why it was refused")


class ImportReport(Document):
    """What became of everything."""

    results: list[ImportResult]
    created: int
    replaced: int
    equal: int
    refused: int


class NewImport(Document):
    """A Method, an array of them, or a link to fetch them or an Execution from."""

    href: str = Field("", description="the link; then there is no other member")
