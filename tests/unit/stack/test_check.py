"""The test runner: bounded in time, nothing left running, honest about what failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import check
from tests.stack.daemons import find
from tests.stack.marks import TEST_RUN, marked

_LEAVES_ONE = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "300"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
print("===== 3 passed, 1 skipped in 0.50s =====")
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def job(seconds: float, timeout: float) -> check.Job:
    return check.Job("unit", ((sys.executable, "-c", _LEAVES_ONE, str(seconds)),), timeout)


def test_what_a_layer_leaves_is_ended(run: Path) -> None:
    result = check._run(job(0, 30), run)
    assert result.ok
    assert result.closing == "===== 3 passed, 1 skipped in 0.50s ====="
    left = find(next(int(line) for line in result.output.splitlines() if line.isdecimal()))
    assert left.alive()
    check.clean(run)
    assert not left.alive()
    assert not run.exists()


def test_a_layer_that_hangs_is_stopped_and_fails(run: Path) -> None:
    begin = time.monotonic()
    result = check._run(job(100, 1.5), run)
    assert time.monotonic() - begin < 30
    assert not result.ok
    assert "stopped after" in result.output
    check.clean(run)
    assert marked(TEST_RUN, str(run)) == []


def test_a_failure_is_told_in_status_and_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    good = check.Result(job(0, 1), True, "== 5 passed, 2 skipped in 1.00s ==", 1.0, "")
    bad = check.Result(job(0, 1), False, "== 1 failed, 3 passed in 2.00s ==", 2.0, "")
    assert check._summary([good], 3.0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "==== 5 passed, 2 skipped in 3.00s ===="
    assert check._summary([good, bad], 3.0) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "==== 8 passed, 2 skipped, 1 failed; not ok: unit in 3.00s ===="


def test_why_a_layer_failed_stands_beside_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    output = """
    def stack():
>       start()
E   DidNotStart: the hub ended
E   its log
tests/stack/hub.py:3: DidNotStart
ERROR tests/service/test_a.py::test_one - DidNotStart: the hub ended
ERROR tests/service/test_a.py::test_two - DidNotStart: the hub ended
FAILED tests/service/test_b.py::test_three[x] - assert 1 == 2
"""
    bad = check.Result(job(0, 1), False, "== 1 failed, 2 errors in 2.00s ==", 2.0, output)
    assert check._summary([bad], 3.0) == 1
    assert capsys.readouterr().out.splitlines()[1:5] == [
        "unit: 2 x DidNotStart: the hub ended (tests/service/test_a.py::test_one)",
        "unit: 1 x assert 1 == 2 (tests/service/test_b.py::test_three[x])",
        "unit: E   DidNotStart: the hub ended",
        "unit: E   its log",
    ]


def test_why_a_layer_without_tests_failed() -> None:
    assert check._reasons("a\nb\nexit status 2") == ["a", "b", "exit status 2"]


def test_an_unknown_layer_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.check", "unti"],
        capture_output=True,
        text=True,
        cwd=check.ROOT,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 2
    assert "no such layer: unti (there are lint, unit, contract" in done.stderr


def test_every_layer_of_tests_is_run() -> None:
    folders = {path.parent.name for path in check.ROOT.glob("tests/*/__init__.py")} - {
        "stack",
        "connectors",
        "conformance",
    }
    run = {name for stage in check.STAGES for lane in stage for name in lane} - {"lint"}
    assert run == set(check.MINUTES)
    assert folders == {name.partition("/")[0] for name in run}
    parts = check.ROOT.glob("tests/chaos/*/__init__.py")
    assert {f"chaos/{path.parent.name}" for path in parts} == {
        name for name in run if name.startswith("chaos/")
    }


def test_a_layer_in_parts_is_asked_for_by_its_name() -> None:
    known = ["lint", *check.MINUTES]
    assert check._parts("chaos", known) == [
        "chaos/one",
        "chaos/many",
        "chaos/around",
        "chaos/random",
    ]
    assert check._parts("chaos/many", known) == ["chaos/many"]
    assert check._parts("unit", known) == ["unit"]
    assert check._parts("unti", known) == ["unti"]
    wall = sum(
        max(sum(check.MINUTES.get(name, 6) for name in lane) for lane in stage)
        for stage in check.STAGES
    )
    assert wall <= 60, "the run itself is ended after 65 minutes"
