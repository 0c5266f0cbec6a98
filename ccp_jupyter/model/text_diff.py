"""The difference of two texts, bounded in time and in size."""

from __future__ import annotations

from difflib import unified_diff
from itertools import islice
from typing import Final

from pydantic import BaseModel

MOST_LINES: Final = 2000
LONGEST_LINE: Final = 500
"""Characters of a line that are shown."""
_MOST_HUNKS: Final = 20
_MOST_SHOWN: Final = 400


class TextDiff(BaseModel):
    """Two texts, line by line, as ``diff -u`` shows them: from the other one to this one."""

    same: bool
    lines: list[str] = []
    cut: bool = False
    """Whether there are more differences, or more lines than are compared."""


def text_diff(old: list[str], new: list[str]) -> TextDiff:
    """Return the first differences between two texts, in the order of ``diff -u old new``.

    Of what is left between the equal parts at both ends `MOST_LINES` lines are compared: that
    takes up to some seconds.
    """
    if old == new:
        return TextDiff(same=True)
    first, last = _alike(old, new)
    # The long equal parts at both ends are not searched; some lines of them give context.
    begin, end = max(0, first - 2), max(0, last - 2)
    lines: list[str] = []
    hunks, cut = 0, False
    pieces = unified_diff(
        old[begin : len(old) - end][:MOST_LINES],
        new[begin : len(new) - end][:MOST_LINES],
        n=2,
        lineterm="",
    )
    for line in islice(pieces, 2, None):
        hunks += line.startswith("@@")
        if hunks > _MOST_HUNKS or len(lines) == _MOST_SHOWN:
            cut = True
            break
        lines.append(_moved(line, begin) if line.startswith("@@") else line[: LONGEST_LINE + 1])
    longest = max(len(old), len(new)) - begin - end
    return TextDiff(same=False, lines=lines, cut=cut or longest > MOST_LINES)


def _alike(old: list[str], new: list[str]) -> tuple[int, int]:
    """Return how many lines are the same at the beginning, and of the rest at the end."""
    shorter = min(len(old), len(new))
    first = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - first
    last = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    return first, last


def _moved(header: str, by: int) -> str:
    """Return the header of a hunk with line numbers of the whole text."""

    def moved(part: str) -> str:
        start, comma, count = part[1:].partition(",")
        return f"{part[0]}{int(start) + by}{comma}{count}"

    _, old, new, _ = header.split(" ", 3)
    return f"@@ {moved(old)} {moved(new)} @@"
