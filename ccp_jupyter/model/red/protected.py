"""Secrets as the vault keeps them: the ``access`` of a connector, the ``auth`` of an image."""

from __future__ import annotations

import json

from ccp_jupyter.model.red.contents import is_protected


def normalised(access: object) -> object:
    """Return an access object as connectors read it: one underscore less in front of each key.

    Parameters
    ----------
    access : object
        As it stood in the document. It is not changed.
    """
    if isinstance(access, dict):
        return {key.removeprefix("_"): normalised(value) for key, value in access.items()}
    if isinstance(access, list):
        return list(map(normalised, access))
    return access


def protected_texts(secret: str) -> list[str]:
    """Return what must not appear in logs, messages and documents.

    Parameters
    ----------
    secret : str
        JSON text of an access object as it stood in the document, underscores and all.

    Returns
    -------
    list of str
        Every text and number (written as in JSON) that stands below a protected key; each once,
        none empty.
    """
    found: dict[str, None] = {}
    _collect(json.loads(secret, parse_float=_Number, parse_int=_Number), found, protected=False)
    return [text for text in found if text]


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def _collect(value: object, found: dict[str, None], *, protected: bool) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _collect(child, found, protected=protected or is_protected(key))
    elif isinstance(value, list):
        for child in value:
            _collect(child, found, protected=protected)
    elif protected and isinstance(value, str):
        found[str(value)] = None
