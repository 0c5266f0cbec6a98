"""An execute request for a snippet: without secrets, and without files that nobody could read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ccp_jupyter.codegen.facts import LocalFile, Secret
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.repeating import with_files
from ccp_jupyter.model.values import FileValue, InlineFile, InputValue, SecretValue, file_name

LARGEST_INLINE: Final = 32_000
"""Bytes of a text file that stands in the snippet itself."""
LEFT_OUT: Final = "whom to tell of its end (subscriber): these addresses may hold secrets"
_DROPPED: Final = frozenset({"process", "subscriber"})
_VARIABLE: Final = re.compile(r"[^A-Z0-9]+")

Value = InputValue | InlineFile
Read = Callable[[FileValue | InlineFile], bytes]


def with_holes(
    request: Mapping[str, Any],
    values: Mapping[str, Sequence[Value]],
    method: Method,
    read: Read,
    origin: Callable[[str], str],
    named_secrets: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a request as a snippet shows it.

    Small text files are in it, as text. For others and for secrets there are holes. ``process``
    and ``subscriber`` are left out: the address says the one, and the other may hold secrets.

    Parameters
    ----------
    request : mapping
        As it is kept (`CheckedRequest.body`, `Execution.request`): links instead of files.
    values : mapping of str to sequence of values
        The checked values of its inputs.
    method : Method
        What it is for.
    read : callable
        Gives the content of a file; may block. Raises `OSError` when it is not there any more,
        and then there is a hole.
    origin : callable
        Says where a file came from, by its name, in a sentence.
    named_secrets : mapping of str to str, optional
        Names of personal secrets, by input id: they are no secrets, and stay.
    """
    named = named_secrets or {}
    inputs: dict[str, Any] = {}
    variables: set[str] = set()
    for name, raw in (request.get("inputs") or {}).items():
        given = list(values.get(name, ()))
        if name in named:
            inputs[name] = {"$secret": named[name]}
        elif any(isinstance(each, SecretValue) for each in given):
            inputs[name] = Secret(name, _variable(name, variables))
        else:
            files = _Files(name, given, method, read, origin)
            inputs[name] = with_files(raw, given, files.shown)
    rest = {name: each for name, each in request.items() if name not in _DROPPED}
    return {**rest, "inputs": inputs} if inputs or "inputs" in request else rest


def _variable(name: str, taken: set[str]) -> str:
    """Return an environment variable for a secret input, which no other one has."""
    stem = "CCP_SECRET_" + _VARIABLE.sub("_", name.upper()).strip("_")
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}_{number}"
    taken.add(found)
    return found


class _Files:
    """Shows the files of one input, which come in their order."""

    def __init__(
        self,
        name: str,
        values: Sequence[Value],
        method: Method,
        read: Read,
        origin: Callable[[str], str],
    ) -> None:
        self._name = name
        self._numbers = {id(each): number for number, each in enumerate(values, 1)}
        self._descriptor = method.inputs.get(name)
        self._read = read
        self._origin = origin

    def shown(self, value: FileValue | InlineFile) -> dict[str, Any]:
        """Return a file as the value of an input."""
        size = value.size if isinstance(value, FileValue) else len(value.data)
        kind = {"mediaType": value.media_type}
        text = self._text(value) if size <= LARGEST_INLINE else None
        if text is not None:
            return {"value": text, "encoding": "utf-8", **kind}
        many = self._descriptor is not None and self._descriptor.many
        name = file_name(self._name, self._numbers[id(value)], many)
        hole = LocalFile(name, size, self._origin(name))
        return {"value": hole, "encoding": "base64", **kind}

    def _text(self, value: FileValue | InlineFile) -> str | None:
        """Return the text of a file that can be read in a snippet, and sent as text."""
        try:
            text = self._read(value).decode()
        except (OSError, UnicodeDecodeError):
            return None
        if not "".join(text.split()).isprintable():
            return None
        # Rules for its base64 need not fit its text.
        fits = self._descriptor is not None and self._descriptor.checker.accepts(text)
        return text if fits else None
