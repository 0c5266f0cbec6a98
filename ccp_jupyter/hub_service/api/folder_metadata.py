"""The documents in an Execution folder: for people, and to make the Execution again elsewhere."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from ccp_jupyter.hub_service.api.documents import status_info
from ccp_jupyter.hub_service.api.results import pretty
from ccp_jupyter.hub_service.exchange.layout import (
    CLAIMS,
    EXPERIMENT,
    FOLDER,
    FORMAT,
    FORMAT_VERSION,
    INFRASTRUCTURE,
    INSTANCE,
    METHOD,
    REQUEST,
    STATUS,
)
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.times import iso, now
from ccp_jupyter.model.values import FileValue


def folder_documents(
    execution: Execution,
    tasks: list[Task],
    infrastructure: Infrastructure | None,
    base: str,
    *,
    private: bool,
) -> dict[str, bytes]:
    """Return the documents of an Execution folder, by their names in it.

    Parameters
    ----------
    execution : Execution
        As it is stored.
    tasks : list of Task
        All of it.
    infrastructure : Infrastructure or None
        None when there is none of this id any more.
    base : str
        Address of the service.
    private : bool
        Whether it is for its owner: with the claims, and with whom callbacks go to.
    """
    found = {
        FOLDER: pretty(_folder(execution, tasks, base)),
        **_what_ran(execution, tasks, private=private),
        INFRASTRUCTURE: pretty(_infrastructure(execution, infrastructure)),
        INSTANCE: pretty(_instance(execution, tasks)),
        STATUS: pretty(status_info(execution, base)),
    }
    if private:
        found[CLAIMS] = pretty(execution.claims)
    return found


def _folder(execution: Execution, tasks: list[Task], base: str) -> dict[str, Any]:
    """Return what the other documents do not say, in the form in which it is read again."""
    kept = {"method_revision", "context", "gpus", "priority", "replicas", "progress", "origin"}
    return {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "producer": f"ccp-jupyter {version('ccp-jupyter')}",
        "service": base,
        "exported": iso(now()),
        "executionID": execution.id,
        "execution": execution.model_dump(mode="json", include=kept, exclude_none=True),
        "tasks": [
            task.model_dump(
                mode="json",
                include={"index", "state", "created", "ended", "reason", "attempts"},
                exclude_none=True,
            )
            for task in tasks
        ],
        "inputs": {
            value.path: value.sha256
            for values in execution.inputs.values()
            for value in values
            if isinstance(value, FileValue)
        },
    }


def _what_ran(execution: Execution, tasks: list[Task], *, private: bool) -> dict[str, bytes]:
    if (experiment := execution.experiment) is None:
        request = dict(execution.request)
        if not private:
            # Addresses of callbacks often hold what lets one in.
            request.pop("subscriber", None)
        return {REQUEST: pretty(request), METHOD: pretty(execution.method)}
    found = experiment.model_dump(mode="json", exclude_none=True)
    found["batches"] = [
        task.batch.model_dump(mode="json", exclude_none=True) for task in tasks if task.batch
    ]
    return {EXPERIMENT: pretty(found)}


def _infrastructure(execution: Execution, record: Infrastructure | None) -> dict[str, Any]:
    found: dict[str, Any] = {"id": execution.infrastructure_id}
    if record is not None:
        found |= {"name": record.name, "description": record.description, "type": record.type}
    return found | {"limits": execution.limits.model_dump(mode="json")}


def _instance(execution: Execution, tasks: list[Task]) -> dict[str, Any]:
    return {
        "executionID": execution.id,
        "image": execution.image,
        "instances": [_attempt(task, attempt) for task in tasks for attempt in task.attempts],
    }


def _attempt(task: Task, attempt: Attempt) -> dict[str, Any]:
    return {
        "replica" if task.batch is None else "batch": task.index,
        "attempt": attempt.number,
        "node": attempt.node,
        "containerID": attempt.container_id,
        "image": attempt.image,
        "exitCode": attempt.exit_code,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "phases": [{"phase": each.phase, "at": iso(each.at)} for each in attempt.phases],
    }
