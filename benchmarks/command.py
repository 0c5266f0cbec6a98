"""What the commands of all benchmarks share: options, one group of rows after another, report."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.figures import Row
from benchmarks.machine import busy_share, machine, machine_line
from benchmarks.report import Marks, Run, report, write_into

T = TypeVar("T")
_CACHE = Path(__file__).resolve().parents[1] / ".cache"


@dataclass(frozen=True)
class Command(Generic[T]):
    """A command that measures.

    Attributes
    ----------
    module : str
        As in ``python -m MODULE``.
    name : str
        Of its folder and its JSON file in ``.cache``.
    groups : mapping
        Name of a group of rows to what measures it.
    prepared : callable
        Gets the folder for everything and whether the short form is wanted; gives what is
        measured, and takes everything down.
    marks : Marks
        Where figures stand in a document.
    quick : str
        How long the short form takes.
    about : mapping
        Further members of the JSON file.
    """

    module: str
    name: str
    groups: Mapping[str, Callable[[T], list[Row]]]
    prepared: Callable[[Path, bool], AbstractContextManager[T]]
    marks: Marks
    quick: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Measure, print a table, write JSON; returns 1 when something could not be measured."""
        options = self._parser().parse_args(arguments)
        # So that everything is taken down then too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        begun, line, busy = time.monotonic(), machine_line(), busy_share(2.0)
        print(f"{line}; {busy:.0%} of the processors' time goes elsewhere", flush=True)
        with self.prepared(options.dir.resolve(), options.quick) as subject:
            rows = self._measure(subject, options.only or list(self.groups))
        form = "quick" if options.quick else "full"
        run = Run(f"{datetime.now(UTC):%Y-%m-%d}", form, time.monotonic() - begun, line, busy)
        self._write_json(options.json, run, rows)
        text = report(run, rows)
        print(f"\n{text}\n\nThe same as JSON in {options.json}")
        if options.doc is not None:
            write_into(options.doc, text, self.marks)
        return int(any(row.value is None for row in rows))

    def _measure(self, subject: T, names: Sequence[str]) -> list[Row]:
        rows: list[Row] = []
        for name in names:
            begun, line = time.monotonic(), machine_line()
            try:
                found = self.groups[name](subject)
            except Exception as error:  # the other rows can still be measured
                traceback.print_exc()
                found = [Row(name, name, "", notes=[f"{type(error).__name__}: {error}"])]
            if found:
                found[0].notes.append(f"before this group: {line.rpartition(', ')[2]}")
            for row in found:
                print(f"{row.verdict}: {row.title}", flush=True)
            print(f"({name}: {time.monotonic() - begun:.0f} s)", flush=True)
            rows += found
        return rows

    def _write_json(self, file: Path, run: Run, rows: Sequence[Row]) -> None:
        result = {
            "run": asdict(run),
            "machine": machine(),
            **self.about,
            "rows": [row.document() for row in rows],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}")
        parser.add_argument(
            "--quick", action="store_true", help=f"fewer and smaller: about {self.quick}"
        )
        parser.add_argument(
            "--only",
            nargs="+",
            choices=list(self.groups),
            default=[],
            help="only these groups of rows",
        )
        parser.add_argument(
            "--dir", type=Path, default=_CACHE / self.name, help="for everything; a local disk"
        )
        parser.add_argument(
            "--json", type=Path, default=_CACHE / f"{self.name}.json", help="for the result"
        )
        parser.add_argument(
            "--doc", type=Path, help="also put the figures into this document, between its marks"
        )
        return parser
