"""``{{ variables }}`` in a Method's scripts: which there are, and their values put in, quoted.

Every value is quoted for the place where it stands (`ccp_jupyter.model.shell`), so that the program
sees exactly the value and nothing in it is run. ``{{ id | raw }}`` puts a value in as it is.
See docs/methods.md and docs/decisions/003-variables-in-scripts.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.shell import parse
from ccp_jupyter.model.shell_parts import Backticks, HereBody, Part, Place, Slot
from ccp_jupyter.model.shell_slots import VARIABLE

ALWAYS_KNOWN = frozenset({"ccptaskname", "ccptaskid"})
"""Variables of every script, beside the Method's inputs."""

MOST_USES = 10_000
"""How often one script may use variables."""

_INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_LONGEST_CACHED = 32_768

Values = Mapping[str, str | list[str]]


def variables(lines: Sequence[str]) -> set[str]:
    """Return the names of all variables in a script, comments included.

    Parameters
    ----------
    lines : sequence of str
        The script.

    Returns
    -------
    set of str
        Without braces and filters. What is not a name, such as ``{{.Names}}``, does not count.
    """
    return {match[1] for match in VARIABLE.finditer("\n".join(lines))}


def script_problems(lines: Sequence[str], known: Collection[str]) -> list[Problem]:
    """Return what is wrong with a script, whatever values it will get.

    Parameters
    ----------
    lines : sequence of str
        The script.
    known : collection of str
        Names that may be used, beside `ALWAYS_KNOWN`.

    Returns
    -------
    list of Problem
        Unknown variables, and places where none can be quoted; members are ``line 3``.
    """
    text = "\n".join(lines)
    uses = sum(1 for _ in VARIABLE.finditer(text))
    if uses > MOST_USES:
        return [Problem("", f"may use variables at most {MOST_USES} times", f"{uses} times")]
    problems = [
        Problem(
            f"line {text.count(chr(10), 0, match.start()) + 1}",
            f"no input is called {match[1]}",
            match[0],
        )
        for match in VARIABLE.finditer(text)
        if match[1] not in known and match[1] not in ALWAYS_KNOWN
    ]
    return problems + list(_parsed(text)[1])


def text_of(value: object) -> str:
    """Return how a literal looks in a script: text as it is, everything else as JSON.

    Parameters
    ----------
    value : object
        From a JSON document.

    Returns
    -------
    str
        ``true``, ``5``, ``[1, 2]``; the empty text for null.
    """
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def render(lines: Sequence[str], values: Values) -> str:
    """Put values into a script.

    Parameters
    ----------
    lines : sequence of str
        The script.
    values : mapping of str to str or list of str
        By variable. The items of a list are quoted each, and joined by one space; inside quotes,
        in an assignment and after a redirection they make one word.

    Returns
    -------
    str
        The script, its lines joined by line ends, without one at its end.

    Raises
    ------
    InvalidDocument
        A variable without a value, one in a place where none can be quoted, or a value that cannot
        stand in its place. Values are not shown: they may be secret.
    """
    parts, problems = _parsed("\n".join(lines))
    if problems:
        raise InvalidDocument(problems)
    writer = _Writer(values)
    text = writer.text(parts)
    if writer.problems:
        raise InvalidDocument(writer.problems)
    return text


def value_problems(lines: Sequence[str], values: Values) -> list[Problem]:
    """Return why these values cannot be put into this script; an empty list when they can.

    Parameters
    ----------
    lines : sequence of str
        The script.
    values : mapping of str to str or list of str
        As for `render`; variables without a value are left out of account.

    Returns
    -------
    list of Problem
        Members are ``line 3``.
    """
    writer = _Writer(dict.fromkeys(variables(lines), "0") | dict(values))
    writer.text(_parsed("\n".join(lines))[0])
    return writer.problems


def _parsed(text: str) -> tuple[Sequence[Part], Sequence[Problem]]:
    return _cached(text) if len(text) <= _LONGEST_CACHED else parse(text)


