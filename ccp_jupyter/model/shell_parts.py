"""The parts that `ccp_jupyter.model.shell` cuts a script into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Place(Enum):
    """What surrounds a variable in a shell script."""

    BARE = auto()
    DOUBLE = auto()
    """Inside double quotes."""
    SINGLE = auto()
    """Inside single quotes."""
    COMMENT = auto()
    HERE = auto()
    """In a here-document whose text the shell expands."""
    VERBATIM = auto()
    """In a here-document with a quoted delimiter."""
    INTEGER = auto()
    """Where bash calculates: it would run ``$(…)`` in a value even if that were quoted."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One variable in a script."""

    name: str
    raw: bool
    place: Place
    line: int
    one_word: bool = False
    """A list must not become several words: a second one would be run as a command."""
    glued: bool = False
    """In double quotes: right after ``$name``. Bare: other characters of the word follow."""
    in_range: bool = False
    """Next to ``{`` or ``..``, as in ``{1..{{ n }}}``: a number must stay unquoted there."""


@dataclass(frozen=True, slots=True)
class HereBody:
    """The lines of a here-document, without the line that ends it."""

    parts: tuple[Part, ...]
    delimiter: str
    line: int


@dataclass(frozen=True, slots=True)
class Backticks:
    """A command between backticks, whose text has one level of backslashes taken off."""

    parts: tuple[Part, ...]
    in_double: bool
    """Inside double quotes: there the shell takes the backslash off \\" as well."""


Part = str | Slot | HereBody | Backticks
