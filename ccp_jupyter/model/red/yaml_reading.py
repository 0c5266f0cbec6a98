"""YAML 1.2 with the places of its members; never deeper or larger than allowed.

The events of the parser are put together here, not by its own constructor: that one repeats
values in its messages, follows aliases without end, and recurses as deep as the text wants.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ccp_jupyter.model.red.contents import DEEPEST, MOST_VALUES
from ccp_jupyter.model.red.findings import below
from ccp_jupyter.model.red.syntax import (
    NO_TEXT_KEY,
    TOO_DEEP,
    TOO_MANY,
    TWICE,
    Mark,
    Places,
    SyntaxFault,
)

_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS: Final = {
    text: text[0] in "tT" for text in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_WHOLE: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<two>[01_]+)|0o(?P<eight>[0-7_]+)|0x(?P<sixteen>[0-9a-fA-F_]+)"
    r"|(?P<ten>[0-9][0-9_]*))"
)
_BASES: Final = {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAGS: Final = {
    f"tag:yaml.org,2002:{name}": name
    for name in ("str", "int", "float", "bool", "null", "map", "seq")
}
_FAULT: Final = "no YAML, or a faulty one"
_HARMLESS: Final = (
    "mapping values are not allowed",
    "sequence entries are not allowed",
    "could not find expected ':'",
    "expected ',' or",
    "expected <block end>",
    "found unexpected end of stream",
    "found unexpected document separator",
)
_MERGE: Final = object()
_LONGEST_NUMBER: Final = 1000


def yaml_document(text: str) -> tuple[object, Places]:
    """Return the document in a YAML text, and the places of its members.

    Raises
    ------
    SyntaxFault
        It is no YAML, has a key twice, is too deep or too large, uses a foreign tag.
    """
    builder = _Builder()
    mark: Mark = (1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            mark = _mark(event.start_mark)
            builder.take(event, mark)
    except MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        raise SyntaxFault(_fault(error.problem), _mark(place) if place else mark) from None
    except (YAMLError, ValueError):
        raise SyntaxFault(_FAULT, mark) from None
    return builder.document, builder.places


def _fault(problem: str | None) -> str:
    """Return what the parser says, when it is known not to repeat anything from the text."""
    known = problem is not None and problem.startswith(_HARMLESS)
    return f"{_FAULT}: {problem}" if known else _FAULT


def _mark(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


class _Open:
    """A list or object that is being read."""

    def __init__(self, value: Any, member: str, anchor: str | None, mark: Mark) -> None:
        self.value = value
        self.member = member
        self.anchor = anchor
        self.mark = mark
        self.key: Any = None
        self.has_key = False
        self.key_mark = mark
        self.size = 1
        self.merges: list[Any] = []


class _Builder:
    def __init__(self) -> None:
        self.document: object = None
        self.places: Places = {}
        self._documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[object, int]] = {}

    def take(self, event: Any, mark: Mark) -> None:
        """Take the next event of the parser."""
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise SyntaxFault("must be one document, not several", mark)
        elif isinstance(event, AliasEvent):
            self._alias(event, mark)
        elif isinstance(event, ScalarEvent):
            value = _scalar(event, mark)
            self._keep(event.anchor, value, 1)
            self._add(value, 1, mark)
        elif isinstance(event, (SequenceStartEvent, MappingStartEvent)):
            self._open(event, mark)
        elif isinstance(event, (SequenceEndEvent, MappingEndEvent)):
            self._close()

    def _alias(self, event: Any, mark: Mark) -> None:
        if event.anchor not in self._anchors:
            raise SyntaxFault("an alias (*) without an anchor (&); or quotes are missing", mark)
        value, size = self._anchors[event.anchor]
        self._add(value, size, mark)

    def _open(self, event: Any, mark: Mark) -> None:
        mapping = isinstance(event, MappingStartEvent)
        wanted = "map" if mapping else "seq"
        if event.tag not in (None, "!") and _TAGS.get(event.tag) != wanted:
            raise SyntaxFault("a tag (!) that RED does not know; or quotes are missing", mark)
        if len(self._stack) >= DEEPEST:
            raise SyntaxFault(TOO_DEEP, mark)
        if self._stack and isinstance(self._stack[-1].value, dict) and not self._stack[-1].has_key:
            raise SyntaxFault(NO_TEXT_KEY, mark)
        member = self._member()
        self.places[member] = self._stack[-1].key_mark if self._in_object() else mark
        self._stack.append(_Open({} if mapping else [], member, event.anchor, mark))

    def _close(self) -> None:
        done = self._stack.pop()
        for merged in done.merges:
            for key, value in merged.items():
                done.value.setdefault(key, value)
        self._keep(done.anchor, done.value, done.size)
        self._add(done.value, done.size, done.mark)

    def _keep(self, anchor: str | None, value: object, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size)

    def _in_object(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict)

    def _member(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        if isinstance(top.value, list):
            return below(top.member, len(top.value))
        return top.member if top.key is _MERGE else below(top.member, top.key)

    def _add(self, value: Any, size: int, mark: Mark) -> None:
        if not self._stack:
            self.document = value
            self.places.setdefault("", mark)
            return
        top = self._stack[-1]
        top.size += size
        if top.size > MOST_VALUES:
            raise SyntaxFault(TOO_MANY, mark)
        if isinstance(top.value, list):
            self.places.setdefault(self._member(), mark)
            top.value.append(value)
        elif not top.has_key:
            self._key(top, value, mark)
        elif top.key is _MERGE:
            self._merge(top, value, mark)
        else:
            self.places.setdefault(self._member(), top.key_mark)
            top.value[top.key] = value
            top.has_key = False

    def _key(self, top: _Open, key: object, mark: Mark) -> None:
        if key is not _MERGE and not isinstance(key, str):
            raise SyntaxFault(NO_TEXT_KEY, mark)
        if key is not _MERGE and key in top.value:
            raise SyntaxFault(TWICE, mark)
        top.key, top.key_mark, top.has_key = key, mark, True

    def _merge(self, top: _Open, value: Any, mark: Mark) -> None:
        """Note the objects of a ``<<``; what is written out, and what comes first, wins."""
        merged = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in merged):
            raise SyntaxFault("<< takes an object or a list of objects", mark)
        top.merges += merged
        top.has_key = False


def _scalar(event: Any, mark: Mark) -> object:
    text: str = event.value
    tag = None if event.tag in (None, "!") else _TAGS.get(event.tag, "?")
    if tag == "?":
        raise SyntaxFault("a tag (!) that RED does not know; or quotes are missing", mark)
    plain = event.implicit[0] and event.style in (None, "")
    if tag == "str" or (tag is None and not plain):
        return text
    if tag is None and text == "<<":
        return _MERGE
    value = _plain(text)
    if tag is not None and not _fits(value, tag):
        raise SyntaxFault("the text does not fit its tag (!!)", mark)
    return value


def _fits(value: object, tag: str) -> bool:
    types: dict[str, type] = {"int": int, "float": float, "bool": bool, "null": type(None)}
    wanted = types.get(tag)
    return wanted is not None and type(value) is wanted


def _plain(text: str) -> object:
    """Return what a text without quotes means in YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if len(text) > _LONGEST_NUMBER and (_WHOLE.fullmatch(text) or _FLOAT.fullmatch(text)):
        return float("inf")  # refused by the rules for numbers
    if match := _WHOLE.fullmatch(text):
        base = match.lastgroup or "ten"
        digits = match[base].replace("_", "")
        return int(match["sign"] + digits, _BASES[base]) if digits else text
    if match := _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return float(text.replace("_", "")) if _FLOAT.fullmatch(text) else text
