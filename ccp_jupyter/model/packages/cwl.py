"""CWL CommandLineTools (v1.0 to v1.2) as Methods.

The tool's command becomes an execute-script in which every input is one of our variables, so that
it is quoted like in every other Method. What cannot be done the same way is refused, and named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.model.packages.cwl_command import command_lines
from ccp_jupyter.model.packages.cwl_outputs import read_outputs, read_stream
from ccp_jupyter.model.packages.cwl_requirements import (
    Requirements,
    environment_lines,
    file_lines,
    read_requirements,
)
from ccp_jupyter.model.packages.cwl_text import OUTPUT_FOLDER, Scope, parse_text, word
from ccp_jupyter.model.packages.cwl_types import CwlType, parse_type
from ccp_jupyter.model.packages.findings import Findings, WorkflowNotFound

VERSIONS: Final = ("v1.0", "v1.1", "v1.2")
_TOOL: Final = "CommandLineTool"
_SAID: Final = frozenset(("id", "label", "doc", "format", "streamable"))
"""Members that say something for people, or nothing of interest here."""
_MEMBERS: Final = _SAID | frozenset(
    ("class", "cwlVersion", "intent", "inputs", "outputs", "requirements", "hints", "arguments"),
).union(("baseCommand", "stdin", "stdout", "stderr"))
_CODES: Final = frozenset(("successCodes", "temporaryFailCodes", "permanentFailCodes"))
_UNSUPPORTED: Final = ("secondaryFiles", "loadContents", "loadListing")
_INPUT_MEMBERS: Final = _SAID | {"type", "inputBinding", "default", *_UNSUPPORTED}
_VERSION_NAMES: Final = ("s:softwareVersion", "s:version", "schema:softwareVersion")
_VERSION: Final = re.compile(r"v?\d{1,9}(\.\d{1,9}){0,2}\Z")


def plain_id(raw: object) -> str:
    """Return the last part of an id such as ``file.cwl#main/x``; empty when there is none."""
    return re.split(r"[#/]", raw)[-1] if isinstance(raw, str) else ""


def chosen_tool(document: object, workflow: str | None) -> dict[str, Any]:
    """Return the tool that shall be deployed.

    Parameters
    ----------
    document : object
        Decoded CWL: one tool, or several in a ``$graph``.
    workflow : str, optional
        Id of the one that is wanted; default: ``main``, or else the first.

    Raises
    ------
    WorkflowNotFound
        There is none of this id.
    InvalidDocument
        It is no CommandLineTool, or of another version of CWL.
    """
    findings = Findings()
    top = findings.mapping(document, "")
    if "$graph" not in top:
        tools = [top]
    else:
        tools = [t for t in findings.items(top["$graph"], "$graph") if isinstance(t, dict)]
    findings.check()
    wanted = plain_id(workflow) if workflow else "main"
    tool = next((each for each in tools if plain_id(each.get("id")) == wanted), None)
    if tool is None and workflow:
        findings.add("w", f"there is only {_named(tools) or 'one without an id'}", workflow)
        raise WorkflowNotFound(findings.problems)
    if tool is None and not tools:
        findings.add("$graph", "must hold at least one process")
        findings.check()
    tool = tools[0] if tool is None else tool
    version = tool.get("cwlVersion", top.get("cwlVersion"))
    if version not in VERSIONS:
        findings.add("cwlVersion", f"must be one of {', '.join(VERSIONS)}", version or "nothing")
    if tool.get("class") != _TOOL:
        others = _named([each for each in tools if each.get("class") == _TOOL])
        hint = f"; choose one by ?w=, there is {others}" if others else ""
        rule = f"must be {_TOOL}: Workflow and ExpressionTool are not run here{hint}"
        findings.add("class", rule, tool.get("class") or "nothing")
    findings.check()
    return tool


def _named(tools: list[dict[str, Any]]) -> str:
    return ", ".join(name for each in tools if (name := plain_id(each.get("id"))))


def method_document(document: object, workflow: str | None = None) -> dict[str, Any]:
    """Return a tool as the document of a Method, without links.

    Parameters
    ----------
    document, workflow
        As for `chosen_tool`.

    Raises
    ------
    WorkflowNotFound, InvalidDocument
        The latter lists what there is not here, or what breaks a rule of CWL.
    """
    tool = chosen_tool(document, workflow)
    findings = Findings()
    for name in tool.keys() - _MEMBERS - _CODES:
        if not (":" in name or name.startswith("$")):
            findings.add(name[:100], f"unknown member of a {_TOOL}")
    requirements = read_requirements(tool, findings)
    inputs = _by_id(tool.get("inputs"), "inputs", findings)
    types = _types(inputs, findings)
    scope = Scope(types, requirements.runtime)
    outputs = _by_id(tool.get("outputs"), "outputs", findings)
    script, found_outputs = _script(tool, inputs, outputs, requirements, scope, findings)
    described = {
        name: _input(inputs[name], kind, name in requirements.secrets, f"inputs.{name}", findings)
        for name, kind in types.items()
    }
    findings.check()
    image = {"type": "string", "default": requirements.image, "readOnly": True}
    found: dict[str, Any] = {
        "title": str(tool.get("label") or plain_id(tool.get("id")) or "CWL tool"),
        "version": _version(tool),
        "inputs": {"ccpimage": {"title": "Runtime", "schema": image}, **described},
        "outputs": found_outputs,
        "additionalParameters": {"parameters": [{"name": "execute-script", "value": script}]},
    }
    if requirements.config:
        unit = {"name": "executionUnit", "value": [{"config": requirements.config}]}
        found["additionalParameters"]["parameters"].append(unit)
    if name := plain_id(tool.get("id")):
        found["id"] = name
    if doc := tool.get("doc"):
        found["description"] = "\n".join(map(str, doc)) if isinstance(doc, list) else str(doc)
    return found


