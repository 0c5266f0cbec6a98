"""Reading RED documents: JSON, or YAML 1.2."""

from __future__ import annotations

import re
from typing import Any, Final

from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.red.json_reading import json_document, json_places
from ccp_jupyter.model.red.syntax import Mark, Places, SyntaxFault

LARGEST: Final = 16 * 1024 * 1024
"""Characters or bytes."""

_LAST_STEP: Final = re.compile(r"(\.[^.\[\]]*|\[[^\]]*\]|^[^.\[\]]+)$")


class Source:
    """A document, and where its members stand in the text.

    Attributes
    ----------
    document : object
        Dicts, lists, texts, numbers, true, false, null.
    """

    def __init__(self, text: str, document: object, places: Places | None) -> None:
        self.document: Any = document
        self._text = text
        self._places = places

    def place(self, member: str) -> Mark | None:
        """Return where a member stands.

        Parameters
        ----------
        member : str
            As in the problems of `check`: ``batches[3].inputs.text``; empty for the whole.

        Returns
        -------
        tuple of int, or None
            Line and column, from 1. Of a member that is not there: where it should be. None
            when the path names nothing.
        """
        if self._places is None:
            self._places = json_places(self._text)
        while member not in self._places:
            shorter = _LAST_STEP.sub("", member)
            if shorter == member:
                return None
            member = shorter
        return self._places[member]


def read(text: str | bytes) -> Source:
    """Read a document; what begins with ``{`` is tried as JSON first.

    Parameters
    ----------
    text : str or bytes
        JSON or YAML 1.2; bytes are UTF-8.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        With line and column: a fault of syntax, a key twice in one object, a key that is not
        text, more than the limits of size and depth. Nothing of the text is repeated in it.
    """
    if len(text) > LARGEST:
        raise InvalidDocument([Problem("", f"at most {LARGEST // 1024**2} MiB")])
    try:
        decoded = text if isinstance(text, str) else _decoded(text)
        decoded = decoded.removeprefix("\ufeff")
        if decoded.lstrip()[:1] in ("{", "["):
            try:
                return Source(decoded, json_document(decoded), None)
            except SyntaxFault as fault:
                if not fault.may_be_yaml:
                    raise
        from ccp_jupyter.model.red.yaml_reading import yaml_document  # slow to import

        return Source(decoded, *yaml_document(decoded))
    except SyntaxFault as fault:
        line, column = fault.mark
        place = f"line {line}, column {column}: "
        raise InvalidDocument([Problem("", place + fault.rule)]) from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        raise SyntaxFault("must be text in UTF-8", (line, column)) from None
