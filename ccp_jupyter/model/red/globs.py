"""Globs of outputs and the references to inputs in them: ``$(inputs.text.nameroot).txt``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.model.red.declaration import leaves_outputs

_STEP: Final = re.compile(
    r"""\.(?P<name>[^.\[\]()'"]+)"""
    r"""|\[(?P<index>-?[0-9]{1,9})\]"""
    r"""|\[(?P<bare>[^.\[\]()'"]+)\]"""
    r"""|\["(?P<double>[^"\]]+)"\]"""
    r"""|\['(?P<single>[^'\]]+)'\]"""
)
_SECRETS: Final = frozenset(("connector", "access", "auth"))

LONGEST: Final = 4096
"""Characters of a glob, as written and with the values of inputs: what a path may have."""

Part = str | tuple[str | int, ...]
"""Literal text, or the steps below ``inputs``."""


_TOO_LONG: Final = f"must have at most {LONGEST} characters"


class BadGlob(Exception):
    """A glob or a reference in it cannot be used; the text is the rule, without values."""


def parsed(glob: str) -> list[Part]:
    """Return the parts of a glob.

    Raises
    ------
    BadGlob
        It is absolute, or a reference is not written as it must be.
    """
    if glob.startswith("/"):
        raise BadGlob("must not begin with /")
    if len(glob) > LONGEST:
        raise BadGlob(_TOO_LONG)
    first, *others = glob.split("$(")
    parts: list[Part] = [first] if first else []
    for other in others:
        reference, closed, text = other.partition(")")
        if not closed:
            raise BadGlob("$( without ) after it, or a reference inside another one")
        parts.append(_steps(reference))
        if text:
            parts.append(text)
    return parts


def _steps(reference: str) -> tuple[str | int, ...]:
    if not reference.startswith("inputs"):
        raise BadGlob("a reference must begin with inputs")
    steps: list[str | int] = []
    end = len("inputs")
    while end < len(reference):
        match = _STEP.match(reference, end)
        if match is None:
            raise BadGlob('a reference must be like $(inputs.name.basename) or $(inputs["name"])')
        text = match[match.lastgroup or 0]
        steps.append(int(text) if match.lastgroup == "index" else text)
        end = match.end()
    if not steps:
        raise BadGlob("a reference must name an input: $(inputs.name)")
    if _SECRETS.intersection(steps[1:]):
        raise BadGlob("a reference must not lead into a connector")
    return tuple(steps)


def resolved(parts: list[Part], inputs: Mapping[str, Any]) -> str:
    """Return a glob with the values of inputs in it.

    Parameters
    ----------
    parts : list
        From `parsed`.
    inputs : mapping
        Of one batch, completed.

    Raises
    ------
    BadGlob
        A reference leads nowhere or to no scalar, or the glob leaves the outputs directory.
    """
    texts: list[str] = []
    left = LONGEST
    for part in parts:
        texts.append(part if isinstance(part, str) else _value(part, inputs))
        left -= len(texts[-1])
        if left < 0:
            raise BadGlob(_TOO_LONG)
    glob = "".join(texts)
    if "\0" in glob or leaves_outputs(glob):
        raise BadGlob("must stay within the outputs directory")
    return glob


def _value(steps: tuple[str | int, ...], inputs: Mapping[str, Any]) -> str:
    value: Any = inputs
    for step in steps:
        if isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        elif isinstance(value, Mapping) and str(step) in value:
            value = value[str(step)]
        else:
            raise BadGlob(f"a reference leads nowhere: there is no {str(step)[:60]!r}")
    if isinstance(value, (Mapping, list)):
        raise BadGlob("a reference must lead to text, a number or true or false")
    return str(value)
