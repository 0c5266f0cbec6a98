"""Values as each language writes them down.

Whatever is not printable becomes an escape, so that no value can break out of its place, or look
like something else in an editor. Characters of all scripts stay as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccp_jupyter.codegen.facts import LocalFile, Secret, holes

WIDTH: Final = 88
"""Columns up to which a list or object stays in one line."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


# --- texts ---------------------------------------------------------------------------------


def json_string(text: str) -> str:
    """Return a text as JSON. Half a surrogate pair becomes an escape, which JSON allows."""
    return json.dumps(text, ensure_ascii=False).translate(_Escapes(_json_escape, ""))


def _json_escape(char: str) -> str:
    return json.dumps(char)[1:-1]


def python_string(text: str) -> str:
    r"""Return a Python literal. Half a surrogate pair becomes ``\udXXX``."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + _escaped(text, _python_escape, quote=quote) + quote


def _python_escape(char: str) -> str:
    if char in '\\"':
        return "\\" + char
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def r_string(text: str) -> str:
    """Return an R literal in double quotes.

    Raises
    ------
    ValueError
        It holds NUL, which no text of R can, or half a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("a text of R cannot hold NUL")
    _check_whole(text)
    return f'"{_escaped(text, _r_escape)}"'


def _r_escape(char: str) -> str:
    # Hexadecimal escapes must not stand beside these in one text.
    return "\\" + char if char in '\\"' else _by_number(char)


