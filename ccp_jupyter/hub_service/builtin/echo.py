"""The process ``echo``: gives its inputs back. Conformance tests and benchmarks run it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.hub_service.builtin.base import Produced

LONGEST_PAUSE: Final = 30
"""Seconds."""

_RECORD: Final = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"type": "string"}},
}
_BOX: Final = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        "crs": {"type": "string"},
    },
}
_INTEGERS: Final = {"type": "array", "items": {"type": "integer"}}
_PLAIN: Final = {"type": "string", "contentMediaType": "text/plain"}
_PAUSE: Final = {"type": "integer", "minimum": 0, "maximum": LONGEST_PAUSE, "default": 0}


def _input(title: str, schema: Mapping[str, Any], least: int = 0) -> dict[str, Any]:
    return {"title": title, "minOccurs": least, "maxOccurs": 1, "schema": dict(schema)}


class Echo:
    """Gives back each input for which it has an output, after a pause."""

    document: Mapping[str, Any] = {
        "id": "echo",
        "title": "Echo",
        "description": "Gives its inputs back; runs in the service itself, without a container.",
        "version": "1.0.0",
        "keywords": ["test"],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "inputs": {
            # The first one is a plain text: the official suite writes "teststring" into it.
            "echo": _input("Text", {"type": "string"}, 1),
            "numbers": _input("Whole numbers", _INTEGERS),
            "box": _input("Bounding box", _BOX),
            "record": _input("Object", _RECORD),
            "mixed": _input("Text or object", {"oneOf": [_PLAIN, _RECORD]}),
            "pause": _input("Seconds to wait before it gives anything back", _PAUSE),
        },
        "outputs": {
            "echo": {"title": "Text", "schema": {"type": "string"}},
            "numbers": {"title": "Whole numbers", "schema": _INTEGERS},
            "box": {"title": "Bounding box", "schema": {"type": "object"}},
            "mixed": {"title": "Text or object", "schema": {"oneOf": [_PLAIN, {"type": "object"}]}},
        },
        "links": [],
    }

    async def run(self, inputs: Mapping[str, Any]) -> dict[str, Produced]:
        """See `base.BuiltIn`."""
        await asyncio.sleep(inputs["pause"])
        return {name: Produced(inputs[name]) for name in self.document["outputs"] if name in inputs}
