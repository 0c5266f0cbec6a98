"""The RED document of an imported Experiment: checked as a new one is, without any secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ccp_jupyter.hub_service.exchange.archives import Archive, naming
from ccp_jupyter.hub_service.exchange.layout import EXPERIMENT
from ccp_jupyter.model import red
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.experiment import MOST_BATCHES
from ccp_jupyter.model.red.checking import VERSION
from ccp_jupyter.model.red.conversion import OLD_VERSIONS

_MADE_ANEW: Final = ("nameroot", "nameext", "path")
"""Members of files that follow from others."""
_GONE: Final = ""
"""Stands where an Experiment has the name of a secret: the vault has none for this one."""
_MOST_CHANGES: Final = 100
_LONGEST_CHANGE: Final = 1000


def read_experiment(archive: Archive) -> red.Prepared:
    """Read ``metadata/experiment.json``.

    The names of secrets that stand there meant something in the vault of another service; whatever
    stands in their place is left out.

    Raises
    ------
    InvalidDocument
        Names the member.
    """
    found = archive.json(EXPERIMENT)
    with naming(EXPERIMENT):
        if not isinstance(found, dict):
            raise InvalidDocument([Problem("", "must be an object", shown(found))])
        document = {
            name: found[name] for name in ("cli", "container", "execution", "doc") if name in found
        }
        # Its members are those of the newest version, whatever was submitted.
        document |= {"redVersion": VERSION, "batches": _batches(found.get("batches"))}
        _drop_login(document.get("container"))
        prepared = red.prepare(
            document,
            disable_retry=found.get("retry") is False,
            disable_connector_validation=found.get("validate_connectors") is False,
        )
    for batch in prepared.batches:
        batch.inputs = _each(batch.inputs, _without_access)
        batch.outputs = _each(batch.outputs, _without_access)
    prepared.experiment.has_secrets = False
    if (version := found.get("red_version")) in OLD_VERSIONS:
        prepared.experiment.red_version = version
    prepared.experiment.changes = _changes(found.get("changes"))
    return prepared


def _batches(found: object) -> object:
    """Return batches as a document has them."""
    if not isinstance(found, list):
        return found
    if len(found) > MOST_BATCHES:
        rule = f"must have at most {MOST_BATCHES} items"
        raise InvalidDocument([Problem("batches", rule, f"{len(found)} of them")])
    return [_batch(each) if isinstance(each, dict) else each for each in found]


def _batch(found: dict[str, Any]) -> dict[str, Any]:
    # The names of the captured streams follow from cli, or are made up.
    kept: dict[str, Any] = {
        name: found[name] for name in ("inputs", "outputs", "doc") if name in found
    }
    for member in ("inputs", "outputs"):
        if isinstance(kept.get(member), dict):
            kept[member] = _each(kept[member], _as_given)
    return kept


def _each(members: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return inputs or outputs with every file and directory changed, also those in lists."""

    def changed(value: object) -> object:
        if isinstance(value, list):
            return [changed(each) for each in value]
        return change(value) if isinstance(value, dict) else value

    return {name: changed(value) for name, value in members.items()}


def _as_given(file: dict[str, Any]) -> object:
    """Return a file as it was before it was completed, with an access of nothing."""
    kept = {name: child for name, child in file.items() if name not in _MADE_ANEW}
    connector = kept.get("connector")
    if isinstance(connector, dict):
        kept["connector"] = {**connector, "access": {}}
    return kept


def _without_access(file: dict[str, Any]) -> object:
    return {**file, "connector": {**file["connector"], "access": _GONE}}


def _drop_login(container: object) -> None:
    settings = container.get("settings") if isinstance(container, dict) else None
    image = settings.get("image") if isinstance(settings, dict) else None
    if isinstance(image, dict):
        image.pop("auth", None)


def _changes(found: object) -> list[str]:
    if not isinstance(found, list):
        return []
    return [each[:_LONGEST_CHANGE] for each in found[:_MOST_CHANGES] if isinstance(each, str)]
