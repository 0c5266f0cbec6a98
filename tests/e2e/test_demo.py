"""`make demo ONCE=1`, on an engine that runs already, and the check that it stands for."""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts import demo
from tests.stack.stack import Stack


def test_once_uses_the_running_engine_and_leaves_nothing(stack: Stack) -> None:
    engine = stack.engines["node-1"]
    with closing(engine.client()) as client:
        before = {image["Id"] for image in client.images(all=True)}
        containers = len(client.containers(all=True))
        done = subprocess.run(
            [sys.executable, "-m", "scripts.demo", "--once"],
            cwd=demo.ROOT,
            env={**os.environ, "DOCKER_HOST": engine.base_url},
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for text in (
            f"using the docker engine at {engine.base_url}",
            "temperature: 1002 values, 6 missing",
            "execute",
            "output/statistics.json",
            "the numbers are those of the file",
            "batch-2/stdout",
            "both batches printed what they should",
            "everything ended",
        ):
            assert text in done.stdout + done.stderr
        assert not demo.ONCE_FOLDER.exists()
        assert {image["Id"] for image in client.images(all=True)} == before
        assert len(client.containers(all=True)) == containers


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The example table, and the right result for it."""
    table = demo.ROOT / "examples/data/weather.csv"
    with table.open(newline="") as file:
        cells = [row["temperature"] for row in csv.DictReader(file)]
    values = [float(cell) for cell in cells if cell]
    result = {
        "count": len(values),
        "missing": len(cells) - len(values),
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "minimum": min(values),
        "maximum": max(values),
        "stdev": statistics.stdev(values),
    }
    path = tmp_path / "statistics.json"
    path.write_text(json.dumps(result))
    return table, path


def test_right_numbers_pass(files: tuple[Path, Path]) -> None:
    demo._check(*files)


@pytest.mark.parametrize(
    "name", ["count", "missing", "mean", "median", "minimum", "maximum", "stdev"]
)
def test_a_wrong_or_missing_number_is_found(files: tuple[Path, Path], name: str) -> None:
    table, path = files
    right = json.loads(path.read_text())
    path.write_text(json.dumps({**right, name: right[name] + 0.001}))
    with pytest.raises(demo.WrongResult, match=f"{name} must be"):
        demo._check(table, path)
    path.write_text(json.dumps({k: v for k, v in right.items() if k != name}))
    with pytest.raises(demo.WrongResult, match=f"{name} must be"):
        demo._check(table, path)
