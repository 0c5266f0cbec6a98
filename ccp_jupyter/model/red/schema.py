"""JSON schemas of RED documents of version 9, for those who want to check on their side.

They say what can be said in a JSON schema; `check` knows more rules. Written from the rules in
docs/red.md; a test holds them and `check` together.
"""

from __future__ import annotations

from typing import Any, Final

from ccp_jupyter.model.red.engines import LEAST_RAM, MOST_GPUS
from ccp_jupyter.model.red.input_types import INPUT_TYPES

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final = {"type": "string"}
_IDENTIFIER: Final = {"pattern": r"^[a-zA-Z0-9_-]+\Z"}


def _closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _map_of(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _IDENTIFIER, "additionalProperties": value}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


_BASENAME: Final = {"type": "string", "pattern": r"^(?!\.{1,2}\Z)[^/]+\Z"}
_SUMS: Final = {"checksum": _TEXT, "size": {"type": "integer"}}
_DOC: Final = {"doc": _TEXT}
_STREAM_NAME: Final = {"type": "string", "minLength": 1}

_DEFS: Final[dict[str, Any]] = {
    "binding": _closed(
        {},
        {
            "prefix": _TEXT,
            "separate": {"type": "boolean"},
            "position": {"type": "integer", "minimum": 0},
            "itemSeparator": _TEXT,
        },
    ),
    "cli": _closed(
        {
            "cwlVersion": {"const": "v1.0"},
            "class": {"const": "CommandLineTool"},
            "inputs": _map_of(
                _closed(
                    {"type": {"enum": list(INPUT_TYPES)}, "inputBinding": _ref("binding")}, _DOC
                )
            ),
            "outputs": _map_of({"oneOf": [_ref("declaredFile"), _ref("declaredStream")]}),
        },
        {
            "baseCommand": {"anyOf": [_TEXT, {"type": "null"}, {"type": "array", "items": _TEXT}]},
            "stdout": _STREAM_NAME,
            "stderr": _STREAM_NAME,
            **_DOC,
        },
    ),
    "declaredFile": _closed(
        {
            "type": {"enum": ["File", "Directory", "File?", "Directory?"]},
            "outputBinding": _closed({"glob": {"type": "string", "pattern": "^(?!/)"}}),
        },
        _DOC,
    ),
    "declaredStream": _closed({"type": {"enum": ["stdout", "stderr"]}}),
    "connector": _closed(
        {"command": _TEXT, "access": {"type": "object"}}, {"mount": {"type": "boolean"}, **_DOC}
    ),
    "listing": {
        "type": "array",
        "items": {
            "oneOf": [
                _closed({"class": {"const": "File"}, "basename": _TEXT}, _SUMS),
                _closed(
                    {"class": {"const": "Directory"}, "basename": _TEXT},
                    {"listing": _ref("listing")},
                ),
            ]
        },
    },
    "file": _closed(
        {
            "class": {"const": "File"},
            "connector": {
                "allOf": [_ref("connector"), {"properties": {"mount": {"const": False}}}]
            },
        },
        {"basename": _BASENAME, "dirname": _TEXT, **_SUMS, **_DOC},
    ),
    "directory": _closed(
        {"class": {"const": "Directory"}, "connector": _ref("connector")},
        {"basename": _BASENAME, "listing": _ref("listing"), **_DOC},
    ),
    "single": {
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            _ref("file"),
            _ref("directory"),
        ]
    },
    "inputs": _map_of({"anyOf": [_ref("single"), {"type": "array", "items": _ref("single")}]}),
    "outputs": _map_of(
        {
            "oneOf": [
                _closed(
                    {
                        "class": {"enum": ["File", "stdout", "stderr"]},
                        "connector": _ref("connector"),
                    },
                    {**_SUMS, **_DOC},
                ),
                _closed(
                    {"class": {"const": "Directory"}, "connector": _ref("connector")},
                    {"listing": _ref("listing"), **_DOC},
                ),
            ]
        }
    ),
    "cloud": _closed(
        {"enable": {"type": "boolean"}, "mountDir": _TEXT}, {"mountProtocol": {"const": "ssh"}}
    ),
    "auth": {
        "oneOf": [
            _closed({user: _TEXT, password: _TEXT})
            for user in ("username", "_username")
            for password in ("password", "_password")
        ]
    },
    "megabytes": {"type": "integer", "minimum": LEAST_RAM},
    "gpus": {
        "oneOf": [
            _closed(
                {
                    "vendor": {"const": "nvidia"},
                    "count": {"type": "integer", "minimum": 1, "maximum": MOST_GPUS},
                }
            ),
            _closed(
                {
                    "vendor": {"const": "nvidia"},
                    "devices": {
                        "type": "array",
                        "items": _closed({}, {"vramMin": _ref("megabytes")}),
                        "minItems": 1,
                        "maxItems": MOST_GPUS,
                    },
                }
            ),
        ]
    },
    "docker": _closed(
        {
            "image": _closed(
                {"url": {"type": "string", "pattern": r"\S"}},
                {"auth": _ref("auth"), "source": _closed({"url": _TEXT})},
            )
        },
        {"ram": _ref("megabytes"), "gpus": _ref("gpus"), "version": _TEXT},
    ),
    "ccagency": _closed(
        {},
        {
            "access": _closed({"url": _TEXT}, {"auth": _ref("auth")}),
            "batchConcurrencyLimit": {"type": "integer", "minimum": 1},
        },
    ),
    "ccfaice": _closed({}),
}


def _engine(*names: str) -> dict[str, Any]:
    choices = [_closed({"engine": {"const": name}, "settings": _ref(name)}, _DOC) for name in names]
    return choices[0] if len(choices) == 1 else {"oneOf": choices}


_COMMON: Final = {"redVersion": {"const": "9"}, "cli": _ref("cli"), "container": _engine("docker")}
_BATCH: Final = {"outputs": _ref("outputs"), "cloud": _ref("cloud"), **_DOC}
_EXECUTION: Final = {"execution": _engine("ccagency", "ccfaice"), **_DOC}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a whole document."""
    single = _closed({**_COMMON, "inputs": _ref("inputs")}, {**_BATCH, **_EXECUTION})
    batch = _closed({"inputs": _ref("inputs")}, _BATCH)
    batches = {"type": "array", "minItems": 1, "items": batch}
    many = _closed({**_COMMON, "batches": batches}, _EXECUTION)
    return {
        "$schema": _DIALECT,
        "title": "RED 9",
        "if": {"type": "object", "required": ["batches"]},
        "then": many,
        "else": single,
        "$defs": _DEFS,
    }


def container_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of ``container.settings`` for each engine."""
    names = ("docker", "auth", "gpus", "megabytes")
    defs = {name: _DEFS[name] for name in names}
    return {"docker": {"$schema": _DIALECT, **_ref("docker"), "$defs": defs}}
