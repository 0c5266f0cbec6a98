"""A link that opens the form of a Method with the inputs of an Execution filled in."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from ccp_jupyter.hub_service.api.links import link, segment
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.json_data import node_count
from ccp_jupyter.model.values import PlainValue

LONGEST: Final = 4000
"""Characters of all values in the link: mail programs and chats break longer links."""
_LONGEST_VALUE: Final = 1000
_MOST_NODES: Final = 100


def form_link(execution: Execution, base: str) -> dict[str, Any]:
    """Return the link.

    Secrets, files and long values are not in it; they stay empty in the form.

    Parameters
    ----------
    execution : Execution
        Of a Method.
    base : str
        Address of the service.
    """
    href = f"{base}processes/{segment(execution.method_id)}/form"
    found: dict[str, Any] = {}
    room = LONGEST
    for name, raw in (execution.request.get("inputs") or {}).items():
        values = execution.inputs.get(name, [])
        if not values or not all(isinstance(value, PlainValue) for value in values):
            continue
        if (isinstance(raw, str) and len(raw) > _LONGEST_VALUE) or node_count(raw) > _MOST_NODES:
            continue
        text = quote(json.dumps({name: raw}, ensure_ascii=False, separators=(",", ":")), safe="")
        if len(text) <= min(room, _LONGEST_VALUE):
            room -= len(text)
            found[name] = raw
    if found:
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        href += f"?inputs={quote(text, safe='')}"
    return link(href, "edit-form", "The form, with these inputs filled in", "text/html")
