"""Lists of what is in output zips, by digest: kept beside them, made anew where one is missing.

All functions but `manifest_of` block and run in worker threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import zipfile
from pathlib import Path
from typing import IO, Final
from weakref import WeakValueDictionary

from pydantic import ValidationError

from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.manifest import Manifest, OutputFile

_CHUNK: Final = 256 * 1024
_locks: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()


class Hashed:
    """Passes what is written on, and knows its SHA-256.

    Parameters
    ----------
    sink : file
        Where it goes.
    """

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._sha = hashlib.sha256(usedforsecurity=False)
        self._size = 0

    def write(self, data: bytes) -> int:
        """Write on."""
        self._sha.update(data)
        self._size += len(data)
        return self._sink.write(data)

    def file(self, path: str) -> OutputFile:
        """Return what was written, as a file of this path."""
        return OutputFile(path=path, size=self._size, sha256=self._sha.hexdigest())


async def manifest_of(folders: Folders, execution: Execution) -> Manifest | None:
    """Return what an Execution has put out; None when it has no output.zip.

    Where its manifest is missing (one from before there were any) or does not fit to the zip, it
    is made from the zip's content and kept.

    Parameters
    ----------
    folders : Folders
        Where it is.
    execution : Execution
        A final one.
    """
    if execution.output_size is None:
        return None
    # Kept as long as somebody waits for it.
    lock = _locks.setdefault(execution.id, asyncio.Lock())
    try:
        async with lock:  # so that a large zip is read once, however many ask
            return await asyncio.to_thread(
                kept, folders.manifest(execution.id), folders.outputs(execution.id)
            )
    except FileNotFoundError:
        return None  # removed at this moment


def kept(path: Path, archive: Path) -> Manifest:
    """Return the manifest of a zip, from its file if that is there and fits; else make both.

    Raises
    ------
    FileNotFoundError
        There is no zip.
    """
    found = read(path)
    if found is not None and _fits(found, archive):
        return found
    made = from_zip(archive)
    write(path, made)
    return made


def read(path: Path) -> Manifest | None:
    """Return what a manifest's file says; None when there is none, or none that can be read."""
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest, durably and as a whole or not at all.

    Raises
    ------
    OSError
        Such as no space left.
    """
    partial = path.with_suffix(".partial-json")
    try:
        with partial.open("wb") as file:
            file.write(manifest.model_dump_json(indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def from_zip(archive: Path) -> Manifest:
    """Return the manifest of a zip, by reading all of it."""
    files = []
    with zipfile.ZipFile(archive) as source:
        for info in _files(source):
            sha = hashlib.sha256(usedforsecurity=False)
            with source.open(info) as member:
                while chunk := member.read(_CHUNK):
                    sha.update(chunk)
            files.append(
                OutputFile(path=info.filename, size=info.file_size, sha256=sha.hexdigest())
            )
    return Manifest.of(files)


def _fits(manifest: Manifest, archive: Path) -> bool:
    with zipfile.ZipFile(archive) as source:
        sizes = {info.filename: info.file_size for info in _files(source)}
    return sizes == {file.path: file.size for file in manifest.files}


def _files(source: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of a zip; of several of one name the last, as readers take it."""
    return [info for info in source.NameToInfo.values() if not info.is_dir()]
