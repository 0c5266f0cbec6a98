"""The request of an imported Execution: checked as a new one is, without what it must not bring."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.controller.submission import write_files
from ccp_jupyter.hub_service.exchange.archives import Archive, naming
from ccp_jupyter.hub_service.exchange.layout import INPUTS, REQUEST
from ccp_jupyter.hub_service.exchange.notes import Notes
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.input_reader import CheckedValue
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.request import CheckedRequest, check_request
from ccp_jupyter.model.values import FileValue, InlineFile, InputValue, LinkValue, file_name

_STAND_IN: Final = "https://file-in-this-archive.invalid/"
"""Stands for the folder of inputs while a request is checked: links to files must be absolute."""
_NO_SECRET: Final = {"$secret": "imported"}
"""Stands for the value of a secret while a request is checked; nobody looks for it."""
_KEPT_SECRET: Final = {"secret": True}


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request with its files."""

    checked: CheckedRequest
    inputs: dict[str, list[InputValue]]
    body: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)
    """Digests of the files of its inputs, by path."""


def read_request(
    archive: Archive, method: Method, limits: Limits, work: Path, notes: Notes
) -> ReadRequest:
    """Read ``metadata/request.json``, and put its files into a folder.

    Parameters
    ----------
    archive : Archive
        The Execution folder.
    method : Method
        That was executed.
    limits : Limits
        Bound the size of inputs only: what ran elsewhere may have been granted more there.
    work : Path
        Takes ``inputs/…``.
    notes : Notes
        Takes what was left out.

    Raises
    ------
    InvalidDocument
        Names the member.
    """
    raw = archive.json(REQUEST)
    if not isinstance(raw, dict):
        raise InvalidDocument([Problem(REQUEST, "must be an object", shown(raw))])
    body = dict(raw)
    if body.pop("subscriber", None) is not None:
        # A repetition would call whoever made the archive.
        notes.add(f"{REQUEST}: subscriber was left out: callbacks are not imported")
    body.pop("process", None)
    given = body.get("inputs")
    if isinstance(given, dict):
        body["inputs"] = {
            name: _stand_ins(method, name, value, notes) for name, value in given.items()
        }
    with naming(REQUEST):
        checked = check_request(method, body, _generous(limits))
    files = _Files(archive, int(limits.input_size), work)
    inputs: dict[str, list[InputValue]] = {
        name: [
            files.kept(INPUTS + file_name(name, number, method.inputs[name].many), value)
            for number, value in enumerate(values, 1)
        ]
        for name, values in checked.inputs.items()
    }
    kept = {**checked.body, "inputs": _without_stand_ins(checked.body.get("inputs") or {})}
    return ReadRequest(checked, inputs, kept, files.digests)


def _generous(limits: Limits) -> Limits:
    """Return limits within which nothing is too much that ran somewhere."""
    return limits.model_copy(
        update={
            "max_replicas": 100_000,
            "max_time": 10**9,
            "max_memory": None,
            "max_cpus": None,
            "max_gpus": None,
            "max_pids": 10**9,
            "max_disk": None,
        }
    )


def _stand_ins(method: Method, name: str, value: object, notes: Notes) -> object:
    descriptor = method.inputs.get(name)
    if descriptor is None:
        return value
    if descriptor.schema_.is_secret:
        if value != _KEPT_SECRET:
            notes.add(f"inputs.{name}: the value of a secret was in the archive; it was left out")
        return dict(_NO_SECRET)
    if not descriptor.schema_.is_file:
        return value
    if not isinstance(value, list):
        return _stand_in(name, 1, descriptor.many, value)
    return [_stand_in(name, number, True, each) for number, each in enumerate(value, 1)]


def _stand_in(name: str, number: int, many: bool, value: object) -> object:
    path = INPUTS + file_name(name, number, many)
    if isinstance(value, dict) and value.get("href") == path:
        return {**value, "href": _STAND_IN + path}
    return value


def _without_stand_ins(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_stand_ins(each) for each in value]
    if not isinstance(value, dict):
        return value
    href = value.get("href")
    if isinstance(href, str) and href.startswith(_STAND_IN):
        return {**value, "href": href.removeprefix(_STAND_IN)}
    return {name: _without_stand_ins(each) for name, each in value.items()}


class _Files:
    """Puts the files of inputs into a folder: those of the archive, and those in the request."""

    def __init__(self, archive: Archive, most: int, work: Path) -> None:
        self._archive = archive
        self._most = most
        self._work = work
        self.digests: dict[str, str] = {}

    def kept(self, path: str, value: CheckedValue) -> InputValue:
        """Return the value of an input as an Execution keeps it."""
        if isinstance(value, InlineFile):
            write_files(self._work, {path: value.data})
            digest = hashlib.sha256(value.data).hexdigest()
            return self._file(path, len(value.data), digest, value.media_type)
        if not isinstance(value, LinkValue) or not value.href.startswith(_STAND_IN):
            return value
        if path not in self._archive:
            rule = "is missing in the archive: an input refers to it"
            raise InvalidDocument([Problem(path, rule)])
        file = self._archive.copy(path, self._work / path, self._most)
        return self._file(path, file.size, file.sha256, value.media_type)

    def _file(self, path: str, size: int, digest: str, media_type: str) -> FileValue:
        self.digests[path] = digest
        return FileValue(path=path, size=size, sha256=digest, media_type=media_type)
