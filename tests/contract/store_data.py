"""Records for tests of the store."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.values import FileValue, LinkValue, PlainValue, SecretValue

START = datetime(2026, 11, 21, 10, 0, 0, 123_000, tzinfo=UTC)
FINAL = (Status.SUCCESSFUL, Status.FAILED, Status.DISMISSED)

_ODD: dict[str, Any] = {
    "text": "Zürich · Ἀθῆναι · 東京 · 🧬 · e\u0301 · \u0000\u001f\u2028 \"'\\ %s :a ?",
    "empty": ["", [], {}, [[]], None],
    "none": None,
    "flags": [True, False],
    "integers": [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)],
    "floats": [0.1, 1.0, -0.0, 1e-308, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e16],
    "nested": {"a": [{"b": [{"c": [1, [2, [3.5, [None]]]]}]}]},
    "": "a key without letters",
    "ключ": "a key that is not ASCII",
    "number as text": "007",
    "long": "x" * 100_000,
}


def odd() -> dict[str, Any]:
    """Return what a JSON document may hold and a careless store changes; new at each call."""
    return copy.deepcopy(_ODD)


def at(seconds: float) -> datetime:
    """Return a time so many seconds after `START`."""
    return START + timedelta(seconds=seconds)


def an_execution(execution_id: str = "e1", **changes: Any) -> Execution:
    """Return a new Execution; each call makes its own."""
    values: dict[str, Any] = {
        "id": execution_id,
        "owner": "alice",
        "method_id": "m1",
        "method": {"id": "m1"},
        "request": {},
        "inputs": {},
        "infrastructure_id": "local",
        "limits": Limits(),
        "image": "busybox",
        "created": START,
        "updated": START,
    }
    return Execution(**{**values, **changes})


def a_full_execution(execution_id: str = "full") -> Execution:
    """Return an Execution with every member set, to values that are easily changed on the way."""
    return an_execution(
        execution_id,
        owner="bob@example.org",
        method={"id": "m1", "x": odd()},
        request={"inputs": odd()},
        inputs={
            "plain": [PlainValue(value=odd()), PlainValue(value=None), PlainValue(value=1.0)],
            "file": [FileValue(path="inputs/file", size=2**40, sha256="0" * 64)],
            "link": [LinkValue(href="https://example.org/ä?q=1", media_type="text/csv")],
            "secret": [SecretValue()],
            "none": [],
        },
        claims={"name": "bob", "groups": [], "admin": False},
        limits=Limits(cpus=0.1, max_time=7),
        replicas=3,
        idempotency_key="Schlüssel 🔑",
        request_digest="f" * 64,
        status=Status.RUNNING,
        message="läuft\n…",
        progress=42,
        started=at(1.001),
        finished=at(86_400 * 365),
        updated=at(0.999),
        output_size=2**62,
    )


def a_task(execution_id: str = "e1", index: int = 1, **changes: Any) -> Task:
    """Return a new Task."""
    return Task(**{"execution_id": execution_id, "index": index, "created": START, **changes})


def an_attempt(phase: Phase = Phase.ENDED, number: int = 1) -> Attempt:
    """Return an Attempt with every member set."""
    return Attempt(
        number=number,
        node="node-1",
        phase=phase,
        phases=[PhaseTime(phase=Phase.LAUNCH, at=at(1)), PhaseTime(phase=phase, at=at(2.5))],
        image="sha256:" + "a" * 64,
        container_id="c" * 64,
        exit_code=137,
        outcome=Outcome.PLATFORM,
        reason="Node „eins“ is gone",
    )


def tasks_with_and_without_work(execution_id: str, **changes: Any) -> tuple[list[Task], set[int]]:
    """Return one Task of each kind that matters for `Store.open_tasks`, and the open ones."""
    kinds: list[tuple[TaskState, list[Attempt], bool]] = [
        (TaskState.QUEUED, [], True),
        (TaskState.QUEUED, [an_attempt()], True),
        (TaskState.RUNNING, [an_attempt(Phase.EXECUTE)], True),
        (TaskState.SUCCESSFUL, [an_attempt()], False),
        (TaskState.SUCCESSFUL, [an_attempt(Phase.DESTROY)], True),
        (TaskState.FAILED, [], False),
        (TaskState.FAILED, [an_attempt(Phase.FETCH), an_attempt(Phase.ENDED, 2)], False),
        (TaskState.FAILED, [an_attempt(Phase.ENDED), an_attempt(Phase.DESTROY, 2)], True),
        (TaskState.DISMISSED, [], False),
        (TaskState.DISMISSED, [an_attempt(Phase.DESTROY)], True),
    ]
    tasks = [
        a_task(execution_id, index, state=state, attempts=attempts, **changes)
        for index, (state, attempts, _) in enumerate(kinds, 1)
    ]
    return tasks, {index for index, (_, _, is_open) in enumerate(kinds, 1) if is_open}


def a_method(method_id: str = "m1", **changes: Any) -> StoredMethod:
    """Return a new Method; what is not a member of `StoredMethod` goes into its document."""
    values: dict[str, Any] = {
        "owner": "alice",
        "created": START,
        "updated": START,
        "document": {"id": method_id, "title": method_id},
    }
    for name, value in changes.items():
        if name in StoredMethod.model_fields:
            values[name] = value
        else:
            values["document"][name] = value
    return StoredMethod(id=method_id, **values)


def a_link(link_id: str = "l1", **changes: Any) -> ShareLink:
    """Return a new link."""
    values = {"owner": "alice", "kind": "method", "target": "m1", "created": START}
    return ShareLink(**{"id": link_id, **values, "expires": at(3600), **changes})


async def add_all(store: Store, *executions: Execution) -> None:
    """Keep Executions without Tasks, in the order given."""
    for execution in executions:
        await store.add_execution(execution, [])


async def ids(store: Store, **members: Any) -> list[str]:
    """Return the ids of the Executions that a query lists."""
    page = await store.list_executions(ExecutionQuery(**{"limit": 1000, **members}))
    return [execution.id for execution in page.items]


def exact(record: Any) -> str:
    """Return text that tells 1 from 1.0 and 0.0 from -0.0, which `==` does not."""
    return repr(record.model_dump(mode="json"))
