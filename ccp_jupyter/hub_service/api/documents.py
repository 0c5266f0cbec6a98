"""Records to documents of the standard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ccp_jupyter.hub_service.api.form_link import form_link
from ccp_jupyter.hub_service.api.links import OGC_REL, link, page_link, segment
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.controller.base import Live, NodeStatus, Runtime
from ccp_jupyter.hub_service.outgoing_urls import shown_url
from ccp_jupyter.model.callbacks import Callback
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import iso

_LONG_MEMBERS: Final = frozenset({"inputs", "outputs", "additionalParameters"})
_SERVER_LINKS: Final = frozenset(
    {"self", "alternate", "up", "execute", OGC_REL + "execute", "version-history"}
)
"""Link relations that the server adds to a Method, so that they are dropped on the way in."""


def status_info(
    execution: Execution, base: str, live: Live | None = None, *, private: bool = False
) -> dict[str, Any]:
    """Return the status document of an Execution, which satisfies both dialects.

    Parameters
    ----------
    execution : Execution
        As it is stored.
    base : str
        Address of the service.
    live : Live, optional
        How it stands at this moment.
    private : bool
        Whether it is for its owner, or an administrator: only they see who is told of it.
    """
    live = live or Live(execution.message, execution.progress)
    href = f"{base}jobs/{execution.id}"
    links = [link(href, "self", "This status"), link(href, "monitor", "This status")]
    links.append(page_link(href))
    if execution.status is Status.SUCCESSFUL:
        links.append(link(href + "/results", OGC_REL + "results", "Results"))
    if execution.output_size is not None:
        links.append(
            link(href + "/outputs/output.zip", "enclosure", "All output files", "application/zip")
        )
    links.append(link(href + "/log", "log", "Log", "text/plain"))
    if execution.experiment is None:
        links.append(form_link(execution, base))
    links.append(link(href + "/prov", "prov", "Provenance"))
    found: dict[str, Any] = {
        "jobID": execution.id,
        "id": execution.id,
        "type": "process",
        "processingEntityType": "ogc-api-processes",
        "processID": execution.method_id if execution.experiment is None else RED,
        "status": execution.status,
        "message": live.message,
        "progress": live.progress,
        "created": iso(execution.created),
    }
    # A member without a value must be left out: null is not valid here.
    if execution.started is not None:
        found["started"] = iso(execution.started)
    if execution.finished is not None:
        found["finished"] = iso(execution.finished)
    found["updated"] = iso(execution.updated)
    if live.position is not None:
        found["position"] = live.position
    if live.start is not None:
        found["estimatedStart"] = iso(live.start)
    found["owner"] = execution.owner
    found |= what_runs(execution)
    if (origin := execution.origin) is not None:
        found["origin"] = origin.model_dump(mode="json", include={"kind", "id", "at"})
    found["infrastructure"] = execution.infrastructure_id
    found["image"] = execution.image
    found["replicas"] = execution.replicas
    found["resources"] = resources(execution.limits, execution.gpus)
    found["priority"] = execution.priority
    if execution.output_size is not None:
        found["outputSize"] = execution.output_size
    if private and execution.callbacks:
        found["callbacks"] = [_callback(each) for each in execution.callbacks]
    found["links"] = links
    return found


def _callback(callback: Callback) -> dict[str, Any]:
    """Return where a callback stands; the query of its address may be a secret."""
    found: dict[str, Any] = {
        "kind": callback.kind,
        "uri": shown_url(callback.uri),
        "state": callback.state,
        "tries": callback.tries,
    }
    if callback.problem:
        found["problem"] = callback.problem
    if callback.is_due and callback.next_try is not None:
        found["nextTry"] = iso(callback.next_try)
    if callback.delivered is not None:
        found["delivered"] = iso(callback.delivered)
    return found


def resources(limits: Limits, wishes: Sequence[GpuWish]) -> dict[str, Any]:
    """Return what each container of an Execution has to itself."""
    gpus = [{"vram": gpu.vram, "id": gpu.id} for gpu in wishes]
    return {
        "cpus": limits.cpus,
        "memory": int(limits.memory),
        "disk": int(limits.disk),
        "pids": limits.pids,
        "gpus": [{name: value for name, value in gpu.items() if value} for gpu in gpus],
        "maxTime": limits.max_time,
    }


def what_runs(execution: Execution) -> dict[str, str]:
    """Return kind, title, and for a Method its version."""
    if (experiment := execution.experiment) is None:
        title = str(execution.method.get("title") or execution.method_id)
        version = str(execution.method.get("version", ""))
        return {"kind": "method", "title": title, "methodVersion": version}
    command = experiment.cli.get("baseCommand") or "RED experiment"
    words = [command] if isinstance(command, str) else command
    title = (experiment.doc or " ".join(words)).strip().partition("\n")[0][:200]
    return {"kind": "experiment", "title": title or "RED experiment"}


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
        page_link(href),
        link(href + "/execution", OGC_REL + "execute", "Execute it"),
        link(href + "/revisions", "version-history", "What it was before"),
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
        "limits": record.limits.model_dump(mode="json", exclude_none=True),
        "nodes": len(nodes),
        "nodes_online": online,
        "available": online > 0,
        "links": [
            link(href, "self", "This Infrastructure"),
            page_link(href),
            link(href + "/nodes", "item", "Nodes"),
            link(href + "/runtimes", "related", "Runtimes"),
        ],
    }


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

    links = [link(href(offset), "self", "This page"), page_link(href(offset))]
    if next_offset is not None:
        links.append(link(href(next_offset), "next", "Next page"))
    if offset > 0:
        links.append(link(href(max(0, offset - limit)), "prev", "Previous page"))
    return links
