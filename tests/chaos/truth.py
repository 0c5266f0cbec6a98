"""Whether each Execution ended as it had to: what users heard, held against what is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ccp_jupyter.model.execution import Attempt, Execution, Task, container_name
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState, is_final
from tests.chaos.faults import Blow
from tests.chaos.load import Story

_NODE = re.compile(r"\b(Node )?node-\d+\b")
_NAME = re.compile(r"^\S+: ")
"""Of image or container, in front of what happened to it."""
_AFTERMATH = timedelta(seconds=60)
"""For so long after it was undone, a fault may be why an Attempt was given up."""
_MOMENT = timedelta(seconds=5)
_LOG_LOST_BY = ("disk full", "engine killed")
"""What the engine cannot write, and what is said while nobody reads, is lost; all else is kept."""


@dataclass
class Verdict:
    """How one request went."""

    story: Story
    outcome: str = ""
    """``as it should``, or what excuses that it is otherwise."""
    problems: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    """Of each Attempt how it went; where the platform failed, why."""


@dataclass(frozen=True)
class Rules:
    """What the configuration grants."""

    attempts: int
    """Of one Task."""
    sealed: bool
    """Whether secrets survive the vault."""


@dataclass(frozen=True)
class Kept:
    """What store and disk have of an Execution."""

    execution: Execution
    tasks: list[Task]
    events: list[dict[str, Any]]


def judge(story: Story, kept: Kept | None, blows: Sequence[Blow], rules: Rules) -> Verdict:
    """Return whether all is well with one request.

    Parameters
    ----------
    story : Story
        What the user heard.
    kept : Kept or None
        What there is of it after the end; None when there is nothing.
    blows : sequence of Blow
        All faults.
    rules : Rules
        What the service was configured for.
    """
    verdict = Verdict(story)
    verdict.problems += story.problems
    if not story.id:
        verdict.problems.append("it was never acknowledged")
        return _named(verdict)
    if story.work.asks == "delete" and story.asked:
        verdict.outcome = "deleted on request"
        if kept is not None:
            verdict.problems.append("it was deleted, and is still kept")
        return _named(verdict)
    if kept is None:
        verdict.problems.append("it was acknowledged, and nothing is kept of it")
        return _named(verdict)
    verdict.problems += _of_events(kept)
    for task in kept.tasks:
        verdict.problems += _of_task(task, blows)
        verdict.attempts += [_described(attempt) for attempt in task.attempts]
    if kept.execution.status is not story.status:
        verdict.problems.append(
            f"the user was told {story.status}, the store has {kept.execution.status}"
        )
    _against_truth(verdict, kept, blows, rules)
    return _named(verdict)


def _described(attempt: Attempt) -> str:
    if attempt.outcome is not Outcome.PLATFORM:
        return str(attempt.outcome)
    reason = _NODE.sub("a Node", _NAME.sub("", attempt.reason or ""))
    return f"platform: {re.split('[:(]', reason)[0].strip()}"


def _named(verdict: Verdict) -> Verdict:
    story = verdict.story
    head = f"job {story.job.number} ({story.job.kind}, {story.id or 'no id'})"
    verdict.problems = [f"{head}: {problem}" for problem in verdict.problems]
    return verdict


def _of_events(kept: Kept) -> Iterator[str]:
    numbers = [event["seq"] for event in kept.events]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"events are not numbered without gaps: {numbers}"
    ends = [e for e in kept.events if e["kind"] == "status" and is_final(Status(e["status"]))]
    if {event["status"] for event in ends} != {kept.execution.status}:
        yield f"events tell of the ends {[e['status'] for e in ends]}"


def _of_task(task: Task, blows: Sequence[Blow]) -> Iterator[str]:
    """Say what cannot be, whatever the Task was to do."""
    name = f"Task {task.index}"
    if not is_final(task.state):
        yield f"{name} is {task.state} for ever"
    if [a.number for a in task.attempts] != list(range(1, len(task.attempts) + 1)):
        yield f"{name} has Attempts {[a.number for a in task.attempts]}"
    good = [a.number for a in task.attempts if a.outcome is Outcome.SUCCESSFUL]
    if len(good) != (task.state is TaskState.SUCCESSFUL):
        yield f"{name} is {task.state} with {len(good)} successful Attempts"
    for attempt in task.attempts:
        if attempt.outcome is None:
            yield f"{name}, Attempt {attempt.number} has no outcome"
        if attempt.outcome not in (None, Outcome.SUCCESSFUL) and not attempt.reason:
            yield f"{name}, Attempt {attempt.number} is {attempt.outcome} and does not say why"
        order = [list(Phase).index(each.phase) for each in attempt.phases]
        if order != sorted(set(order)):
            yield f"{name}, Attempt {attempt.number} went {[p.phase for p in attempt.phases]}"
        if attempt.outcome is Outcome.PLATFORM and not any(_touches(b, attempt) for b in blows):
            yield (
                f"{name}, Attempt {attempt.number} on {attempt.node} was given up"
                f" ({attempt.reason}), and nothing was done to it"
            )
    if task.attempts and task.attempts[-1].phase is not Phase.ENDED:
        yield f"{name} is still in phase {task.attempts[-1].phase}"


def _against_truth(verdict: Verdict, kept: Kept, blows: Sequence[Blow], rules: Rules) -> None:
    story, truth = verdict.story, verdict.story.work.truth
    found = kept.execution.status
    if found is truth.status and truth.reason in kept.execution.message:
        verdict.outcome = "as it should"
        verdict.problems += _of_answers(story, kept, blows)
        return
    wrong = f"it is {found} ({kept.execution.message}), and should be {truth.status}" + (
        f" ({truth.reason})" if truth.reason else ""
    )
    if found is not Status.FAILED:
        verdict.problems.append(wrong)
        return
    for task in kept.tasks:
        if task.state is TaskState.FAILED and not _is_true_failure(story, task):
            excuse = _excuse(story, task, blows, rules)
            if excuse is None:
                verdict.problems.append(f"Task {task.index}: {wrong}")
            verdict.outcome = excuse or "wrong"
    if not verdict.outcome:
        verdict.problems.append(wrong)


def _is_true_failure(story: Story, task: Task) -> bool:
    """Tell whether a batch failed that had to; the Experiment may have another one that did not."""
    return story.job.kind == "bad experiment" and task.index == 2


def _excuse(story: Story, task: Task, blows: Sequence[Blow], rules: Rules) -> str | None:
    """Return which fault a failed Task may be put down to, if it says so itself."""
    attempt = task.attempt
    if attempt is None or not attempt.reason:
        return None
    if attempt.outcome is Outcome.PLATFORM:
        given_up = [a for a in task.attempts if a.outcome is Outcome.PLATFORM]
        return "the platform failed every Attempt" if len(given_up) == rules.attempts else None
    if story.work.has_secret and "vault was restarted" in attempt.reason:
        killed = any(blow.fault.kind == "vault killed" for blow in blows)
        return "the vault lost its memory" if killed and not rules.sealed else None
    if any(_overlaps(blow, "disk full", attempt) for blow in blows):
        return "the engine's disk was full"
    if "expired" in attempt.reason and any(
        _overlaps(blow, "containerd killed", attempt) for blow in blows
    ):
        return "the engine missed its end, with its containerd killed"
    name = container_name(task.id, attempt.number)
    if any(b.fault.kind == "process killed" and b.note == name for b in blows):
        return "its process was killed on the machine"
    return None


def _of_answers(story: Story, kept: Kept, blows: Sequence[Blow]) -> Iterator[str]:
    truth = story.work.truth
    if truth.status is Status.SUCCESSFUL or story.work.experiment:
        found = {name: c for name, c in story.files.items() if "input/" not in name}
        if set(found) != set(truth.files):
            yield f"it has the outputs {sorted(found)}, and should have {sorted(truth.files)}"
        for name in set(found) & set(truth.files):
            if found[name] != truth.files[name]:
                yield (
                    f"{name} is {found[name][:60]!r}… ({len(found[name])} bytes), and should be"
                    f" {truth.files[name][:60]!r}… ({len(truth.files[name])} bytes)"
                )
    if truth.log is not None:
        [task] = kept.tasks
        last = task.attempts[-1]
        lines = tuple(_lines(kept.events, last.number))
        lossy = any(_overlaps(blow, kind, last) for blow in blows for kind in _LOG_LOST_BY)
        if lines != truth.log and not (lossy and _is_part(lines, truth.log)):
            yield f"Attempt {last.number} has the log {lines}, and should have {truth.log}"


def _lines(events: Sequence[dict[str, Any]], attempt: int) -> Iterator[str]:
    for event in events:
        if (event["kind"], event.get("attempt"), event.get("stream")) == ("log", attempt, "stdout"):
            yield from event["lines"]


def _touches(blow: Blow, attempt: Attempt) -> bool:
    """Tell whether a fault may have disturbed an Attempt."""
    if blow.fault.target.startswith("node") and blow.fault.target != attempt.node:
        return False
    begin, end = _span(attempt)
    return blow.began <= end and begin <= blow.ended + _AFTERMATH


def _overlaps(blow: Blow, kind: str, attempt: Attempt) -> bool:
    """Tell whether a fault of this kind was at work on an Attempt's Node, or a moment before."""
    begin, end = _span(attempt)
    return (
        (blow.fault.kind, blow.fault.target) == (kind, attempt.node)
        and blow.began <= end
        and begin <= blow.ended + _MOMENT
    )


def _is_part(lines: Sequence[str], of: Sequence[str]) -> bool:
    """Tell whether all lines are there, in this order, each once."""
    rest = iter(of)
    return all(line in rest for line in lines)


def _span(attempt: Attempt) -> tuple[datetime, datetime]:
    times = [each.at for each in attempt.phases]
    return min(times), max(times)


def read_events(journal: Path) -> list[dict[str, Any]]:
    """Return the events of a journal, in its order."""
    return [json.loads(line) for line in journal.read_text().splitlines()]
