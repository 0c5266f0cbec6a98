"""Records to the documents of CC-Agency's API; pure.

The members and their meaning are those of CC-Agency 9.3.0; ``state`` of an Experiment and what
`experiment` adds after ``protectedKeysVoided`` are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ccp_jupyter.hub_service.controller.base import Live, NodeStatus
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.experiment import BatchState, batch_id
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState, is_final

_MIB: Final = 2**20
_OFFLINE: Final = "The engine does not answer; batches wait until it does"

_FINAL: Final = {
    Status.SUCCESSFUL: BatchState.SUCCEEDED,
    Status.FAILED: BatchState.FAILED,
    Status.DISMISSED: BatchState.CANCELLED,
}
_ENDED: Final = (BatchState.SUCCEEDED, BatchState.FAILED, BatchState.CANCELLED)


def experiment_state(status: Status, counts: Mapping[BatchState, int]) -> BatchState:
    """Return where an Experiment stands, in the words for batches.

    CC-Agency does not store it; its user interface rolls it up from the batches. Here a final
    state is the Execution's, and an Experiment of which some batches have ended is processing
    until all have.

    Parameters
    ----------
    status : Status
        Of the Execution.
    counts : mapping of BatchState to int
        Batches in each state; only looked at while the Execution is not final.
    """
    if is_final(status):
        return _FINAL[status]
    if counts.get(BatchState.PROCESSING) or any(counts.get(each) for each in _ENDED):
        return BatchState.PROCESSING
    return BatchState.SCHEDULED if counts.get(BatchState.SCHEDULED) else BatchState.REGISTERED


def experiment_item(execution: Execution, state: BatchState) -> dict[str, Any]:
    """Return an Experiment as lists show it."""
    return {
        "_id": execution.id,
        "username": execution.owner,
        "registrationTime": execution.created.timestamp(),
        "state": state,
    }


def experiment_summary(
    execution: Execution, counts: Mapping[BatchState, int], live: Live | None = None
) -> dict[str, Any]:
    """Return where an Experiment stands: state, message, progress, batches in each state."""
    live = live or Live(execution.message, execution.progress)
    return {
        "experimentId": execution.id,
        "state": experiment_state(execution.status, counts),
        "message": live.message,
        "progress": live.progress,
        "batches": {state.value: counts.get(state, 0) for state in BatchState},
    }


def experiment(execution: Execution, state: BatchState, live: Live | None = None) -> dict[str, Any]:
    """Return an Experiment in full: what was submitted, converted to RED 9, without secrets."""
    document = execution.experiment
    if document is None:
        raise ValueError(f"{execution.id} runs a Method")
    found = experiment_item(execution, state)
    found["redVersion"] = document.red_version
    found["cli"] = document.cli
    found["container"] = document.container
    if document.execution is not None:
        found["execution"] = document.execution
    if document.doc is not None:
        found["doc"] = document.doc
    found["protectedKeysVoided"] = is_final(execution.status)
    live = live or Live(execution.message, execution.progress)
    found["message"], found["progress"] = live.message, live.progress
    found["batches"] = execution.replicas
    found["after"] = execution.after
    found["changes"] = document.changes
    return found


def batch_item(task: Task) -> dict[str, Any]:
    """Return a batch as lists show it."""
    found = _batch(task)
    found["history"] = [
        {"node": each["node"], "state": each["state"], "time": each["time"]}
        for each in history(task)
    ]
    return found


def batch(execution: Execution, task: Task) -> dict[str, Any]:
    """Return a batch in full.

    Parameters
    ----------
    execution : Execution
        Its Experiment.
    task : Task
        With what it works on.
    """
    document, work = execution.experiment, task.batch
    if document is None or work is None:
        raise ValueError(f"{task.id} is no batch")
    attempt = task.attempt
    found = _batch(task)
    found["attempts"] = len(task.attempts)
    found["mount"] = any(map(_mounts, work.inputs.values()))
    found["usedGPUs"] = list(map(_gpu_id, attempt.gpus)) or None if attempt else None
    found["usedSpecifiedStdout"] = "stdout" in document.cli
    found["usedSpecifiedStderr"] = "stderr" in document.cli
    found["cliStdout"] = work.stdout
    found["cliStderr"] = work.stderr
    found["protectedKeysVoided"] = is_final(execution.status)
    found["notificationsSent"] = is_final(task.state) and not task.to_notify
    found["inputs"] = work.inputs
    found["outputs"] = work.outputs
    if work.doc is not None:
        found["doc"] = work.doc
    found["history"] = list(history(task))
    return found


def _batch(task: Task) -> dict[str, Any]:
    return {
        "_id": batch_id(task.execution_id, task.index),
        "experimentId": task.execution_id,
        "batchesListIndex": task.index - 1,
        "username": task.owner,
        "registrationTime": task.created.timestamp(),
        "state": task.batch_state,
        "node": _node(task),
    }


def _mounts(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_mounts, value))
    connector = value.get("connector") if isinstance(value, dict) else None
    return isinstance(connector, dict) and connector.get("mount") is True


def _gpu_id(text: str) -> int | str:
    return int(text) if text.isdecimal() and text.isascii() else text


def _node(task: Task) -> str | None:
    """Return the Node that the state is about; none for what waits, or was ended waiting."""
    attempt = task.attempt
    if attempt is None or task.state is TaskState.QUEUED or not _ended_with(task, attempt):
        return None
    return attempt.node


def _ended_with(task: Task, attempt: Attempt) -> bool:
    """Tell whether a Task's final state is how its last Attempt went, not what came after it."""
    if task.reason is not None:
        return False
    return task.state is not TaskState.DISMISSED or attempt.outcome in (None, Outcome.DISMISSED)


