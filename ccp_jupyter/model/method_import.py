"""Brings the Methods that people and older systems write into the one form.

Lenient in form, not in meaning: what this module does not understand is left as it is, for the
types and rules of `ccp_jupyter.model.method` to refuse.
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.schema_import import plain_default, plain_schema

SCRIPTS: Final = ("deploy-script", "execute-script", "undeploy-script", "cancel-script")
"""The scripts of a Method, in the order in which they are written."""

EXECUTION_UNIT: Final = "executionUnit"
"""Name of the additional parameter that says what the Method needs of the machine."""

_MEMBERS: Final = [
    "id",
    "title",
    "description",
    "version",
    "outputTransmission",
    "keywords",
    "metadata",
    "inputs",
    "outputs",
    "additionalParameters",
    "links",
]
_DESCRIPTOR_MEMBERS: Final = [
    "id",
    "title",
    "description",
    "keywords",
    "metadata",
    "additionalParameters",
    "minOccurs",
    "maxOccurs",
    "schema",
]
_SERVER_LINKS: Final = frozenset(
    [
        "self",
        "alternate",
        "collection",
        "up",
        "version-history",
        "latest-version",
        "status",
        "monitor",
        "execute",
        "profile",
        "http://www.opengis.net/def/rel/ogc/1.0/execute",
    ]
)
_VERSION = re.compile(r"v?(\d{1,9})(\.\d{1,9})?(\.\d{1,9})?((?:[-+][0-9A-Za-z.-]{1,60}){0,2})\Z")
_CONTROL_TYPES: Final = {
    "ccpmaxtime": "integer",
    "ccpreplicas": "integer",
    "ccpcpus": "number",
    "ccpmemory": "number",
    "ccpgpus": "integer",
    "ccppriority": "integer",
}


def plain_method(document: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return a Method's document in the one form.

    Parameters
    ----------
    document : dict
        Decoded JSON.
    problems : list of Problem
        Takes what is found.
    """
    method = _without_nulls(document, _MEMBERS)
    # CCP has no other Methods than asynchronous ones.
    method["jobControlOptions"] = ["async-execute"]
    if not method.get("id"):
        method["id"] = str(uuid.uuid4())
    method["version"] = _version(method.get("version", "1.0.0"))
    for name in ("inputs", "outputs"):
        method[name] = _descriptors(method.get(name, {}), name, problems)
    _plain_common(method, "", problems)
    parameters = _parameters(method.get("additionalParameters", {}), problems)
    method["additionalParameters"] = _with_all_scripts(parameters)
    method["links"] = _entries(method.get("links", []), keep=_is_ours)
    return method


def _without_nulls(raw: dict[str, Any], members: list[str] | None = None) -> dict[str, Any]:
    return {
        name: value
        for name, value in raw.items()
        if value is not None and (members is None or name in members)
    }


def _version(raw: object) -> object:
    """Return ``x.y.z`` for ``x.y``, ``x`` and ``v1.2.3``."""
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raw = str(raw)
    match = _VERSION.match(raw) if isinstance(raw, str) else None
    if match is None:
        return raw
    return f"{match[1]}{match[2] or '.0'}{match[3] or '.0'}{match[4]}"


def _is_ours(link: dict[str, Any]) -> bool:
    """Tell a link of the Method from those that a server adds when it describes the Method."""
    rel = link.get("rel")
    return not (isinstance(rel, str) and rel in _SERVER_LINKS)


def _entries(raw: object, keep: Any = None) -> object:
    """Return a list of objects without nulls and doubles; one object may stand for a list."""
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list):
        return raw
    entries: list[object] = []
    for entry in raw:
        plain = _without_nulls(entry) if isinstance(entry, dict) else entry
        if (
            entry is None
            or plain in entries
            or (isinstance(plain, dict) and keep and not keep(plain))
        ):
            continue
        entries.append(plain)
    return entries


def _plain_common(raw: dict[str, Any], member: str, problems: list[Problem]) -> None:
    """Bring the members that Methods, inputs and outputs share into form."""
    for name in ("keywords", "outputTransmission"):
        if isinstance(raw.get(name), str):
            raw[name] = [raw[name]]
        if isinstance(raw.get(name), list):
            raw[name] = _distinct([each for each in raw[name] if each not in (None, "")])
            if not raw[name]:
                del raw[name]
    if "metadata" in raw:
        raw["metadata"] = _entries(raw["metadata"])


def _distinct(values: list[Any]) -> list[Any]:
    if not all(isinstance(value, str) for value in values):
        return values  # refused later
    return list(dict.fromkeys(values))


