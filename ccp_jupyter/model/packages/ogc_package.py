"""OGC application packages as Methods.

The grammar is ``ogcapppkg.yaml`` of OGC API - Processes - Part 2 (OGC 20-044): an execution unit,
and optionally the description of the process. The description is the Method's document. What runs
is its execute-script: values of inputs could not reach the entry point of an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.model.method_import import EXECUTION_UNIT
from ccp_jupyter.model.packages import cwl
from ccp_jupyter.model.packages.findings import Findings

CWL_TYPES: Final = ("application/cwl", "application/cwl+json", "application/cwl+yaml")
_UNIT_MEMBERS: Final = frozenset(("type", "image", "deployment", "bindings", "config"))
_DEPLOYMENTS: Final = ("local", "remote", "hpc", "cloud")
_OWN: Final = ("id", "title", "description", "version", "keywords", "metadata", "links")
"""Of a Method made from CWL, what the description of the process decides about."""
_FORMS: Final = (
    "must be an object with type (docker or oci), image and config; or a qualified value with a CWL"
    " CommandLineTool; or a list of these"
)


def method_document(document: object, workflow: str | None = None) -> dict[str, Any]:
    """Return a package as the document of a Method; a link to an Infrastructure may be missing.

    Parameters
    ----------
    document : object
        Decoded JSON.
    workflow : str, optional
        Id of the tool that is wanted when the unit is CWL; see `cwl.chosen_tool`.

    Raises
    ------
    WorkflowNotFound, InvalidDocument
    """
    findings = Findings()
    top = findings.mapping(document, "")
    for name in top.keys() - {"processDescription", "executionUnit"}:
        findings.add(name[:100], "unknown member; there is processDescription, executionUnit")
    described = findings.mapping(top.get("processDescription"), "processDescription")
    if isinstance(described.get("process"), dict):
        described = described["process"]
    if top.get("executionUnit") is None:
        findings.add("executionUnit", "is missing")
    findings.check()
    unit = _chosen(top["executionUnit"], findings)
    findings.check()
    if "value" in unit:
        return _of_cwl(unit["value"], described, workflow)
    found = _of_image(unit, described, findings)
    findings.check()
    return found


def _chosen(raw: object, findings: Findings) -> dict[str, Any]:
    """Return the first unit that can run here; a list holds alternatives."""
    units = raw if isinstance(raw, list) else [raw]
    refused = Findings()
    for number, unit in enumerate(units):
        member = f"executionUnit[{number}]" if isinstance(raw, list) else "executionUnit"
        own = Findings()
        found = _usable(unit, member, own)
        if not own.problems:
            return found
        refused.problems += own.problems
    if not units:
        refused.add("executionUnit", "must not be empty")
    findings.problems += refused.problems
    return {}


def _usable(unit: object, member: str, findings: Findings) -> dict[str, Any]:
    if not isinstance(unit, dict):
        findings.add(member, _FORMS, unit)
    elif "href" in unit:
        rule = "a linked unit is not fetched; put it here as {value, mediaType}, or send it itself"
        findings.add(f"{member}.href", rule, unit["href"])
    elif "value" in unit:
        kind = str(unit.get("mediaType") or unit.get("type") or "").partition(";")[0].strip()
        if kind and kind.lower() not in CWL_TYPES:
            findings.add(f"{member}.mediaType", f"must be {' or '.join(CWL_TYPES)}", kind)
        if not isinstance(unit["value"], (dict, str)):
            findings.add(f"{member}.value", "must be a CWL document", unit["value"])
        return unit
    elif isinstance(unit.get("unit"), dict) or unit.get("cwlVersion"):
        return {"value": unit.get("unit", unit)}  # so Weaver and others write it
    else:
        _check_unit(unit, member, findings)
        return unit
    return {}


def _check_unit(unit: dict[str, Any], member: str, findings: Findings) -> None:
    for name in unit.keys() - _UNIT_MEMBERS:
        rule = f"unknown member; there is {', '.join(sorted(_UNIT_MEMBERS))}"
        findings.add(f"{member}.{name[:100]}", rule)
    if unit.get("type") not in ("docker", "oci"):
        findings.add(f"{member}.type", "must be docker or oci", unit.get("type") or "nothing")
    if not isinstance(unit.get("image"), str) or not unit["image"]:
        findings.add(f"{member}.image", "must name an image", unit.get("image") or "nothing")
    if unit.get("deployment", "local") not in _DEPLOYMENTS:
        rule = f"must be {' or '.join(_DEPLOYMENTS)}"
        findings.add(f"{member}.deployment", rule, unit["deployment"])


def _of_image(
    unit: Mapping[str, Any], described: Mapping[str, Any], findings: Findings
) -> dict[str, Any]:
    found = dict(described)
    inputs = found.get("inputs") or {}
    if isinstance(inputs, list):
        inputs = {each.get("id"): each for each in inputs if isinstance(each, dict)}
    inputs = findings.mapping(inputs, "processDescription.inputs")
    image = findings.mapping(inputs.get("ccpimage"), "processDescription.inputs.ccpimage")
    schema = findings.mapping(image.get("schema"), "processDescription.inputs.ccpimage.schema")
    # An author who describes ccpimage may let users choose among images; otherwise it is fixed.
    schema = {"type": "string", **schema} if image else {"type": "string", "readOnly": True}
    found["inputs"] = {
        **inputs,
        "ccpimage": {**image, "schema": schema | {"default": unit["image"]}},
    }
    parameters = found.get("additionalParameters") or {}
    if isinstance(parameters, list):
        parameters = {"parameters": parameters}
    parameters = dict(findings.mapping(parameters, "processDescription.additionalParameters"))
    entries = findings.items(
        parameters.get("parameters"), "processDescription.additionalParameters.parameters"
    )
    names = {each.get("name") for each in entries if isinstance(each, dict)} | parameters.keys()
    if not any("".join(filter(str.isalpha, str(n))).lower() == "executescript" for n in names):
        rule = (
            "is missing: an execute-script must say what to run in the image, because values of"
            " inputs do not reach an entry point"
        )
        findings.add("processDescription.additionalParameters", rule)
    if unit.get("config") is not None:
        entries = [e for e in entries if not _is_unit(e)]
        entries.append({"name": EXECUTION_UNIT, "value": [{"config": unit["config"]}]})
    found["additionalParameters"] = parameters | {"parameters": entries}
    return found


def _is_unit(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("name") == EXECUTION_UNIT


def _of_cwl(value: object, described: Mapping[str, Any], workflow: str | None) -> dict[str, Any]:
    if isinstance(value, str):
        from ccp_jupyter.model.red.reading import read

        value = read(value).document
    found = cwl.method_document(value, workflow)
    found |= {name: described[name] for name in _OWN if described.get(name) is not None}
    for where in ("inputs", "outputs"):
        told = described.get(where)
        for name, descriptor in found[where].items():
            more = told.get(name) if isinstance(told, dict) else None
            if isinstance(more, dict):
                words = ("title", "description", "keywords")
                descriptor |= {each: more[each] for each in words if more.get(each)}
    return found
