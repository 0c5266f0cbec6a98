"""From a node of CC-Agency to a Node."""

from __future__ import annotations

from typing import Any, Final

from ccp_jupyter.hub_service.agency_nodes import (
    AgencyNode,
    AgencyTls,
    address,
    gpu_members,
    tls_members,
)
from ccp_jupyter.hub_service.moving.report import Report

_LONGEST_ID: Final = 100


def translate_node(name: str, node: AgencyNode, taken: set[str], report: Report) -> dict[str, Any]:
    """Return the members of a Node.

    Parameters
    ----------
    name : str
        Its key in the map of nodes.
    node : AgencyNode
        What the configuration says.
    taken : set of str
        Ids that other Nodes have already.
    report : Report
        Gets what needs attention.

    Raises
    ------
    ccp_jupyter.hub_service.agency_nodes.LeftOut
        There is no such way to an engine here.
    """
    place = f"controller.docker.nodes.{name}"
    found: dict[str, Any] = {"id": _node_id(name, taken), "base_url": address(node.base_url)}
    if found["id"] != name:
        report.attention.append(f"{place}: an id begins with a letter or digit: {found['id']}")
    if not found["base_url"].startswith("unix://"):
        found |= _security(place, node.tls, report)
    if node.network is not None:
        found["network"] = node.network
        report.became.append((f"{place}.network", "network of the Node"))
    if node.environment:
        found["environment"] = dict(node.environment)
        names = ", ".join(sorted(node.environment))
        report.became.append((f"{place}.environment", f"environment of the Node ({names})"))
    found |= _gpus(place, node, report)
    return found


def _node_id(name: str, taken: set[str]) -> str:
    """Return the name where it may be an id, else something close to it."""
    wanted = (name if name[0].isalnum() else f"node{name}")[:_LONGEST_ID]
    found, number = wanted, 1
    while found in taken:
        number += 1
        tail = f"-{number}"
        found = wanted[: _LONGEST_ID - len(tail)] + tail
    return found


def _security(place: str, tls: AgencyTls | None, report: Report) -> dict[str, Any]:
    if tls is None:
        report.attention.append(
            f"{place}: plain TCP without TLS, taken over with `insecure`. Whoever reaches that port"
            " is root on that machine; set up TLS and delete `insecure`"
        )
        return {"insecure": True}
    found = tls_members(tls)
    report.became.append((f"{place}.tls", "tls (ca, cert, key, hostname)"))
    if tls.assert_hostname is False:
        report.attention.append(
            f"{place}.tls.assert_hostname is false, and so is tls.hostname now: whoever has any"
            " certificate of this CA may pass for the engine. Better make one with the name or"
            " address in base_url (subjectAltName) and delete `hostname`"
        )
    if others := sorted(tls.model_extra or {}):
        report.without.append(
            (f"{place}.tls ({', '.join(others)})", "further settings of the docker SDK")
        )
    return {"tls": found}


def _gpus(place: str, node: AgencyNode, report: Report) -> dict[str, Any]:
    hardware = node.hardware
    if hardware is None:
        report.attention.append(
            f"{place}: if it has GPUs, list them in `gpus`; CC-Agency 8 and later looked for them"
            " itself, here the configuration names them (nvidia-smi --query-gpu=index,memory.total"
            " --format=csv)"
        )
        return {}
    if hardware.gpu_blacklist is not None:
        blocked = ", ".join(map(str, hardware.gpu_blacklist)) or "none"
        report.became.append(
            (f"{place}.hardware.gpu_blacklist ({blocked})", "GPUs to leave out of `gpus`")
        )
        report.attention.append(
            f"{place}: list its GPUs in `gpus` without {blocked}: here the configuration names"
            " those to hand out"
        )
    if not hardware.gpus:
        return {}
    report.became.append((f"{place}.hardware.gpus", f"{len(hardware.gpus)} GPUs of the Node"))
    return {"gpus": gpu_members(hardware)}