def _descriptors(raw: object, where: str, problems: list[Problem]) -> object:
    """Return inputs or outputs as a dict; each repeats its id inside."""
    if isinstance(raw, list):
        raw = _by_id(raw, where, problems)
    if not isinstance(raw, dict):
        return raw
    out: dict[str, object] = {}
    for name, descriptor in raw.items():
        if not isinstance(descriptor, dict):
            out[name] = descriptor
            continue
        plain = _without_nulls(descriptor, _DESCRIPTOR_MEMBERS)
        plain.setdefault("id", name)
        member = f"{where}.{name}"
        if plain["id"] != name:
            problems.append(
                Problem(f"{member}.id", f"must be {shown(name)} like its name", shown(plain["id"]))
            )
        _plain_occurs(plain)
        _plain_common(plain, member, problems)
        if isinstance(plain.get("schema"), dict):
            plain["schema"] = _input_schema(name, plain["schema"], member, problems)
        out[name] = plain
    return out


def _input_schema(name: str, raw: dict[str, Any], member: str, problems: list[Problem]) -> object:
    schema = plain_schema(raw, f"{member}.schema", problems)
    if isinstance(schema, dict):
        if schema.get("type") in ("string", "number") and name in _CONTROL_TYPES:
            schema["type"] = _CONTROL_TYPES[name]
        plain_default(schema)
    return schema


def _by_id(raw: list[Any], where: str, problems: list[Problem]) -> dict[str, object]:
    out: dict[str, object] = {}
    for number, descriptor in enumerate(raw):
        name = descriptor.get("id") if isinstance(descriptor, dict) else None
        if not isinstance(name, str):
            problems.append(Problem(f"{where}[{number}]", "must be an object with an id"))
        elif name in out:
            problems.append(Problem(f"{where}[{number}].id", "is used twice", shown(name)))
        else:
            out[name] = descriptor
    return out


def _plain_occurs(descriptor: dict[str, Any]) -> None:
    for name in ("minOccurs", "maxOccurs"):
        value = descriptor.get(name)
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
            descriptor[name] = int(value)


# --- scripts -----------------------------------------------------------------------------


def _parameters(raw: object, problems: list[Problem]) -> dict[str, Any] | object:
    """Return additionalParameters with every script as an array of lines."""
    if isinstance(raw, list):
        raw = {"parameters": raw}
    if not isinstance(raw, dict):
        return raw
    plain = _without_nulls(raw)
    if "parameters" not in plain:
        known = (*SCRIPTS, EXECUTION_UNIT)
        named = [name for name in plain if _script_name(name) in known]
        plain["parameters"] = [{"name": name, "value": plain.pop(name)} for name in named]
    if isinstance(plain["parameters"], list):
        plain["parameters"] = [_parameter(entry) for entry in plain["parameters"]]
        names = [e["name"] for e in plain["parameters"] if isinstance(e, dict) and "name" in e]
        problems.extend(
            Problem("additionalParameters.parameters", f"there must be only one {name}")
            for name in SCRIPTS
            if names.count(name) > 1
        )
    return plain


def _script_name(name: object) -> object:
    """Return ``deploy-script`` for ``deployScript``, ``deploy_script`` and the like."""
    if not isinstance(name, str):
        return name
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-")
    return plain if plain in SCRIPTS else name


def _parameter(raw: object) -> object:
    if not isinstance(raw, dict):
        return raw
    entry = dict(raw)
    entry["name"] = _script_name(raw.get("name"))
    if entry["name"] in SCRIPTS:
        entry["value"] = _lines(raw.get("value"))
    elif not isinstance(entry.get("value", []), list):
        entry["value"] = [entry["value"]]
    if isinstance(entry.get("value", []), list):
        entry["value"] = [each for each in entry.get("value", []) if each is not None]
    return entry


def _lines(raw: object) -> object:
    """Return a script as lines; one text with line ends is taken as well."""
    if raw is None:
        return []
    if isinstance(raw, str):
        raw = [raw] if raw else []
    if not isinstance(raw, list) or not all(isinstance(line, str) for line in raw):
        return raw
    lines: list[str] = []
    for piece in raw:
        lines.extend(line.removesuffix("\r") for line in piece.removesuffix("\n").split("\n"))
    return lines


def _with_all_scripts(parameters: object) -> object:
    """Return the parameters with all four scripts first, in order; missing ones are empty."""
    if not isinstance(parameters, dict) or not isinstance(parameters.get("parameters"), list):
        return parameters
    entries = parameters["parameters"]
    by_name = {e["name"]: e for e in entries if isinstance(e, dict) and e.get("name") in SCRIPTS}
    scripts = [by_name.get(name, {"name": name, "value": []}) for name in SCRIPTS]
    others = [e for e in entries if not (isinstance(e, dict) and e.get("name") in SCRIPTS)]
    return parameters | {"parameters": scripts + others}