def history(task: Task) -> Iterator[dict[str, Any]]:
    """Yield how a batch came to be where it is, oldest first.

    An Attempt is scheduled when it begins, processing when its container has been started, and
    then what became of it; a failure that is tried again shows as ``registered`` without Node.
    """
    yield _entry(BatchState.REGISTERED, task.created)
    for attempt in task.attempts:
        yield from _of_attempt(task, attempt)
    if is_final(task.state):
        last = task.attempt
        if last is None or not _ended_with(task, last):
            yield _entry(task.batch_state, _end(task), reason=task.reason)


def _of_attempt(task: Task, attempt: Attempt) -> Iterator[dict[str, Any]]:
    times = {each.phase: each.at for each in attempt.phases}
    if Phase.LAUNCH in times:
        yield _entry(BatchState.SCHEDULED, times[Phase.LAUNCH], attempt.node)
    if Phase.DEPLOY in times:
        yield _entry(BatchState.PROCESSING, times[Phase.DEPLOY], attempt.node)
    at = times.get(Phase.DESTROY) or times.get(Phase.ENDED) or _end(task)
    last = attempt is task.attempt
    if last and is_final(task.state) and _ended_with(task, attempt):
        yield _entry(task.batch_state, at, attempt.node, attempt.reason, attempt.result)
    elif not last or (attempt.outcome is not None and task.state is not TaskState.RUNNING):
        yield _entry(BatchState.REGISTERED, at, None, attempt.reason, attempt.result)


def _end(task: Task) -> datetime:
    """Return when a Task ended; the last time known of it when nobody wrote that down."""
    times = [each.at for attempt in task.attempts for each in attempt.phases]
    return task.ended or max(times, default=task.created)


def _entry(
    state: BatchState,
    at: datetime,
    node: str | None = None,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "state": state,
        "time": at.timestamp(),
        "node": node,
        "debugInfo": reason,
        "ccagent": result,
    }


def node(
    status: NodeStatus, batches: list[tuple[str | None, int]], private: bool
) -> dict[str, Any]:
    """Return a Node as it is now.

    Parameters
    ----------
    status : NodeStatus
        As the controller sees it.
    batches : list of tuple of (str or None, int)
        Id and MB of each batch on it; without id where the caller must not know it.
    private : bool
        Whether the caller may see the true reason, which can name addresses.
    """
    info = status.info
    state = "online" if status.online else "offline"
    reason = None if status.online else status.reason if private else _OFFLINE
    return {
        "nodeName": status.id,
        "state": state,
        "ram": info.memory // _MIB if info else None,
        "cpus": info.cpus if info else None,
        "gpus": [
            {"id": _gpu_id(gpu.id), "vram": gpu.vram, "vendor": gpu.vendor} for gpu in status.gpus
        ]
        or None,
        "history": [{"state": state, "time": status.since.timestamp(), "debugInfo": reason}],
        "currentBatches": [{"batchId": name, "ram": ram} for name, ram in batches],
    }
