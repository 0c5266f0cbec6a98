"""Requirements and hints of a CWL tool: image, resources, environment, files to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ccp_jupyter.model.packages.cwl_outputs import relative
from ccp_jupyter.model.packages.cwl_text import (
    OUTPUT_FOLDER,
    Scope,
    Value,
    literal,
    parse_text,
    quoted,
    slot,
    word,
)
from ccp_jupyter.model.packages.findings import Findings

SECRETS: Final = ("cwltool:Secrets", "http://commonwl.org/cwltool#Secrets")
_IGNORED: Final = frozenset(
    # What they ask for is there anyway, or is not used by anything that is taken here; whether
    # there is a network, the Infrastructure decides.
    ("InlineJavascriptRequirement", "NetworkAccess", "WorkReuse", "ShellCommandRequirement")
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MEBIBYTES_IN_GB: Final = 2**20 / 10**9
_RESOURCES: Final = {
    "coresMin": ("cpuMin", 1.0),
    "coresMax": ("cpuMax", 1.0),
    "ramMin": ("memoryMin", _MEBIBYTES_IN_GB),
    "ramMax": ("memoryMax", _MEBIBYTES_IN_GB),
    "tmpdirMin": ("storageTempMin", _MEBIBYTES_IN_GB),
    "outdirMin": ("storageOutputsMin", _MEBIBYTES_IN_GB),
}
_UNUSED_RESOURCES: Final = frozenset(("class", "tmpdirMax", "outdirMax"))
_DEFAULTS: Final = {"coresMin": 1, "ramMin": 256, "tmpdirMin": 1024, "outdirMin": 1024}
"""What CWL says where a tool says nothing: cores and MiB."""


@dataclass(slots=True)
class Requirements:
    """What a tool asks for."""

    image: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    """As in an execution unit of the OGC."""
    secrets: frozenset[str] = frozenset()
    """Inputs that nobody may see."""
    runtime: dict[str, str] = field(default_factory=dict)
    """What ``$(runtime.…)`` stands for."""
    _environment: object = None
    _files: object = None


def read_requirements(document: Mapping[str, Any], findings: Findings) -> Requirements:
    """Read requirements and hints; a requirement that is not known here is refused."""
    found = Requirements()
    hints = _by_class(document.get("hints"), "hints", findings)
    wanted = _by_class(document.get("requirements"), "requirements", findings)
    for name in wanted:
        if name not in _READERS and name not in _IGNORED:
            known = ", ".join(sorted([*_READERS, *_IGNORED]))
            findings.add(f"requirements.{name[:100]}", f"not supported; there is {known}")
    resources: dict[str, Any] = {}
    for place, entries in (("hints", hints), ("requirements", wanted)):
        for name, body in entries.items():
            if name == "ResourceRequirement":
                resources |= body
            if reader := _READERS.get(name):
                reader(found, body, f"{place}.{name}", findings)
    if not found.image:
        rule = "is missing: an image is needed to run the tool in"
        findings.add("requirements.DockerRequirement.dockerPull", rule)
    amounts = _DEFAULTS | {k: v for k, v in resources.items() if type(v) in (int, float)}
    found.runtime = {
        "outdir": OUTPUT_FOLDER,
        "tmpdir": "/tmp",  # noqa: S108  (of the container)
        "cores": f"{max(1, int(amounts['coresMin']))}",
        "ram": f"{int(amounts['ramMin'])}",
        "outdirSize": f"{int(amounts['outdirMin'])}",
        "tmpdirSize": f"{int(amounts['tmpdirMin'])}",
    }
    return found


def _by_class(raw: object, member: str, findings: Findings) -> dict[str, dict[str, Any]]:
    """Return requirements by class; both forms of CWL are taken."""
    if isinstance(raw, dict):
        return {str(k): findings.mapping(v, f"{member}.{str(k)[:100]}") for k, v in raw.items()}
    found: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(findings.items(raw, member)):
        name = entry.get("class") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            findings.add(f"{member}[{number}].class", "is missing", entry)
        else:
            found[name] = {key: value for key, value in entry.items() if key != "class"}
    return found


def _docker(found: Requirements, body: dict[str, Any], member: str, findings: Findings) -> None:
    image = findings.text(body.get("dockerPull"), f"{member}.dockerPull")
    for name in body.keys() - {"dockerPull", "dockerImageId"}:
        rule = "not supported: the image must be one that can be pulled, named by dockerPull"
        findings.add(f"{member}.{name[:100]}", rule, body[name])
    found.image = image or found.image


def _resources(found: Requirements, body: dict[str, Any], member: str, findings: Findings) -> None:
    for name, value in body.items():
        if name in _UNUSED_RESOURCES:
            continue
        if name not in _RESOURCES:
            findings.add(f"{member}.{name[:100]}", f"unknown; there is {', '.join(_RESOURCES)}")
        elif type(value) not in (int, float):
            findings.add(f"{member}.{name}", "must be a number, no expression", value)
        else:
            target, factor = _RESOURCES[name]
            found.config[target] = round(value * factor, 9)


def _time_limit(found: Requirements, body: dict[str, Any], member: str, findings: Findings) -> None:
    limit = body.get("timelimit")
    if type(limit) is not int or limit < 0:
        findings.add(f"{member}.timelimit", "must be a whole number of seconds", limit)
    elif limit:  # 0: no limit
        found.config["jobTimeout"] = limit


def _environment(found: Requirements, body: dict[str, Any], _: str, __: Findings) -> None:
    found._environment = body.get("envDef")


def _files(found: Requirements, body: dict[str, Any], _: str, __: Findings) -> None:
    found._files = body.get("listing")


def _secrets(found: Requirements, body: dict[str, Any], member: str, findings: Findings) -> None:
    names = findings.items(body.get("secrets"), f"{member}.secrets")
    found.secrets = frozenset(str(name).rpartition("#")[2].rpartition("/")[2] for name in names)


_READERS: Final = {
    "DockerRequirement": _docker,
    "ResourceRequirement": _resources,
    "ToolTimeLimit": _time_limit,
    "EnvVarRequirement": _environment,
    "InitialWorkDirRequirement": _files,
} | dict.fromkeys(SECRETS, _secrets)


def environment_lines(found: Requirements, scope: Scope, findings: Findings) -> list[str]:
    """Return the lines that set the tool's environment variables."""
    member, raw = "EnvVarRequirement.envDef", found._environment
    entries: list[tuple[str, object]] = []
    if isinstance(raw, dict):
        entries = list(raw.items())
    else:
        for each in findings.items(raw, member):
            entry = findings.mapping(each, member)
            entries.append((str(entry.get("envName")), entry.get("envValue")))
    lines = []
    for name, value in entries:
        if not _NAME.match(name) or name.startswith("ccp"):
            rule = "must be a name of letters, digits and _ that does not begin with ccp"
            findings.add(member, rule, name)
            continue
        if isinstance(value, dict):
            value = value.get("envValue")
        text = parse_text(value, f"{member}.{name}", scope, findings)
        if text is not None:
            lines.append(f"export {name}={word(text)}")
    return lines


