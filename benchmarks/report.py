"""The result as text for people, on the terminal and in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Row, table

BEGIN = "<!-- figures: begin; written by `python -m benchmarks --doc` -->"
END = "<!-- figures: end -->"


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


def write_into(document: Path, text: str) -> None:
    """Replace what stands between the two marks of a document.

    Raises
    ------
    NoPlace
        The marks are not both there, once, and in order; nothing was changed.
    """
    old = document.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise NoPlace(f"{document}: must hold, once and in this order: {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
