"""The command ``python -m benchmarks.ogc``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.command import Command
from benchmarks.ogc.pairing import Pairing
from benchmarks.ogc.peer import REQUIREMENTS
from benchmarks.ogc.rows import growth, memory, processes, submits, whole
from benchmarks.report import Marks
from benchmarks.setting import LIMITS, Setting
from tests.environments import environment
from tests.stack.stack import Stack


@contextmanager
def prepared(folder: Path, quick: bool) -> Iterator[Pairing]:
    """Run a stack; pygeoapi is started by the rows, each time as they want it."""
    environment("pygeoapi", REQUIREMENTS)  # made before anything is measured
    stack = Stack.up(folder / "stack", limits=LIMITS)
    try:
        setting = Setting(stack, folder / "work", quick)
        pairing = Pairing(setting, setting.folder("pygeoapi"))
        pairing.prepare()
        yield pairing
    finally:
        stack.down()
        shutil.rmtree(folder / "work", ignore_errors=True)


MARKS = Marks("pygeoapi figures", "python -m benchmarks.ogc --doc")
COMMAND = Command(
    "benchmarks.ogc",
    "bench-ogc",
    {
        "processes": processes.measure,
        "submits": submits.measure,
        "whole": whole.measure,
        "memory": memory.measure,
        "growth": growth.measure,
    },
    prepared,
    MARKS,
    "3 minutes",
    {"pygeoapi": list(REQUIREMENTS)},
)

if __name__ == "__main__":
    sys.exit(COMMAND.run())
