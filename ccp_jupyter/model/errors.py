"""What is wrong with a document that somebody sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_VALUE = 80


def shown(value: object) -> str:
    """Return a short, printable form of a value for an error message.

    Parameters
    ----------
    value : object
        Anything that came out of a JSON document.

    Returns
    -------
    str
        At most about 80 characters; longer values are cut in the middle of nowhere, with "…".
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule.

    Attributes
    ----------
    member : str
        Where in the document, as a path: ``inputs.column``, ``links[0].href``; empty for the whole.
    rule : str
        What is asked for, in words a user understands.
    value : str
        What was found, shortened by `shown`; empty when nothing was there or it must not be shown.
    """

    member: str
    rule: str
    value: str = ""

    def __str__(self) -> str:
        place = f"{self.member}: " if self.member else ""
        found = f" (found {self.value})" if self.value else ""
        return f"{place}{self.rule}{found}"


class InvalidDocument(ValueError):
    """A document breaks one or more rules; all of them are listed.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))
