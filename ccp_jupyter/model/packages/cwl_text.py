"""Texts in CWL with parameter references, as words of a shell script with our variables.

CWL (v1.0 to 1.2, CommandLineTool section 3.4) lets a text refer to inputs as ``$(inputs.id)``.
Every reference becomes one of our variables, which are quoted when the script is rendered; all
other text is quoted here. JavaScript is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ccp_jupyter.model.packages.cwl_types import CwlType
from ccp_jupyter.model.packages.findings import Findings
from ccp_jupyter.model.values import DATA_FOLDER, file_name

LONGEST_TEXT: Final = 100_000
_START: Final = re.compile(r"\\\$[({]|\$\(|\$\{")
_REFERENCE: Final = re.compile(
    r"""(inputs|runtime|self)((?:\.[A-Za-z_][\w-]*|\[\s*'[^'\\]*'\s*\]|\[\s*"[^"\\]*"\s*\])*)""",
    re.ASCII,
)
_STEP: Final = re.compile(r"""\.([\w-]+)|\[\s*['"]([^'"]*)['"]\s*\]""", re.ASCII)
_FILE_MEMBERS: Final = ("path", "basename")


@dataclass(frozen=True, slots=True)
class Value:
    """A reference to an input."""

    name: str


Piece = str | Value
"""Of a text: as it stands, or an input's value."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What texts may refer to."""

    inputs: Mapping[str, CwlType]
    runtime: Mapping[str, str] = field(default_factory=dict)


def quoted(text: str) -> str:
    """Return a text as one word of a shell script, in which nothing is a variable of ours."""
    escaped = text.replace("'", "'\\''")
    return "'" + re.sub(r"\{(?=\{)", "{''", escaped) + "'"


def slot(name: str) -> str:
    """Return the variable of an input."""
    return f"{{{{ {name} }}}}"


def word(pieces: list[Piece]) -> str:
    """Return a text as one word of a shell script."""
    return "".join(quoted(p) if isinstance(p, str) else slot(p.name) for p in pieces) or "''"


def literal(raw: object, member: str, findings: Findings) -> str | None:
    """Return a text that refers to nothing; None for anything else, which is noted."""
    pieces = parse_text(raw, member, Scope({}), findings)
    if pieces is None or not all(isinstance(piece, str) for piece in pieces):
        return None
    return "".join(str(piece) for piece in pieces)


def parse_text(
    raw: object, member: str, scope: Scope, findings: Findings, itself: str | None = None
) -> list[Piece] | None:
    """Return the pieces of a text; None when something is wrong, which is noted.

    Parameters
    ----------
    raw : object
        What the document has.
    member : str
        Where.
    scope : Scope
        What it may refer to.
    findings : Findings
        Takes what is wrong.
    itself : str, optional
        The input that ``self`` is.
    """
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raw = str(raw)
    if not isinstance(raw, str):
        findings.add(member, "must be text", raw)
        return None
    if len(raw) > LONGEST_TEXT or "\0" in raw or "\r" in raw:
        rule = f"must have at most {LONGEST_TEXT} characters, and none of NUL, carriage return"
        findings.add(member, rule, raw)
        return None
    pieces: list[Piece] = []
    at = 0
    while found := _START.search(raw, at):
        pieces.append(raw[at : found.start()])
        if found[0][0] == "\\":
            pieces.append(found[0][1:])
            at = found.end()
            continue
        end = raw.find(")", found.end())
        inside = raw[found.end() : end] if found[0] == "$(" and end >= 0 else ""
        piece = _referred(inside.strip(), scope, itself)
        if piece is None:
            # The whole expression is shown, as far as anybody can tell where it ends.
            findings.add(member, _rule(scope), raw[found.start() : end + 1 or None])
            return None
        pieces.append(piece)
        at = end + 1
    pieces.append(raw[at:])
    return [piece for piece in pieces if piece != ""]


def _rule(scope: Scope) -> str:
    names = ", ".join(name for name, kind in scope.inputs.items() if not kind.array)
    return (
        "may only refer to $(inputs.ID) of an input that is no array, to its path or basename, and"
        f" to $(runtime.outdir) and the like; there is no JavaScript (inputs: {names or 'none'})"
    )


def _referred(inside: str, scope: Scope, itself: str | None) -> Piece | None:
    """Return what a reference stands for; None when it is none that we know."""
    match = _REFERENCE.fullmatch(inside)
    if match is None:
        return None
    steps = [step[1] or step[2] for step in _STEP.finditer(match[2])]
    if match[1] == "runtime":
        return scope.runtime.get(steps[0]) if len(steps) == 1 else None
    if match[1] == "self":
        if itself is None:
            return None
        steps.insert(0, itself)
    if not steps or (kind := scope.inputs.get(steps[0])) is None or kind.array:
        return None
    name, *rest = steps
    if not rest:
        return Value(name)
    if kind.base != "File" or len(rest) != 1 or rest[0] not in _FILE_MEMBERS:
        return None
    return Value(name) if rest[0] == "path" else file_name(name, 1, many=False)


OUTPUT_FOLDER: Final = DATA_FOLDER
"""Where a tool works, and leaves its outputs: CWL's designated output directory."""
