"""The controller's face towards the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ccp_jupyter.hub_service.engines.base import NodeInfo
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.stored_method import StoredMethod


class NotExecutable(Exception):
    """None of the Method's Infrastructures is known here; the text says which it asks for."""


class LimitReached(Exception):
    """The user keeps as much as the Infrastructure allows; the text says what to do."""


class KeyReused(Exception):
    """The idempotency key came before, with another request."""


class ServiceFull(Exception):
    """The service's disk has no room for one more."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One execute request."""

    owner: str
    claims: dict[str, Any]
    """The hub's user model without any token."""
    method: StoredMethod
    body: object
    """The decoded JSON body, unchecked."""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A Node as the controller sees it now."""

    id: str
    infrastructure_id: str
    online: bool
    reason: str
    """Why it is not online; empty when it is."""
    since: datetime
    info: NodeInfo | None
    running: int
    """Tasks of this service on it."""
    slots: int
    """Tasks that it takes at a time; 0 until it was online once."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """An image that an Infrastructure can run."""

    reference: str
    nodes: tuple[str, ...]
    """Nodes that have it already; elsewhere it is pulled first."""
    source: str
    """``configured``, ``registry`` or ``node``."""


class Controller(Protocol):
    """What requests ask of the controller. Each call is durable when it returns."""

    infrastructures: Mapping[str, Infrastructure]

    async def submit(self, submission: Submission) -> Execution:
        """Check a request completely, keep it, start work on it.

        The same idempotency key with the same request returns the Execution it made before.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
            The body breaks rules; nothing was stored.
        NotExecutable, LimitReached, KeyReused, ServiceFull
            Nothing was stored.
        """

    async def dismiss(self, execution_id: str) -> Execution | None:
        """End an Execution that is not final; returns it as it is then, None when unknown."""

    async def remove(self, execution_id: str) -> None:
        """Forget an Execution with all its files; ends it first. No error when unknown."""

    def nodes(self, infrastructure_id: str) -> list[NodeStatus]:
        """Return the Nodes of an Infrastructure, by id; empty when it is unknown."""

    async def runtimes(self, infrastructure_id: str) -> list[Runtime]:
        """Return the images that are configured, listed by registries, or on Nodes."""

    def live(self, execution: Execution) -> tuple[str, int] | None:
        """Return message and progress (0 to 100) of this moment; None when it is final."""
