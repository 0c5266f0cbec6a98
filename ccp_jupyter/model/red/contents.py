"""What may stand anywhere in a RED document: keys, texts, variables, protected keys.

Rules: a *protected key* is named ``password`` or ``privateKey``, or begins with an underscore;
it, and ``{{variables}}``, may stand only somewhere below a key ``access`` or ``auth``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ccp_jupyter.model.red.findings import Findings, below

DEEPEST: Final = 64
"""Levels of nesting."""
MOST_VALUES: Final = 1_000_000
"""Scalars, lists and objects in one document."""

_OPENERS: Final = frozenset(("access", "auth"))
_PROTECTED: Final = frozenset(("password", "privateKey"))
_BRACES: Final = re.compile(r"\{\{|\}\}")
_BIGGEST: Final = 2**63
_LONGEST_NAME = 200

_Place = tuple[Any, str | int] | None  # (place of the parent, step), so that paths cost nothing


class Variable(NamedTuple):
    """A ``{{name}}`` in a document."""

    name: str
    protected: bool
    """Whether it stands below a protected key anywhere, so that it is not shown when typed."""


class _Broken(Exception):
    """The document is not even a tree of JSON values, nothing else can be checked."""


def is_protected(key: str) -> bool:
    """Tell whether everything below a key is a secret."""
    return key in _PROTECTED or key.startswith("_")


def examine(document: object, findings: Findings) -> list[Variable]:
    """Check what holds everywhere in a document.

    Parameters
    ----------
    document : object
        What JSON or YAML gave.
    findings : Findings
        Gets the problems; never with a value.

    Returns
    -------
    list of Variable
        By name, in descending order.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        It is not a tree of JSON values with text as keys, too deep or too large.
    """
    walk = _Walk(findings)
    try:
        if isinstance(document, (dict, list)):
            walk.container(document, None, 1, open_=False, protected=False)
        else:
            walk.scalar(document, None, open_=False, protected=False)
    except _Broken:
        findings.finish()
    names = sorted(walk.variables, reverse=True)
    return [Variable(name, walk.variables[name]) for name in names]


class _Walk:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.variables: dict[str, bool] = {}
        self._left = MOST_VALUES

    def container(
        self,
        value: dict[Any, object] | list[object],
        place: _Place,
        depth: int,
        *,
        open_: bool,
        protected: bool,
    ) -> None:
        self._left -= 1 + len(value)
        if depth > DEEPEST or self._left < 0:
            size = f"{DEEPEST} levels of nesting" if depth > DEEPEST else f"{MOST_VALUES} values"
            self._findings.add(path_of(place), f"at most {size}")
            raise _Broken
        if isinstance(value, dict):
            self._object(value, place, depth, open_=open_, protected=protected)
            return
        for number, child in enumerate(value):
            if isinstance(child, (dict, list)):
                self.container(child, (place, number), depth + 1, open_=open_, protected=protected)
            else:
                self.scalar(child, (place, number), open_=open_, protected=protected)

    def _object(
        self, value: dict[Any, object], place: _Place, depth: int, *, open_: bool, protected: bool
    ) -> None:
        for key, child in value.items():
            if not isinstance(key, str):
                self._findings.add(
                    path_of(place), 'keys must be text; a variable needs quotes: "{{name}}"'
                )
                raise _Broken
            secret = protected
            if key[:1] in ("_", "p") and is_protected(key):
                secret = True
                self._protected_key(key, value, place, open_=open_)
            elif key and not (key.isascii() and key.isidentifier()):
                self._key(key, place)
            below_open = open_ or key in _OPENERS
            if isinstance(child, (dict, list)):
                self.container(child, (place, key), depth + 1, open_=below_open, protected=secret)
            else:
                self.scalar(child, (place, key), open_=below_open, protected=secret)

    def _key(self, key: str, place: _Place) -> None:
        if rule := text_rule(key):
            self._findings.add(path_of(place), f"a key: {rule}")

    def _protected_key(
        self, key: str, holder: dict[Any, object], place: _Place, *, open_: bool
    ) -> None:
        self._key(key, place)
        if not open_:
            self._findings.add(
                path_of((place, key)),
                "password, privateKey and names with an underscore in front may stand only "
                "below access or auth",
            )
        elif key.startswith("_") and key[1:] in holder:
            self._findings.add(path_of((place, key)), f"stands there as {key[1:]} too")

    def scalar(self, value: object, place: _Place, *, open_: bool, protected: bool) -> None:
        if isinstance(value, str):
            if "{{" in value or "}}" in value:
                self._braces(value, place, open_=open_, protected=protected)
            rule = text_rule(value)
        else:
            rule = _number_rule(value)
        if rule:
            self._findings.add(path_of(place), rule)

    def _braces(self, text: str, place: _Place, *, open_: bool, protected: bool) -> None:
        names = variable_names(text) if open_ else "{{ and }} may stand only below access or auth"
        if isinstance(names, str):
            self._findings.add(path_of(place), names)
            return
        for name in names:
            self.variables[name] = self.variables.get(name, False) or protected


def path_of(place: _Place) -> str:
    """Return the path of a place as text; what stands below a protected key is not named."""
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    member = ""
    for step in reversed(steps):
        member = below(member, step)
        if isinstance(step, str) and is_protected(step):
            break
    return member


def text_rule(text: str) -> str:
    """Return the rule that a text breaks, or nothing."""
    if "\0" in text:
        return "no NUL characters"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "must be valid Unicode"
    return ""


def _number_rule(value: object) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -_BIGGEST <= value < _BIGGEST else "a whole number must fit into 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number must be finite"
    return f"not a JSON value but {type(value).__name__}"


def variable_names(text: str) -> list[str] | str:
    """Return the names of the variables in a text, or the rule that it breaks."""
    names: list[str] = []
    start = -1
    for match in _BRACES.finditer(text):
        if match.group() == "{{":
            if start >= 0:
                return "a variable must not begin inside another one: {{…{{"
            start = match.end()
        elif start < 0:
            return "}} without {{ before it"
        elif match.start() == start:
            return "a variable needs a name: {{name}}"
        elif match.start() - start > _LONGEST_NAME:
            return f"the name of a variable may have at most {_LONGEST_NAME} characters"
        else:
            names.append(text[start : match.start()])
            start = -1
    return "{{ without }} after it" if start >= 0 else names


def variables(document: object) -> list[Variable]:
    """Return the variables of a document.

    Parameters
    ----------
    document : object
        A RED document of version 9.

    Returns
    -------
    list of Variable
        By name, in descending order, each once.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        Braces or protected keys stand where they must not, or it holds what no JSON can.
    """
    findings = Findings()
    found = examine(document, findings)
    findings.finish()
    return found


def substituted(document: object, values: Mapping[str, str]) -> Any:
    """Return a document with values in place of variables.

    Parameters
    ----------
    document : object
        A RED document of version 9 in which `variables` finds no fault. It is not changed.
    values : mapping
        Name to value. Values are not scanned for variables again; a variable without a value
        stays as it is.
    """
    return _filled(document, values, open_=False)


def _filled(value: object, values: Mapping[str, str], *, open_: bool) -> object:
    if isinstance(value, dict):
        return {
            key: _filled(child, values, open_=open_ or key in _OPENERS)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [_filled(child, values, open_=open_) for child in value]
    return _filled_text(value, values) if open_ and isinstance(value, str) else value


def _filled_text(text: str, values: Mapping[str, str]) -> str:
    parts: list[str] = []
    start = end = 0
    for match in _BRACES.finditer(text):
        if match.group() == "{{":
            start = match.end()
        else:
            name = text[start : match.start()]
            parts += (text[end : start - 2], values.get(name, f"{{{{{name}}}}}"))
            end = match.end()
    return "".join((*parts, text[end:]))
