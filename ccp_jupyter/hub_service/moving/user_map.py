"""The file that says which name at the hub a user of CC-Agency has."""

from __future__ import annotations

from pathlib import Path

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.red import read
from ccp_jupyter.model.red.reading import LARGEST


def read_users(path: Path) -> dict[str, str]:
    """Read a map of names.

    Parameters
    ----------
    path : Path
        YAML or JSON: one object, names in CC-Agency to names at the hub. Two names may become one.

    Raises
    ------
    InvalidDocument
        With every name that is none.
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        found = read(file.read(LARGEST + 1)).document
    if not isinstance(found, dict):
        raise InvalidDocument([Problem("", "must be a map of names to names")])
    problems = [
        Problem(shown(old), "must become a name", shown(new))
        for old, new in found.items()
        if not isinstance(new, str) or not new.strip() or not new.isprintable() or not old.strip()
    ]
    if problems:
        raise InvalidDocument(problems)
    return found
