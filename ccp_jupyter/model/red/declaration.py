"""``cli``: the part of a CWL v1.0 CommandLineTool that RED knows."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Final

from ccp_jupyter.model.red.findings import Findings, below, has_members, is_text, is_whole, seen
from ccp_jupyter.model.red.input_types import FILE_OUTPUTS, INPUT_TYPES, STREAMS

IDENTIFIER: Final = re.compile(r"[a-zA-Z0-9_-]+")

LONGEST_SEPARATOR: Final = 64
"""Characters: it is repeated for each item of a list."""

_CLI = frozenset(
    ("cwlVersion", "class", "baseCommand", "inputs", "outputs", "stdout", "stderr", "doc")
)
_INPUT = frozenset(("type", "inputBinding", "doc"))
_BINDING = frozenset(("prefix", "separate", "position", "itemSeparator"))
_OUTPUT = frozenset(("type", "outputBinding", "doc"))
_STREAM = frozenset(("type",))
_GLOB = frozenset(("glob",))


def check_cli(findings: Findings, cli: object) -> None:
    """Check ``cli``."""
    required = ("cwlVersion", "class", "inputs", "outputs")
    if not has_members(findings, cli, "cli", required, _CLI) or not isinstance(cli, dict):
        return
    for name, only in (("cwlVersion", "v1.0"), ("class", "CommandLineTool")):
        if name in cli and cli[name] != only:
            findings.add(f"cli.{name}", f"must be {only}", seen(cli[name]))
    _check_base_command(findings, cli.get("baseCommand"))
    is_text(findings, cli, "doc", "cli")
    for name in ("stdout", "stderr"):
        is_text(findings, cli, name, "cli")
        if isinstance(cli.get(name), str):
            _check_stream_name(findings, cli[name], f"cli.{name}")
    for name, check in (("inputs", _check_input), ("outputs", _check_output)):
        declared = cli.get(name, {})
        if not isinstance(declared, dict):
            findings.add(f"cli.{name}", "must be an object", seen(declared))
            continue
        for identifier, declaration in declared.items():
            member = below(f"cli.{name}", identifier)
            check_identifier(findings, identifier, member)
            check(findings, declaration, member)


def check_identifier(findings: Findings, identifier: str, member: str) -> None:
    """Check the name of an input or output."""
    if not IDENTIFIER.fullmatch(identifier):
        findings.add(member, "names may have only letters, digits, _ and -, at least one")


def leaves_outputs(path: str) -> bool:
    """Tell whether a relative path or glob leads out of the folder it is taken in."""
    return posixpath.isabs(path) or posixpath.normpath(path).split("/", 1)[0] == ".."


def base_command(cli: dict[str, Any]) -> list[str]:
    """Return the words of ``baseCommand``; a text is one word, blanks around are dropped."""
    words = cli.get("baseCommand")
    return [word.strip() for word in ([words] if isinstance(words, str) else words or [])]


def _check_base_command(findings: Findings, words: object) -> None:
    if isinstance(words, list):
        for number, word in enumerate(words):
            if not isinstance(word, str):
                findings.add(f"cli.baseCommand[{number}]", "must be text", seen(word))
    elif words is not None and not isinstance(words, str):
        findings.add("cli.baseCommand", "must be text or a list of texts", seen(words))


def _check_stream_name(findings: Findings, name: str, member: str) -> None:
    if not name or name.endswith("/") or posixpath.normpath(name) == "." or leaves_outputs(name):
        findings.add(member, "must name a file in the outputs directory", seen(name))


def _check_input(findings: Findings, declaration: object, member: str) -> None:
    if not has_members(
        findings, declaration, member, ("type", "inputBinding"), _INPUT
    ) or not isinstance(declaration, dict):
        return
    if "type" in declaration and not _is_one_of(declaration["type"], INPUT_TYPES):
        rule = (
            "must be File, Directory, string, int, long, float, double or boolean, "
            "with [], ? or []? behind it if need be"
        )
        findings.add(f"{member}.type", rule, seen(declaration["type"]))
    is_text(findings, declaration, "doc", member)
    if "inputBinding" in declaration:
        _check_binding(findings, declaration["inputBinding"], f"{member}.inputBinding")


def _check_binding(findings: Findings, binding: object, member: str) -> None:
    if not has_members(findings, binding, member, (), _BINDING) or not isinstance(binding, dict):
        return
    is_text(findings, binding, "prefix", member)
    is_text(findings, binding, "itemSeparator", member)
    separator = binding.get("itemSeparator")
    if isinstance(separator, str) and len(separator) > LONGEST_SEPARATOR:
        rule = f"must have at most {LONGEST_SEPARATOR} characters"
        findings.add(f"{member}.itemSeparator", rule)
    separate = binding.get("separate", True)
    if not isinstance(separate, bool):
        findings.add(f"{member}.separate", "must be true or false", seen(separate))
    position = binding.get("position", 0)
    if not is_whole(position) or position < 0:
        findings.add(f"{member}.position", "must be a whole number from 0", seen(position))


def _check_output(findings: Findings, declaration: object, member: str) -> None:
    if not isinstance(declaration, dict):
        findings.add(member, "must be an object", seen(declaration))
        return
    declared = declaration.get("type")
    if _is_one_of(declared, STREAMS):
        has_members(findings, declaration, member, (), _STREAM)
        return
    known = "type" not in declaration or _is_one_of(declared, FILE_OUTPUTS)
    required = ("type", "outputBinding") if known else ()
    has_members(findings, declaration, member, required, _OUTPUT)
    if not known:
        rule = "must be File, Directory, File?, Directory?, stdout or stderr"
        findings.add(f"{member}.type", rule, seen(declared))
    is_text(findings, declaration, "doc", member)
    if "outputBinding" not in declaration:
        return
    binding, place = declaration["outputBinding"], f"{member}.outputBinding"
    if has_members(findings, binding, place, ("glob",), _GLOB) and isinstance(binding, dict):
        is_text(findings, binding, "glob", place)


def _is_one_of(value: object, known: Any) -> bool:
    return isinstance(value, str) and value in known
