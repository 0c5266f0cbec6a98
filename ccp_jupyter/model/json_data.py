"""What a decoded JSON document may hold at all, before anybody looks at its meaning."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ccp_jupyter.model.errors import Problem

DEEPEST = 32
_MOST_PROBLEMS = 20
_BIGGEST = 2**63


def data_problems(document: object) -> list[Problem]:
    """Return why a document cannot be kept or sent as JSON.

    Parameters
    ----------
    document : object
        Lists, dicts and scalars as `json.loads` makes them.

    Returns
    -------
    list of Problem
        At most some 20: other types, NaN, numbers over 64 bits, NUL characters, halves of
        characters (lone surrogates), names that are not text, more than `DEEPEST` levels. Values
        are not shown: they may be secret.
    """
    found: list[Problem] = []
    stack: list[tuple[object, str, int]] = [(document, "", 1)]
    while stack and len(found) < _MOST_PROBLEMS:
        value, member, depth = stack.pop()
        if isinstance(value, (dict, list)):
            if depth > DEEPEST:
                found.append(Problem(member[:200], f"at most {DEEPEST} levels of nesting"))
            else:
                children = list(_children(value, member, found))
                stack.extend((child, path, depth + 1) for child, path in reversed(children))
        elif rule := _scalar_rule(value):
            found.append(Problem(member, rule))
    return found


def _children(
    value: dict[object, object] | list[object], member: str, found: list[Problem]
) -> Iterator[tuple[object, str]]:
    if isinstance(value, list):
        yield from ((child, f"{member}[{number}]") for number, child in enumerate(value))
        return
    for name, child in value.items():
        rule = _scalar_rule(name) if isinstance(name, str) else "names of members must be text"
        if rule:
            found.append(Problem(member, f"name of a member: {rule}"))
        else:
            yield child, f"{member}.{name}" if member else str(name)


def _scalar_rule(value: object) -> str:
    """Return the rule that a scalar breaks, or nothing."""
    if isinstance(value, str):
        if "\0" in value:
            return "no NUL characters"
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return "must be valid Unicode"
        return ""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return "" if -_BIGGEST <= value < _BIGGEST else "a whole number must fit into 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number must be finite"
    return f"not a JSON value but {type(value).__name__}"


def node_count(value: object) -> int:
    """Return how many scalars, lists and objects a JSON value consists of."""
    if isinstance(value, dict):
        return 1 + sum(map(node_count, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(node_count, value))
    return 1
