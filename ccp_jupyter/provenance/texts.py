"""Texts and addresses as every form of provenance can hold them, without credentials."""

from __future__ import annotations

import mimetypes
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

LONGEST: Final = 8192
"""Characters of a text; longer ones are cut, and longer values are told by their digest."""
REDACTED: Final = "***"

# What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9.-]")
_LEGAL_IN_URI: Final = "!#$%&'()*+,/:;=?@[]~"
_CREDENTIAL: Final = re.compile(
    r"(?i)pass(word|wd|phrase)?|pwd|secret|token|api[_-]?key|key|sig(nature)?|auth(orization)?"
    r"|credentials?|session|code|(.*[_-])(token|signature|secret|credential|key|password|policy)"
    r"|(access|refresh|id|bearer|private|security)_?(token|key|secret)"
)
_BINARY: Final = "application/octet-stream"


def clean(text: str, longest: int = LONGEST) -> str:
    """Return a text with U+FFFD for what XML cannot hold, cut with "…" when it is too long."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return _FORBIDDEN.sub("\ufffd", text)


def is_clean(text: str) -> bool:
    """Tell whether a text can be told as it is."""
    return len(text) <= LONGEST and _FORBIDDEN.search(text) is None


def local_name(text: str) -> str:
    """Return a text as the local part of a qualified name that XML, Turtle and PROV-N all take.

    Letters, digits, ``.`` and ``-`` stay; other characters become ``_`` and two hexadecimal digits
    for each byte in UTF-8. So different texts have different names.

    Examples
    --------
    >>> local_name("alice"), local_name("5f0c"), local_name("a b")
    ('alice', '_35f0c', 'a_20b')
    """
    last = len(text) - 1
    return "".join(c if _fits(c, at, last) else _escaped(c) for at, c in enumerate(text)) or "_"


def _fits(c: str, at: int, last: int) -> bool:
    if at == 0:  # names of XML begin with a letter
        return c.isascii() and c.isalpha()
    # PROV-N and Turtle do not take a dot at the end.
    return _PLAIN.fullmatch(c) is not None and not (c == "." and at == last)


def _escaped(c: str) -> str:
    return "".join(f"_{byte:02x}" for byte in c.encode("utf-8", "surrogatepass"))


def public_address(href: str) -> str:
    """Return an address as a valid URI, without login and with what looks like a credential masked.

    Addresses of object stores carry signatures with which anybody may read; provenance is made to
    be passed on.  What is no absolute address with a host becomes an empty text.
    """
    try:
        parts = urlsplit(href)
        if not (parts.scheme and parts.netloc):
            return ""
        host = parts.netloc.rpartition("@")[2]
        query = parts.query
        if any(_CREDENTIAL.fullmatch(name) for name, _ in parse_qsl(query, True)):
            query = urlencode(
                [
                    (name, REDACTED if _CREDENTIAL.fullmatch(name) else value)
                    for name, value in parse_qsl(query, keep_blank_values=True)
                ],
                safe="*",
            )
        found = urlunsplit(parts._replace(netloc=host, query=query))
    except ValueError:
        return ""
    return quote(found, safe=_LEGAL_IN_URI, errors="replace")


def media_type_of(path: str) -> str:
    """Return the media type that the ending of a file's name means."""
    return mimetypes.guess_type(path.rpartition("/")[2])[0] or _BINARY
