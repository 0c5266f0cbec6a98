"""What the API is made of: the parts that it calls, and its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ccp_jupyter.hub_service.addresses import Network
from ccp_jupyter.hub_service.controller.base import Controller
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.observing.observing import Observing
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.provenance_writer import ProvenanceWriter
from ccp_jupyter.hub_service.signing_keys import SigningKeys
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.base import Vault

_MIB = 2**20

NewId = Callable[[str], str | None]
"""Gives the id that something from CC-Agency has here; None when it is not known. Blocks."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a deployment may change."""

    max_body: int = 96 * _MIB
    """Largest request body, bytes."""
    max_bodies: int = 512 * _MIB
    """Request bodies held at one time, all together, bytes."""
    max_drain: int = 2048 * _MIB
    """How much of a body that is refused is read and dropped, so that the answer arrives."""
    max_import: int = 4096 * _MIB
    """Largest archive that is imported, bytes; it goes to the disk while it arrives."""
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
    num_login_attempts: int = 10
    """Failed logins of one user from one address, beyond which more are refused for a while."""
    block_for_seconds: float = 30.0
    """How long a failed login counts."""
    tokens_valid_for_seconds: float = 86_400.0
    """Life of the agency's cookie, and of what ``GET /token`` gives."""
    access_token_expires: float = 900.0
    """Life of an access token of ``POST /login``, seconds."""
    refresh_token_expires: float = 43_200.0
    """Life of a refresh token of ``POST /login``, seconds."""
    agency_origins: tuple[str, ...] = ()
    """Origins whose pages may use the agency's routes, such as ``https://ui.example.org``."""
    metrics_networks: tuple[Network, ...] = ()
    """Who may read metrics without a token."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies before the hub's own, whose word on a caller's address counts."""


def _nothing_taken_over(_: str) -> None:
    """Know no id of CC-Agency."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the API."""

    store: Store
    controller: Controller
    events: EventLog
    folders: Folders
    vault: Vault
    prefix: str
    """Path of the service at the hub's proxy; begins and ends with a slash."""
    keys: SigningKeys
    """With which it signs."""
    observing: Observing = field(default_factory=Observing)
    """Metrics, health, latest failures."""
    options: Options = field(default_factory=Options)
    new_id: NewId = _nothing_taken_over
    """For ids of what was taken over from CC-Agency."""
    provenance: ProvenanceWriter = field(default_factory=ProvenanceWriter)
    outgoing: Outgoing = field(default_factory=Outgoing)
    """Fetches what users want to import."""
