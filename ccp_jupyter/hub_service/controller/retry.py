"""Whether a Task gets another Attempt, and when."""

from __future__ import annotations

import random
from typing import Final

from ccp_jupyter.hub_service.controller.judgement import Ended
from ccp_jupyter.hub_service.controller.records import current
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Outcome, TaskState, changed, is_final
from ccp_jupyter.model.times import now

TRIES_OF_A_BATCH: Final = 2
"""Attempts that may fail by themselves when an Experiment asks for it, as CC-Agency has it since
version 6 (reference: ``retryIfFailed``)."""


def decide(
    execution: Execution, task: Task, ended: Ended, settings: Settings, notify: bool
) -> None:
    """Give the latest Attempt of a Task its outcome, and the Task the state that follows.

    Parameters
    ----------
    execution, task : Execution, Task
        The Task is changed, not saved.
    ended : Ended
        How the Attempt ended.
    settings : Settings
        How many Attempts there may be.
    notify : bool
        Whether there are hooks to be told.
    """
    attempt = current(task)
    attempt.outcome, attempt.reason = ended.outcome, ended.reason or None
    task.state = changed(task.state, _next_state(execution, task, ended, settings))
    if is_final(task.state):
        task.ended = now()
        task.to_notify = notify and task.batch is not None


def delay(task: Task, settings: Settings) -> float:
    """Return the seconds between an Attempt that has ended and the next one.

    They double with each Attempt, up to a bound. Between half and all of it is taken, so that Tasks
    which failed together do not come together again; how much is decided by the Task's name, so
    that it is the same after a restart.
    """
    longest: float = min(
        settings.retry_delay * 2.0 ** (len(task.attempts) - 1), settings.longest_retry_delay
    )
    # No secret depends on it.
    jitter = random.Random(f"{task.id}.{len(task.attempts)}").uniform(0.5, 1.0)  # noqa: S311
    return longest * jitter


def _next_state(execution: Execution, task: Task, ended: Ended, settings: Settings) -> TaskState:
    # Failures of the platform get another Attempt up to a number in all, those of a batch by itself
    # one more when its Experiment asks for it.
    if ended.outcome is Outcome.PLATFORM:
        again = len(task.attempts) < settings.attempts
        return TaskState.QUEUED if again else TaskState.FAILED
    experiment = execution.experiment
    if ended.outcome is Outcome.FAILED and experiment is not None and experiment.retry:
        failed = 1 + sum(attempt.outcome is Outcome.FAILED for attempt in task.attempts[:-1])
        if failed < TRIES_OF_A_BATCH and ended.repeatable:
            return TaskState.QUEUED
    return TaskState(ended.outcome)
