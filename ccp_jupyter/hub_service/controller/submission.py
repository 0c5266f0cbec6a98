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
from ccp_jupyter.model.execution import Execution, Task
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
    """Return the SHA-256 of a request and its Method, independent of the order of members."""
    text = json.dumps([submission.method.id, submission.body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def build(
    submission: Submission,
    method: Method,
    request: CheckedRequest,
    infrastructure: Infrastructure,
) -> tuple[Execution, list[Task], dict[str, bytes]]:
    """Make the records of a new Execution, and the files that belong to it.

    Returns
    -------
    Execution, list of Task, dict
        The dict maps paths in the Execution's folder to their content.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        A value cannot be written safely where a script has its variable.
    """
    execution_id = str(uuid.uuid4())
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
        method=method.document(),
        request=request.body,
        inputs=inputs,
        claims=submission.claims,
        infrastructure_id=infrastructure.id,
        limits=infrastructure.limits.model_copy(update={"max_time": request.max_time}),
        image=request.image,
        context=next(iter(method.contexts), ""),
        replicas=request.replicas,
        idempotency_key=submission.idempotency_key,
        request_digest=request_digest(submission),
        message="Accepted",
    )
    scripts(execution, 1, request.secrets)
    tasks = [
        Task(execution_id=execution_id, index=index) for index in range(1, request.replicas + 1)
    ]
    return execution, tasks, files


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
