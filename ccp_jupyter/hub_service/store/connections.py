"""Connections to one SQLite file: settings, the lock of the one service, errors in words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from ccp_jupyter.hub_service.store.base import Duplicate, StoreFull, StoreUnusable

JOURNAL_MODES: Final = ("WAL", "TRUNCATE")
SYNCHRONOUS: Final = ("FULL", "NORMAL", "EXTRA")
READERS: Final = 2
"""Threads, with a connection each, that read."""

_LARGEST_JOURNAL = 64 * 2**20
# SQLite says "I/O error" when there is no room for the index of its write-ahead log.
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked; end that program",
    sqlite3.SQLITE_CORRUPT: "it is damaged; put a backup in its place",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database; move it away or name another file",
    sqlite3.SQLITE_READONLY: "it may not be written; check the owner and mode of file and folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the owner and mode of file and folder",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check the disk and its mount",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a database file is opened.

    Attributes
    ----------
    path : Path
        On a local disk, never on NFS.
    journal_mode : str
        ``WAL``, or ``TRUNCATE``, which is slower.
    synchronous : str
        ``FULL``: a commit outlives a loss of power. ``NORMAL``: the last ones may not.
    busy_timeout : float
        Seconds to wait for another program that has the file locked.
    """

    path: Path
    journal_mode: str = "WAL"
    synchronous: str = "FULL"
    busy_timeout: float = 30.0

    def __post_init__(self) -> None:
        if self.journal_mode not in JOURNAL_MODES:
            raise ValueError(f"journal_mode: one of {JOURNAL_MODES}, not {self.journal_mode!r}")
        if self.synchronous not in SYNCHRONOUS:
            raise ValueError(f"synchronous: one of {SYNCHRONOUS}, not {self.synchronous!r}")


class Lock:
    """Makes sure that one process at a time has the database; ends with the process.

    Raises
    ------
    StoreUnusable
        Another one has it, or the folder cannot be used.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A file of its own: closing any descriptor of the database drops SQLite's own locks.
            name = path.with_name(path.name + ".lock")
            self._descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"database {path}: {error}; name a usable folder") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreUnusable(
                f"database {path}: another ccp service uses it; stop that one, or name another file"
            ) from error

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


def engine(settings: Settings, *, write: bool, foreign_keys: bool = True) -> sa.Engine:
    """Return an engine whose transactions begin as stores.md asks.

    Parameters
    ----------
    settings : Settings
        Which file and how.
    write : bool
        False: every transaction is ``BEGIN`` and cannot write. True: ``BEGIN IMMEDIATE``.
    foreign_keys : bool
        Off only while a migration rebuilds tables; dropping the old one would cascade.
    """
    made = sa.create_engine(
        sa.URL.create("sqlite", database=str(settings.path)),
        connect_args={"timeout": settings.busy_timeout, "check_same_thread": False},
        pool_size=1 if write else READERS,
        max_overflow=0,
    )
    begin = "BEGIN IMMEDIATE" if write else "BEGIN"

    @event.listens_for(made, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None
        (mode,) = dbapi.execute(f"PRAGMA journal_mode={settings.journal_mode}").fetchone()
        if mode.upper() != settings.journal_mode:
            raise StoreUnusable(
                f"database {settings.path}: journal mode stays {mode}, not"
                f" {settings.journal_mode}; use a local disk, and end other programs that use it"
            )
        for pragma in (
            f"synchronous={settings.synchronous}",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            f"query_only={'OFF' if write else 'ON'}",
            # Savepoints and sorts must not need room on another disk.
            "temp_store=MEMORY",
            f"journal_size_limit={_LARGEST_JOURNAL}",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


def translated(error: DBAPIError | sqlite3.Error, settings: Settings) -> Exception:
    """Return the store's own error for one of SQLite; `error` itself when it is a fault of ours."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0)
    if code in _DUPLICATE:
        return Duplicate(f"there is one already ({cause})")
    if code in _FULL or code & 0xFF == sqlite3.SQLITE_FULL:
        return StoreFull(f"no room left on the disk of {settings.path}; free some and repeat")
    if advice := _ADVICE.get(code & 0xFF):
        return StoreUnusable(f"database {settings.path}: {advice} (SQLite: {cause})")
    return error
