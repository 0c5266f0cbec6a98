"""What an imported Execution was to run: a Method or an Experiment, checked as a new one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ccp_jupyter.hub_service.exchange.archives import MIB, Archive, naming
from ccp_jupyter.hub_service.exchange.experiments import read_experiment
from ccp_jupyter.hub_service.exchange.layout import (
    EXPERIMENT,
    INFRASTRUCTURE,
    METHOD,
    REQUEST,
    STATUS,
)
from ccp_jupyter.hub_service.exchange.notes import Notes
from ccp_jupyter.hub_service.exchange.requests import read_request
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.experiment import Batch
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.method import parse_method

_LIMITS: Final = TypeAdapter(Limits)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    infrastructure: Infrastructure
    """Of this service: to which it counts."""
    limits: Limits
    """What each Task had; as claimed, for show only."""
    replicas: int
    members: dict[str, Any]
    """Of the Execution, as far as they follow from it."""
    files: dict[str, str] = field(default_factory=dict)
    """Digests of the files of its inputs, by path."""
    batches: tuple[Batch, ...] = ()
    """Of an Experiment: what each Task worked on."""


def read_asked(
    archive: Archive, infrastructures: Mapping[str, Infrastructure], work: Path, notes: Notes
) -> Asked:
    """Read what was asked for.

    Parameters
    ----------
    archive : Archive
        The Execution folder.
    infrastructures : mapping
        Of this service, by id.
    work : Path
        Takes ``inputs/…``.
    notes : Notes
        Takes what was left out.

    Raises
    ------
    InvalidDocument
        Names file and member.
    """
    experiment = EXPERIMENT in archive
    needed = (EXPERIMENT, STATUS) if experiment else (METHOD, REQUEST, STATUS)
    if missing := [name for name in needed if name not in archive]:
        raise InvalidDocument([Problem(name, "is missing in the archive") for name in missing])
    if experiment:
        return _experiment(archive, infrastructures)
    return _method(archive, infrastructures, work, notes)


def _method(
    archive: Archive, infrastructures: Mapping[str, Infrastructure], work: Path, notes: Notes
) -> Asked:
    document = archive.json(METHOD)
    with naming(METHOD):
        method = parse_method(document)
    infrastructure = _infrastructure(archive, method.infrastructure_ids, infrastructures)
    request = read_request(archive, method, infrastructure.limits, work, notes)
    checked = request.checked
    granted = {each: getattr(checked.limits, each) for each in ("memory", "cpus", "pids", "disk")}
    return Asked(
        infrastructure,
        _limits(archive, infrastructure, granted),
        checked.replicas,
        {
            "method_id": method.id,
            "method": method.document(),
            "request": request.body,
            "inputs": request.inputs,
            "gpus": checked.gpus,
            "priority": checked.priority,
            "image": checked.image,
            "context": next(iter(method.contexts), ""),
        },
        request.files,
    )


def _experiment(archive: Archive, infrastructures: Mapping[str, Infrastructure]) -> Asked:
    prepared = read_experiment(archive)
    infrastructure = _infrastructure(archive, (), infrastructures)
    return Asked(
        infrastructure,
        _limits(archive, infrastructure, {"memory": prepared.ram * MIB}),
        len(prepared.batches),
        {
            "experiment": prepared.experiment,
            "method_id": "",
            "method": {},
            "request": {},
            "inputs": {},
            "gpus": prepared.gpus,
            "image": prepared.image,
        },
        batches=tuple(prepared.batches),
    )


def _infrastructure(
    archive: Archive, wanted: Iterable[str], here: Mapping[str, Infrastructure]
) -> Infrastructure:
    """Return to which of this service's Infrastructures it counts: the like-named one if any."""
    for name in (archive.json_object(INFRASTRUCTURE).get("id"), *wanted):
        if isinstance(name, str) and name in here:
            return here[name]
    return next(iter(here.values()))


def _limits(
    archive: Archive, infrastructure: Infrastructure, granted: Mapping[str, object]
) -> Limits:
    try:
        return _LIMITS.validate_python(archive.json_object(INFRASTRUCTURE)["limits"])
    except (ValidationError, KeyError):
        return infrastructure.limits.model_copy(update=granted)
