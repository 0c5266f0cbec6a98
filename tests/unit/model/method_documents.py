"""Methods for tests."""

from __future__ import annotations

from typing import Any

IMAGE = "docker.io/library/busybox:1.36"


def text_input(**schema: Any) -> dict[str, Any]:
    return {"schema": {"type": "string", **schema}}


def method_document(
    inputs: dict[str, Any] | None = None, *, execute: list[str] | None = None, **members: Any
) -> dict[str, Any]:
    """A small Method, with these inputs beside ccpimage."""
    return {
        "id": "a-method",
        "title": "A Method",
        "version": "1.0.0",
        "inputs": {"ccpimage": text_input(default=IMAGE), **(inputs or {})},
        "outputs": {"result": {"schema": {"type": "string"}}},
        "additionalParameters": {
            "parameters": [{"name": "execute-script", "value": execute or []}]
        },
        "links": [{"rel": "compatibleWith", "href": "infrastructures/local-docker"}],
        **members,
    }
