"""Command line: ``python -m tests.chaos.soak --tasks 2000 --faults 200 --seed 1``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, run
from tests.stack.engines import CannotStart
from tests.stack.hub import DidNotStart

_SECONDS_FOR_A_FAULT = 9.0
"""Apart so far on average: each lasts up to 22 s, and two may be at work at a time."""


def main() -> int:
    """Do what the command line says; returns 1 when something was lost, wrong or left over."""
    # As an exception, so that everything that was started is ended. Shells start programs in the
    # background deaf for SIGINT.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit("soak: ended before its end"))
    asked = _arguments().parse_args()
    span = asked.span or asked.faults * _SECONDS_FOR_A_FAULT
    plan = Plan(asked.seed, asked.tasks, asked.faults, span, asked.store)
    folder = asked.dir or Path(tempfile.mkdtemp(prefix="ccp-soak-"))
    print(f"{plan}\nfaults as they come: {folder}/faults.jsonl", flush=True)
    try:
        report = run(plan, folder)
    except (CannotStart, DidNotStart, FileNotFoundError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    (folder / "report.json").write_text(report.as_json() + "\n")
    (folder / "report.md").write_text(report.as_table() + "\n")
    print(f"{report.as_table()}\n\nkept in {folder}: report.json, report.md, faults.jsonl")
    return 1 if report.problems else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000, help="about how many Tasks")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="the same does the same")
    parser.add_argument("--span", type=float, help="seconds over which they begin")
    parser.add_argument("--store", default="sqlite", choices=("sqlite", "mongodb"))
    parser.add_argument("--dir", type=Path, help="for the report; default: a new one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
