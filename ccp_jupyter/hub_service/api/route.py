"""What a route is."""

from __future__ import annotations

from dataclasses import dataclass

from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.operations import Operations


@dataclass(frozen=True, slots=True)
class Route:
    """One address, below the service's prefix, with ``{names}`` of its parts."""

    path: str
    handler: type[ApiHandler]
    operations: Operations
