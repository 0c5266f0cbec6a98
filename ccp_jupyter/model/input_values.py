"""Files and links as requests and defaults bring them."""

from __future__ import annotations

import binascii
import re
from typing import Final
from urllib.parse import urlsplit

from ccp_jupyter.model.schema import BINARY_ENCODINGS, Schema

LONGEST_LINK: Final = 8192

_WHITE = re.compile(rb"[ \t\r\n]+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/= \t\r\n]")
_AFTER_PADDING = re.compile(r"=[ \t\r\n]*[^= \t\r\n]")
_UNSAFE = re.compile(r"[\s\x00-\x20\x7f\\\"<>^`{|}]")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,499}\Z")
_MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+-]{1,100}/[\w!#$&^.+*-]{1,100}([ \t]*;[^\x00-\x1f\x7f]{0,200})?\Z"
)


def is_media_type(text: object) -> bool:
    """Tell whether something is a media type such as ``text/csv; charset=utf-8``."""
    return isinstance(text, str) and bool(_MEDIA_TYPE.match(text))


def image_rule(reference: str) -> str:
    """Return the rule that the reference of a container image breaks, or nothing.

    Parameters
    ----------
    reference : str
        Value of ``ccpimage``; which forms there are is the Infrastructure's business.
    """
    if _IMAGE.match(reference):
        return ""
    return "must name a container image, such as docker.io/library/python:3.11-slim"


def is_link(text: str) -> bool:
    """Tell a link from base64 text, which never holds a colon."""
    return text[:8].lower().startswith(("http://", "https://"))


def decoded(text: str) -> bytes:
    """Decode base64 strictly; only white space is passed over.

    Parameters
    ----------
    text : str
        Standard alphabet, with padding.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    ValueError
        Says where the text stops being base64.
    """
    wrong = _NOT_BASE64.search(text)
    if wrong:
        place, what = wrong.start() + 1, f"{wrong[0]!r} is no character of base64"
        raise ValueError(f"must be base64: character {place}, {what}")
    late = _AFTER_PADDING.search(text)
    if late:
        raise ValueError(f"must be base64: character {late.end()} follows the padding")
    data = _WHITE.sub(b"", text.encode("ascii"))
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"must be base64: {len(data)} characters, {error}".lower()) from None


def link_rule(href: object) -> str:
    """Return the rule that a link breaks, or nothing.

    Parameters
    ----------
    href : object
        From a request; private addresses are refused later, when it is fetched.
    """
    if not isinstance(href, str) or not is_link(href):
        return "must be a link that begins with http:// or https://"
    if len(href) > LONGEST_LINK:
        return f"must have at most {LONGEST_LINK} characters"
    if _UNSAFE.search(href):
        return "must be a link without spaces and other characters that links escape"
    try:
        parts = urlsplit(href)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named:
        return "must be a link with a host name"
    if "@" in parts.netloc:
        return "must be a link without user and password: it is stored and shown"
    return ""


def has_text_encoding(schema: Schema) -> bool:
    """Tell whether a file's inline values are its text itself, not base64."""
    encoding = (schema.content_encoding or "base64").lower()
    return encoding not in BINARY_ENCODINGS


def file_problem(schema: Schema, value: object) -> str:
    """Return why a default cannot be a file: neither a link nor what its encoding asks for."""
    if isinstance(value, dict) and "href" in value:
        return link_rule(value["href"])
    if not isinstance(value, str):
        return "must be text or a link"
    if has_text_encoding(schema) and schema.format != "remotefile":
        return ""
    if is_link(value):
        return link_rule(value)
    try:
        decoded(value)
    except ValueError as error:
        return str(error)
    return ""
