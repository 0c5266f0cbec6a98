"""The command ``python -m benchmarks``."""

from __future__ import annotations

import sys

from benchmarks.command import Command
from benchmarks.report import FIGURES
from benchmarks.rows import bulk, latency, many, rest, single, stored
from benchmarks.setting import prepared

COMMAND = Command(
    "benchmarks",
    "bench",
    {
        "single": single.measure,
        "latency": latency.measure,
        "many": many.measure,
        "bulk": bulk.measure,
        "rest": rest.measure,
        "stored": stored.measure,
    },
    prepared,
    FIGURES,
    "4 minutes",
)

if __name__ == "__main__":
    sys.exit(COMMAND.run())
