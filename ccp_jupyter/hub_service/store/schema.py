"""Bringing a database file to the newest schema, or saying why it cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.store.connections import Settings, engine, translated
from ccp_jupyter.hub_service.store.tables import SCHEMA

MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(settings: Settings, revision: str = SCHEMA) -> None:
    """Create the tables, or bring those of an older version up, in one transaction.

    Parameters
    ----------
    settings : Settings
        The database; made when it is not there.
    revision : str
        Where to stop; older ones are for tests.

    Raises
    ------
    StoreUnusable
        The file is locked, damaged, another program's, or was written by a newer version.
    StoreFull
        There is no room for it.
    """
    try:
        settings.path.touch(mode=0o600, exist_ok=True)
        present = _present(settings)
        made = engine(settings, write=True, foreign_keys=False)
        try:
            # Begun in any case, so that a lock of another program is noticed here.
            with made.begin() as connection:
                if present != revision:
                    _upgrade(connection, revision, settings.path)
        finally:
            made.dispose()
    except OSError as error:
        raise StoreUnusable(f"database {settings.path}: {error}; name a usable file") from error
    except (DBAPIError, sqlite3.Error) as error:
        known = translated(error, settings)
        if known is not error:
            raise known from error
        raise StoreUnusable(
            f"database {settings.path} cannot be brought to schema {revision}, and was left as it"
            f" was: {error}; please report this"
        ) from error


def _present(settings: Settings) -> str | None:
    """Return the schema revision of the file, None when it is empty; change nothing."""
    with closing(sqlite3.connect(settings.path, timeout=settings.busy_timeout)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema")]
        if not names:
            return None
        if "alembic_version" in names:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if row:
                return str(row[0])
    raise StoreUnusable(
        f"database {settings.path} belongs to another program (it has {sorted(names)[:3]} …);"
        " name another file"
    )


def _upgrade(connection: sa.Connection, revision: str, path: Path) -> None:
    # Alembic costs 12 MB and 0.1 s, and is needed only here: at the first start with a schema.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreUnusable(
            f"database {path} was written by a newer version of ccp_jupyter, or by another program"
            f" ({error}); install that version, put a backup in its place, or name another file"
        ) from error
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise StoreUnusable(
            f"database {path}: records without their owner after the change to schema {revision}:"
            f" {broken[:3]}; nothing was changed; please report this"
        )
