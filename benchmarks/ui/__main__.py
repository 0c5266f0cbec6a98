"""The command ``python -m benchmarks.ui``.

Absolute times of a browser say more about the machine than about the views: what counts is how
little a long list differs from a short one.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from benchmarks import methods
from benchmarks.command import Command
from benchmarks.figures import Budget, Row, Spread
from benchmarks.report import Marks
from benchmarks.seeding import stock
from benchmarks.setting import Setting, prepared
from benchmarks.ui.looking import Look, look, seen

METHODS = (200, 5_000)
EXECUTIONS = (200, 10_000)
_FRAME = Budget("at most", 1.5)


def monitor(setting: Setting) -> list[Row]:
    """Look at the Execution monitor with few and with many Executions."""

    def at(count: int) -> list[Look]:
        setting.stack.kill_service(signal.SIGTERM)
        stock(setting.stack.data_dir / "store.sqlite", count)
        setting.stack.start_service()
        return _looks(setting, "monitor", "trivial", count)

    rows = _rows("monitor", "Executions", EXECUTIONS, at)
    shown = Spread.of(seen(setting, setting.choose(3, 10)))
    title = f"{EXECUTIONS[1]:,} Executions: from the stored end of another until it is drawn"
    return [*rows, Row("monitor.event", title, "ms", shown)]


def method_list(setting: Setting) -> list[Row]:
    """Look at the Method list with few and with many Methods."""
    with setting.client() as client:
        there = len(list(client.methods()))

    def at(count: int) -> list[Look]:
        nonlocal there
        _deploy(setting, there, count)
        there = max(there, count)
        return _looks(setting, "methods", "filler", there)

    return _rows("methods", "Methods", METHODS, at)


def _looks(setting: Setting, view: str, text: str, rows: int) -> list[Look]:
    rounds = setting.choose(1, 3)
    return [look(setting, view, text, rows) for _ in range(rounds)]


def _rows(
    view: str, what: str, counts: tuple[int, int], at: Callable[[int], list[Look]]
) -> list[Row]:
    few, many = (at(count) for count in counts)
    against = f"{counts[1]:,} {what} against {counts[0]}"
    return [
        _row(
            f"{view}.frame",
            f"{against}: 95th percentile of frames while scrolling",
            "frame",
            _FRAME,
            few,
            many,
        ),
        _row(
            f"{view}.key",
            f"{against}: a key in the search field until it is drawn",
            "key",
            None,
            few,
            many,
        ),
        _row(f"{view}.first", f"{against}: opening until the first row", "first", None, few, many),
    ]


def _row(
    key: str, title: str, member: str, budget: Budget | None, few: list[Look], many: list[Look]
) -> Row:
    theirs, ours = (Spread.of(getattr(each, member) for each in looks) for looks in (few, many))
    ratio = Spread.of(getattr(each, member) / theirs.median for each in many)
    return Row(key, title, "x", ratio, budget, ours, theirs, "ms")


def _deploy(setting: Setting, begin: int, end: int) -> None:
    with httpx.Client(base_url=setting.port_url, headers=setting.headers, timeout=60) as client:

        def send(number: int) -> None:
            document = setting.document(partial(methods.filler, number))
            document["metadata"] = [{"role": "category", "title": f"Category {number % 25}"}]
            client.post("processes", json=document).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(begin, end)))


COMMAND = Command(
    "benchmarks.ui",
    "bench-ui",
    {"monitor": monitor, "methods": method_list},
    prepared,
    Marks("ui figures", "python -m benchmarks.ui --doc"),
    "2 minutes",
)

if __name__ == "__main__":
    sys.exit(COMMAND.run())
