"""One trivial Method, from submit to the unpacked zip in a workspace."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from benchmarks import methods
from benchmarks.direct import Direct
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.setting import Setting, interleaved
from ccp_jupyter import Client


def measure(setting: Setting) -> list[Row]:
    """Compare with the same container driven directly."""
    numbers = itertools.count()
    with setting.client() as client, setting.direct() as direct:
        pairs = interleaved(
            setting.choose(6, 40),
            lambda: _ours(setting, client, setting.folder("workspace")),
            lambda: _theirs(setting, direct, setting.folder("direct") / f"{next(numbers)}.zip"),
        )
    totals = [(sum(ours), theirs) for ours, theirs in pairs]
    submit, wait, fetch = (Spread.of(ours[step] for ours, _ in pairs).median for step in range(3))
    return [
        ratio_row(
            "single",
            "one trivial Method, submit to unpacked zip",
            totals,
            Budget("at most", 1.3),
            "s",
            [
                f"ours, median of each step: submit {submit:.3f} s, wait {wait:.3f} s,"
                f" fetch and unpack {fetch:.3f} s"
            ],
        )
    ]


def _ours(setting: Setting, client: Client, workspace: Path) -> tuple[float, float, float]:
    begun = time.monotonic()
    execution = client.run(methods.TRIVIAL)
    submitted = time.monotonic()
    execution.wait(120, progress=False)
    ended = time.monotonic()
    folder = execution.fetch(workspace)
    fetched = time.monotonic()
    if (folder / "x").read_text() != "hi\n":
        raise RuntimeError(f"{folder}: not what the Method writes")
    setting.wait_clean()
    return submitted - begun, ended - submitted, fetched - ended


def _theirs(setting: Setting, direct: Direct, target: Path) -> float:
    job = setting.job(methods.trivial)
    times = direct.run(job, target)
    return times.removed - times.begun
