"""How an Execution goes on, shown in a terminal, a notebook, or as plain lines."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections import deque
from shutil import get_terminal_size
from typing import Any, Protocol, TextIO

from ccp_jupyter.client import html
from ccp_jupyter.client.follow import Away
from ccp_jupyter.client.record import Record
from ccp_jupyter.model.events import Event, LogEvent, PhaseEvent, StatusEvent

SHOWN_LINES = 10
INTERVAL = 0.1
"""Seconds between two updates, at least."""
_LONGEST_LINE = 500


class Progress:
    """What has become known of an Execution while waiting for it.

    Parameters
    ----------
    record : Record
        The Execution as it is known at the beginning.
    """

    def __init__(self, record: Record) -> None:
        self.title = record.title
        self.id = record.id
        self.part = "Batch" if record.is_experiment else "Replica"
        self.status = record.status
        self.message = record.message
        self.percent = record.progress
        self.lines: deque[str] = deque(maxlen=SHOWN_LINES)
        self.away: Away | None = None
        self._phases: dict[int, PhaseEvent] = {}
        created = record.created
        self._since = time.time() if created is None else min(time.time(), created.timestamp())
        self._ended: float | None = None

    def feed(self, item: Event | Away) -> list[str]:
        """Take in what happened; returns log lines, printable."""
        if isinstance(item, Away):
            self.away = item
            return []
        self.away = None
        if isinstance(item, StatusEvent):
            self.status, self.message = str(item.status), printable(item.message)
            self.percent = max(0, min(item.progress, 100))
            self._ended = item.at.timestamp()
        elif isinstance(item, PhaseEvent):
            self._phases[item.task] = item
        elif isinstance(item, LogEvent):
            return self._log(item)
        return []

    def _log(self, event: LogEvent) -> list[str]:
        mark = f"[{event.task}] " if len(self._phases) > 1 else ""
        lines = [mark + printable(line) for line in event.lines]
        if event.truncated:
            lines.append(f"{mark}… the log is longer than the Infrastructure keeps")
        self.lines.extend(lines)
        return lines

    @property
    def elapsed(self) -> float:
        """Seconds since the Execution was created."""
        is_over = self.status in ("successful", "failed", "dismissed")
        until = self._ended if is_over and self._ended else time.time()
        return max(0.0, until - self._since)

    def headline(self) -> str:
        """Return one line: Method, what happens, replicas, time."""
        if self.away:
            gone = time.monotonic() - self.away.since
            what = f"the service does not answer for {gone:.0f} s, trying again"
        else:
            what = self.message or self.status
        parts = [printable(self.title), what, self._replicas(), _duration(self.elapsed)]
        return " · ".join(part for part in parts if part)

    def _replicas(self) -> str:
        counts: dict[str, int] = {}
        for event in self._phases.values():
            counts[event.phase] = counts.get(event.phase, 0) + 1
        if len(self._phases) < 2:
            return ", ".join(counts)
        return ", ".join(f"{count} in {phase}" for phase, count in counts.items())

    def replica_rows(self) -> list[tuple[object, ...]]:
        """Return replica, phase, Node and message of each replica."""
        return [
            (task, event.phase, event.node, event.message)
            for task, event in sorted(self._phases.items())
        ]


class View(Protocol):
    """Shows a `Progress`."""

    def lines(self, lines: list[str]) -> None:
        """Take new log lines."""

    def update(self, *, final: bool = False) -> None:
        """Show the present state, if it is time to; surely when `final`."""

    def note(self, text: str) -> None:
        """Tell the user something that stays."""


class Silent:
    """Shows nothing."""

    def lines(self, lines: list[str]) -> None:
        """Drop them."""

    def update(self, *, final: bool = False) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Drop it."""


class Terminal:
    """One live line, with the log above it."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self._progress = progress
        self._stream = stream
        self._pending: list[str] = []
        self._next = 0.0

    def lines(self, lines: list[str]) -> None:
        """Keep them for the next update."""
        self._pending += lines

    def update(self, *, final: bool = False) -> None:
        """Write pending lines, then the live line in place of the old one."""
        if time.monotonic() < self._next and not final:
            return
        self._next = time.monotonic() + INTERVAL
        above = "".join(f"\r\x1b[K{line}\n" for line in self._pending)
        self._pending = []
        headline = self._progress.headline()
        if self._progress.lines and not final:
            headline += f" · {self._progress.lines[-1]}"
        line = cut(headline, get_terminal_size().columns - 1)
        self._stream.write(f"{above}\r\x1b[K{line}" + ("\n" if final else ""))
        self._stream.flush()

    def note(self, text: str) -> None:
        """Write it on a line of its own."""
        self._stream.write(f"\r\x1b[K{text}\n")
        self._stream.flush()


class Plain:
    """Lines one after the other: changes and the log."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self._progress = progress
        self._stream = stream
        self._shown: tuple[object, ...] = ()

    def lines(self, lines: list[str]) -> None:
        """Write them."""
        self._stream.writelines(f"  {line}\n" for line in lines)

    def update(self, *, final: bool = False) -> None:
        """Write the headline when something in it other than the time has changed."""
        shown = self._progress
        state = (shown.status, shown.message, shown.away is None, str(shown.replica_rows()))
        if state != self._shown:
            self._shown = state
            self._stream.write(shown.headline() + "\n")
            self._stream.flush()

    def note(self, text: str) -> None:
        """Write it."""
        self._stream.write(text + "\n")
        self._stream.flush()


class Notebook:
    """One display that is updated in place."""

    def __init__(self, progress: Progress, display: Any) -> None:
        self._progress = progress
        self._notes: list[str] = []
        self._shown = self._bundle()
        self._handle = display(self._shown, raw=True, display_id=True)
        self._next = time.monotonic() + INTERVAL

    def _bundle(self) -> dict[str, str]:
        notes = "".join(f"<p>{html.text(note)}</p>" for note in self._notes)
        plain = "\n".join([self._progress.headline(), *self._progress.lines, *self._notes])
        return {"text/html": html.progress(self._progress) + notes, "text/plain": plain}

    def lines(self, lines: list[str]) -> None:
        """Do nothing: the last ones are part of the state."""

    def update(self, *, final: bool = False) -> None:
        """Replace what is shown, unless it was replaced just now or is the same."""
        if time.monotonic() < self._next and not final:
            return
        self._next = time.monotonic() + INTERVAL
        bundle = self._bundle()
        if bundle != self._shown:
            self._shown = bundle
            self._handle.update(bundle, raw=True)

    def note(self, text: str) -> None:
        """Show it below."""
        self._notes.append(text)
        self.update(final=True)


def view_for_here(progress: Progress, wanted: bool) -> View:
    """Return the view that fits where the program runs."""
    if not wanted:
        return Silent()
    display = _notebook_display()
    if display is not None:
        return Notebook(progress, display)
    stream = sys.stderr
    return Terminal(progress, stream) if stream.isatty() else Plain(progress, stream)


def _notebook_display() -> Any:
    """Return IPython's display function in a kernel, None elsewhere."""
    ipython = sys.modules.get("IPython")  # not imported: then this is no notebook
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display


def printable(line: str) -> str:
    """Return a line that cannot steer a terminal: control characters are taken out."""
    shown = line[:_LONGEST_LINE] + ("…" if len(line) > _LONGEST_LINE else "")
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "�" for c in shown.expandtabs()
    ).rstrip()


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that fills at most `width` columns of a terminal."""
    used = 0
    for n, c in enumerate(text):
        used += 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if used > width:
            return text[: max(0, n - 1)] + "…"
    return text


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
