"""Trying a request, and doing again what was done: calls that both faces of the client share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ccp_jupyter.client.errors import NotFound, ServiceError
from ccp_jupyter.client.inputs import changes_body
from ccp_jupyter.client.method import Method
from ccp_jupyter.client.transport import Body, Call, Transport, path_of
from ccp_jupyter.model.comparison import Comparison


class Told(dict[str, Any]):
    """What the service told; shows as its message."""

    def __str__(self) -> str:
        return str(self.get("message") or dict.__repr__(self))


async def dry_run(transport: Transport, method_id: str, body: Body) -> Told:
    """Ask what would happen with an execute request."""
    path = path_of("processes", method_id, "dry-run")
    return _told(await transport.json(Call("POST", path, body=body, repeatable=True)), "atOnce")


async def repeat(
    transport: Transport,
    execution_id: str,
    method_id: str,
    inputs: Mapping[str, Any],
    outputs: Iterable[str] | Mapping[str, Any] | None,
    *,
    newest: bool,
) -> object:
    """Run an Execution again with changes; returns the status document of the new one."""
    method = await _known(transport, method_id) if inputs or outputs else None
    call = Call(
        "POST",
        path_of("jobs", execution_id, "repeat"),
        {"revision": "newest"} if newest else {},
        body=changes_body(method, inputs, outputs),
        headers={"Idempotency-Key": uuid.uuid4().hex},
        repeatable=True,
    )
    return await transport.json(call)


async def verify(transport: Transport, execution_id: str) -> object:
    """Run an Execution again to compare; returns the status document of the new one."""
    call = Call(
        "POST",
        path_of("jobs", execution_id, "verify"),
        headers={"Idempotency-Key": uuid.uuid4().hex},
        repeatable=True,
    )
    return await transport.json(call)


async def verification(transport: Transport, execution_id: str) -> Told:
    """Ask whether an Execution that verifies another has the same outputs."""
    path = path_of("jobs", execution_id, "verification")
    return _told(await transport.json(Call("GET", path)), "verdict")


async def compare(transport: Transport, execution_id: str, other_id: str) -> Comparison:
    """Ask what is different between two Executions."""
    path = path_of("jobs", execution_id, "comparison")
    document = await transport.json(Call("GET", path, {"with": other_id}))
    try:
        return Comparison.model_validate(document)
    except ValidationError:
        raise ServiceError("the service sent a comparison of the wrong shape") from None


async def _known(transport: Transport, method_id: str) -> Method | None:
    """Return a Method, to know which inputs are files; None when it is not there any more."""
    try:
        return Method(await transport.json(Call("GET", path_of("processes", method_id))))
    except NotFound:
        return None


def _told(document: object, member: str) -> Told:
    if not isinstance(document, dict) or member not in document:
        raise ServiceError(f"the service sent no {member}; is the url right?")
    return Told(document)
