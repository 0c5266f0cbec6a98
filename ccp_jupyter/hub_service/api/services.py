"""What the API is made of: the parts that it calls, and its options."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ccp_jupyter.hub_service.controller.base import Controller
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import Store

_MIB = 2**20

HealthCheck = Callable[[], Awaitable[None]]
"""Returns when a part works, raises when it does not."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a deployment may change."""

    max_body: int = 96 * _MIB
    """Largest request body, bytes."""
    max_bodies: int = 512 * _MIB
    """Request bodies held at one time, all together, bytes."""
    max_drain: int = 2048 * _MIB
    """How much of a body that is refused is read and dropped, so that the answer arrives."""
    max_streams: int = 20
    """Open event streams of one user."""
    inline_output: int = _MIB
    """Largest output that results carry by value, bytes."""
    keepalive: float = 15.0
    """Seconds between comments on a silent event stream."""
    cookie_secret: bytes | None = None
    """Signs the cookies of browsers; by default made anew at each start."""
    public_url: str | None = None
    """Scheme and host of all links, such as ``https://hub.example.org``; by default from the
    request."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the API."""

    store: Store
    controller: Controller
    events: EventLog
    folders: Folders
    prefix: str
    """Path of the service at the hub's proxy; begins and ends with a slash."""
    options: Options = field(default_factory=Options)
    checks: Mapping[str, HealthCheck] = field(default_factory=dict)
    """Further parts that ``/health`` asks, by name."""