def _by_number(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def r_raw_string(text: str) -> str:
    """Return a raw literal of R (from 4.0 on), in which nothing is escaped.

    Raises
    ------
    ValueError
        It holds what is not printable, but for line feeds.
    """
    _check_printable(text)
    dashes = ""
    while f'){dashes}"' in text:
        dashes += "-"
    return f'r"{dashes}({text}){dashes}"'


def julia_string(text: str) -> str:
    """Return a Julia literal in double quotes.

    Raises
    ------
    ValueError
        It holds half a surrogate pair.
    """
    _check_whole(text)
    return f'"{_escaped(text, _julia_escape, "$")}"'


def _julia_escape(char: str) -> str:
    return "\\" + char if char in '\\"$' else _by_number(char)


def julia_block(text: str) -> str:
    """Return what stands between the triple quotes of a Julia text, and means the given text.

    Raises
    ------
    ValueError
        It holds what is not printable, but for line feeds.
    """
    _check_printable(text)
    return text.replace("\\", "\\\\").replace("$", "\\$").replace('"""', '""\\"')


def bash_string(text: str) -> str:
    """Return one word of Bash.

    Raises
    ------
    ValueError
        It holds NUL, which no word can, or half a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("a word of Bash cannot hold NUL")
    _check_whole(text)
    if text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    return f"$'{_escaped(text, _bash_escape, quote=chr(39))}'"


def _bash_escape(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    # Bytes, because \u depends on the locale.
    return _SHORT.get(char) or "".join(f"\\x{byte:02x}" for byte in char.encode())


def bash_block(text: str) -> str:
    """Return what stands in a here-document in which ``$`` counts, and means the given text.

    Raises
    ------
    ValueError
        It holds what is not printable, but for line feeds.
    """
    _check_printable(text)
    return text.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`")


def _escaped(text: str, escape: Callable[[str], str], more: str = "", quote: str = '"') -> str:
    return text.translate(_Escapes(escape, "\\" + quote + more))


class _Escapes(dict[int, str]):
    """What becomes of each character of a text, found when it is first seen there.

    Parameters
    ----------
    escape : callable
        Escapes a character.
    special : str
        Those that are escaped although they are printable.
    """

    def __init__(self, escape: Callable[[str], str], special: str) -> None:
        super().__init__()
        self._escape = escape
        self._special = special

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = char.isprintable() and char not in self._special
        return self.setdefault(code, char if plain else self._escape(char))


def _check_whole(text: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("half a surrogate pair is no text")


def _check_printable(text: str) -> None:
    if not text.replace("\n", "").isprintable():
        raise ValueError("what is not printable must be escaped before")


# --- values --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """How a language writes JSON values.

    Attributes
    ----------
    text : callable
        Writes a text.
    words : mapping
        What True, False and None are called.
    hole : callable
        Writes what fills a `Hole`.
    indent : str
        Of one level.
    comma : str
        After the last of several lines.
    lines : callable, optional
        Splits a long text into pieces that the language joins; one piece: not.
    """

    text: Callable[[str], str]
    words: Mapping[bool | None, str]
    hole: Callable[[Secret | LocalFile], str]
    indent: str
    comma: str = ""
    lines: Callable[[str], list[str]] | None = None


JSON_WORDS: Final[Mapping[bool | None, str]] = {True: "true", False: "false", None: "null"}
PYTHON_WORDS: Final[Mapping[bool | None, str]] = {True: "True", False: "False", None: "None"}


def json_pieces(request: Mapping[str, Any]) -> list[str | Secret | LocalFile]:
    """Return a request as JSON in lines, in pieces: texts, and between any two of them a hole.

    The hole of a secret is to be filled with JSON; that of a file, in quotes already, with base64.
    """
    found = list(dict.fromkeys(holes(request)))

    def mark(hole: Secret | LocalFile) -> str:
        # What is not printable stands nowhere else in JSON as it is written here.
        text = f"\x01{found.index(hole)}\x01"
        return text if isinstance(hole, Secret) else f'"{text}"'

    style = Style(json_string, JSON_WORDS, mark, "  ")
    pieces = laid_out(dict(request), style).split("\x01")
    return [found[int(each)] if n % 2 else each for n, each in enumerate(pieces)]


def laid_out(value: Any, style: Style, depth: int = 0, before: int = 0) -> str:
    """Return a value in lines that are good to read.

    Parameters
    ----------
    value : object
        JSON with holes.
    style : Style
        Of the language.
    depth : int
        Levels around it.
    before : int
        Columns before it in its line.

    Raises
    ------
    ValueError
        It holds a number that is not finite.
    TypeError
        It holds what is neither JSON nor a hole.
    """
    inner = style.indent * (depth + 1)
    outer = style.indent * depth
    room = max(WIDTH - before - 1, len("[]"))
    if (short := _in_one_line(value, style, room)) is not None:
        return short
    if not isinstance(value, (Mapping, list)):
        pieces = style.lines(value) if isinstance(value, str) and style.lines is not None else []
        if len(pieces) < 2:
            return _scalar(value, style)
        return "\n".join(["(", *(inner + style.text(each) for each in pieces), outer + ")"])
    if isinstance(value, Mapping):
        brackets = "{}"
        lines = []
        for name, each in value.items():
            begin = style.text(name) + ": "
            lines.append(begin + laid_out(each, style, depth + 1, len(inner) + len(begin)))
    else:
        brackets = "[]"
        lines = _filled(value, style, WIDTH - len(inner)) or [
            laid_out(each, style, depth + 1, len(inner)) for each in value
        ]
    body = ",\n".join(inner + line for line in lines)
    return f"{brackets[0]}\n{body}{style.comma}\n{outer}{brackets[1]}"


def _filled(values: list[Any], style: Style, width: int) -> list[str]:
    """Return numbers in as few lines as they need; nothing when they are not all numbers."""
    if not all(type(each) in (int, float) for each in values):
        return []
    lines: list[str] = []
    for each in values:
        text = _scalar(each, style)
        if lines and len(lines[-1]) + len(text) + 2 < width:
            lines[-1] += ", " + text
        else:
            lines.append(text)
    return lines


def _in_one_line(value: Any, style: Style, room: int) -> str | None:
    """Return a value in one line; None when it does not fit, which is found out soon."""
    if isinstance(value, Mapping):
        brackets, children = "{}", iter(value.items())
    elif isinstance(value, list):
        brackets, children = "[]", iter((None, each) for each in value)
    elif isinstance(value, str) and len(value) > room:
        return None
    else:
        found = _scalar(value, style)
        return found if len(found) <= room else None
    pieces: list[str] = []
    room -= len(brackets)
    for name, each in children:
        if len(name or "") > room:
            return None
        begin = "" if name is None else style.text(name) + ": "
        inside = _in_one_line(each, style, room - len(begin))
        if inside is None:
            return None
        pieces.append(begin + inside)
        room -= len(begin) + len(inside) + len(", ")
    return f"{brackets[0]}{', '.join(pieces)}{brackets[1]}"


def _scalar(value: Any, style: Style) -> str:
    match value:
        case None | bool():
            return style.words[value]
        case str():
            return style.text(value)
        case int():
            return str(value)
        case float():
            if not math.isfinite(value):
                raise ValueError("a number must be finite")
            return repr(value)
        case Secret() | LocalFile():
            return style.hole(value)
    raise TypeError(f"not a JSON value but {type(value).__name__}")
