"""Records to documents of the standard."""

from __future__ import annotations

from typing import Any, Final

from ccp_jupyter.hub_service.api.links import OGC_REL, link, segment
from ccp_jupyter.hub_service.controller.base import NodeStatus, Runtime
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import iso

_OFFLINE: Final = "The engine does not answer; Tasks wait until it does"
_LONG_MEMBERS: Final = frozenset({"inputs", "outputs", "additionalParameters"})
_SERVER_LINKS: Final = frozenset({"self", "alternate", "up", "execute", OGC_REL + "execute"})
"""Link relations that the server adds to a Method, so that they are dropped on the way in."""


def status_info(
    execution: Execution, base: str, live: tuple[str, int] | None = None
) -> dict[str, Any]:
    """Return the status document of an Execution, which satisfies both dialects.

    Parameters
    ----------
    execution : Execution
        As it is stored.
    base : str
        Address of the service.
    live : tuple of str and int, optional
        Message and progress of this moment.
    """
    message, progress = live or (execution.message, execution.progress)
    href = f"{base}jobs/{execution.id}"
    links = [link(href, "self", "This status"), link(href, "monitor", "This status")]
    if execution.status is Status.SUCCESSFUL:
        links.append(link(href + "/results", OGC_REL + "results", "Results"))
    if execution.output_size is not None:
        links.append(
            link(href + "/outputs/output.zip", "enclosure", "All output files", "application/zip")
        )
    links.append(link(href + "/log", "log", "Log", "text/plain"))
    found: dict[str, Any] = {
        "jobID": execution.id,
        "id": execution.id,
        "processID": execution.method_id,
        "type": "process",
        "processingEntityType": "ogc-api-processes",
        "status": execution.status,
        "message": message,
        "progress": progress,
        "created": iso(execution.created),
    }
    # A member without a value must be left out: null is not valid here.
    if execution.started is not None:
        found["started"] = iso(execution.started)
    if execution.finished is not None:
        found["finished"] = iso(execution.finished)
    found["updated"] = iso(execution.updated)
    found["owner"] = execution.owner
    found["title"] = str(execution.method.get("title") or execution.method_id)
    found["methodVersion"] = str(execution.method.get("version", ""))
    found["infrastructure"] = execution.infrastructure_id
    found["image"] = execution.image
    found["replicas"] = execution.replicas
    if execution.output_size is not None:
        found["outputSize"] = execution.output_size
    found["links"] = links
    return found


def process_summary(method: StoredMethod, base: str, mutable: bool) -> dict[str, Any]:
    """Return a Method as lists show it."""
    found = {key: value for key, value in method.document.items() if key not in _LONG_MEMBERS}
    return _with_links(found, method, base, mutable)


def process(method: StoredMethod, base: str, mutable: bool) -> dict[str, Any]:
    """Return a Method in full."""
    return _with_links(dict(method.document), method, base, mutable)


def _with_links(
    found: dict[str, Any], method: StoredMethod, base: str, mutable: bool
) -> dict[str, Any]:
    href = f"{base}processes/{segment(method.id)}"
    found["mutable"] = mutable
    found["links"] = [
        *method.document.get("links", []),
        link(href, "self", "This Method"),
        link(href + "/execution", OGC_REL + "execute", "Execute it"),
    ]
    return found


def without_server_members(document: dict[str, Any]) -> dict[str, Any]:
    """Return a sent Method without what `process` adds, so that what was got can be put back."""
    found = {key: value for key, value in document.items() if key != "mutable"}
    if isinstance(found.get("links"), list):
        found["links"] = [
            each
            for each in found["links"]
            if not (isinstance(each, dict) and str(each.get("rel")) in _SERVER_LINKS)
        ]
    return found


def infrastructure(record: Infrastructure, nodes: list[NodeStatus], base: str) -> dict[str, Any]:
    """Return an Infrastructure as users see it: no address, no credentials."""
    href = f"{base}infrastructures/{segment(record.id)}"
    online = sum(node.online for node in nodes)
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "type": record.type,
        "limits": record.limits.model_dump(mode="json"),
        "nodes": len(nodes),
        "nodes_online": online,
        "available": online > 0,
        "links": [
            link(href, "self", "This Infrastructure"),
            link(href + "/nodes", "item", "Nodes"),
            link(href + "/runtimes", "related", "Runtimes"),
        ],
    }


def node(status: NodeStatus, configured: Node | None) -> dict[str, Any]:
    """Return a Node as it is now; address and cause only when `configured` is given."""
    found: dict[str, Any] = {
        "id": status.id,
        "online": status.online,
        # The true reason may name addresses.
        "reason": status.reason if configured or status.online else _OFFLINE,
        "since": iso(status.since),
        "running": status.running,
        "slots": status.slots,
    }
    if status.info is not None:
        found["memory"] = status.info.memory
        found["cpus"] = status.info.cpus
        found["version"] = status.info.version
    if configured is not None:
        found["base_url"] = configured.base_url
    return found


def runtime(record: Runtime) -> dict[str, Any]:
    """Return a Runtime."""
    return {"reference": record.reference, "source": record.source, "nodes": list(record.nodes)}


def page_links(
    base: str, path: str, query: str, offset: int, limit: int, next_offset: int | None
) -> list[dict[str, Any]]:
    """Return the links ``self``, ``next`` and ``prev`` of a list.

    Parameters
    ----------
    base, path : str
        Address of the service, and of the list in it.
    query : str
        The other parameters, encoded.
    offset, limit : int
        Of this page.
    next_offset : int or None
        Where the next page begins.
    """

    def href(start: int) -> str:
        return f"{base}{path}?{query}{'&' if query else ''}limit={limit}&offset={start}"

    links = [link(href(offset), "self", "This page")]
    if next_offset is not None:
        links.append(link(href(next_offset), "next", "Next page"))
    if offset > 0:
        links.append(link(href(max(0, offset - limit)), "prev", "Previous page"))
    return links
