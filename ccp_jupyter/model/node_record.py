"""What the store keeps of Nodes: those added at run time, and what administrators said of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.model.infrastructure import Identifier, Node
from ccp_jupyter.model.times import now


class NodeState(StrEnum):
    """How a Node is."""

    ONLINE = "online"
    DEGRADED = "degraded"
    """It answers, but pulls or containers failed in a row: it is on probation and gets one Task at
    a time until one has run."""
    OFFLINE = "offline"
    DRAINING = "draining"
    """It answers and finishes what it has; an administrator lets nothing new begin there."""


class NodeRecord(BaseModel):
    """A Node added at run time, or the will of an administrator about a configured one."""

    model_config = ConfigDict(validate_assignment=False)

    id: Identifier
    infrastructure_id: str
    node: Node | None = None
    """What was added; None: the configuration has it."""
    draining: bool = False
    reason: str = ""
    """Why it drains, in the administrator's words."""
    by: str = ""
    """Name of who changed it last."""
    updated: datetime = Field(default_factory=now)
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""
