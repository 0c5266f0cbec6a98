"""What happens to an Execution, numbered from 1 per Execution without gaps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ccp_jupyter.model.states import Phase, Status


class _Event(BaseModel):
    seq: int = Field(0, ge=0)
    """Number within the Execution; 0 until the journal has given one."""
    execution_id: str
    at: datetime


class StatusEvent(_Event):
    """The Execution's status, message or progress changed."""

    kind: Literal["status"] = "status"
    status: Status
    message: str
    progress: int


class PhaseEvent(_Event):
    """An Attempt entered a phase."""

    kind: Literal["phase"] = "phase"
    task: int
    """Index of the replica, from 1."""
    attempt: int
    node: str
    phase: Phase
    message: str = ""


class LogEvent(_Event):
    """Lines that a container wrote, without their line ends; never more than about 64 KiB."""

    kind: Literal["log"] = "log"
    task: int
    attempt: int
    stream: Literal["stdout", "stderr"]
    lines: list[str]
    stamp: str = ""
    """The engine's time of the last line; a restarted service continues after it."""
    other: str = ""
    """The same of what is kept of the other stream; empty when nothing is."""
    kept: int = 0
    """Characters that are kept of this container's log, with these."""
    truncated: bool = False
    """True on the last event of a log that was longer than the Infrastructure keeps."""


Event = Annotated[StatusEvent | PhaseEvent | LogEvent, Field(discriminator="kind")]
