"""What must hold after every disturbance."""

from __future__ import annotations

from typing import Any

from tests.jobs import Caller


def attempts(caller: Caller, job: str) -> int:
    """Return how many Attempts the job's first Task has had."""
    return max(int(e["attempt"]) for e in caller.events(job) if e["kind"] == "phase")


def numbered(events: list[dict[str, Any]]) -> None:
    """Check that no event is missing and none is there twice."""
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
