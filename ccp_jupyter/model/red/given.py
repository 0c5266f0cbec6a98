"""``inputs`` and ``outputs``: the values of one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.model.red.declaration import check_identifier
from ccp_jupyter.model.red.findings import (
    Findings,
    below,
    has_members,
    is_text,
    is_whole,
    kind_of,
    seen,
)
from ccp_jupyter.model.red.input_types import INPUT_TYPES, InputType

_FILE = frozenset(("class", "connector", "basename", "dirname", "checksum", "size", "doc"))
_DIRECTORY = frozenset(("class", "connector", "basename", "listing", "doc"))
_OUT_FILE = frozenset(("class", "connector", "checksum", "size", "doc"))
_OUT_DIRECTORY = frozenset(("class", "connector", "listing", "doc"))
_CONNECTOR = frozenset(("command", "access", "mount", "doc"))
_LISTED_FILE = frozenset(("class", "basename", "checksum", "size"))
_LISTED_DIRECTORY = frozenset(("class", "basename", "listing"))
_CLOUD = frozenset(("enable", "mountDir", "mountProtocol"))
_OUT_CLASSES: Final = ("File", "Directory", "stdout", "stderr")

_SCALARS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "string": ((str,), "text"),
    "int": ((int,), "a whole number, without a point"),
    "long": ((int,), "a whole number, without a point"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
}


class Declared:
    """What ``cli`` declares, as far as it is sound; made once for all batches."""

    def __init__(self, cli: object) -> None:
        self.inputs = _types(cli, "inputs")
        self.outputs = _types(cli, "outputs")
        self.needed = [name for name, type_ in (self.inputs or {}).items() if _is_needed(type_)]


def check_inputs(findings: Findings, inputs: object, declared: Declared, member: str) -> None:
    """Check the ``inputs`` of one batch against their declaration."""
    if not isinstance(inputs, dict):
        findings.add(member, "must be an object", kind_of(inputs))
        return
    for name, value in inputs.items():
        place = f"{member}.{name}"
        declaration = None if declared.inputs is None else declared.inputs.get(name)
        if declaration is None:
            place = below(member, name)
            check_identifier(findings, name, place)
            if declared.inputs is not None:
                findings.add(place, "is not declared in cli.inputs")
        known = INPUT_TYPES.get(declaration) if isinstance(declaration, str) else None
        if known is not None:
            _check_input(findings, value, known, place)
    for name in declared.needed:
        if name not in inputs:
            findings.add(below(member, name), "is missing; cli.inputs declares it, without ?")


def check_outputs(findings: Findings, outputs: object, declared: Declared, member: str) -> None:
    """Check the ``outputs`` of one batch against their declaration."""
    if not isinstance(outputs, dict):
        findings.add(member, "must be an object", kind_of(outputs))
        return
    for name, value in outputs.items():
        place = below(member, name)
        declaration = None if declared.outputs is None else declared.outputs.get(name)
        if declaration is None:
            check_identifier(findings, name, place)
            if declared.outputs is not None:
                findings.add(place, "is not declared in cli.outputs")
        wanted = declaration.removesuffix("?") if isinstance(declaration, str) else ""
        _check_output(findings, value, wanted, place)


def check_cloud(findings: Findings, cloud: object, member: str) -> None:
    """Check a ``cloud``."""
    if not has_members(findings, cloud, member, ("enable", "mountDir"), _CLOUD):
        return
    if isinstance(cloud, dict):
        is_text(findings, cloud, "mountDir", member)
        _is_bool(findings, cloud, "enable", member)
        if cloud.get("mountProtocol", "ssh") != "ssh":
            findings.add(f"{member}.mountProtocol", "must be ssh", seen(cloud["mountProtocol"]))


def _types(cli: object, name: str) -> dict[str, object] | None:
    """Return the declared types; None when nothing is declared at all, which is told already."""
    declared = cli.get(name) if isinstance(cli, dict) else None
    if not isinstance(declared, dict):
        return None
    return {
        identifier: declaration.get("type", "") if isinstance(declaration, dict) else ""
        for identifier, declaration in declared.items()
    }


def _is_needed(type_: object) -> bool:
    known = INPUT_TYPES.get(type_) if isinstance(type_, str) else None
    return known is not None and not known.optional


def _check_input(findings: Findings, value: object, declared: InputType, member: str) -> None:
    if declared.array != isinstance(value, list):
        rule = "must be a list" if declared.array else "must not be a list"
        findings.add(member, f"{rule}: cli.inputs declares {declared.text}", kind_of(value))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_item(findings, item, declared, f"{member}[{number}]")
    else:
        _check_item(findings, value, declared, member)


def _check_item(findings: Findings, value: object, declared: InputType, member: str) -> None:
    scalar = _SCALARS.get(declared.name)
    if scalar is None:
        _check_file(findings, value, declared, member)
        return
    types, words = scalar
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        shown = seen(value) if _may_be_shown(member) else kind_of(value)
        findings.add(member, f"must be {words}: cli.inputs declares {declared.text}", shown)


def _may_be_shown(member: str) -> bool:
    """Tell whether an input's own name does not make its value a secret."""
    steps = member.replace("[", ".").split(".")
    return "access" not in steps and "auth" not in steps


