"""What deploys or replaces a Method: its own document, or a package of another kind (Part 2)."""

from __future__ import annotations

import asyncio

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.operations import JSON
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.packages.package import method_of
from ccp_jupyter.model.stored_method import Package


async def sent(handler: ApiHandler, process_id: str | None = None) -> tuple[Method, Package | None]:
    """Return the Method that a request body describes.

    Parameters
    ----------
    handler : ApiHandler
        Of a request whose query has ``w``, the tool that is wanted of several.
    process_id : str, optional
        Of the Method that is replaced: a package need not name it, a Method must not name another.

    Returns
    -------
    Method, Package or None
        None when the body is a Method already.

    Raises
    ------
    InvalidDocument
        Something in it is wrong or not supported; each with member, rule and value.
    """
    if handler.body_type != JSON:
        text = handler.text_body()
        package = Package(media_type=handler.body_type, text=text)
        first = next(iter(handler.services.controller.infrastructures))
        # In a thread: a large package in YAML takes seconds to read.
        method = await asyncio.to_thread(
            method_of, package.media_type, text, first, process_id, handler.query["w"]
        )
        return method, package
    document = await handler.json_body()
    if isinstance(document, dict):
        document = documents.without_server_members(document)
    method = parse_method(document)
    if process_id is not None and method.id != process_id:
        rule = f"must be {shown(process_id)}, as in the address"
        raise InvalidDocument([Problem("id", rule, method.id)])
    return method, None
