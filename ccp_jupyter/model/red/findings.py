"""Collecting what is wrong with a RED document, without ever showing a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown

MOST_LISTED: Final = 100
"""Problems that are listed; of the others only the number is told."""

_LONGEST_STEP = 60
_LONGEST_MEMBER = 300
_PLAIN_STEP: Final = re.compile(r"[A-Za-z0-9_-]+")
_BIGGEST = 2**63


class Findings:
    """The problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.count = 0

    def add(self, member: str, rule: str, value: str = "") -> None:
        """Note a broken rule; the value must be harmless (see `seen`)."""
        self.count += 1
        if self.count <= MOST_LISTED:
            self.problems.append(Problem(member[:_LONGEST_MEMBER], rule, value))

    def finish(self) -> None:
        """Raise `InvalidDocument` when there is any problem."""
        if not self.count:
            return
        unlisted = self.count - len(self.problems)
        more = [Problem("", f"{unlisted} more problems are not listed")] if unlisted else []
        raise InvalidDocument([*self.problems, *more])


def below(member: str, step: str | int) -> str:
    """Return the path of a member's member or item."""
    if isinstance(step, int):
        return f"{member}[{step}]"
    if _PLAIN_STEP.fullmatch(step) and len(step) <= _LONGEST_STEP:
        return f"{member}.{step}" if member else step
    text = step if len(step) <= _LONGEST_STEP else step[:_LONGEST_STEP] + "…"
    return f"{member}[{text!r}]"


def seen(value: object) -> str:
    """Return what may be shown of a value outside ``access`` and ``auth``.

    Lists and objects are only named, never shown: something secret may stand in them.
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and not -_BIGGEST <= value < _BIGGEST:
        return "a number"
    return "null" if value is None else shown(value)


def has_members(
    findings: Findings,
    value: object,
    member: str,
    required: Iterable[str],
    allowed: frozenset[str],
) -> bool:
    """Tell whether a value is an object; note members that are missing or unknown."""
    if not isinstance(value, dict):
        findings.add(member, "must be an object", kind_of(value))
        return False
    for name in required:
        if name not in value:
            findings.add(below(member, name), "is missing")
    if not value.keys() <= allowed:
        known = ", ".join(sorted(allowed)) or "none"
        for name in value:
            if name not in allowed:
                findings.add(below(member, name), f"is not known here; known are {known}")
    return True


def kind_of(value: object) -> str:
    """Return in one word what a value is, when the value itself is none of our business."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, float)):
        return "a number"
    return seen(value)


def is_text(findings: Findings, holder: dict[str, object], name: str, member: str) -> None:
    """Note when a member is there and is not text."""
    if name in holder and not isinstance(holder[name], str):
        findings.add(below(member, name), "must be text", seen(holder[name]))


def is_whole(value: object) -> bool:
    """Tell whether a value is an integer as JSON schema has it: 256 and 256.0, not true."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
