"""How single facts are said in an RO-Crate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from ccp_jupyter.model.states import Phase, Status, TaskState
from ccp_jupyter.model.times import iso
from ccp_jupyter.provenance.facts import AttemptFact, InputFact, TaskFact

Entity = dict[str, Any]
DOCKER: Final = "docker.io"
"""Registry of references that name none."""

FAILED: Final = "FailedActionStatus"
STATUS: Final = {
    Status.CREATED: "PotentialActionStatus",
    Status.ACCEPTED: "PotentialActionStatus",
    Status.RUNNING: "ActiveActionStatus",
    Status.SUCCESSFUL: "CompletedActionStatus",
    Status.FAILED: FAILED,
    Status.DISMISSED: FAILED,
}
TASK_STATUS: Final = {
    TaskState.QUEUED: "PotentialActionStatus",
    TaskState.RUNNING: "ActiveActionStatus",
    TaskState.SUCCESSFUL: "CompletedActionStatus",
    TaskState.FAILED: FAILED,
    TaskState.DISMISSED: FAILED,
}


def ref(identifier: str) -> dict[str, str]:
    """Return a reference to an entity."""
    return {"@id": identifier}


def refs(identifiers: Iterable[str]) -> list[dict[str, str]]:
    """Return references to entities."""
    return [ref(each) for each in identifiers]


def entity_of(identifier: str, kind: str | list[str], /, **members: Any) -> Entity:
    """Return an entity; members without a value are left out."""
    found: Entity = {"@id": identifier, "@type": kind}
    found |= {name: value for name, value in members.items() if value not in (None, "", [])}
    return found


def image_parts(reference: str) -> tuple[str, str, str]:
    """Return registry, name and tag of an image reference; the tag may be empty.

    Examples
    --------
    >>> image_parts("python:3.11-slim")
    ('docker.io', 'python', '3.11-slim')
    >>> image_parts("registry.example.org:5000/a/b@sha256:00")
    ('registry.example.org:5000', 'a/b', '')
    """
    name = reference.partition("@")[0]
    first, slash, rest = name.partition("/")
    registry = DOCKER
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, name = first, rest
    name, _, tag = name.partition(":")
    return registry, name, tag


def time_of(moment: datetime | None) -> str | None:
    """Return a time as text, if there is one."""
    return iso(moment) if moment is not None else None


def span_of(task: TaskFact, phase: Phase) -> tuple[datetime, datetime | None] | None:
    """Return begin and end of a phase of the Attempt that counts, if it came there."""
    for attempt in task.attempts[-1:]:
        for span in attempt.spans:
            if span.phase is phase:
                return span.start, span.end
    return None


def story(task: TaskFact) -> str:
    """Return what happened to a Task, Attempt by Attempt."""
    return "; ".join(map(_told, task.attempts)) or "not begun"


def _told(attempt: AttemptFact) -> str:
    spans = ", ".join(f"{span.phase.value} {iso(span.start)}" for span in attempt.spans)
    outcome = attempt.outcome.value if attempt.outcome else "going on"
    reason = f" ({attempt.reason})" if attempt.reason else ""
    return f"Attempt {attempt.number} on Node {attempt.node}: {spans}; {outcome}{reason}"


def value_text(each: InputFact) -> str | None:
    """Return the value of an input as text, as JSON writes it; None when it is not told."""
    if each.value is None or isinstance(each.value, str):
        return each.value
    return str(each.value).lower() if isinstance(each.value, bool) else repr(each.value)
