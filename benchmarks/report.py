"""The result as text for people, on the terminal and in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Row, table


@dataclass(frozen=True)
class Marks:
    """Comments of a document between which figures stand."""

    name: str
    command: str
    """That writes them."""

    @property
    def begin(self) -> str:
        """In front of the figures."""
        return f"<!-- {self.name}: begin; written by `{self.command}` -->"

    @property
    def end(self) -> str:
        """Behind them."""
        return f"<!-- {self.name}: end -->"


FIGURES = Marks("figures", "python -m benchmarks --doc")
BEGIN, END = FIGURES.begin, FIGURES.end


class NoPlace(ValueError):
    """A document has no place for the figures."""


@dataclass(frozen=True)
class Run:
    """When, where and how the figures were measured."""

    day: str
    form: str
    seconds: float
    machine: str
    """Its line; with the load before the start."""
    busy: float
    """Part of the processors' time that went elsewhere before the start, 0 to 1."""

    def text(self) -> str:
        """Return it as a paragraph."""
        return (
            f"{self.day}, {self.form} form, {self.seconds:.0f} s. {self.machine}; before the start"
            f" {self.busy:.0%} of the processors' time went elsewhere."
        )


def report(run: Run, rows: Sequence[Row]) -> str:
    """Return everything as Markdown."""
    notes = [f"* {row.title}: {note}" for row in rows for note in row.notes]
    return "\n".join([run.text(), "", table(rows), "", *notes])


def write_into(document: Path, text: str, marks: Marks = FIGURES) -> None:
    """Replace what stands between the two marks of a document.

    Raises
    ------
    NoPlace
        The marks are not both there, once, and in order; nothing was changed.
    """
    old, begin_mark, end_mark = document.read_text(), marks.begin, marks.end
    before, begin, rest = old.partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end or begin_mark in rest or end_mark in before + after:
        raise NoPlace(f"{document}: must hold, once and in this order: {begin_mark} and {end_mark}")
    document.write_text(f"{before}{begin_mark}\n\n{text}\n\n{end_mark}{after}")