@lru_cache(maxsize=256)
def _cached(text: str) -> tuple[tuple[Part, ...], tuple[Problem, ...]]:
    parts, problems = parse(text)
    return tuple(parts), tuple(problems)


class _Writer:
    """Puts parts together again, with values for variables."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.problems: list[Problem] = []
        self.here: HereBody | None = None

    def text(self, parts: Sequence[Part]) -> str:
        return "".join([part if isinstance(part, str) else self._part(part) for part in parts])

    def _part(self, part: Slot | HereBody | Backticks) -> str:
        if isinstance(part, Slot):
            return self._slot(part)
        if isinstance(part, HereBody):
            return self._here_body(part)
        # A plain " inside would mislead bash, which expands {a,b} before it looks into backticks.
        protected = r'([\\`"])' if part.in_double else r"([\\`])"
        return "`" + re.sub(protected, r"\\\1", self.text(part.parts)) + "`"

    def _problem(self, slot: Slot, rule: str) -> str:
        found = "{{ " + slot.name + " }}"
        self.problems.append(Problem(f"line {slot.line}", f"{rule}, at {found}"))
        return ""

    def _slot(self, slot: Slot) -> str:
        value = self.values.get(slot.name)
        if value is None:
            return self._problem(slot, "no input is called so, or it has no value")
        items = [value] if isinstance(value, str) else value
        if any("\0" in item for item in items):
            return self._problem(slot, "a value must not hold a NUL character")
        if self.here and any("\n" in item for item in items):
            return self._problem(slot, "no value with a line break in a here-document")
        if slot.raw:
            return " ".join(items)
        if slot.place is Place.INTEGER:
            if not items or not all(_INTEGER.match(item) for item in items):
                return self._problem(slot, "only a whole number where the shell calculates")
            return " ".join(items)
        return _quoted(slot, items)

    def _here_body(self, body: HereBody) -> str:
        outer, self.here = self.here, body
        text = self.text(body.parts)
        self.here = outer
        template = "".join([part if isinstance(part, str) else "\0" for part in body.parts])
        own = {line for line in template.split("\n") if "\0" not in line}
        # bash joins continued lines before it compares, and takes "EOF)" for "EOF" inside $( ).
        joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\n", r"\1", text)
        lines = set(text.split("\n")) | set(joined.split("\n"))
        if any(line.lstrip("\t").startswith(body.delimiter) for line in lines - own):
            self.problems.append(
                Problem(
                    f"line {body.line}",
                    f"a value would begin a line of the here-document with {body.delimiter}, "
                    "which ends it; choose another delimiter",
                )
            )
        return text


def _quoted(slot: Slot, items: list[str]) -> str:
    """Return the items as shell text for the slot's place."""
    match slot.place:
        case Place.DOUBLE:
            joined = " ".join(items)
            # Right after $name, a value's first letters would lengthen that name.
            return f'"{_single(joined)}"' if slot.glued else re.sub(r'([\\"$`])', r"\\\1", joined)
        case Place.SINGLE:
            return " ".join(items).replace("'", "'\\''")
        case Place.HERE:
            return re.sub(r"([\\$`])", r"\\\1", " ".join(items))
        case Place.VERBATIM:
            return " ".join(items)
        case Place.COMMENT:
            # Quoted too: harmless, even if a shell should not take this for a comment.
            return _single(_CONTROL.sub(" ", " ".join(items)))
    if slot.one_word:
        return _single(" ".join(items))
    if slot.in_range and all(_INTEGER.match(item) for item in items):
        return " ".join(items)
    if not items and slot.glued:
        # Nothing at all would let a "#" that follows begin a comment.
        return "''"
    return " ".join(map(_single, items))


def _single(text: str) -> str:
    # Always in quotes, even a plain word: `if`, `a=b` and the 2 of `2>x` mean something bare.
    return "'" + text.replace("'", "'\\''") + "'"
