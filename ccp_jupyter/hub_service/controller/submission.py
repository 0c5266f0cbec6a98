"""From an execute request to records that can be stored, or to a refusal that says why."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from ccp_jupyter.hub_service.controller.base import LimitReached, NotExecutable, Submission
from ccp_jupyter.hub_service.controller.stage import scripts
from ccp_jupyter.hub_service.store.base import Usage
from ccp_jupyter.model.callbacks import callbacks_of
from ccp_jupyter.model.execution import IN_SERVICE, Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.request import CheckedRequest
from ccp_jupyter.model.values import FileValue, InlineFile, InputValue, file_name


def choose_infrastructure(
    method: Method, infrastructures: Mapping[str, Infrastructure]
) -> Infrastructure:
    """Return the first Infrastructure of the Method's links that there is.

    Raises
    ------
    NotExecutable
    """
    for name in method.infrastructure_ids:
        if name in infrastructures:
            return infrastructures[name]
    raise NotExecutable(
        f"The Method asks for one of these Infrastructures: {', '.join(method.infrastructure_ids)};"
        f" this service has: {', '.join(infrastructures)}"
    )


def check_usage(usage: Usage, infrastructure: Infrastructure) -> None:
    """Refuse more when a user keeps as much as allowed.

    Raises
    ------
    LimitReached
    """
    limits = infrastructure.limits
    if usage.executions >= limits.stored_executions:
        raise LimitReached(
            f"You keep {usage.executions} Executions on {infrastructure.id}, and"
            f" {limits.stored_executions} is the limit. Delete some and submit again"
        )
    if usage.bytes >= limits.stored_size:
        raise LimitReached(
            f"You keep {usage.bytes} bytes of results on {infrastructure.id}, and"
            f" {int(limits.stored_size)} is the limit. Delete some Executions and submit again"
        )


def request_digest(submission: Submission) -> str:
    """Return the SHA-256 of a request, its Method, and what it repeats.

    It does not depend on the order of members.
    """
    parts = [submission.method.id, submission.body]
    if (origin := submission.origin) is not None:
        parts += [origin.kind, origin.id]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def build(
    submission: Submission,
    method: Method,
    request: CheckedRequest,
    infrastructure: Infrastructure,
    execution_id: str | None = None,
) -> tuple[Execution, list[Task], dict[str, bytes]]:
    """Make the records of a new Execution, or new ones of one that is only kept, and its files.

    Parameters
    ----------
    submission, method, request, infrastructure
        What was asked for, checked.
    execution_id : str, optional
        Its id; default: a new one.

    Returns
    -------
    Execution, list of Task, dict
        The dict maps paths in the Execution's folder to their content.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        A value cannot be written safely where a script has its variable.
    """
    execution_id = execution_id or str(uuid.uuid4())
    inputs: dict[str, list[InputValue]] = {}
    files: dict[str, bytes] = {}
    for name, values in request.inputs.items():
        kept: list[InputValue] = []
        for number, value in enumerate(values, 1):
            if isinstance(value, InlineFile):
                path = f"inputs/{file_name(name, number, method.inputs[name].many)}"
                files[path] = value.data
                kept.append(_file_value(path, value))
            else:
                kept.append(value)
        inputs[name] = kept
    execution = Execution(
        id=execution_id,
        owner=submission.owner,
        method_id=submission.method.id,
        method=method.document() if infrastructure.id != IN_SERVICE else submission.method.document,
        method_revision=submission.method.revision,
        request=request.body,
        inputs=inputs,
        claims=submission.claims,
        infrastructure_id=infrastructure.id,
        limits=request.limits,
        gpus=request.gpus,
        priority=request.priority,
        image=request.image,
        context=next(iter(method.contexts), ""),
        replicas=request.replicas,
        idempotency_key=submission.idempotency_key,
        returns=submission.returns,
        request_digest=request_digest(submission),
        origin=submission.origin,
        callbacks=callbacks_of(request.body),
        base_url=submission.base_url,
        message="Accepted",
    )
    if not execution.built_in:
        scripts(method, execution, 1, request.secrets)
    return execution, make_tasks(execution), files


def make_tasks(execution: Execution) -> list[Task]:
    """Return the Tasks of an Execution that nothing has been done for yet."""
    if execution.built_in:
        return []
    return [
        Task(
            execution_id=execution.id,
            index=index,
            owner=execution.owner,
            created=execution.created,
        )
        for index in range(1, execution.replicas + 1)
    ]


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files that came with a request, durably; blocks.

    Raises
    ------
    OSError
        Such as no space left; the caller removes the folder then.
    """
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _file_value(path: str, file: InlineFile) -> FileValue:
    return FileValue(
        path=path,
        size=len(file.data),
        sha256=hashlib.sha256(file.data).hexdigest(),
        media_type=file.media_type,
    )