def file_lines(found: Requirements, scope: Scope, findings: Findings) -> list[str]:
    """Return the lines that put the files there which the tool wants to begin with."""
    member = "InitialWorkDirRequirement.listing"
    raw = [found._files] if isinstance(found._files, str) else found._files
    lines: list[str] = []
    for number, each in enumerate(findings.items(raw, member)):
        place = f"{member}[{number}]"
        entry = each if isinstance(each, dict) else {"entry": each}
        if entry.get("class") is not None or entry.keys() - {"entryname", "entry", "writable"}:
            findings.add(place, "must have entry, entryname and writable only", each)
            continue
        text = parse_text(entry.get("entry"), f"{place}.entry", scope, findings)
        if text is None:
            continue
        value = text[0] if len(text) == 1 else None
        is_file = isinstance(value, Value) and scope.inputs[value.name].base == "File"
        default = value.name if isinstance(value, Value) and is_file else None
        given = entry.get("entryname", default)
        name = literal(given, f"{place}.entryname", findings)
        path = None if name is None else relative(name, f"{place}.entryname", findings)
        if path is None:
            continue
        folder = path.rpartition("/")[0]
        make = [f"mkdir -p {quoted(folder)} || exit"] if folder else []
        if isinstance(value, Value) and is_file:
            copy = f"cp -- {slot(value.name)} {quoted(path)} || exit"
            optional = scope.inputs[value.name].optional
            copy = f"if [ -n {slot(value.name)} ]; then {copy}; fi" if optional else copy
            lines += [*make, copy]
        else:
            lines += [*make, f"printf %s {word(text)} > {quoted(path)} || exit"]
    return lines
