"""The request of a past Execution once more, with or without changes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.input_values import has_text_encoding
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.method_parts import Descriptor
from ccp_jupyter.model.values import FileValue, InlineFile, InputValue, SecretValue

CHANGEABLE: Final = ("inputs", "outputs", "response", "mode", "subscriber")
_DROPPED: Final = frozenset({"subscriber", "process"})
"""Whoever was told of the first need not hear of the second; the Method is said otherwise."""


def repeated(
    old: Execution, method: Method, changes: object, read: Callable[[FileValue], bytes]
) -> dict[str, Any]:
    """Return an execute request like that of an earlier Execution.

    Parameters
    ----------
    old : Execution
        Of a Method.
    method : Method
        What it is for: the Method as it was then, or as it is now.
    changes : object
        Decoded JSON: members of an execute request that replace those of the earlier one, but
        ``inputs``, of which only the given ones are replaced; null leaves one to its default, and
        ``{"href": "inputs/…"}``, as the kept request has it, is a file of the earlier one.
    read : callable
        Gives the content of a file that came with the earlier request; blocks. Raises `OSError`
        when it is not there.

    Raises
    ------
    InvalidDocument
        `changes` breaks rules, a secret is not given again, or a file is not there any more.
    """
    given = _checked(changes)
    problems: list[Problem] = []
    inputs: dict[str, Any] = {}
    for name, raw in (old.request.get("inputs") or {}).items():
        if name in given["inputs"]:
            continue
        values, descriptor = old.inputs.get(name, []), method.inputs.get(name)
        if any(isinstance(value, SecretValue) for value in values):
            if descriptor is not None:
                rule = "is a secret, which nobody but the vault had: it must be given again"
                problems.append(Problem(f"inputs.{name}", rule))
            continue
        try:
            inputs[name] = with_files(raw, values, partial(_content, descriptor, read))
        except OSError:
            problems.append(_is_gone(name))
    for name, raw in given["inputs"].items():
        try:
            inputs[name] = _with_earlier_files(raw, old, method.inputs.get(name), read)
        except OSError:
            problems.append(_is_gone(name))
    if problems:
        raise InvalidDocument(problems)
    inputs = {name: value for name, value in inputs.items() if value is not None}
    kept = {name: value for name, value in old.request.items() if name not in _DROPPED}
    return {**kept, **given, "inputs": inputs}


def _is_gone(name: str) -> Problem:
    return Problem(f"inputs.{name}", "its file is not there any more: it must be given again")


def _with_earlier_files(
    raw: object, old: Execution, descriptor: Descriptor | None, read: Callable[[FileValue], bytes]
) -> object:
    """Return a given value with the contents of those files that the earlier request brought."""
    if descriptor is None or not descriptor.schema_.is_file:
        return raw
    kept = [each for values in old.inputs.values() for each in values]
    files = {each.path: each for each in kept if isinstance(each, FileValue)}

    def content(value: object) -> object:
        if isinstance(value, dict) and isinstance(href := value.get("href"), str) and href in files:
            return _content(descriptor, read, files[href])
        return value

    return [content(each) for each in raw] if isinstance(raw, list) else content(raw)


def _checked(changes: object) -> dict[str, Any]:
    if not isinstance(changes, dict):
        rule = 'must be an object such as {"inputs": {}}'
        raise InvalidDocument([Problem("", rule, f"a {type(changes).__name__}")])
    problems = [
        Problem(str(name)[:100], f"unknown member; there are {', '.join(CHANGEABLE)}")
        for name in changes
        if name not in CHANGEABLE
    ]
    inputs = changes.get("inputs", {})
    if not isinstance(inputs, dict):
        problems.append(Problem("inputs", "must be an object with input ids", shown(inputs)))
    if problems:
        raise InvalidDocument(problems)
    return {**changes, "inputs": inputs}


def with_files(
    raw: object,
    values: Sequence[InputValue | InlineFile],
    content: Callable[[Any], dict[str, Any]],
) -> object:
    """Return the value of an input as it was sent, with something in the place of files.

    Parameters
    ----------
    raw : object
        As a request is kept: with links to the files that it brought.
    values : sequence of values
        The checked values of the input.
    content : callable
        Gives what stands for a `FileValue` or `InlineFile`.
    """
    many = isinstance(raw, list) and len(raw) == len(values)
    if not any(isinstance(value, (FileValue, InlineFile)) for value in values):
        return raw
    raws = list(raw) if many and isinstance(raw, list) else [raw]
    found = [
        content(value) if isinstance(value, (FileValue, InlineFile)) else sent
        for sent, value in zip(raws, values, strict=True)
    ]
    return found if many else found[0]


def _content(
    descriptor: Descriptor | None, read: Callable[[FileValue], bytes], value: FileValue
) -> dict[str, Any]:
    data = read(value)
    qualified = {"mediaType": value.media_type}
    schema = None if descriptor is None else descriptor.schema_
    if schema is not None and has_text_encoding(schema) and schema.format != "remotefile":
        # As text, where the input takes that: rules for its text count then as they did.
        try:
            return {"value": data.decode(), **qualified}
        except UnicodeDecodeError:
            pass
    return {"value": base64.b64encode(data).decode(), "encoding": "base64", **qualified}
