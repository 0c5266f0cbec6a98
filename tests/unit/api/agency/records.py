"""Records of Experiments for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState

BEGIN = datetime(2026, 11, 22, 10, tzinfo=UTC)
ID = "6b0206930123456789000000"


def at(seconds: float) -> datetime:
    """Return a time after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def experiment(status: Status = Status.RUNNING, **members: Any) -> Execution:
    """Return an Execution of an Experiment."""
    document = Experiment(
        red_version="8",
        cli={"cwlVersion": "v1.0", "class": "CommandLineTool", "stdout": "hits.txt"},
        container={"engine": "docker", "settings": {"image": {"url": "x"}, "ram": 256}},
        execution={"engine": "ccagency", "settings": {"batchConcurrencyLimit": 8}},
        doc="what it is",
        changes=["redVersion: 8 became 9"],
    )
    given: dict[str, Any] = {
        "id": ID,
        "owner": "alice",
        "experiment": document,
        "method_id": "",
        "method": {},
        "request": {},
        "inputs": {},
        "infrastructure_id": "local",
        "limits": Limits(),
        "image": "x",
        "replicas": 2,
        "status": status,
        "message": "Running",
        "created": BEGIN,
        "after": ["6b0206930123456788000000"],
    }
    return Execution(**{**given, **members})


def task(state: TaskState = TaskState.QUEUED, *attempts: Attempt, **members: Any) -> Task:
    """Return its second batch."""
    return Task(
        execution_id=ID,
        index=2,
        owner="alice",
        created=BEGIN,
        batch=Batch(inputs={"term": "QUERY"}, stdout="hits.txt", stderr="x.stderr"),
        state=state,
        attempts=list(attempts),
        **members,
    )


def attempt(
    number: int, outcome: Outcome | None, times: dict[Phase, float], **members: Any
) -> Attempt:
    """Return an Attempt that entered phases at these seconds."""
    return Attempt(
        number=number,
        node=f"node{number}",
        phase=list(times)[-1],
        phases=[PhaseTime(phase=phase, at=at(seconds)) for phase, seconds in times.items()],
        outcome=outcome,
        **members,
    )


def whole(start: float) -> dict[Phase, float]:
    """Return the times of all phases, a second each."""
    return {phase: start + number for number, phase in enumerate(Phase)}
