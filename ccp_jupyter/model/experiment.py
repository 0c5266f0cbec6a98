"""Experiments: RED documents as the service keeps them, and the words of CC-Agency for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, Field

DEFAULT_CONCURRENCY: Final = 64
"""Batches of one Experiment that run at a time, when it does not say (RED 9, ``ccagency``)."""

_ID: Final = re.compile(r"[0-9a-f]{24}")
_COUNTER: Final = 6  # hex digits at the end of an id
MOST_BATCHES: Final = 16**_COUNTER - 1


class BatchState(StrEnum):
    """Where a batch stands, in the words of CC-Agency's API."""

    REGISTERED = "registered"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Batch(BaseModel):
    """What one Task of an Experiment works on.

    Each ``connector.access`` is the name of a secret in the vault, as CC-Agency has it.
    """

    inputs: dict[str, Any] = {}
    """Completed: files carry ``basename``, ``dirname``, ``nameroot``, ``nameext``, ``path``."""
    outputs: dict[str, Any] = {}
    stdout: str = "stdout"
    """Name of the captured stream in the outputs folder; made up when ``cli`` names none."""
    stderr: str = "stderr"
    doc: str | None = None


class Experiment(BaseModel):
    """A RED document without its batches (they are the Tasks) and without secrets."""

    red_version: str
    """As it was submitted; the members here are always those of version 9."""
    cli: dict[str, Any]
    container: dict[str, Any]
    """``engine`` and ``settings``; ``settings.image.auth`` is the name of a secret in the vault."""
    execution: dict[str, Any] | None = None
    """``engine`` and ``settings`` without ``access``; None when the document had none."""
    doc: str | None = None
    retry: bool = False
    """Whether a batch that failed by itself gets one more Attempt."""
    validate_connectors: bool = True
    concurrency: int = Field(DEFAULT_CONCURRENCY, ge=1)
    fuse: bool = False
    """Whether an input is mounted, so that the container needs FUSE."""
    has_secrets: bool = False
    """Whether the vault keeps anything for it."""
    changes: list[str] = []
    """What the conversion to version 9 changed, in words."""


@dataclass(frozen=True, slots=True)
class BatchName:
    """Which batch an id means."""

    execution_id: str
    index: int
    """Of the Task, from 1."""


def experiment_id(seconds: int, random: bytes) -> str:
    """Return an id in the form of MongoDB's ObjectId: time, random bytes, counter 0.

    Parameters
    ----------
    seconds : int
        Since 1970.
    random : bytes
        Five.
    """
    return f"{seconds & 0xFFFFFFFF:08x}{random[:5].hex():0>10}{0:0{_COUNTER}x}"


def batch_id(execution_id: str, index: int) -> str:
    """Return the id of a batch: its Experiment's, with the Task's index as the counter."""
    return f"{execution_id[:-_COUNTER]}{index:0{_COUNTER}x}"


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id: 24 lower-case hex digits."""
    return _ID.fullmatch(text) is not None


def batch_name(text: str) -> BatchName | None:
    """Return which batch an id means; None when no batch can have it."""
    index = int(text[-_COUNTER:], 16) if is_id(text) else 0
    return BatchName(text[:-_COUNTER] + "0" * _COUNTER, index) if index else None
