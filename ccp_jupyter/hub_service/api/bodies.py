"""Request bodies: received in bounded memory, and decoded strictly."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Iterable
from email.message import Message
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import UNSUPPORTED_MEDIA_TYPE, ApiError, unavailable
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 100_000
"""Values in one document. Long texts cost little; millions of numbers would block everybody."""
MOST_VALUES_OF_RED: Final = 2_000_000
"""Values in one RED document: some ten thousand batches with connectors."""
MAX_ESCAPES: Final = 12_000_000
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LARGE: Final = 2**20
"""From here on, decoding takes longer than other requests should wait."""


class BodyBudget:
    """Bytes of request bodies that the service holds at present, all together.

    Parameters
    ----------
    total : int
        The most.
    """

    def __init__(self, total: int) -> None:
        self._left = total

    def take(self, size: int) -> None:
        """Count bytes in.  Raises `ApiError` 503 when there is no room."""
        if size > self._left:
            raise unavailable("The service is receiving too many large requests; try again")
        self._left -= size

    def give_back(self, size: int) -> None:
        """Count bytes out."""
        self._left += size


def check_content_type(
    value: str, accepted: tuple[str, ...], refusal: str = UNSUPPORTED_MEDIA_TYPE
) -> None:
    """Refuse a body that is not in one of the accepted media types, or not in UTF-8.

    Parameters
    ----------
    value : str
        The header ``Content-Type``; empty when there is none.
    accepted : tuple of str
        Media types in lower case.
    refusal : str
        The RFC 7807 ``type`` of the answer to others.

    Raises
    ------
    ApiError
        415.
    """
    message = Message()
    message["Content-Type"] = value.replace("\r", " ").replace("\n", " ")
    kind = value.split(";")[0].strip().lower()
    charset = str(message.get_param("charset") or "utf-8").lower()
    if kind not in accepted:
        found = shown(value) if value else "none"
        raise ApiError(
            415,
            f"Content-Type: must be {' or '.join(accepted)} (found {found})",
            refusal,
        )
    if charset not in ("utf-8", "utf8", "us-ascii"):
        detail = f"Content-Type: charset must be utf-8 (found {charset})"
        raise ApiError(415, detail, refusal)


def check_content_encoding(encoding: str) -> None:
    """Refuse a body that is packed.  Raises `ApiError` 415."""
    if encoding != "identity":
        raise ApiError(415, f"Content-Encoding: must be identity (found {encoding[:80]!r})")


def too_large(limit: int) -> ApiError:
    """Return the answer to a body above the limit."""
    return ApiError(
        413,
        f"The request body may have at most {limit} bytes; give larger files as links",
        max_bytes=limit,
    )


async def decoded(body: bytearray, most_values: int = MAX_VALUES) -> Any:
    """Decode JSON, away from the event loop when it is large.

    Raises
    ------
    InvalidDocument
        As `parse_json`.
    """
    if len(body) < _LARGE:
        return parse_json(body, most_values)
    return await asyncio.to_thread(parse_json, body, most_values)


def parse_json(body: bytes | bytearray, most_values: int = MAX_VALUES) -> Any:
    """Decode a JSON document, strictly.

    Returns
    -------
    object
        What `json.loads` returns.

    Raises
    ------
    InvalidDocument
        Not UTF-8, not JSON, a member given twice, a number that is not finite, more than
        `most_values` values, nested deeper than `MAX_DEPTH`, or text with half of a surrogate pair.
    """
    if not body.strip():
        raise _wrong("a JSON document is needed, and the body is empty")
    _check_count(body, most_values)
    text = text_of(body)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _wrong(f"is not JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise _too_deep() from error
    except InvalidDocument:
        raise
    except ValueError as error:  # an integer with thousands of digits
        raise _wrong("is not JSON that can be read: a number has too many digits") from error
    _check_content(document)
    return document


def text_of(body: bytes | bytearray) -> str:
    """Return a body as text, without a byte order mark.

    Raises
    ------
    InvalidDocument
        It is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = body[error.start : error.start + 1].hex()
        raise _wrong(f"must be in UTF-8; byte {error.start} is not", f"0x{found}") from error


def _check_count(body: bytes | bytearray, most_values: int) -> None:
    """Refuse what would keep the parser, which cannot be interrupted, busy for seconds."""
    if body.count(b"\\") > MAX_ESCAPES:
        raise _wrong(f"may hold at most {MAX_ESCAPES} escapes; give large texts as base64")
    values, at = 1, 0
    while at < len(body):
        begin = body.find(b'"', at)
        end = begin if begin >= 0 else len(body)
        values += sum(body.count(sign, at, end) for sign in (b",", b"[", b"{"))
        if values > most_values:
            raise _wrong(f"may hold at most {most_values} values; give large data as a file")
        at = _end_of_text(body, begin) if begin >= 0 else len(body)


def _end_of_text(body: bytes | bytearray, begin: int) -> int:
    """Return the place after a text that begins here; the body's end when it has none."""
    end = body.find(b'"', begin + 1)
    if end >= 0 and body.find(b"\\", begin, end) < 0:
        return end + 1  # much faster than the expression, and true for all base64
    found = _TEXT.match(body, begin)
    return found.end() if found else len(body)


def _wrong(rule: str, value: str = "", member: str = "") -> InvalidDocument:
    return InvalidDocument([Problem(member, rule, value)])


def _too_deep() -> InvalidDocument:
    return _wrong(f"may be nested at most {MAX_DEPTH} levels deep")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _wrong("a member may be given only once in an object", shown(key))
            seen.add(key)
    return found


def _refuse_constant(name: str) -> Any:
    raise _wrong("numbers must be finite; JSON has no such value", name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _wrong("numbers must be finite; this one is too large", shown(text))
    return number


def _check_content(document: Any) -> None:
    """Refuse what is nested too deep, and text that no file or database can keep."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    for value in level:
        if isinstance(value, (dict, list)):
            raise _too_deep()
        _children(value)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        for key in value:
            _check_text(key)
        return value.values()
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        _check_text(value)
    return ()


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _wrong(
                "text must be valid Unicode; half of a surrogate pair is not",
                shown(text[error.start : error.end]),
            ) from error
