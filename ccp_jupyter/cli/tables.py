"""Tables and quantities for humans."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ccp_jupyter.cli import output

_STEPS = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def show(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout, columns as wide as they must be; the last one is never padded."""
    lines = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        output.result(output.line_for(sys.stdout, padded.rstrip()))


def size(count: object) -> str:
    """Return bytes for humans, such as ``1.5 GiB``; ``-`` when there is no number."""
    if not isinstance(count, (int, float)):
        return "-"
    for name, step in _STEPS:
        if count >= step:
            return (
                f"{count / step:.3g} {name}" if count < 1000 * step else f"{count // step} {name}"
            )
    return f"{count:g} B"


def share(used: object, whole: object) -> str:
    """Return what of something is used, both in bytes."""
    return f"{size(used)} / {size(whole)}" if whole else "-"


def age(moment: object) -> str:
    """Return how long ago a time (RFC 3339) was, such as ``3 h``; ``-`` when there is none."""
    if not isinstance(moment, str):
        return "-"
    try:
        then = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError:
        return moment
    return span((datetime.now(UTC) - then).total_seconds())


def span(seconds: object) -> str:
    """Return a duration for humans."""
    if not isinstance(seconds, (int, float)):
        return "-"
    for name, step in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * step:
            return f"{int(seconds // step)} {name}"
    return f"{max(0, int(seconds))} s"
