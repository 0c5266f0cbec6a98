"""JSON with the places of its members; never deeper or larger than allowed."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ccp_jupyter.model.red.contents import DEEPEST, MOST_VALUES
from ccp_jupyter.model.red.findings import below
from ccp_jupyter.model.red.syntax import TOO_DEEP, TOO_MANY, TWICE, Places, SyntaxFault, mark_at

_TEXT: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN: Final = re.compile(_TEXT + r'|[\[\]{}:,]|[^\s\[\]{}:,"]+', re.DOTALL)
_STRUCTURE: Final = re.compile(_TEXT + r"|[\[\]{},]", re.DOTALL)


def json_document(text: str) -> object:
    """Return the document in a JSON text.

    Raises
    ------
    SyntaxFault
        It is no JSON, has a key twice, is too deep or too large.
    """
    _check_size(text)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except _Twice:
        position = _second_key(text)
        raise SyntaxFault(TWICE, mark_at(text, position)) from None
    except json.JSONDecodeError as error:
        mark = (error.lineno, error.colno)
        raise SyntaxFault(f"no JSON: {error.msg}", mark, may_be_yaml=True) from None


class _Twice(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _whole(digits: str) -> int | float:
    """Return a whole number; one of thousands of digits as infinite, which `check` refuses."""
    return int(digits) if len(digits) < 1000 else float("-inf" if digits[0] == "-" else "inf")


def _check_size(text: str) -> None:
    """Refuse what would exhaust the stack, or memory, before it is read."""
    depth = values = 0
    for match in _STRUCTURE.finditer(text):
        sign = match.group()[0]
        if sign in "[{":
            depth += 1
            values += 1
        elif sign in "]}":
            depth -= 1
        elif sign == ",":
            values += 1
        if depth > DEEPEST or values > MOST_VALUES:
            rule = TOO_DEEP if depth > DEEPEST else TOO_MANY
            raise SyntaxFault(rule, mark_at(text, match.start()))


def json_places(text: str) -> Places:
    """Return where each member stands in a text that is JSON."""
    return {member: mark_at(text, position) for member, position in _positions(text)}


def _second_key(text: str) -> int:
    known: set[str] = set()
    for member, position in _positions(text):
        if member in known:
            return position
        known.add(member)
    return 0


def _positions(text: str) -> list[tuple[str, int]]:
    """Return path and position of each value; of a member of an object, that of its key."""
    found: list[tuple[str, int]] = []
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text):
        sign = match.group()
        if sign in "]}":
            stack.pop()
        elif sign == ",":
            stack[-1].next()
        elif stack and stack[-1].wants_key:
            stack[-1].key = json.loads(sign)
            found.append((stack[-1].member, match.start()))
        elif sign != ":":
            member = stack[-1].member if stack else ""
            if not stack or stack[-1].key is None:
                found.append((member, match.start()))
            if sign in "[{":
                stack.append(_Open(member, is_object=sign == "{"))
    return found


class _Open:
    """A list or object that the tokens are in."""

    def __init__(self, path: str, *, is_object: bool) -> None:
        self._path = path
        self._is_object = is_object
        self._number = 0
        self.key: str | None = None

    @property
    def wants_key(self) -> bool:
        return self._is_object and self.key is None

    @property
    def member(self) -> str:
        return below(self._path, self._number if self.key is None else self.key)

    def next(self) -> None:
        self._number += 1
        self.key = None
