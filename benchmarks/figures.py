"""Samples, ratios, budgets and verdicts, without any measuring."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

PASS = "PASS"
ABOVE = "ABOVE BUDGET"
NOT_MEASURED = "NOT MEASURED"
NO_BUDGET = "no budget"


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of some samples.

    Attributes
    ----------
    median, low, high : float
        In the unit of the samples.
    count : int
        How many there were.
    """

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, samples: Iterable[float]) -> Spread:
        """Summarise samples.

        Raises
        ------
        ValueError
            There are none, or one is no finite number.
        """
        values = list(samples)
        if not values:
            raise ValueError("no samples")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"a sample is no finite number: {values}")
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure must not pass.

    Attributes
    ----------
    side : str
        ``at most`` or ``at least``.
    value : float
        In the unit of the row.
    """

    side: Literal["at most", "at least"]
    value: float

    def keeps(self, figure: float) -> bool:
        """Tell whether a figure is within."""
        return figure <= self.value if self.side == "at most" else figure >= self.value

    def __str__(self) -> str:
        return f"{'≤' if self.side == 'at most' else '≥'} {_short(self.value)}"


@dataclass(slots=True)
class Row:
    """One line of the result.

    Attributes
    ----------
    key : str
        Short name, the same in every run.
    title : str
        What was measured.
    unit : str
        Of `value`; ``x`` for ratios.
    value : Spread or None
        The figure that the budget is about; None when it could not be measured.
    budget : Budget or None
        None for figures that only explain others.
    ours, theirs : Spread or None
        Both sides of a ratio, in `side_unit`.
    notes : list of str
        What a reader must know to judge it.
    """

    key: str
    title: str
    unit: str
    value: Spread | None = None
    budget: Budget | None = None
    ours: Spread | None = None
    theirs: Spread | None = None
    side_unit: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``PASS``, ``ABOVE BUDGET``, ``NOT MEASURED`` or ``no budget``; the median decides."""
        if self.value is None:
            return NOT_MEASURED
        if self.budget is None:
            return NO_BUDGET
        return PASS if self.budget.keeps(self.value.median) else ABOVE

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "value": _members(self.value),
            "budget": None
            if self.budget is None
            else {"side": self.budget.side, "value": self.budget.value},
            "ours": _members(self.ours),
            "theirs": _members(self.theirs),
            "side_unit": self.side_unit,
            "verdict": self.verdict,
            "notes": self.notes,
        }


def ratio_row(
    key: str,
    title: str,
    pairs: Sequence[tuple[float, float]],
    budget: Budget | None,
    side_unit: str,
    notes: Iterable[str] = (),
) -> Row:
    """Make a row of pairs that were measured in turn: A B A B.

    Each pair gives one ratio, so that what slows the machine for a while slows both sides of it.

    Parameters
    ----------
    pairs : sequence of (float, float)
        Ours and theirs, measured one right after the other.
    side_unit : str
        Of both.

    Raises
    ------
    ValueError
        No pairs, or the other side is not above 0.
    """
    if any(not theirs > 0 for _, theirs in pairs):
        raise ValueError(f"{key}: the other side of a ratio must be above 0 (found {pairs})")
    return Row(
        key,
        title,
        "x",
        Spread.of(ours / theirs for ours, theirs in pairs),
        budget,
        Spread.of(ours for ours, _ in pairs),
        Spread.of(theirs for _, theirs in pairs),
        side_unit,
        list(notes),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table whose columns are aligned."""
    header = ("what", "median", "min … max", "n", "budget", "verdict", "ours", "theirs")
    lines = [header, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def shown(spread: Spread | None, unit: str) -> str:
    """Return the median with its unit; a dash when there is nothing."""
    if spread is None:
        return "-"
    return f"{_short(spread.median)} {unit}".strip()


def _cells(row: Row) -> tuple[str, ...]:
    value = row.value
    return (
        row.title,
        shown(value, row.unit),
        "-" if value is None else f"{_short(value.low)} … {_short(value.high)}",
        "-" if value is None else str(value.count),
        "-" if row.budget is None else str(row.budget),
        row.verdict,
        shown(row.ours, row.side_unit),
        shown(row.theirs, row.side_unit),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f" {cell:<{width}} " for cell, width in zip(cells, widths, strict=True))
    return "|" + "|".join(padded) + "|"


def _short(value: float) -> str:
    """Return three digits that count, and whole numbers from 100 on."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def _members(spread: Spread | None) -> dict[str, float | int] | None:
    if spread is None:
        return None
    return {
        "median": spread.median,
        "min": spread.low,
        "max": spread.high,
        "samples": spread.count,
    }
