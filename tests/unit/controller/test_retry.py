"""Whether a Task gets another Attempt, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccp_jupyter.hub_service.controller.judgement import Ended
from ccp_jupyter.hub_service.controller.retry import decide, delay
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, TaskState

PLATFORM, FAILED = Outcome.PLATFORM, Outcome.FAILED


def task(*outcomes, execution_id="e"):
    """A Task with ended Attempts, and one under way."""
    attempts = [
        Attempt(number=number, node="n", outcome=outcome)
        for number, outcome in enumerate([*outcomes, None], 1)
    ]
    return Task(
        execution_id=execution_id,
        index=1,
        batch=Batch(),
        state=TaskState.RUNNING,
        attempts=attempts,
    )


def execution(retry=None):
    experiment = None
    if retry is not None:
        experiment = Experiment(red_version="9", cli={}, container={}, retry=retry)
    return Execution(
        id="e",
        owner="alice",
        experiment=experiment,
        method_id="",
        method={},
        request={},
        inputs={},
        infrastructure_id="lab",
        limits=Limits(),
        image="x",
    )


@pytest.mark.parametrize(
    ("before", "outcome", "retry", "state"),
    [
        ([], PLATFORM, None, TaskState.QUEUED),
        ([PLATFORM], PLATFORM, None, TaskState.QUEUED),
        ([PLATFORM, PLATFORM], PLATFORM, None, TaskState.FAILED),
        ([FAILED, PLATFORM], PLATFORM, True, TaskState.FAILED),
        ([], FAILED, None, TaskState.FAILED),
        ([], FAILED, False, TaskState.FAILED),
        ([], FAILED, True, TaskState.QUEUED),
        ([PLATFORM], FAILED, True, TaskState.QUEUED),
        ([FAILED], FAILED, True, TaskState.FAILED),
        ([FAILED, PLATFORM], FAILED, True, TaskState.FAILED),
        ([], Outcome.SUCCESSFUL, True, TaskState.SUCCESSFUL),
        ([], Outcome.DISMISSED, True, TaskState.DISMISSED),
    ],
)
def test_what_follows_an_outcome(before, outcome, retry, state):
    found = task(*before)
    decide(execution(retry), found, Ended(outcome, "why"), Settings(attempts=3), notify=True)
    assert found.state is state
    assert (found.attempts[-1].outcome, found.attempts[-1].reason) == (outcome, "why")
    final = state is not TaskState.QUEUED
    assert (found.ended is not None, found.to_notify) == (final, final)


def test_what_cannot_work_is_not_tried_again():
    found = task()
    decide(execution(retry=True), found, Ended(FAILED, "x", repeatable=False), Settings(), False)
    assert found.state is TaskState.FAILED
    assert not found.to_notify


@given(st.integers(1, 200), st.floats(0.01, 10), st.floats(10, 1000), st.text(max_size=5))
def test_delays_grow_to_a_bound_and_are_the_same_after_a_restart(number, first, longest, name):
    settings = Settings(retry_delay=first, longest_retry_delay=longest)
    found = task(*[PLATFORM] * (number - 1), execution_id=name)
    seconds = delay(found, settings)
    most = min(first * 2.0 ** (number - 1), longest)
    assert most / 2 <= seconds <= most
    assert delay(found, settings) == seconds


def test_tasks_that_failed_together_do_not_come_together_again():
    delays = {delay(task(execution_id=str(number)), Settings()) for number in range(50)}
    assert len(delays) == 50
