"""From the history of a batch to Attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ccp_jupyter.hub_service.moving.values import Json, json_size, moment, plain
from ccp_jupyter.model.execution import Attempt, PhaseTime
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.states import Outcome, Phase, TaskState

UNFINISHED: Final = "Was not finished when it was taken over from CC-Agency"

LONGEST_REASON: Final = 16_384
"""Characters kept of a text that says why a batch failed; its end is what matters."""
LARGEST_RESULT: Final = 262_144
"""Bytes, as JSON, of a report of the agent that is kept."""

_ENDS: Final = {
    BatchState.SUCCEEDED: (TaskState.SUCCESSFUL, Outcome.SUCCESSFUL),
    BatchState.FAILED: (TaskState.FAILED, Outcome.FAILED),
    BatchState.CANCELLED: (TaskState.DISMISSED, Outcome.DISMISSED),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    state: BatchState
    at: datetime
    node: str | None
    reason: str | None
    result: Json | None


@dataclass(slots=True)
class Course:
    """How a batch came to its end."""

    state: TaskState
    attempts: list[Attempt]
    ended: datetime
    reason: str | None = None
    """Why it has its state, where no Attempt says so."""
    finished: bool = True
    """False: CC-Agency had not brought it to an end."""


def course(batch: Json, created: datetime) -> Course:
    """Return the Attempts of a batch and its final state.

    An Attempt begins with ``scheduled``, its container with ``processing``, and it ends with what
    comes next; ``registered`` there means a failure that was tried again. What is no entry is left
    out.

    Parameters
    ----------
    batch : dict
        Document of the collection ``batches``.
    created : datetime
        Stands for times that are not there.
    """
    entries = list(_entries(batch.get("history"), created))
    stored = _state(batch.get("state"))
    finished = stored is not None and stored in _ENDS
    state, outcome = _ENDS[stored if finished and stored else BatchState.CANCELLED]
    found = Course(state, [], created, finished=finished)
    running: Attempt | None = None
    for entry in entries:
        found.ended = max(found.ended, entry.at)
        if entry.state in (BatchState.SCHEDULED, BatchState.PROCESSING):
            running = _begin(found.attempts, running, entry)
        elif running is not None:
            _end(running, entry)
            running = None
        elif entry.state in _ENDS:
            found.reason = entry.reason
    if running is not None:
        # Version 5 cancels without an entry; or nothing more was ever written.
        running.outcome = outcome
        running.reason = None if found.finished else UNFINISHED
        _enter(running, Phase.ENDED, found.ended)
    elif not found.finished:
        found.reason = UNFINISHED
    if found.attempts:
        found.attempts[-1].gpus = _gpus(batch.get("usedGPUs"))
    return found


def _entries(history: object, created: datetime) -> Iterator[_Entry]:
    at = created
    for each in history if isinstance(history, list) else []:
        state = _state(each.get("state")) if isinstance(each, dict) else None
        if state is None:
            continue
        at = moment(each.get("time")) or at
        node = each.get("node")
        yield _Entry(
            state,
            at,
            node if isinstance(node, str) and node else None,
            _reason(each.get("debugInfo")),
            _result(each.get("ccagent")),
        )


def _state(value: object) -> BatchState | None:
    return BatchState(value) if isinstance(value, str) and value in list(BatchState) else None


def _begin(attempts: list[Attempt], running: Attempt | None, entry: _Entry) -> Attempt:
    if running is not None and entry.state is BatchState.PROCESSING:
        _enter(running, Phase.DEPLOY, entry.at)
        running.node = entry.node or running.node
        return running
    if running is not None:
        running.outcome = Outcome.PLATFORM
        running.reason = "CC-Agency scheduled it again"
        _enter(running, Phase.ENDED, entry.at)
    begun = Attempt(number=len(attempts) + 1, node=entry.node or "")
    _enter(begun, Phase.LAUNCH, entry.at)
    if entry.state is BatchState.PROCESSING:
        _enter(begun, Phase.DEPLOY, entry.at)
    attempts.append(begun)
    return begun


def _end(attempt: Attempt, entry: _Entry) -> None:
    if entry.state is BatchState.REGISTERED:
        # Tried again. The agent's report tells a failure of the command from one of a Node.
        attempt.outcome = Outcome.PLATFORM if entry.result is None else Outcome.FAILED
    else:
        attempt.outcome = _ENDS[entry.state][1]
    attempt.reason = entry.reason
    attempt.result = entry.result
    process = entry.result.get("process") if entry.result else None
    code = process.get("returnCode") if isinstance(process, dict) else None
    attempt.exit_code = code if isinstance(code, int) and not isinstance(code, bool) else None
    _enter(attempt, Phase.ENDED, entry.at)


def _enter(attempt: Attempt, phase: Phase, at: datetime) -> None:
    attempt.phase = phase
    attempt.phases.append(PhaseTime(phase=phase, at=at))


def _reason(value: object) -> str | None:
    """Return ``debugInfo``, which is a text or a list of lines, as one text of bounded length."""
    if isinstance(value, list):
        lines = [each for each in value if isinstance(each, str)]
        value = "\n".join(line.rstrip("\n") for line in lines)
    if not isinstance(value, str) or not value.strip():
        return None
    found = str(plain(value))
    return found if len(found) <= LONGEST_REASON else "… " + found[2 - LONGEST_REASON :]


def _result(value: object) -> Json | None:
    """Return the agent's report, without its copy of the output where that is too long."""
    if not isinstance(value, dict):
        return None
    found: Json = plain(value)
    if json_size(found) > LARGEST_RESULT:
        found["debugInfo"] = [_reason(found.get("debugInfo")) or ""]
    return found if json_size(found) <= LARGEST_RESULT else None


def _gpus(value: Any) -> list[str]:
    ids = value if isinstance(value, list) else []
    return [str(plain(each)) for each in ids if isinstance(each, int | str)]
