"""Events to write."""

from __future__ import annotations

from ccp_jupyter.model.events import LogEvent, PhaseEvent, StatusEvent
from ccp_jupyter.model.states import Phase, Status
from ccp_jupyter.model.times import now

E1 = "ab" * 16
E2 = "cd" * 16


def log_event(text: str = "hello", execution_id: str = E1) -> LogEvent:
    return LogEvent(
        execution_id=execution_id, at=now(), task=1, attempt=1, stream="stdout", lines=[text]
    )


def phase_event(execution_id: str = E1) -> PhaseEvent:
    return PhaseEvent(
        execution_id=execution_id, at=now(), task=1, attempt=1, node="n1", phase=Phase.DEPLOY
    )


def status_event(status: Status = Status.RUNNING, execution_id: str = E1) -> StatusEvent:
    return StatusEvent(
        execution_id=execution_id, at=now(), status=status, message="Größe: 3 ✓", progress=10
    )
