"""The command line of RED 5 and 6: one text, read by a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_NEEDS_SHELL: Final = re.compile(r"[^\w@%+=:,./ -]")

_LONGEST_LINE: Final = 2 * 1024 * 1024


class OnlyForShell(Exception):
    """The command line cannot be had without a shell; the text is the reason, without values."""


def plain_words(text: str) -> list[str]:
    """Return the words of a text as a shell reads them.

    Raises
    ------
    OnlyForShell
        It has quotes, wildcards, redirections or the like.
    """
    if _NEEDS_SHELL.search(text):
        raise OnlyForShell("has characters that were for the shell of RED 5 and 6")
    words = text.split()
    if words and "=" in words[0]:
        raise OnlyForShell("sets a variable of the shell of RED 5 and 6")
    return words


def shell_words(cli: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """Return the words that ran in RED 5 and 6.

    Arguments with a position come in that order, up to the first list; then those without a
    position, which need a prefix, in the order of the document; then the other ones with a
    position.

    Parameters
    ----------
    cli : mapping
        Checked ``cli``.
    inputs : mapping
        Completed inputs of one batch.

    Raises
    ------
    OnlyForShell
        It needs a shell, or RED 5 and 6 refused it.
    """
    placed: dict[int, tuple[bool, list[str]]] = {}
    named: list[str] = []
    for name, declaration in cli["inputs"].items():
        binding = declaration["inputBinding"]
        parts = _parts(inputs[name], binding) if name in inputs else []
        if "position" not in binding:
            if not binding.get("prefix"):
                raise OnlyForShell(f"has an argument without position and prefix: {name}")
            named += parts
        elif name not in inputs:
            continue
        elif binding["position"] in placed:
            raise OnlyForShell(f"has two arguments at position {binding['position']}")
        else:
            placed[binding["position"]] = ("[]" in declaration["type"], parts)
    before: list[str] = []
    after: list[str] = []
    for position in sorted(placed):
        is_list, parts = placed[position]
        (after if is_list or after else before).extend(parts)
    base = cli.get("baseCommand", "")
    line = [base] if isinstance(base, str) else base
    return plain_words(" ".join([*line, *before, *named, *after]))


def _parts(value: Any, binding: Mapping[str, Any]) -> list[str]:
    prefix: str = binding.get("prefix", "")
    separate: bool = binding.get("separate", True)
    separator: str = binding.get("itemSeparator", "")
    if isinstance(value, list):
        texts = list(map(_text, value))
        if prefix and separate:
            return [prefix, *texts]
        if separator:
            return [prefix + separator.join(texts)]
        if len(prefix) * len(texts) > _LONGEST_LINE:
            raise OnlyForShell("is longer than a command line can be")
        return [prefix + text for text in texts]
    if isinstance(value, bool) and prefix and separate:
        return [prefix] if value else []
    return [prefix, _text(value)] if prefix and separate else [prefix + _text(value)]


def _text(value: Any) -> str:
    return str(value["path"] if isinstance(value, dict) else value)
