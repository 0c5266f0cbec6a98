"""Which images an Infrastructure can run: configured, listed by its registries, or on its Nodes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import httpx

from ccp_jupyter.hub_service.controller.base import Runtime
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.model.infrastructure import Infrastructure, Registry

_log = logging.getLogger(__name__)

_TIMEOUT: Final = 5.0
_MOST_REPOSITORIES: Final = 200


async def list_runtimes(
    infrastructure: Infrastructure, agents: Iterable[NodeAgent]
) -> list[Runtime]:
    """Return the Runtimes of an Infrastructure by reference.

    A registry that does not answer is left out; what Nodes have of it is still listed.
    """
    sources: dict[str, str] = {}
    async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http:
        listings = await asyncio.gather(
            *(_list_registry(http, registry) for registry in infrastructure.registries)
        )
    agents = list(agents)
    for agent in agents:
        sources.update(dict.fromkeys(agent.images.known, "node"))
    for listing in listings:
        sources.update(dict.fromkeys(listing, "registry"))
    sources.update(dict.fromkeys(infrastructure.runtimes, "configured"))
    return [
        Runtime(
            reference=reference,
            nodes=tuple(agent.id for agent in agents if reference in agent.images),
            source=source,
        )
        for reference, source in sorted(sources.items())
    ]


async def _list_registry(http: httpx.AsyncClient, registry: Registry) -> list[str]:
    """List all tags by the registry's HTTP API v2 (``_catalog`` and ``tags/list``)."""
    base = f"{'http' if registry.insecure else 'https'}://{registry.host}/v2"
    login = None
    if registry.username is not None and registry.password is not None:
        login = httpx.BasicAuth(registry.username, registry.password.get_secret_value())
    try:
        answer = await http.get(f"{base}/_catalog", params={"n": _MOST_REPOSITORIES}, auth=login)
        answer.raise_for_status()
        names = answer.json().get("repositories") or []
        tags = await asyncio.gather(
            *(http.get(f"{base}/{name}/tags/list", auth=login) for name in names)
        )
    except (httpx.HTTPError, ValueError) as error:
        _log.warning("registry %s cannot be listed: %s", registry.host, error)
        return []
    return [
        f"{registry.host}/{name}:{tag}"
        for name, found in zip(names, tags, strict=True)
        if found.is_success
        for tag in found.json().get("tags") or []
    ]
