"""The shapes of documents for whoever runs the service."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ccp_jupyter.hub_service.api.schemas import Document, Link
from ccp_jupyter.hub_service.observing.health import Level
from ccp_jupyter.model.states import Outcome


class CheckResult(Document):
    """What was looked at."""

    name: str
    status: Level
    message: str
    detail: str | None = Field(None, description="only for administrators")


class Health(Document):
    """How the parts of the service are."""

    status: Level = Field(description="failing when no work can be accepted")
    checks: list[CheckResult]


class Queue(Document):
    """The Tasks of an Infrastructure."""

    infrastructure: str
    waiting: int = Field(description="Tasks that wait for a place")
    running: int = Field(description="Tasks on Nodes")


class FailedAttempt(Document):
    """An Attempt that did not go well."""

    at: datetime
    execution: str
    task: int
    attempt: int
    node: str
    outcome: Outcome
    reason: str


class AdminStatus(Document):
    """How the service is."""

    version: str
    started: datetime
    uptime: float = Field(description="seconds")
    health: Health
    queue: list[Queue]
    nodes: dict[str, int] = Field(description="how many are in each state")
    failures: list[FailedAttempt] = Field(description="newest first, since the service started")
    links: list[Link]


class UserUsage(Document):
    """What a user keeps and runs on an Infrastructure."""

    owner: str
    infrastructure: str
    executions: int = Field(description="kept, ended ones too")
    bytes: int = Field(description="of kept results")
    running: int = Field(description="Tasks on Nodes")


class UserUsageList(Document):
    """What all users keep and run, by name."""

    users: list[UserUsage]
    links: list[Link]
