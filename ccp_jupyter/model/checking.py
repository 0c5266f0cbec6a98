"""Checking values against an input's own schema, with messages for users."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.formats import format_rule
from ccp_jupyter.model.json_data import node_count
from ccp_jupyter.model.patterns import compiled

LONGEST_MATCHED = 2**20
"""Characters of the longest text that a pattern is applied to."""

MOST_WORK = 200_000
"""Largest product of the sizes of a schema and a value; keeps a check under about a second."""

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


class Checker:
    """A compiled schema; make it once and use it often.

    Parameters
    ----------
    schema : dict
        In the form of schema.yaml 1.0, checked before.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.size = node_count(schema)
        self._validator = _Validator(_standard(schema))

    def problems(self, value: object, member: str, *, secret: bool = False) -> list[Problem]:
        """Return every rule that a value breaks.

        Parameters
        ----------
        value : object
            Decoded JSON.
        member : str
            Where the value is, for the messages.
        secret : bool
            The value must not be shown.
        """
        if self.size * node_count(value) > MOST_WORK:
            return [Problem(member, "too many items to check; send them as a file")]
        return [
            Problem(
                member + "".join(_step(step) for step in error.absolute_path),
                _rule(error),
                "" if secret else shown(error.instance),
            )
            for error in self._validator.iter_errors(value)
        ]

    def accepts(self, value: object) -> bool:
        """Tell whether a value breaks no rule."""
        return not self.problems(value, "", secret=True)


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


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


_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_RULES: Final = {
    "minimum": "must be at least {0}",
    "maximum": "must be at most {0}",
    "exclusiveMinimum": "must be more than {0}",
    "exclusiveMaximum": "must be less than {0}",
    "multipleOf": "must be a multiple of {0}",
    "minLength": "must have at least {0} characters",
    "maxLength": "must have at most {0} characters",
    "minItems": "must have at least {0} items",
    "maxItems": "must have at most {0} items",
    "minProperties": "must have at least {0} members",
    "maxProperties": "must have at most {0} members",
    "uniqueItems": "must not repeat items",
    "pattern": f"must match the pattern {{0}} (in at most {LONGEST_MATCHED} characters)",
    "additionalProperties": "has members that its schema does not know",
    "anyOf": "must fit at least one of the alternatives in its schema",
    "oneOf": "must fit exactly one of the alternatives in its schema",
    "not": "is what its schema excludes",
}


def _rule(error: ValidationError) -> str:
    keyword = str(error.validator)
    wanted: Any = error.validator_value
    value: Any = error.instance
    if keyword == "type":
        return f"must be {_TYPES.get(str(wanted), str(wanted))}"
    if keyword == "enum":
        return f"must be one of {', '.join(map(shown, list(wanted)[:20]))}" + (
            ", …" if len(wanted) > 20 else ""
        )
    if keyword == "format":
        return f"must be {format_rule(str(wanted), str(value))}"
    if keyword == "required":
        missing = [name for name in wanted if name not in value]
        return f"must have the member {', '.join(missing)}"
    return _RULES.get(keyword, f"breaks the rule {keyword} of its schema").format(shown(wanted))
