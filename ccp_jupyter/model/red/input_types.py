"""Types of CWL that RED declares inputs and outputs with."""

from __future__ import annotations

from typing import Final, NamedTuple

_NAMES = ("File", "Directory", "string", "int", "long", "float", "double", "boolean")


class InputType(NamedTuple):
    """A declared type, taken apart."""

    text: str
    """As declared, such as ``File[]?``."""
    name: str
    array: bool
    optional: bool


INPUT_TYPES: Final = {
    name + suffix: InputType(name + suffix, name, "[]" in suffix, "?" in suffix)
    for name in _NAMES
    for suffix in ("", "[]", "?", "[]?")
}

FILE_OUTPUTS: Final = frozenset(("File", "Directory", "File?", "Directory?"))
STREAMS: Final = frozenset(("stdout", "stderr"))
