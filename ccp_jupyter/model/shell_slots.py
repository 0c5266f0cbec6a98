"""How a variable in a shell script is recognised and recorded, wherever it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ccp_jupyter.model.errors import Problem
from ccp_jupyter.model.shell_parts import Part, Place, Slot

VARIABLE = re.compile(
    r"\{\{[ \t]*([A-Za-z0-9_][A-Za-z0-9_.-]*)[ \t]*(?:(\|)[ \t]*([A-Za-z0-9_-]*)[ \t]*)?\}\}"
)

WORD_BREAKS = frozenset(" \t\n;&|<>()")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[[^\]]*\Z")
_LONGEST_PREFIX = 200


@dataclass(slots=True)
class Shared:
    """What the readers of one script have in common."""

    problems: list[Problem] = field(default_factory=list)
    unsure: str = ""
    """Why shells may disagree about all that follows; empty as long as they do not."""
    depth: int = 0


class SlotReader:
    """A place in a stretch of shell text, and the parts cut from it so far.

    Parameters
    ----------
    text : str
        What is read.
    shared : Shared
        Of the whole script.
    line : int
        Where the text begins in the script.
    """

    def __init__(self, text: str, shared: Shared, line: int) -> None:
        self.text = text
        self.shared = shared
        self.at = 0
        self.line = line  # of the place `counted`
        self.counted = 0
        self.parts: list[Part] = []
        self.literal_from = 0
        self.braces = 0  # of ${ } around the present place

    def finish(self) -> list[Part]:
        """Return the parts, once all is read."""
        self._flush(len(self.text))
        return self.parts

    def _flush(self, end: int) -> None:
        if end > self.literal_from:
            self.parts.append(self.text[self.literal_from : end])
        self.literal_from = end

    def _line(self) -> int:
        if self.at > self.counted:
            self.line += self.text.count("\n", self.counted, self.at)
            self.counted = self.at
        return self.line

    def _unsure(self, construct: str) -> None:
        if not self.shared.unsure:
            self.shared.unsure = (
                f"{construct} on line {self._line()}, which shells read differently"
            )

    def _problem(self, rule: str, value: str) -> None:
        self.shared.problems.append(Problem(f"line {self._line()}", rule, value))

    # --- variables -----------------------------------------------------------------------

    def _slot(self, place: Place, word_from: int | None = None, redirect: bool = False) -> bool:
        """Take the variable that stands here, if one does."""
        match = VARIABLE.match(self.text, self.at)
        if match is None:
            return False
        raw = match[2] is not None
        if raw and match[3] != "raw":
            self._problem("the only filter is `raw`", match[0])
        elif not raw:
            self._check_place(match[0])
        before = self.text[max(self.at - _LONGEST_PREFIX, 0) : self.at]
        after = self.text[match.end() : match.end() + 2]
        start = self.at if word_from is None else word_from
        word = self.text[start : min(self.at, start + _LONGEST_PREFIX)]
        glued = bool(after) and after[0] not in WORD_BREAKS
        if place is Place.DOUBLE:
            _, dollar, name = before.rpartition("$")
            glued = bool(dollar and _NAME.fullmatch(name))
        if place is Place.BARE and _SUBSCRIPT.match(word):
            place = Place.INTEGER
        in_range = before.endswith(("{", "..")) or after == ".."
        one_word = redirect or bool(_ASSIGNMENT.match(word))
        self._flush(self.at)
        self.parts.append(Slot(match[1], raw, place, self._line(), one_word, glued, in_range))
        self.at = self.literal_from = match.end()
        return True

    def _check_place(self, found: str) -> None:
        if self.braces:
            self._problem("no variable inside ${ }; assign it first, as in x={{ name }}", found)
        elif self.shared.unsure:
            self._problem(f"cannot be quoted safely after {self.shared.unsure}", found)

    def _refuse_slot(self, offset: int, rule: str) -> None:
        match = VARIABLE.match(self.text, self.at + offset)
        if match and match[2] is None:
            self._problem(rule, match[0])
