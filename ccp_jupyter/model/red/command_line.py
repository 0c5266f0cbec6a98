"""The command line of a batch: words, without a shell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ccp_jupyter.model.red.declaration import base_command


def argv(cli: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """Return the command line: base command, arguments by position, arguments with a prefix.

    The position of an argument with a prefix counts for nothing, as in CC-Agency and unlike CWL.

    Parameters
    ----------
    cli : mapping
        Checked ``cli``, version 9.
    inputs : mapping
        Completed inputs of one batch.
    """
    positional: list[tuple[int, list[str]]] = []
    prefixed: list[str] = []
    for name, declaration in cli["inputs"].items():
        if name not in inputs:
            continue
        binding = declaration["inputBinding"]
        words = _words(inputs[name], binding)
        if binding.get("prefix"):
            prefixed += words
        else:
            positional.append((binding.get("position", 0), words))
    positional.sort(key=lambda argument: argument[0])
    ordered = [word for _, words in positional for word in words]
    return [*base_command(dict(cli)), *ordered, *prefixed]


def _words(value: Any, binding: Mapping[str, Any]) -> list[str]:
    prefix: str = binding.get("prefix", "")
    separate: bool = binding.get("separate", True)
    if isinstance(value, bool):
        return [prefix] if value and prefix else []
    if not isinstance(value, list):
        return _glued(prefix, _text(value), separate=separate)
    if not value:
        return []
    if binding.get("itemSeparator"):  # an empty one counts as none
        joined = binding["itemSeparator"].join(map(_text, value))
        return _glued(prefix, joined, separate=separate)
    words = [] if isinstance(value[0], bool) else list(map(_text, value))
    return [prefix, *words] if prefix else words


def _glued(prefix: str, text: str, *, separate: bool) -> list[str]:
    if not prefix:
        return [text]
    return [prefix, text] if separate else [prefix + text]


def _text(value: Any) -> str:
    return str(value["path"] if isinstance(value, dict) else value)
