"""The command ``python -m benchmarks.agency``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.agency import peer
from benchmarks.agency.rows import engine, queue, requests
from benchmarks.agency.sides import Pairing
from benchmarks.command import Command
from benchmarks.report import Marks
from benchmarks.setting import LIMITS, Setting
from tests.stack import images
from tests.stack.stack import Stack


@contextmanager
def prepared(folder: Path, quick: bool) -> Iterator[Pairing]:
    """Run a stack with one engine, and the original on the same engine."""
    stack = Stack.up(folder / "stack", limits=LIMITS)
    try:
        setting = Setting(stack, folder / "work", quick)
        peer.tag_inspection_image(setting.engine, images.load(setting.engine, ["shell"])["shell"])
        with peer.running(folder / "original") as original:
            yield Pairing(setting, original)
    finally:
        stack.down()
        for name in ("work", "original"):
            shutil.rmtree(folder / name, ignore_errors=True)


COMMAND = Command(
    "benchmarks.agency",
    "bench-agency",
    {"engine": engine.measure, "queue": queue.measure, "requests": requests.measure},
    prepared,
    Marks("agency figures", "python -m benchmarks.agency --doc"),
    "3 minutes",
    {"original": list(peer.REQUIREMENTS)},
)

if __name__ == "__main__":
    sys.exit(COMMAND.run())
