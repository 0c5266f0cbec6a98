"""Which outputs the results of an Execution carry, and in what form: both dialects of the standard.

OGC API - Processes 1.0 has ``response`` and ``transmissionMode`` in the execute request; the draft
of 2.0 has neither, and looks at how many outputs are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Any, Final

from ccp_jupyter.hub_service.api.negotiation import preferred
from ccp_jupyter.hub_service.api.operations import JSON
from ccp_jupyter.hub_service.builtin.base import SUFFIXES
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.values import DATA_FOLDER

MULTIPART: Final = "multipart/related"
_STREAMS: Final = {
    "stdout": "stdout",
    "stderr": "stderr",
    "/std_out": "stdout",
    "/std_err": "stderr",
}
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}(; ?[\w.+-]+=[\w.+-]+){0,5}", re.A)
"""What may stand in a header; anything else counts as not declared."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the results carry.

    Attributes
    ----------
    id : str
        Of the output.
    media_type : str
        As declared or asked for; empty when neither.
    by_value : bool
        Whether the request asks for the value, when it is small enough.
    href : str
        Where the Method says that it lies; empty when it says nothing.
    built_in : bool
        Whether a built-in process makes it, of which output.zip has a file for each output.
    """

    id: str
    media_type: str
    by_value: bool
    href: str
    built_in: bool = False

    @property
    def stream(self) -> str | None:
        """``stdout`` or ``stderr`` for an output that is one of them."""
        if self.built_in:
            return None
        return _STREAMS.get(self.href) or (_STREAMS.get(self.id) if not self.href else None)

    @property
    def paths(self) -> dict[str, str]:
        """Paths below /ccp_data that it may have, with media types; none when it is no file."""
        if self.built_in:
            return {self.id + ending: kind for kind, ending in SUFFIXES.items()}
        try:
            path = PurePosixPath(self.href).relative_to(DATA_FOLDER)
        except ValueError:
            return {}
        found = bool(path.parts) and ".." not in path.parts
        return {str(path): self.media_type} if found and self.stream is None else {}


def declared_outputs(execution: Execution) -> Mapping[str, Any]:
    """Return the outputs of what was executed, by id, as its description has them."""
    found: Mapping[str, Any] = execution.method.get("outputs") or {}
    return found


def wanted_outputs(execution: Execution) -> list[Wanted]:
    """Return the outputs that the request asks for, or all that the Method declares."""
    return wanted_of(declared_outputs(execution), execution.request, execution.built_in)


def wanted_of(
    declared: Mapping[str, Any],
    request: Mapping[str, Any],
    built_in: bool = False,
) -> list[Wanted]:
    """Return the outputs that a request asks for.

    Parameters
    ----------
    declared : mapping
        All outputs, by id.
    request : mapping
        The execute request, checked.
    built_in : bool
        Whether a built-in process makes them.
    """
    # An empty object is "none" in 2.0 (`form_of` sees to that), and "all" in 1.0.
    asked: Mapping[str, Any] = request.get("outputs") or {name: {} for name in declared}
    return [_wanted(name, declared.get(name) or {}, asked[name] or {}, built_in) for name in asked]


def _wanted(
    name: str, declared: Mapping[str, Any], asked: Mapping[str, Any], built_in: bool
) -> Wanted:
    schema = declared.get("schema") or {}
    chosen = (asked.get("format") or {}).get("mediaType")
    href = next(
        (
            str(entry.get("href", ""))
            for entry in declared.get("metadata") or []
            if entry.get("role") == "file"
        ),
        "",
    )
    by_value = asked.get("transmissionMode", "value") == "value"
    kind = str(chosen or schema.get("contentMediaType") or "")
    return Wanted(name, kind if _MEDIA_TYPE.fullmatch(kind) else "", by_value, href, built_in)


class Form(Enum):
    """How results are sent."""

    DOCUMENT = auto()
    """As JSON by output id."""
    RAW = auto()
    """Each output in its own media type; several as ``multipart/related``."""
    ONE = auto()
    """One output in its own media type, or in JSON when the caller takes nothing else."""
    NONE = auto()
    """Not at all: the request asks for no output."""


def form_of(request: Mapping[str, Any], count: int, accept: str) -> Form:
    """Return how the results of a request are sent.

    Parameters
    ----------
    request : mapping
        The execute request.
    count : int
        How many outputs it asks for.
    accept : str
        The header ``Accept``; empty when there is none.

    Notes
    -----
    1.0 and 2.0 contradict each other on two and more outputs when the request has neither
    ``response`` nor ``transmissionMode``: ``multipart/related`` there, JSON here. JSON it is,
    unless the caller likes ``multipart/related`` better.
    """
    match request.get("response"):
        case "document":
            return Form.DOCUMENT
        case "raw":
            return Form.RAW
    outputs = request.get("outputs")
    if outputs == {}:
        return Form.NONE
    if any("transmissionMode" in (each or {}) for each in (outputs or {}).values()):
        return Form.RAW
    if count == 1:
        return Form.ONE
    likes_parts = count > 1 and preferred(accept, (JSON, MULTIPART)) == MULTIPART
    return Form.RAW if likes_parts else Form.DOCUMENT
