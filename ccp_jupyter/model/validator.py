"""The library's JSON Schema validator, with what keeps it fast and safe.

Importing the library takes seconds where all its optional formats are installed. So it is imported
when the first value is checked (`ccp_jupyter.model.checking`), and by what surely checks values
(`ccp_jupyter.model.request`), but not by everybody who reads a Method.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from ccp_jupyter.model.formats import format_rule
from ccp_jupyter.model.patterns import LONGEST_MATCHED, compiled

_SUBSCHEMAS: Final = ("items", "not", "additionalProperties")
_SUBSCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf")
_ANNOTATIONS: Final = frozenset(
    [
        "title",
        "description",
        "default",
        "example",
        "readOnly",
        "writeOnly",
        "deprecated",
        "nullable",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "contentMediaType",
        "contentEncoding",
        "contentSchema",
    ]
)


class _Choices(list[Any]):
    """An enum with a set beside it, so that looking up takes no time in long ones."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__(values)
        self.keys = frozenset(map(_key, values))


def _key(value: object) -> str:
    # 1 and 1.0 are one number in JSON Schema; true is not 1.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_key, value)) + "]"
    if isinstance(value, dict):
        members = sorted((name, _key(member)) for name, member in value.items())
        return json.dumps(members)
    return json.dumps(value)


_Errors = Iterator[ValidationError]


def _enum(_validator: Any, choices: _Choices, value: object, _schema: object) -> _Errors:
    if _key(value) not in choices.keys:
        yield ValidationError("enum")


def _unique(_validator: Any, wanted: bool, value: object, _schema: object) -> _Errors:
    # The library compares every pair when the items differ in type.
    if wanted and isinstance(value, list) and len(set(map(_key, value))) < len(value):
        yield ValidationError("uniqueItems")


def _pattern(_validator: Any, pattern: str, value: object, _schema: object) -> _Errors:
    if isinstance(value, str) and (
        len(value) > LONGEST_MATCHED or not compiled(pattern).search(value)
    ):
        yield ValidationError("pattern")


def _format(_validator: Any, name: str, value: object, _schema: object) -> _Errors:
    if isinstance(value, str) and format_rule(name, value):
        yield ValidationError("format")


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"enum": _enum, "uniqueItems": _unique, "pattern": _pattern, "format": _format},
)


def validator(schema: dict[str, Any]) -> Any:
    """Return a validator of the library.

    Parameters
    ----------
    schema : dict
        In the form of schema.yaml 1.0, checked before.
    """
    return _Validator(_standard(schema))


def _standard(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of OGC's form (OpenAPI 3.0, draft 4) as JSON Schema 2020-12."""
    out = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    for bound in ("minimum", "maximum"):
        exclusive = "exclusive" + bound.capitalize()
        if schema.get(exclusive) and bound in out:
            out[exclusive] = out.pop(bound)
    for name in _SUBSCHEMAS:
        if isinstance(out.get(name), dict):
            out[name] = _standard(out[name])
    for name in _SUBSCHEMA_LISTS:
        if name in out:
            out[name] = [_standard(each) for each in out[name]]
    if "properties" in out:
        out["properties"] = {name: _standard(each) for name, each in out["properties"].items()}
    if "enum" in out:
        out["enum"] = _Choices(out["enum"])
    return {"anyOf": [{"type": "null"}, out]} if schema.get("nullable") else out
