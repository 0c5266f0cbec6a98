"""Brings the schemas that people write into the one form of `ccp_jupyter.model.schema`."""

from __future__ import annotations

import re
from typing import Any, Final

from ccp_jupyter.model.errors import Problem
from ccp_jupyter.model.schema import BINARY_ENCODINGS, FILE_FORMATS, SECRET_FORMAT, Schema

_FORMATS: Final = {
    "single_choice": "select",
    "multi_choice": "checklist",
    "singlechoice": "select",
    "multichoice": "checklist",
    "geographic": "geo",
    "map": "geo",
    "workspacefile": "remotefile",
    "workspace_file": "remotefile",
    "datetime": "dateTime",
    "password": SECRET_FORMAT,
}
_TYPES: Final = {"int": "integer", "float": "number", "double": "number", "bool": "boolean"}
_MEMBERS: Final = frozenset(
    field.alias or name for name, field in Schema.model_fields.items()
) | frozenset({"const", "examples"})
_SCALARS: Final = ("integer", "number", "boolean")

_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,19}\s*\Z")
_NUMBER = re.compile(
    r"\s*[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?\s*\Z"
)


def coerced(kind: str | None, value: Any) -> Any:
    """Return a number or boolean that came as text, as CCP's clients send them.

    Parameters
    ----------
    kind : str or None
        The schema's ``type``.
    value : object
        Decoded JSON.

    Returns
    -------
    object
        The value itself when it is not of that kind; ``5`` for ``5.0`` where an integer is wanted.
    """
    if isinstance(value, str) and kind in _SCALARS:
        text = value.strip()
        if kind == "boolean":
            return {"true": True, "false": False}.get(text.lower(), value)
        if _INTEGER.match(text):
            value = int(text)
        elif _NUMBER.match(text):
            number = float(text)
            value = value if number in (float("inf"), float("-inf")) else number
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) < 2**63 else value
    return value


def plain_schema(raw: object, member: str, problems: list[Problem]) -> object:
    """Return a schema in the one form; what cannot be helped is left for the types to refuse.

    Parameters
    ----------
    raw : object
        Decoded JSON.
    member : str
        Where it stands, for messages.
    problems : list of Problem
        Takes what is found.

    Returns
    -------
    object
        A dict without nulls and unknown members, if `raw` is a dict; else `raw`.
    """
    if not isinstance(raw, dict):
        return raw
    if "$ref" in raw:
        problems.append(Problem(f"{member}.$ref", "write the schema itself, not a reference to it"))
        return {}
    schema = {name: raw[name] for name in raw if name in _MEMBERS and raw[name] is not None}
    _plain_values(schema)
    _plain_type(schema)
    for bound in ("minimum", "maximum"):
        _plain_bound(schema, bound)
    for name in ("items", "not", "additionalProperties"):
        if name in schema and not isinstance(schema[name], bool):
            schema[name] = plain_schema(schema[name], f"{member}.{name}", problems)
    for name in ("allOf", "anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            schema[name] = [
                plain_schema(each, f"{member}.{name}[{number}]", problems)
                for number, each in enumerate(schema[name])
            ]
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {
            name: plain_schema(each, f"{member}.properties.{name}", problems)
            for name, each in schema["properties"].items()
        }
    return schema


def _plain_values(schema: dict[str, Any]) -> None:
    if "const" in schema:
        schema.setdefault("enum", [schema["const"]])
        del schema["const"]
    if "examples" in schema:
        examples = schema.pop("examples")
        if isinstance(examples, list) and examples and examples[0] is not None:
            schema.setdefault("example", examples[0])
    for name in ("enum", "required"):
        if schema.get(name) == []:
            del schema[name]
    required = schema.get("required")
    if isinstance(required, bool):  # how draft 3 marked single properties
        del schema["required"]
    elif isinstance(required, list) and all(isinstance(name, str) for name in required):
        schema["required"] = list(dict.fromkeys(required))


def _plain_type(schema: dict[str, Any]) -> None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [_TYPES.get(str(each), each) for each in kind if each != "null"]
        if "null" in kind:
            schema["nullable"] = True
        del schema["type"]
        if len(kinds) == 1:
            schema["type"] = kinds[0]
        elif kinds:
            schema.setdefault("anyOf", [{"type": each} for each in kinds])
    elif isinstance(kind, str):
        schema["type"] = _TYPES.get(kind, kind)
    name = schema.get("format")
    if not isinstance(name, str):
        return
    if not name:
        del schema["format"]
        return
    name = schema["format"] = _FORMATS.get(name.lower(), name)
    if schema.get("type", "string") == "string":
        if name in ("number", "boolean"):
            schema["type"] = name
        elif name in FILE_FORMATS or name == "byte":
            schema.setdefault("contentEncoding", "base64")
        elif name == "binary":
            schema.setdefault("contentEncoding", "binary")


def _plain_bound(schema: dict[str, Any], bound: str) -> None:
    """Turn JSON Schema's numeric exclusive bounds into OpenAPI 3.0's boolean ones."""
    exclusive = "exclusive" + bound.capitalize()
    limit = schema.get(exclusive)
    if isinstance(limit, bool):
        if bound not in schema:
            del schema[exclusive]
        return
    if not isinstance(limit, (int, float)):
        return
    other = schema.get(bound)
    tighter = (
        other is None
        or not isinstance(other, (int, float))
        or (limit >= other if bound == "minimum" else limit <= other)
    )
    if tighter:
        schema[bound], schema[exclusive] = limit, True
    else:
        del schema[exclusive]


def plain_default(schema: dict[str, Any]) -> None:
    """Bring default and enum into the schema's type; drop CCP's ``""`` where it means nothing.

    Parameters
    ----------
    schema : dict
        As `plain_schema` returns it; changed in place.
    """
    kind = schema.get("type")
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [coerced(kind, each) for each in schema["enum"]]
    if "default" not in schema:
        return
    default = schema["default"]
    if isinstance(default, list) and kind != "array":
        schema["default"] = [coerced(kind, each) for each in default]
    elif default == "" and (
        kind not in (None, "string")
        or "" not in schema.get("enum", [""])
        or schema.get("format") in FILE_FORMATS | {"date", "dateTime", "date-time", "url", "uri"}
        or str(schema.get("contentEncoding", "")).lower() in BINARY_ENCODINGS
    ):
        del schema["default"]
    else:
        schema["default"] = coerced(kind, default)
