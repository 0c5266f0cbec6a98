"""What some pages show beside their document, so that a person need not ask twice."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from ccp_jupyter.hub_service.api.documents import status_info
from ccp_jupyter.hub_service.api.html.job_page import job_extras
from ccp_jupyter.hub_service.store.base import ExecutionQuery
from ccp_jupyter.model.states import Status

if TYPE_CHECKING:
    from ccp_jupyter.hub_service.api.handler import ApiHandler

Extra = Callable[["ApiHandler", Any], Awaitable[dict[str, object]]]

_RECENT: Final = 10
_NO_FILTERS: Final = ("f", "limit", "offset", "_xsrf")


async def _landing(handler: ApiHandler, document: Any) -> dict[str, object]:
    """Return the caller's latest Executions, as their list shows them."""
    query = ExecutionQuery(owner=handler.caller.name, limit=_RECENT)
    page = await handler.services.store.list_executions(query)
    live = handler.services.controller.live
    base = handler.base_url
    return {"executions": [status_info(each, base, live(each)) for each in page.items]}


async def _methods(handler: ApiHandler, _: Any) -> dict[str, object]:
    """Return the categories to choose from, and what was asked for."""
    viewer = await handler.shared.groups.viewer(handler.caller)
    categories = await handler.services.store.list_categories(viewer)
    return {
        "categories": [each.title for each in categories if each.title],
        "asked": asked(handler),
    }


async def _jobs(handler: ApiHandler, _: Any) -> dict[str, object]:
    """Return the states to choose from, and what was asked for."""
    return {"statuses": [each.value for each in Status], "asked": asked(handler)}


async def _form(_: ApiHandler, document: Any) -> dict[str, object]:
    """Return what makes this form another than the next one."""
    return {"key": secrets.token_urlsafe(16), "title": f"Execute {document['title']}"}


def asked(handler: ApiHandler) -> dict[str, str]:
    """Return the filters of a list as they were given, to show them again."""
    return {
        name: ",".join(value.decode("utf-8", "replace") for value in values)
        for name, values in handler.request.query_arguments.items()
        if name not in _NO_FILTERS
    }


_EXTRAS: Final[dict[str, Extra]] = {
    "landing.html": _landing,
    "methods.html": _methods,
    "jobs.html": _jobs,
    "job.html": job_extras,
    "form.html": _form,
}


async def extras(template: str, handler: ApiHandler, document: Any) -> dict[str, object]:
    """Return further values for a template.

    Parameters
    ----------
    template : str
        Name of the template.
    handler : ApiHandler
        Who asks, and for what.
    document : object
        What the page shows, decoded.
    """
    extra = _EXTRAS.get(template)
    return await extra(handler, document) if extra is not None else {}