def _version(tool: Mapping[str, Any]) -> str:
    given = [str(tool[name]) for name in _VERSION_NAMES if name in tool]
    return next((each for each in given if _VERSION.match(each)), "1.0.0")


def _by_id(raw: object, member: str, findings: Findings) -> dict[str, Any]:
    """Return inputs or outputs by id; both forms of CWL are taken."""
    if isinstance(raw, dict):
        return {plain_id(name): value for name, value in raw.items()}
    found: dict[str, Any] = {}
    if raw is None:
        findings.add(member, "is missing")
    for number, entry in enumerate(findings.items(raw, member)):
        name = plain_id(entry.get("id")) if isinstance(entry, dict) else ""
        if not name or name in found:
            findings.add(f"{member}[{number}].id", "must be there, and only once", entry)
        else:
            found[name] = entry
    return found


def _types(inputs: Mapping[str, Any], findings: Findings) -> dict[str, CwlType]:
    types = {}
    for name, raw in inputs.items():
        member = f"inputs.{name}"
        if name.startswith("ccp"):
            findings.add(member, "names that begin with ccp are reserved", name)
            continue
        # An object with `type` describes the input; any other type stands there itself.
        given = raw["type"] if _is_described(raw) else raw
        if given == "stdin":
            given = "File"
        if (kind := parse_type(given, f"{member}.type", findings)) is not None:
            types[name] = kind
    return types


def _is_described(raw: object) -> bool:
    return isinstance(raw, dict) and "type" in raw and raw["type"] not in ("array", "enum")


def _input(
    raw: object, kind: CwlType, secret: bool, member: str, findings: Findings
) -> dict[str, Any]:
    given = raw if isinstance(raw, dict) and _is_described(raw) else {}
    for name in given.keys() - _INPUT_MEMBERS:
        if ":" not in name:
            findings.add(f"{member}.{name[:100]}", "unknown member")
    for name in _UNSUPPORTED:
        if given.get(name) not in (None, False, "no_listing"):
            findings.add(f"{member}.{name}", "not supported", given[name])
    schema = kind.schema()
    if secret:
        schema["format"] = "secret"
    default = given.get("default")
    if default is not None and kind.base == "File":
        findings.add(f"{member}.default", "not supported for files", default)
    elif default is not None:
        schema["default"] = default
    found: dict[str, Any] = {
        "title": str(given.get("label") or member.removeprefix("inputs.")),
        "minOccurs": 0 if kind.optional or default is not None else 1,
        "maxOccurs": "unbounded" if kind.array else 1,
        "schema": schema,
    }
    if isinstance(given.get("doc"), str):
        found["description"] = given["doc"]
    return found


def _script(
    tool: Mapping[str, Any],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    requirements: Requirements,
    scope: Scope,
    findings: Findings,
) -> tuple[list[str], dict[str, Any]]:
    """Return the execute-script, and the outputs' descriptors."""
    bindings = {
        name: inputs[name]["inputBinding"]
        for name in scope.inputs
        if _is_described(inputs[name]) and inputs[name].get("inputBinding") is not None
    }
    kinds = [each.get("type") if isinstance(each, dict) else each for each in outputs.values()]
    streams = {
        name: read_stream(tool, name, name in kinds, scope, findings)
        for name in ("stdout", "stderr")
    }
    found_outputs, checks = read_outputs(outputs, streams, scope, findings)
    run = ['"$@"', _stdin(tool, inputs, scope, findings)]
    run += [each.redirect for each in streams.values()]
    lines = [
        f"# Made from a CWL {_TOOL}. HOME and TMPDIR are as CWL wants them.",
        f"export HOME={OUTPUT_FOLDER} TMPDIR=/tmp",
        *environment_lines(requirements, scope, findings),
        *file_lines(requirements, scope, findings),
        *command_lines(tool, bindings, scope, findings),
        " ".join(filter(None, run)),
        f'ccp_code=$?; case $ccp_code in {_codes(tool, findings)}) ;; *) exit "$ccp_code" ;; esac',
        *checks,
    ]
    return "\n".join(lines).split("\n"), found_outputs


def _stdin(
    tool: Mapping[str, Any], inputs: Mapping[str, Any], scope: Scope, findings: Findings
) -> str:
    kinds = {k: v.get("type") if isinstance(v, dict) else v for k, v in inputs.items()}
    short = [name for name, kind in kinds.items() if kind == "stdin"]
    raw = f"$(inputs.{short[0]}.path)" if short else tool.get("stdin")
    if len(short) > 1 or (short and tool.get("stdin") is not None):
        findings.add("stdin", "there may be only one", ", ".join(short))
    if raw is None:
        return ""
    text = parse_text(raw, "stdin", scope, findings)
    return "" if text is None else f"< {word(text)}"


def _codes(tool: Mapping[str, Any], findings: Findings) -> str:
    codes = findings.items(tool.get("successCodes"), "successCodes") or [0]
    if not all(type(code) is int and 0 <= code <= 255 for code in codes):
        findings.add("successCodes", "must be whole numbers from 0 to 255", codes)
        return "0"
    return "|".join(map(str, dict.fromkeys(codes)))
