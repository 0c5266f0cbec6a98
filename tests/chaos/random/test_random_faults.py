"""A short run of random faults; `make soak` does long ones (docs/reliability.md)."""

from __future__ import annotations

import pytest

from tests.chaos.faults import kinds
from tests.chaos.run import Plan, run
from tests.conftest import missing
from tests.stack.engines import CannotStart, check_installed

pytestmark = pytest.mark.timeout(900)

PLAN = Plan(seed=31, tasks=40, faults=len(kinds("sqlite")), span=70)


def test_nothing_is_lost_and_nothing_is_left(tmp_path):
    try:
        check_installed()
        report = run(PLAN, tmp_path)
    except (CannotStart, FileNotFoundError) as error:
        missing(str(error))
        raise
    assert not report.problems, report.as_table()
    assert sum(report.executions.values()) > 20
    assert sum(int(found["count"]) for found in report.faults.values()) == PLAN.faults
