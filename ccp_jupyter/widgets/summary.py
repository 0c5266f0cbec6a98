"""What a saved notebook says in place of a widget, where no kernel and no extension run.

The service is asked, but never for long and never so that a cell fails: without an answer, the
summary tells what the widget's traits say.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ccp_jupyter.client import html
from ccp_jupyter.client.aio import AsyncClient

T = TypeVar("T")
LONGEST = 3.0
"""Seconds that a cell waits for the service."""
MOST_ROWS = 20
_PAUSE = 30.0
"""Seconds in which a service that did not answer is not asked again."""


@dataclass(frozen=True)
class Summary:
    """What is known of a widget.

    Attributes
    ----------
    title : str
        What it is.
    rows : tuple of pairs
        What it was told.
    content : str
        HTML of what the service said; empty when it said nothing.
    """

    title: str
    rows: tuple[tuple[str, object], ...] = ()
    content: str = ""


class _Patience:
    """Remembers, for all threads, that the service did not answer a moment ago."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def worn_out(self) -> bool:
        return time.monotonic() < self._silent_until

    def lose(self) -> None:
        self._silent_until = time.monotonic() + _PAUSE


patience = _Patience()


def asked(question: Callable[[AsyncClient], Awaitable[T]]) -> T | None:
    """Ask the service; None when it cannot be asked or does not answer in time.

    It runs in a thread of its own, since a kernel's own event loop is busy running the cell.
    """
    if patience.worn_out():
        return None
    answers: list[T] = []

    async def ask() -> None:
        async with AsyncClient(timeout=LONGEST) as client:
            answers.append(await question(client))

    def run() -> None:
        # Whatever goes wrong, the widget itself is shown and says so better than a traceback.
        try:
            asyncio.run(ask())
        except Exception:
            return

    begin = time.monotonic()
    thread = threading.Thread(target=run, name="ccp-summary", daemon=True)
    thread.start()
    thread.join(LONGEST)
    if answers:
        return answers[0]
    if time.monotonic() - begin >= LONGEST / 2:
        patience.lose()
    return None


def as_html(summary: Summary) -> str:
    """Return a summary as HTML without scripts or links; everything in it is escaped."""
    rows = html.pairs(summary.rows) if summary.rows else ""
    return f"<div><p><strong>{html.text(summary.title)}</strong></p>{rows}{summary.content}</div>"


def as_text(summary: Summary, name: str) -> str:
    """Return a summary as plain text, for terminals and screen readers of saved notebooks."""
    return "\n".join([name, *(f"  {key}: {value}" for key, value in summary.rows)])


def shortened(items: Sequence[T], table: Callable[[Iterable[T]], str]) -> str:
    """Return a table of the first items; says so when there are more."""
    return table(items[:MOST_ROWS]) + ("<p>… and more</p>" if len(items) > MOST_ROWS else "")


def pairs(values: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    """Return rows of a summary, without those that say nothing."""
    return tuple((name, value) for name, value in values.items() if value not in ("", None))
