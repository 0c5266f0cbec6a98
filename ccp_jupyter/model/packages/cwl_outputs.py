"""Outputs of a CWL tool: files by one glob each, and its streams."""

from __future__ import annotations

import mimetypes
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccp_jupyter.model.packages.cwl_text import (
    OUTPUT_FOLDER,
    Scope,
    parse_text,
    quoted,
    slot,
    word,
)
from ccp_jupyter.model.packages.findings import Findings

_MEMBERS: Final = frozenset(
    ("id", "label", "doc", "type", "outputBinding", "format", "streamable", "secondaryFiles")
)
_BINDING: Final = frozenset(("glob", "loadContents", "loadListing", "outputEval"))
_PATTERN: Final = re.compile(r"[*?\[]")
_SUFFIX: Final = re.compile(r"(\.[A-Za-z0-9]{1,10})+\Z")
_FOUND: Final = "outputs"
"""Folder for files whose names are known only when the tool has run."""
# Not the machine's own table: the same tool must make the same Method everywhere.
_TYPES: Final = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a stream of the tool goes."""

    redirect: str
    """In shell words; empty when it goes to the log."""
    path: str | None
    """Of the file, when it is known beforehand."""


def read_stream(
    document: Mapping[str, Any], name: str, wanted: bool, scope: Scope, findings: Findings
) -> Stream:
    """Return where ``stdout`` or ``stderr`` goes; `wanted` by an output of that type."""
    raw = document.get(name)
    sign = ">" if name == "stdout" else "2>"
    if raw is None:
        return (
            Stream(f"{sign} {quoted(name + '.txt')}", name + ".txt") if wanted else Stream("", None)
        )
    pieces = parse_text(raw, name, scope, findings)
    if pieces is None:
        return Stream("", None)
    if not all(isinstance(piece, str) for piece in pieces):
        if wanted:
            rule = "must be a plain name when an output has this type"
            findings.add(name, rule, raw)
        return Stream(f"{sign} {word(pieces)}", None)
    path = relative("".join(map(str, pieces)), name, findings)
    return Stream(f"{sign} {quoted(path)}", path) if path else Stream("", None)


def relative(path: str, member: str, findings: Findings) -> str | None:
    """Return a path inside the output folder; None for any other, which is noted."""
    plain = posixpath.normpath(path.removeprefix(OUTPUT_FOLDER + "/")) if path else ""
    if not plain or plain in (".", "..") or plain.startswith(("/", "../")) or "\n" in plain:
        findings.add(member, "must be a path inside the tool's folder", path)
        return None
    return plain


def read_outputs(
    outputs: Mapping[str, Any],
    streams: Mapping[str, Stream],
    scope: Scope,
    findings: Findings,
) -> tuple[dict[str, Any], list[str]]:
    """Return the descriptors of a Method's outputs, and the lines that look for the files."""
    found: dict[str, Any] = {}
    lines: list[str] = []
    for name, raw in outputs.items():
        member = f"outputs.{name}"
        given = raw if isinstance(raw, dict) else {"type": raw}
        for unknown in given.keys() - _MEMBERS:
            if ":" not in unknown:
                findings.add(f"{member}.{unknown[:100]}", "unknown member")
        if given.get("secondaryFiles"):
            findings.add(f"{member}.secondaryFiles", "not supported", given["secondaryFiles"])
        kind = given.get("type")
        if isinstance(kind, str) and kind in streams:
            path, more = streams[kind].path, list[str]()
        else:
            optional = _is_optional(kind)
            if optional is None:
                rule = "must be File, stdout or stderr; one file for each output"
                findings.add(f"{member}.type", rule, kind)
                continue
            path, more = _file(name, given.get("outputBinding"), optional, scope, findings)
        if path is None:
            continue
        lines += more
        found[name] = _descriptor(name, given, path, "text/plain" if kind in streams else None)
    return found, lines


def _is_optional(kind: object) -> bool | None:
    """Tell whether a file may be missing; None when the output is no file."""
    if kind in ("File?", ["null", "File"], ["File", "null"]):
        return True
    return False if kind == "File" else None


def _file(
    name: str, raw: object, optional: bool, scope: Scope, findings: Findings
) -> tuple[str | None, list[str]]:
    """Return where an output's file will lie, and the lines that make sure of it."""
    member = f"outputs.{name}.outputBinding"
    binding = findings.mapping(raw, member)
    for unknown in binding.keys() - {"glob"}:
        known = "not supported" if unknown in _BINDING else "unknown member"
        if binding[unknown] not in (None, False, "no_listing"):
            findings.add(f"{member}.{unknown[:100]}", known, binding[unknown])
    glob = binding.get("glob")
    if isinstance(glob, list) and len(glob) == 1:
        glob = glob[0]
    pieces = parse_text(glob, f"{member}.glob", scope, findings)
    if not pieces:
        if pieces is not None:
            findings.add(f"{member}.glob", "must not be empty")
        return None, []
    literal = "".join(piece for piece in pieces if isinstance(piece, str))
    plain = len(pieces) == 1 and isinstance(pieces[0], str) and not _PATTERN.search(literal)
    if plain:
        path = relative(literal, f"{member}.glob", findings)
        return (path, [] if optional else [_must_be(path, name)]) if path else (None, [])
    suffix = _SUFFIX.search(literal) if isinstance(pieces[-1], str) else None
    path = f"{_FOUND}/{name}{suffix[0] if suffix else ''}"
    pattern = "".join(_pattern(p) if isinstance(p, str) else slot(p.name) for p in pieces)
    return path, _search(name, pattern, path, optional)


def _must_be(path: str, name: str) -> str:
    message = quoted(f"output {name}: the tool left no file {path}")
    return f"[ -f {quoted('./' + path)} ] || {{ echo {message} >&2; exit 1; }}"


def _pattern(text: str) -> str:
    """Return a glob pattern in which nothing but * ? [ ] means anything to the shell."""
    parts = re.split(r"([*?]|\[[!^]?[A-Za-z0-9._,-]+\])", text)
    return "".join(
        part if number % 2 else quoted(part) for number, part in enumerate(parts) if part
    )


def _search(name: str, pattern: str, path: str, optional: bool) -> list[str]:
    none = ":" if optional else f"echo {quoted(f'output {name}: no file matches')} >&2; exit 1"
    many = quoted(f"output {name}: more than one file matches")
    return [
        f"set -- ./{pattern}",
        f"if [ $# -gt 1 ]; then echo {many} >&2; exit 1; fi",
        'if [ -f "$1" ]; then',
        f'  mkdir -p {quoted(_FOUND)} && cp -- "$1" {quoted(path)} || exit',
        f"else {none}",
        "fi",
    ]


def _descriptor(
    name: str, given: Mapping[str, Any], path: str, media_type: str | None
) -> dict[str, Any]:
    kind = media_type or _TYPES.guess_type(path)[0] or "application/octet-stream"
    found: dict[str, Any] = {
        "title": str(given.get("label") or name),
        "metadata": [{"title": path, "role": "file", "href": f"{OUTPUT_FOLDER}/{path}"}],
        "schema": {"type": "string", "contentMediaType": kind},
    }
    if isinstance(given.get("doc"), str):
        found["description"] = given["doc"]
    return found
