"""Names of files that are made from what people call things."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_TEXT: Final = 100
"""Bytes of a name that come from a title."""
_LONGEST_VERSION: Final = 40
_PLAIN: Final = " ._-()+,@"
# No name of these, whatever follows the first dot, can be a file on Windows.
_RESERVED: Final = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])[ ]*(?:\.|\Z)", re.I)


def plain_name(text: str, otherwise: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text that every file system takes as part of a name.

    Letters and digits of all scripts stay; what could be a path, an option, a hidden file or a
    control sequence becomes a space.

    Parameters
    ----------
    text : str
        Such as a title.
    otherwise : str
        Returned when nothing is left.
    longest : int
        Bytes in UTF-8.

    Examples
    --------
    >>> plain_name("../../etc/passwd", "method")
    'etc passwd'
    >>> plain_name("NUL.txt", "method")
    '_NUL.txt'
    """
    # Compatibility forms would let a full-width slash or dot become a plain one elsewhere.
    found = unicodedata.normalize("NFC", text).encode(errors="replace").decode()
    found = "".join(c if c.isalnum() or c in _PLAIN else " " for c in found)
    # What is nothing but dots means a folder in paths.
    found = " ".join(word for word in found.split() if word.strip("."))
    found = found.strip(" .").lstrip("-")
    found = found.encode()[:longest].decode(errors="ignore").strip(" .") or otherwise
    return "_" + found if _RESERVED.match(found) else found


def method_file_name(title: str, version: str) -> str:
    """Return the name of a Method's file: ``<title>-<version>.json``.

    Examples
    --------
    >>> method_file_name("Column statistics", "1.2.0")
    'Column statistics-1.2.0.json'
    """
    return f"{plain_name(title, 'method')}-{plain_name(version, '0', _LONGEST_VERSION)}.json"


def execution_name(title: str, execution_id: str) -> str:
    """Return the name of an Execution's folder, or zip without its ending.

    Examples
    --------
    >>> execution_name("Column statistics", "7de2c1f0-aaaa")
    'Column statistics-7de2c1f0'
    """
    short = re.sub(r"[^A-Za-z0-9]", "", execution_id)[:8]
    return f"{plain_name(title, 'execution')}-{short}"


def numbered(name: str, number: int) -> str:
    """Return a name that tells itself from others: ``name (2).json`` for 2; 1 changes nothing."""
    if number == 1:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})"
