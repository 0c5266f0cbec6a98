"""Folders in which downloads arrive: hidden, locked while in use, swept when their owner died."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".incoming-"
_LOCK = "lock"
_LONGEST_KEY = 100


@contextmanager
def incoming(parent: Path, key: str) -> Iterator[Path]:
    """Give a folder below `parent` that nobody else uses; what an earlier owner left is in it.

    The folder stays afterwards (so that a download can be continued) unless it is empty; who is
    done removes its content. The lock is the kernel's, so that it ends with the process, however
    that ends.

    Parameters
    ----------
    parent : Path
        Made when it is not there.
    key : str
        What is fetched; only letters, digits, "." and "-" of it count.
    """
    parent.mkdir(parents=True, exist_ok=True)
    name = PREFIX + re.sub(r"[^A-Za-z0-9.-]", "_", key)[:_LONGEST_KEY]
    folder, lock = _first_free(parent, name)
    try:
        yield folder
    finally:
        # Removed while the lock is held: whoever waits for it sees that it is gone.
        if not any(entry.name != _LOCK for entry in _entries(folder)):
            _remove(folder)
        os.close(lock)


def sweep(parent: Path) -> None:
    """Remove what crashed downloads left below `parent`; those in progress are not touched."""
    for entry in _entries(parent):
        if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
            folder = Path(entry.path)
            lock = _locked(folder, make=False)
            if lock is not None:
                _remove(folder)
                os.close(lock)


def place(folder: Path, wanted: Path) -> Path:
    """Give a finished folder its name: `wanted`, or with " (2)", " (3)" … when that is taken.

    Both lie in one folder. Nothing with content is ever replaced.
    """
    for number in itertools.count(1):
        target = wanted if number == 1 else wanted.with_name(f"{wanted.name} ({number})")
        if os.path.lexists(target):
            continue
        try:
            return folder.rename(target)
        except (FileExistsError, NotADirectoryError):
            continue  # somebody was quicker
        except OSError:
            if not os.path.lexists(target):
                raise
    raise AssertionError("count never ends")


def place_file(file: Path, wanted: Path) -> Path:
    """Give a finished file its name, as `place` does for folders."""
    for number in itertools.count(1):
        name = wanted.name if number == 1 else f"{wanted.stem} ({number}){wanted.suffix}"
        target = wanted.with_name(name)
        try:
            # A link, unlike a rename, never replaces what is there.
            target.hardlink_to(file)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            if os.path.lexists(target):
                continue
            return file.rename(target)
        file.unlink()
        return target
    raise AssertionError("count never ends")


def _first_free(parent: Path, name: str) -> tuple[Path, int]:
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        lock = _locked(folder, make=True)
        if lock is not None:
            return folder, lock
    raise AssertionError("count never ends")


def clear(folder: Path) -> None:
    """Remove everything from a folder that `incoming` gave, except its lock."""
    for entry in _entries(folder):
        if entry.name == _LOCK:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    # The lock goes last: as soon as it is gone, others may take the folder for themselves.
    with suppress(OSError):
        clear(folder)
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _locked(folder: Path, *, make: bool) -> int | None:
    """Lock a folder and return the lock; None when somebody else has it or it is gone."""
    while True:
        if make:
            with suppress(FileExistsError):
                folder.mkdir()
        path = folder / _LOCK
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            if make:
                continue  # swept between two of our steps
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        if _is_same(lock, path):
            return lock
        os.close(lock)  # the folder was removed while we opened the lock
        if not make:
            return None


def _is_same(lock: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(lock)
    return (held.st_ino, held.st_dev) == (there.st_ino, there.st_dev)
