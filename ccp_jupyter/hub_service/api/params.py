"""Query parameters: one definition for parsing and for the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, ApiError
from ccp_jupyter.model.errors import shown

Parse = Callable[[str], Any]
_IGNORED: Final = frozenset({"f", "_xsrf"})
"""``f`` is what some OGC clients add (``f=json``); ``_xsrf`` belongs to the hub's library."""
_LONGEST: Final = 10_000
_MOST_VALUES: Final = 50
_IDENTIFIER: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_TIME: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)
_END: Final = rf"({_TIME}|(\.\.)?)"


class _Bad(Exception):
    """A value that does not fit; the text says what would."""


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter.

    Attributes
    ----------
    name, description : str
        For the caller.
    parse : callable
        Text to value; raises when it does not fit.
    schema : mapping
        The same rule as an OpenAPI 3.0 schema.
    default : object
        Value when it is not given.
    many : bool
        Several values, repeated or separated by commas; the result is a tuple.
    required : bool
        It must be given.
    """

    name: str
    description: str
    parse: Parse
    schema: Mapping[str, Any]
    default: Any = None
    many: bool = False
    required: bool = False

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI parameter object."""
        schema = dict(self.schema)
        if self.many:
            schema = {"type": "array", "items": schema, "maxItems": _MOST_VALUES}
        elif self.default is not None:
            schema["default"] = self.default
        found: dict[str, Any] = {
            "name": self.name,
            "in": "query",
            "description": self.description,
            "schema": schema,
        }
        if self.required:
            found["required"] = True
        if self.many:
            found |= {"style": "form", "explode": False}
        return found


@dataclass(frozen=True, slots=True)
class Interval:
    """Two times, both included; None is open."""

    start: datetime | None = None
    end: datetime | None = None


def parse_query(params: Sequence[Param], given: Mapping[str, list[bytes]]) -> dict[str, Any]:
    """Return the value of every parameter.

    Parameters
    ----------
    params : sequence of Param
        All that the operation knows.
    given : mapping of str to list of bytes
        The decoded query of the request.

    Raises
    ------
    ApiError
        400: unknown, repeated, or not fitting.
    """
    known = {param.name for param in params}
    for name in given:
        if name not in known and name not in _IGNORED:
            allowed = ", ".join(sorted(known)) or "none"
            raise _refused(name, f"is no parameter here; there are: {allowed}")
    return {param.name: _value(param, given.get(param.name, [])) for param in params}


def _value(param: Param, raw: list[bytes]) -> Any:
    try:
        texts = [each.decode() for each in raw]
    except UnicodeDecodeError as error:
        raise _refused(param.name, "must be in UTF-8") from error
    if any(len(text) > _LONGEST for text in texts):
        raise _refused(param.name, f"may have at most {_LONGEST} characters")
    try:
        if param.many:
            parts = [part.strip() for text in texts for part in text.split(",")]
            if len(parts) > _MOST_VALUES:
                raise _Bad(f"may have at most {_MOST_VALUES} values")
            return tuple(param.parse(part) for part in parts)
        if len(texts) > 1:
            raise _Bad("may be given only once")
        if param.required and not texts:
            raise _refused(param.name, "is missing")
        return param.parse(texts[0]) if texts else param.default
    except _Bad as error:
        found = texts[0] if len(texts) == 1 else ",".join(texts)
        raise _refused(param.name, str(error), found) from error


def _refused(name: str, rule: str, value: str | None = None) -> ApiError:
    found = "" if value is None else f" (found {shown(value)})"
    return ApiError(400, f"{shown(name)[1:-1]}: {rule}{found}", INVALID_PARAMETER, parameter=name)


def integer(low: int, high: int) -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of a whole number between two bounds, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise _Bad(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse, {"type": "integer", "minimum": low, "maximum": high}


def seconds(high: float) -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of a duration."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9.]{1,20}(e-?[0-9]{1,3})?", text) or not _float(text) <= high:
            raise _Bad(f"must be a number of seconds from 0 to {high:g}")
        return float(text)

    return parse, {"type": "number", "minimum": 0, "maximum": high}


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _Bad("must be a number") from error


def identifier() -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of an id."""

    def parse(text: str) -> str:
        if not re.fullmatch(_IDENTIFIER, text):
            raise _Bad("must be an id: at most 100 letters, digits, dots, dashes, underscores")
        return text

    return parse, {"type": "string", "pattern": f"^{_IDENTIFIER}$"}


def choice(*values: str) -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of one of some words."""

    def parse(text: str) -> str:
        if text not in values:
            raise _Bad(f"must be one of {', '.join(values)}")
        return text

    return parse, {"type": "string", "enum": list(values)}


def text(longest: int) -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of free text."""

    def parse(value: str) -> str:
        if len(value) > longest or "\x00" in value:
            raise _Bad(f"must be text of at most {longest} characters, without NUL")
        return value

    return parse, {"type": "string", "maxLength": longest, "pattern": "^[^\\x00]*$"}


def interval() -> tuple[Parse, dict[str, Any]]:
    """Return parser and schema of an instant, or of two with a slash between."""
    return _parse_interval, {"type": "string", "pattern": f"^({_TIME}|{_END}/{_END})$"}


def _parse_interval(text: str) -> Interval:
    if text in ("", ".."):
        raise _Bad("must hold a time")
    first, slash, second = text.partition("/")
    start, end = _moment(first), _moment(second) if slash else _moment(first)
    found = Interval(start[0] if start else None, end[1] if end else None)
    if found.start and found.end and found.start > found.end:
        raise _Bad("must begin before it ends")
    return found


def _moment(text: str) -> tuple[datetime, datetime] | None:
    """Return first and last instant that a text may mean; None when it is open."""
    if text in ("", ".."):
        return None
    try:
        # The standard library's grammar is wider than RFC 3339, so the shape is checked first.
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day, day + timedelta(days=1, milliseconds=-1)
        if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", text):
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
            exact = "." in text
            return moment, moment if exact else moment + timedelta(milliseconds=999)
    except (ValueError, OverflowError) as error:
        raise _Bad("must hold dates that exist") from error
    raise _Bad('must be an RFC 3339 time, or two with "/" between, ".." for an open end')


@dataclass(frozen=True, slots=True)
class Paging:
    """The two parameters of every list."""

    default: int
    most: int = 10_000
    params: tuple[Param, Param] = field(init=False)

    def __post_init__(self) -> None:
        limit = Param("limit", "most items in one answer", *integer(1, self.most), self.default)
        offset = Param("offset", "items to leave out at the beginning", *integer(0, 10**9), 0)
        object.__setattr__(self, "params", (limit, offset))
