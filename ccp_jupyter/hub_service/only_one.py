"""Keeps a second process away from the same data."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class InUse(Exception):
    """Another process works with the data; the text says which folder."""


class OnlyOne:
    """A lock on a data_dir, held in a ``with`` block; it ends with the process.

    Parameters
    ----------
    data : Path
        The data_dir; it must be there.

    Raises
    ------
    InUse
        On entry, when another process holds it.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = (self._data / "lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise InUse(f"data_dir: another service uses {self._data}; end it first") from None

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
