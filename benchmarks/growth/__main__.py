"""The command ``python -m benchmarks.growth``.

All engines share one machine, so the Tasks sleep: what is measured is whether the service keeps
every engine full, not how much the machine can compute.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import methods
from benchmarks.command import Command
from benchmarks.figures import Budget, Row, Spread
from benchmarks.report import Marks
from benchmarks.rows.many import rate
from benchmarks.setting import LIMITS, Setting
from tests.stack import service as services
from tests.stack.stack import Stack

ENGINES = 8
SLOTS = 2
"""Containers on one engine at a time: few, so that starting them all takes far less time than they
sleep, on two cores."""
WAVES = 3
"""Tasks for each slot, so that beginning and end do not decide."""


@dataclass
class Growing:
    """A stack with many engines, of which the service uses as many as it is told.

    Attributes
    ----------
    setting : Setting
        With all engines.
    nodes : list of dict
        Members of all Nodes.
    """

    setting: Setting
    nodes: list[dict[str, object]]

    def rate(self, engines: int, seconds: int) -> float:
        """Return Tasks per second with so many engines, each Task sleeping some seconds."""
        self.setting.use_nodes(self.nodes[:engines])
        return rate(self.setting, methods.NAP, engines * SLOTS * WAVES, {"seconds": seconds})


def measure(growing: Growing) -> list[Row]:
    """Compare the rate with 2, 4 and 8 engines with that of one."""
    seconds = growing.setting.choose(20, 60)
    rounds = growing.setting.choose(1, 2)
    counts = [2**power for power in range(ENGINES.bit_length()) if 2**power <= ENGINES]
    growing.rate(ENGINES, 1)  # all images are there afterwards
    rates = [{count: growing.rate(count, seconds) for count in counts} for _ in range(rounds)]
    return [
        Row(
            f"growth.{count}",
            f"{count} engines against one, rate for each engine",
            "x",
            Spread.of(each[count] / count / each[1] for each in rates),
            Budget("at least", 0.9),
            Spread.of(each[count] for each in rates),
            Spread.of(each[1] for each in rates),
            "/s",
            [f"{count * SLOTS * WAVES} Tasks that sleep {seconds} s, {SLOTS} at a time on each"],
        )
        for count in counts
        if count > 1
    ]


@contextmanager
def prepared(folder: Path, quick: bool) -> Iterator[Growing]:
    """Run a stack with all engines."""
    stack = Stack.up(folder / "stack", nodes=ENGINES, limits=LIMITS, node_options={"slots": SLOTS})
    try:
        setting = Setting(stack, folder / "work", quick)
        setting.deploy()
        yield Growing(setting, services.read_infrastructure(stack.folder)["nodes"])
    finally:
        stack.down()
        shutil.rmtree(folder / "work", ignore_errors=True)


COMMAND = Command(
    "benchmarks.growth",
    "bench-growth",
    {"growth": measure},
    prepared,
    Marks("growth figures", "python -m benchmarks.growth --doc"),
    "5 minutes",
)

if __name__ == "__main__":
    sys.exit(COMMAND.run())
