"""The command line of a CWL tool as shell lines.

Rules are those of CWL v1.2, CommandLineTool, section 4.1 (input binding): arguments and inputs are
sorted by position, arguments before inputs, inputs by name. The words are gathered as the shell's
positional parameters, so that each value is exactly one word whatever it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccp_jupyter.model.packages.cwl_text import Scope, parse_text, quoted, slot, word
from ccp_jupyter.model.packages.cwl_types import CwlType
from ccp_jupyter.model.packages.findings import Findings

_BINDING: Final = frozenset(
    ("position", "prefix", "separate", "itemSeparator", "valueFrom", "shellQuote", "loadContents")
)
MOST_WORDS: Final = 1000
"""Arguments, and words of the base command."""


@dataclass(frozen=True, slots=True)
class Binding:
    """How a value stands on the command line."""

    position: int = 0
    prefix: str | None = None
    separate: bool = True
    separator: str | None = None
    value_from: object = None


def read_binding(raw: object, member: str, findings: Findings) -> Binding:
    """Return an ``inputBinding``, or the binding of an argument."""
    given = findings.mapping(raw, member)
    for name in given.keys() - _BINDING:
        findings.add(f"{member}.{name[:100]}", f"unknown; there is {', '.join(sorted(_BINDING))}")
    for name, only in (("loadContents", False), ("shellQuote", True)):
        if given.get(name, only) is not only:
            findings.add(f"{member}.{name}", f"must be {str(only).lower()} here", given[name])
    position, separate = given.get("position", 0), given.get("separate", True)
    if type(position) is not int:
        findings.add(f"{member}.position", "must be a whole number, no expression", position)
        position = 0
    if type(separate) is not bool:
        findings.add(f"{member}.separate", "must be true or false", separate)
    return Binding(
        position,
        findings.text(given.get("prefix"), f"{member}.prefix"),
        separate is True,
        findings.text(given.get("itemSeparator"), f"{member}.itemSeparator"),
        given.get("valueFrom"),
    )


def command_lines(
    document: Mapping[str, Any],
    bindings: Mapping[str, object],
    scope: Scope,
    findings: Findings,
) -> list[str]:
    """Return the lines that make the words of a tool's command the positional parameters.

    Parameters
    ----------
    document : mapping
        The tool; ``baseCommand`` and ``arguments`` are read.
    bindings : mapping
        ``inputBinding`` of the inputs that have one, by id.
    scope : Scope
        All inputs.
    findings : Findings
        Takes what is wrong.
    """
    base = document.get("baseCommand")
    words = [] if base is None else base if isinstance(base, list) else [base]
    if not all(isinstance(each, str) and each for each in words):
        findings.add("baseCommand", "must be text, or a list of texts", base)
        return []
    pieces: list[tuple[tuple[int, int, int, str], list[str]]] = []
    arguments = findings.items(document.get("arguments"), "arguments")
    if len(words) > MOST_WORDS or len(arguments) > MOST_WORDS:
        findings.add("arguments", f"there may be at most {MOST_WORDS}", len(arguments))
        return []
    for number, raw in enumerate(arguments):
        member = f"arguments[{number}]"
        if not isinstance(raw, dict):
            raw = {"valueFrom": raw}
        binding = read_binding(raw, member, findings)
        lines = _argument(binding, f"{member}.valueFrom", scope, findings)
        pieces.append(((binding.position, 0, number, ""), lines))
    for name, raw in bindings.items():
        member = f"inputs.{name}.inputBinding"
        binding = read_binding(raw, member, findings)
        lines = _input(name, binding, member, scope, findings)
        pieces.append(((binding.position, 1, 0, name), lines))
    if not words and not arguments:
        findings.add("baseCommand", "is missing: there is neither a base command nor an argument")
    lines = [f"set -- {' '.join(map(quoted, words))}".rstrip()]
    for _, more in sorted(pieces, key=lambda piece: piece[0]):
        lines += more
    return lines


def _argument(binding: Binding, member: str, scope: Scope, findings: Findings) -> list[str]:
    text = parse_text(binding.value_from, member, scope, findings)
    return [] if text is None else [_append(binding, word(text))]


def _append(binding: Binding, value: str) -> str:
    """Return the line that appends one value, which is one shell word."""
    if binding.prefix is None:
        return f'set -- "$@" {value}'
    space = " " if binding.separate else ""
    return f'set -- "$@" {quoted(binding.prefix)}{space}{value}'


def _input(name: str, binding: Binding, member: str, scope: Scope, findings: Findings) -> list[str]:
    kind = scope.inputs[name]
    if kind.array:
        return _array(name, kind, binding, member, findings)
    if kind.base == "boolean" and binding.value_from is None:
        if binding.prefix is None:
            return []  # CWL adds nothing for it
        return [f'if [ {slot(name)} = true ]; then set -- "$@" {quoted(binding.prefix)}; fi']
    value = slot(name)
    if binding.value_from is not None:
        text = parse_text(binding.value_from, f"{member}.valueFrom", scope, findings, itself=name)
        if text is None:
            return []
        value = word(text)
    append = _append(binding, value)
    # Without a value nothing is added, as CWL wants it for null.
    return [f"if [ -n {slot(name)} ]; then {append}; fi"] if kind.optional else [append]


def _array(
    name: str, kind: CwlType, binding: Binding, member: str, findings: Findings
) -> list[str]:
    if binding.value_from is not None:
        findings.add(f"{member}.valueFrom", "not for arrays", binding.value_from)
    items = f"for ccp_item in {slot(name)}; do"
    if binding.separator is not None:
        return [
            "unset ccp_joined",
            f"ccp_separator={quoted(binding.separator)}",
            f'{items} ccp_joined="${{ccp_joined+$ccp_joined$ccp_separator}}$ccp_item"; done',
            f'if [ -n "${{ccp_joined+x}}" ]; then {_append(binding, chr(34) + "$ccp_joined")}"; fi',
        ]
    lines = []
    if binding.prefix is not None:
        lines.append(f'{items} set -- "$@" {quoted(binding.prefix)}; break; done')
    each = read_binding(kind.item_binding, f"inputs.{name}.type.inputBinding", findings)
    if each.value_from is not None or each.separator is not None:
        rule = "only prefix and separate are known for items"
        findings.add(f"inputs.{name}.type.inputBinding", rule, kind.item_binding)
    if kind.base == "boolean":
        findings.add(f"{member}", "arrays of boolean cannot stand on a command line")
    return [*lines, f'{items} {_append(each, chr(34) + "$ccp_item")}"; done']
