"""The command ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.figures import Row
from benchmarks.machine import busy_share, machine, machine_line
from benchmarks.report import Run, report, write_into
from benchmarks.rows import bulk, latency, many, rest, single, stored
from benchmarks.setting import LIMITS, Setting
from tests.stack.stack import Stack

GROUPS: Final[dict[str, Callable[[Setting], list[Row]]]] = {
    "single": single.measure,
    "latency": latency.measure,
    "many": many.measure,
    "bulk": bulk.measure,
    "rest": rest.measure,
    "stored": stored.measure,
}
_CACHE = Path(__file__).resolve().parents[1] / ".cache"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write JSON; returns 1 when something could not be measured."""
    options = _parser().parse_args(arguments)
    # So that the stack is taken down then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    begun, line, busy = time.monotonic(), machine_line(), busy_share(2.0)
    print(f"{line}; {busy:.0%} of the processors' time goes elsewhere", flush=True)
    folder: Path = options.dir.resolve()
    stack = Stack.up(folder / "stack", limits=LIMITS)
    try:
        rows = _measure(Setting(stack, folder / "work", options.quick), options.only)
    finally:
        stack.down()
        shutil.rmtree(folder / "work", ignore_errors=True)
    form = "quick" if options.quick else "full"
    run = Run(f"{datetime.now(UTC):%Y-%m-%d}", form, time.monotonic() - begun, line, busy)
    _write_json(options.json, run, rows)
    text = report(run, rows)
    print(f"\n{text}\n\nThe same as JSON in {options.json}")
    if options.doc is not None:
        write_into(options.doc, text)
    return int(any(row.value is None for row in rows))


def _measure(setting: Setting, only: Sequence[str]) -> list[Row]:
    setting.deploy()
    rows: list[Row] = []
    for name, measure in GROUPS.items():
        if only and name not in only:
            continue
        begun = time.monotonic()
        try:
            found = measure(setting)
        except Exception as error:  # the other rows can still be measured
            traceback.print_exc()
            found = [Row(name, name, "", notes=[f"{type(error).__name__}: {error}"])]
        for row in found:
            print(f"{row.verdict}: {row.title}", flush=True)
        print(f"({name}: {time.monotonic() - begun:.0f} s)", flush=True)
        rows += found
    return rows


def _write_json(file: Path, run: Run, rows: Sequence[Row]) -> None:
    result = {
        "run": asdict(run),
        "machine": machine(),
        "rows": [row.document() for row in rows],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller: about 4 minutes")
    parser.add_argument(
        "--only", nargs="+", choices=list(GROUPS), default=[], help="only these groups of rows"
    )
    parser.add_argument(
        "--dir", type=Path, default=_CACHE / "bench", help="where the stack goes; a local disk"
    )
    parser.add_argument(
        "--json", type=Path, default=_CACHE / "bench.json", help="where the result is written"
    )
    parser.add_argument(
        "--doc", type=Path, help="also put the figures into this document, between its marks"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
