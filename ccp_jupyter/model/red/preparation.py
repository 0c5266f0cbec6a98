"""From a RED document as posted to the records that the service keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.experiment import DEFAULT_CONCURRENCY, Batch, Experiment
from ccp_jupyter.model.red.checking import batches_of, examined
from ccp_jupyter.model.red.completion import completed
from ccp_jupyter.model.red.conversion import convert
from ccp_jupyter.model.red.engines import gpus_of
from ccp_jupyter.model.red.findings import Findings
from ccp_jupyter.model.red.names import random_name
from ccp_jupyter.model.resources import GpuWish

_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is kept of a RED document."""

    experiment: Experiment
    batches: list[Batch]
    secrets: dict[str, str]
    """Name to JSON text, as it stood in the document: ``access`` objects, ``auth`` of the image.

    The names stand in place of the objects. See `normalised` and `protected_texts`.
    """
    image: str
    ram: int
    """MB, each batch."""
    gpus: list[GpuWish]
    """What each batch wants to itself."""


def prepare(
    document: object, *, disable_retry: bool, disable_connector_validation: bool
) -> Prepared:
    """Check a posted RED document completely, and take it apart.

    Parameters
    ----------
    document : object
        Decoded JSON, version 5 to 9. It is not changed, but parts of it are used in the result.
    disable_retry : bool
        No second Attempt for batches that fail by themselves.
    disable_connector_validation : bool
        Connectors are not asked before the command runs.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        With all problems; never with a secret.
    """
    converted = convert(_without_agency(document))
    findings = Findings()
    variables = examined(converted.document, findings)
    if variables:
        names = ", ".join(variable.name[:60] for variable in variables[:20])
        findings.add("", f"variables must have values before a document is sent: {names}")
    red = converted.document
    if isinstance(red, dict):
        _check_for_service(findings, red)
    findings.finish()
    if not isinstance(red, dict):  # no document: noted above
        raise InvalidDocument(findings.problems)
    retry = "execution" in red if converted.retry is None else converted.retry
    secrets = _Secrets()
    settings = red["container"]["settings"]
    batches = _batches(red, secrets)
    experiment = Experiment(
        red_version=converted.version,
        cli=red["cli"],
        container=_container(red["container"], secrets),
        execution=red.get("execution"),
        doc=red.get("doc"),
        retry=retry and not disable_retry,
        validate_connectors=not disable_connector_validation,
        concurrency=_concurrency(red),
        fuse=any(_mounts(value) for batch in batches for value in batch.inputs.values()),
        has_secrets=bool(secrets.texts),
        changes=converted.changes,
    )
    return Prepared(
        experiment,
        batches,
        secrets.texts,
        settings["image"]["url"],
        int(settings["ram"]),
        gpus_of(settings),
    )


def _without_agency(document: object) -> object:
    """Drop the agency's address and login before anything else: they are not for the service."""
    if not isinstance(document, dict) or not isinstance(document.get("execution"), dict):
        return document
    execution = document["execution"]
    settings = execution.get("settings")
    if not isinstance(settings, dict) or "access" not in settings:
        return document
    kept = {name: value for name, value in settings.items() if name != "access"}
    return {**document, "execution": {**execution, "settings": kept}}


def _check_for_service(findings: Findings, document: dict[str, Any]) -> None:
    """Check what a service asks for beyond the rules of documents."""
    for batch in batches_of(document):
        if "outputs" not in batch.holder:
            findings.add(batch.place("outputs"), "is missing; it may be empty: {}")
        cloud = batch.holder.get("cloud")
        if isinstance(cloud, dict) and cloud.get("enable") is True:
            findings.add(batch.place("cloud"), "this service has no cloud storage to mount")
    settings = _settings(document, "container")
    if settings is not None and "ram" not in settings:
        findings.add("container.settings.ram", "is missing; the service needs it")
    execution = document.get("execution")
    if isinstance(execution, dict) and execution.get("engine") == "ccfaice":
        rule = "must be ccagency; ccfaice means the machine of the client"
        findings.add("execution.engine", rule, "'ccfaice'")


def _settings(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    engine = document.get(name)
    settings = engine.get("settings") if isinstance(engine, dict) else None
    return settings if isinstance(settings, dict) else None


def _concurrency(document: dict[str, Any]) -> int:
    settings = _settings(document, "execution") or {}
    return int(settings.get("batchConcurrencyLimit", DEFAULT_CONCURRENCY))


class _Secrets:
    """Objects that go to the vault, and their names."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def name(self, value: object) -> str:
        """Return the name for an object; the same one for the same object."""
        text = _to_json(value)
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = random_name()
            self.texts[name] = text
        return name

    def without(self, value: Any) -> Any:
        """Return an input or output with a name in place of its connector's ``access``."""
        if isinstance(value, list):
            return list(map(self.without, value))
        if not isinstance(value, dict):
            return value
        connector = value["connector"]
        return {**value, "connector": {**connector, "access": self.name(connector["access"])}}


def _container(container: dict[str, Any], secrets: _Secrets) -> dict[str, Any]:
    settings = container["settings"]
    image = settings["image"]
    if "auth" in image:
        image = {**image, "auth": secrets.name(image["auth"])}
    return {**container, "settings": {**settings, "image": image}}


def _batches(document: dict[str, Any], secrets: _Secrets) -> list[Batch]:
    cli = document["cli"]
    return [
        Batch(
            inputs={
                name: secrets.without(value)
                for name, value in completed(batch.holder["inputs"]).items()
            },
            outputs={
                name: secrets.without(value) for name, value in batch.holder["outputs"].items()
            },
            stdout=cli["stdout"] if "stdout" in cli else f"{random_name()}.stdout",
            stderr=cli["stderr"] if "stderr" in cli else f"{random_name()}.stderr",
            doc=batch.holder.get("doc") if batch.member else None,
        )
        for batch in batches_of(document)
    ]


def _mounts(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_mounts, value))
    return isinstance(value, dict) and value["connector"].get("mount") is True
