"""Ids that Experiments and batches had in CC-Agency, and what they are called here.

A JSON file of one object, whose lines are of equal length and sorted, so that one id is found by
some twenty reads however many there are, and nothing is kept in memory.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ccp_jupyter.model.experiment import is_id

FILE: Final = "agency-ids.json"
"""Its name in the data_dir."""

_ID: Final = 24
_HEAD: Final = b"{\n"
_LINE: Final = len('"": "",\n') + 2 * _ID


def find_new_id(path: Path, old: str) -> str | None:
    """Return what an id of CC-Agency became; None when it is not known.  Blocks.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    old : str
        24 lower-case hex digits, else nothing is found.
    """
    if not is_id(old):
        return None
    wanted = old.encode()
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        low, high = 0, (os.fstat(file).st_size - len(_HEAD)) // _LINE
        while low < high:
            middle = (low + high) // 2
            line = os.pread(file, _LINE, len(_HEAD) + middle * _LINE)
            found = line[1 : 1 + _ID]
            if found == wanted:
                return line[5 + _ID : 5 + 2 * _ID].decode()
            low, high = (middle + 1, high) if found < wanted else (low, middle)
    finally:
        os.close(file)
    return None


def read_ids(path: Path) -> dict[str, str]:
    """Return all of a file; nothing when it is not there.

    Raises
    ------
    ValueError
        It was written by something else.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(map(_fits, found.items())):
        raise ValueError(f"{path} is no map of ids; move it away")
    return found


def ids_text(ids: Mapping[str, str]) -> bytes:
    """Return the content of the file for a map of old ids to new ones."""
    return b"".join(_lines(ids))


def _lines(ids: Mapping[str, str]) -> Iterator[bytes]:
    yield _HEAD
    for last, old in enumerate(sorted(ids), 1 - len(ids)):
        yield f'"{old}": "{ids[old]}"{" " if last == 0 else ","}\n'.encode()
    yield b"}\n"


def _fits(item: tuple[object, object]) -> bool:
    return all(isinstance(text, str) and is_id(text) for text in itertools.chain(item))
