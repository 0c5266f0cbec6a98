"""Adding to the tars that are put into containers: everything there belongs to root."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def writing(spool: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """Write a tar into an empty, seekable file, without the zeros that fill its last record.

    Podman reads a tar up to its end mark, and fails when there is more to come.
    """
    with tarfile.open(fileobj=spool, mode="w") as tar:
        yield tar
    spool.truncate(tar.offset)


def add_folder(tar: tarfile.TarFile, path: str, mode: int) -> None:
    """Add an empty folder; an absolute path is one in the container."""
    info = tarfile.TarInfo(path.strip("/"))
    info.type = tarfile.DIRTYPE
    info.mode = mode
    tar.addfile(info)


def add_text(tar: tarfile.TarFile, path: str, text: str, mode: int) -> None:
    """Add a file with this text."""
    data = text.encode()
    info = tarfile.TarInfo(path.strip("/"))
    info.size = len(data)
    info.mode = mode
    tar.addfile(info, io.BytesIO(data))