def _check_file(findings: Findings, value: object, declared: InputType, member: str) -> None:
    wanted = declared.name
    if not isinstance(value, dict):
        rule = f"must be an object of class {wanted}: cli.inputs declares {declared.text}"
        findings.add(member, rule, kind_of(value))
        return
    if value.get("class", wanted) != wanted:
        rule = f"must be {wanted}: cli.inputs declares {declared.text}"
        findings.add(f"{member}.class", rule, seen(value["class"]))
        return  # other members belong to other classes
    members = _FILE if wanted == "File" else _DIRECTORY
    has_members(findings, value, member, ("class", "connector"), members)
    if "basename" in value:
        _check_basename(findings, value["basename"], f"{member}.basename")
    is_text(findings, value, "doc", member)
    if wanted == "File":
        is_text(findings, value, "dirname", member)
        _check_sums(findings, value, member)
    elif "listing" in value:
        _check_listing(findings, value["listing"], f"{member}.listing")
    if "connector" in value:
        _check_connector(findings, value["connector"], f"{member}.connector")
        if wanted == "File" and _mounts(value):
            findings.add(f"{member}.connector.mount", "only directories can be mounted")


def _mounts(value: Mapping[str, Any]) -> bool:
    connector = value["connector"]
    return isinstance(connector, dict) and connector.get("mount") is True


def _check_basename(findings: Findings, name: object, member: str) -> None:
    if not isinstance(name, str):
        findings.add(member, "must be text", seen(name))
    elif name in ("", ".", "..") or "/" in name:
        findings.add(member, "must be a plain file name, without /", seen(name))


def _check_sums(findings: Findings, value: dict[str, Any], member: str) -> None:
    is_text(findings, value, "checksum", member)
    if "size" in value and not is_whole(value["size"]):
        findings.add(f"{member}.size", "must be a whole number of bytes", seen(value["size"]))


def _check_output(findings: Findings, value: object, wanted: str, member: str) -> None:
    if not isinstance(value, dict):
        findings.add(member, "must be an object", kind_of(value))
        return
    class_ = value.get("class")
    directory = (class_ if class_ in _OUT_CLASSES else wanted) == "Directory"
    members = _OUT_DIRECTORY if directory else _OUT_FILE
    has_members(findings, value, member, ("class", "connector"), members)
    if "class" in value:
        if wanted in _OUT_CLASSES and class_ != wanted:
            findings.add(f"{member}.class", f"must be {wanted}, as declared", seen(class_))
        elif class_ not in _OUT_CLASSES:
            findings.add(f"{member}.class", f"must be {', '.join(_OUT_CLASSES)}", seen(class_))
    is_text(findings, value, "doc", member)
    if not directory:
        _check_sums(findings, value, member)
    elif "listing" in value:
        _check_listing(findings, value["listing"], f"{member}.listing")
    if "connector" in value:
        _check_connector(findings, value["connector"], f"{member}.connector")


def _check_connector(findings: Findings, connector: object, member: str) -> None:
    if not has_members(
        findings, connector, member, ("command", "access"), _CONNECTOR
    ) or not isinstance(connector, dict):
        return
    is_text(findings, connector, "command", member)
    is_text(findings, connector, "doc", member)
    _is_bool(findings, connector, "mount", member)
    if not isinstance(connector.get("access", {}), dict):
        findings.add(f"{member}.access", "must be an object", kind_of(connector["access"]))


def _is_bool(findings: Findings, holder: dict[str, Any], name: str, member: str) -> None:
    if name in holder and not isinstance(holder[name], bool):
        findings.add(below(member, name), "must be true or false", seen(holder[name]))


def _check_listing(findings: Findings, listing: object, member: str) -> None:
    if not isinstance(listing, list):
        findings.add(member, "must be a list", kind_of(listing))
        return
    for number, entry in enumerate(listing):
        place = f"{member}[{number}]"
        directory = isinstance(entry, dict) and entry.get("class") == "Directory"
        members = _LISTED_DIRECTORY if directory else _LISTED_FILE
        if not has_members(
            findings, entry, place, ("class", "basename"), members
        ) or not isinstance(entry, dict):
            continue
        if entry.get("class", "File") not in ("File", "Directory"):
            findings.add(f"{place}.class", "must be File or Directory", seen(entry["class"]))
        is_text(findings, entry, "basename", place)
        if not directory:
            _check_sums(findings, entry, place)
        elif "listing" in entry:
            _check_listing(findings, entry["listing"], f"{place}.listing")
