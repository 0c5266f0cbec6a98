"""What the container of an Attempt is like, and how to tell whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.engines.base import ContainerInfo, ContainerSpec
from ccp_jupyter.model.execution import Execution, container_name, task_id
from ccp_jupyter.model.infrastructure import Infrastructure, Node

RUN_FOLDER: Final = "/ccp_run"
STATE_FILE: Final = f"{RUN_FOLDER}/state"
"""In it the entry scripts of a Method note how far they are."""
STARTED_AGAIN: Final = "again"
"""What a container reports, in place of a phase, that has been started before."""
AGAIN_CODE: Final = 255
"""Its exit code then."""
_SERVICE: Final = "ccp.service"
_EXECUTION: Final = "ccp.execution"
_TASK: Final = "ccp.task"
_ATTEMPT: Final = "ccp.attempt"
_MARK: Final = "ccp.mark"


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose container it is, as its labels say."""

    execution_id: str
    index: int
    attempt: int
    text: str
    """Word that the entry script puts before its reports on stderr; random per container."""

    @property
    def name(self) -> str:
        """Name of the container."""
        return container_name(self.task_id, self.attempt)

    @property
    def task_id(self) -> str:
        """Name of the Task."""
        return task_id(self.execution_id, self.index)


def service_label(service_id: str) -> str:
    """Return the label that all containers of one service carry."""
    return f"{_SERVICE}={service_id}"


def read_mark(labels: dict[str, str]) -> Mark | None:
    """Return whose container it is; None when the labels are not ours, or damaged."""
    try:
        return Mark(
            labels[_EXECUTION], int(labels[_TASK]), int(labels[_ATTEMPT]), labels.get(_MARK, "")
        )
    except (KeyError, ValueError):
        return None


def mark_of(container: ContainerInfo) -> Mark | None:
    """Return whose container it is; None when it is not ours."""
    return read_mark(container.labels)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container goes."""

    infrastructure: Infrastructure
    node: Node
    gpus: tuple[str, ...]
    """That it has to itself."""


def build_spec(
    execution: Execution,
    place: Place,
    service_id: str,
    mark: Mark,
    command: tuple[str, ...],
    environment: dict[str, str],
) -> ContainerSpec:
    """Describe the container of an Attempt."""
    limits, infrastructure, node = execution.limits, place.infrastructure, place.node
    return ContainerSpec(
        name=mark.name,
        image=execution.image,
        command=command,
        environment={**node.environment, **environment},
        labels={
            _SERVICE: service_id,
            _EXECUTION: execution.id,
            _TASK: str(mark.index),
            _ATTEMPT: str(mark.attempt),
            _MARK: mark.text,
        },
        memory=int(limits.memory),
        cpus=limits.cpus,
        pids=limits.pids,
        file_size=int(limits.file_size),
        network=node.network or infrastructure.network,
        capabilities=infrastructure.capabilities,
        gpus=place.gpus,
        fuse=execution.experiment is not None and execution.experiment.fuse,
    )
