"""Options of the service that are more than one value: checked, with the place of each fault."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pydantic import ValidationError

from ccp_jupyter.hub_service import agency_nodes
from ccp_jupyter.hub_service.addresses import Network
from ccp_jupyter.hub_service.controller.hooks import Hook
from ccp_jupyter.model.infrastructure import Infrastructure, Node


class Misconfigured(Exception):
    """The configuration cannot work; the text says which option and why."""


def parse_networks(name: str, texts: list[str]) -> tuple[Network, ...]:
    """Check the networks of an option.  Raises `Misconfigured`."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise Misconfigured(f"{name}: {error}") from None


def parse_infrastructures(entries: list[dict[str, Any]]) -> dict[str, Infrastructure]:
    """Check what the configuration says of Infrastructures.

    ``nodes`` is a list of what `Node` has, or a map from ids to what CC-Agency has below
    ``controller.docker.nodes``, or to members of `Node`.

    Raises
    ------
    Misconfigured
        Nothing there, something wrong, or an id used twice; Node ids are unique over all.
    """
    found: dict[str, Infrastructure] = {}
    nodes: set[str] = set()
    if not entries:
        raise Misconfigured("CcpService.infrastructures is empty: name at least one")
    for number, entry in enumerate(entries):
        place = f"CcpService.infrastructures[{number}]"
        try:
            infrastructure = Infrastructure.model_validate(_with_node_list(place, entry))
        except ValidationError as error:
            raise Misconfigured(f"{place}: {_problems(error)}") from None
        if infrastructure.id in found:
            raise Misconfigured(f"{place}: id {infrastructure.id} is used twice")
        for node in infrastructure.nodes:
            if node.id in nodes:
                raise Misconfigured(f"{place}: Node id {node.id} is used twice")
            nodes.add(node.id)
        found[infrastructure.id] = infrastructure
    return found


def _with_node_list(place: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return an Infrastructure whose Nodes are a list."""
    nodes = entry.get("nodes") if isinstance(entry, dict) else None
    if not isinstance(nodes, dict):
        return entry
    found = []
    for name, members in nodes.items():
        try:
            found.append(Node.model_validate(agency_nodes.members(name, members)))
        except agency_nodes.LeftOut as error:
            raise Misconfigured(f"{place}.nodes[{name!r}]: {error}") from None
        except ValidationError as error:
            raise Misconfigured(f"{place}.nodes[{name!r}]: {_problems(error)}") from None
    return {**entry, "nodes": found}


def parse_hooks(entries: list[dict[str, Any]]) -> tuple[Hook, ...]:
    """Check what the configuration says of notification hooks.  Raises `Misconfigured`."""
    hooks: list[Hook] = []
    for number, entry in enumerate(entries):
        try:
            hooks.append(Hook.model_validate(entry))
        except ValidationError as error:
            place = f"CcpService.notification_hooks[{number}]"
            raise Misconfigured(f"{place}: {_problems(error)}") from None
    return tuple(hooks)


def _problems(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors()
    )
