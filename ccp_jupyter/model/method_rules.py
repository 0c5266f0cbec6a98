"""What makes a well-formed Method a right one: rules that no type expresses."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.input_values import file_problem, image_rule
from ccp_jupyter.model.method_import import SCRIPTS
from ccp_jupyter.model.method_parts import Descriptor
from ccp_jupyter.model.script import script_problems

CONTROL_INPUTS: Final = {
    "ccpimage": "string",
    "ccpmaxtime": "integer",
    "ccpreplicas": "integer",
    "ccpnote": "string",
    "ccpcpus": "number",
    "ccpmemory": "number",
    "ccpgpus": "integer",
    "ccppriority": "integer",
}
"""Inputs that govern the Execution itself, with their types."""

LARGEST_SCHEMA = 1000
"""Members and items of the largest schema of one input."""

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\Z")

_NUMBERED = re.compile(r"(.+)\.[0-9]+\Z")

Descriptors = Mapping[str, Descriptor | None]


def input_problems(inputs: Descriptors) -> list[Problem]:
    """Return which rules the inputs break.

    Parameters
    ----------
    inputs : mapping of str to Descriptor or None
        By id; None for those whose types are wrong.
    """
    problems = []
    if "ccpimage" not in inputs:
        problems.append(Problem("inputs.ccpimage", "every Method needs this input: its Runtime"))
    for name, descriptor in inputs.items():
        member = f"inputs.{name[:100]}"
        problems += _id_problems(name, member)
        if name.startswith("ccp") and name not in CONTROL_INPUTS:
            problems.append(Problem(member, "names that begin with ccp are reserved"))
        other = _NUMBERED.match(name)
        if other and (many := inputs.get(other[1])) and many.many:
            problems.append(Problem(member, f"is also the name of a file of the input {other[1]}"))
        if descriptor:
            problems += _descriptor_problems(name, descriptor, member)
    return problems


def output_problems(outputs: Descriptors) -> list[Problem]:
    """Return which rules the outputs break."""
    problems = []
    for name, descriptor in outputs.items():
        member = f"outputs.{name[:100]}"
        problems += _id_problems(name, member)
        for number, item in enumerate((descriptor and descriptor.metadata) or ()):
            href = item.href or ""
            if item.role == "file" and (".." in href.split("/") or "\\" in href):
                rule = "must be a path without .. and backslashes"
                problems.append(Problem(f"{member}.metadata[{number}].href", rule, shown(href)))
    return problems


def scripts_problems(parameters: Any, inputs: Collection[str]) -> list[Problem]:
    """Return which rules the scripts break.

    Parameters
    ----------
    parameters : object
        ``additionalParameters`` in the one form, if it has it.
    inputs : collection of str
        Ids of the inputs.
    """
    entries = parameters.get("parameters") if isinstance(parameters, dict) else None
    problems = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("name") not in SCRIPTS:
            continue
        member = f"additionalParameters.{entry['name']}"
        lines = entry["value"]
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            problems.append(Problem(member, "must be a list of lines of text"))
            continue
        problems += [
            Problem(f"{member} {found.member}", found.rule, found.value)
            for found in script_problems(lines, inputs)
        ]
    return problems


def _id_problems(name: str, member: str) -> list[Problem]:
    if _ID.match(name):
        return []
    rule = "an id has 1 to 100 letters, digits and _ . - and begins with a letter, digit or _"
    return [Problem(member, rule, shown(name))]


def _descriptor_problems(name: str, descriptor: Descriptor, member: str) -> list[Problem]:
    schema = descriptor.schema_
    problems = []
    if isinstance(descriptor.max_occurs, int) and descriptor.min_occurs > descriptor.max_occurs:
        rule = f"must not be more than maxOccurs ({descriptor.max_occurs})"
        problems.append(Problem(f"{member}.minOccurs", rule, str(descriptor.min_occurs)))
    if descriptor.checker.size > LARGEST_SCHEMA:
        rule = f"may have at most {LARGEST_SCHEMA} members and items"
        return [*problems, Problem(f"{member}.schema", rule, f"{descriptor.checker.size}")]
    if name in CONTROL_INPUTS:
        problems += _control_problems(name, descriptor, member)
    if schema.is_secret:
        problems += _secret_problems(descriptor, member)
    if schema.read_only and schema.default is None:
        rule = "a readOnly input needs a default: it is the only value"
        problems.append(Problem(f"{member}.schema.default", rule))
    if schema.default is not None and not schema.is_secret:
        problems += default_problems(descriptor, f"{member}.schema.default")
    return problems


def _control_problems(name: str, descriptor: Descriptor, member: str) -> list[Problem]:
    wanted, kind = CONTROL_INPUTS[name], descriptor.schema_.type
    problems = []
    if kind != wanted and not (wanted == "number" and kind == "integer"):
        problems.append(Problem(f"{member}.schema.type", f"must be {wanted}", shown(kind)))
    if descriptor.many:
        problems.append(Problem(f"{member}.maxOccurs", "must be 1", shown(descriptor.max_occurs)))
    default = descriptor.schema_.default
    if name == "ccpimage" and isinstance(default, str) and default and image_rule(default):
        problems.append(Problem(f"{member}.schema.default", image_rule(default), shown(default)))
    if descriptor.schema_.is_secret or descriptor.schema_.is_file:
        problems.append(Problem(f"{member}.schema", "must be neither a secret nor a file"))
    return problems


def _secret_problems(descriptor: Descriptor, member: str) -> list[Problem]:
    schema = descriptor.schema_
    problems = []
    if schema.type not in (None, "string") or schema.is_file:
        problems.append(Problem(f"{member}.schema", "a secret must be text (type string)"))
    if descriptor.many:
        problems.append(Problem(f"{member}.maxOccurs", "a secret has one value"))
    if schema.default not in (None, "") or schema.enum is not None or schema.example is not None:
        rule = "a secret has no default, enum or example: who sees the Method would read it"
        problems.append(Problem(f"{member}.schema", rule))
    return problems


def default_problems(descriptor: Descriptor, member: str) -> list[Problem]:
    """Return which rules an input's default breaks."""
    values = descriptor.default_values()
    most = descriptor.max_occurs
    if isinstance(most, int) and len(values) > most:
        return [Problem(member, f"has more than maxOccurs ({most}) values", str(len(values)))]
    problems = []
    for value in values:
        if descriptor.schema_.is_file and (rule := file_problem(descriptor.schema_, value)):
            problems.append(Problem(member, rule, shown(value)))
        problems += descriptor.checker.problems(value, member)
    return problems
