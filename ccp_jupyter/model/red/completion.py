"""Inputs with names and paths in the container, as references and command lines need them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from ccp_jupyter.model.red.names import random_name

INPUTS = "/cc/inputs"


def fresh_folder() -> str:
    """Return a folder of its own for one input."""
    return f"{INPUTS}/{random_name()}"


def completed(
    inputs: Mapping[str, Any], folder: Callable[[], str] = fresh_folder
) -> dict[str, Any]:
    """Return checked inputs with ``basename``, ``dirname``, ``nameroot``, ``nameext``, ``path``.

    Directories get ``basename`` and ``path`` only.

    Parameters
    ----------
    inputs : mapping
        Of one batch. They are not changed.
    folder : callable
        Gives the folder of a file or directory that names none.
    """
    return {
        name: [_value(name, item, folder) for item in value]
        if isinstance(value, list)
        else _value(name, value, folder)
        for name, value in inputs.items()
    }


def _value(name: str, value: Any, folder: Callable[[], str]) -> Any:
    if not isinstance(value, dict):
        return value
    base: str = value.get("basename", name)
    if value["class"] == "Directory":
        return {**value, "basename": base, "path": f"{folder()}/{base}"}
    place = value["dirname"] if "dirname" in value else folder()
    root, extension = posixpath.splitext(base)
    return {
        **value,
        "basename": base,
        "dirname": place,
        "nameroot": root,
        "nameext": extension,
        "path": posixpath.join(place, base),
    }
