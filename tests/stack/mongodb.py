"""A stack's MongoDB: one server, a replica set of its own, with data that outlives it."""

from __future__ import annotations

from pathlib import Path

from tests.mongod import NoMongod, became_primary, mongod_program, spawn_mongod
from tests.stack.daemons import Daemon
from tests.stack.hub import DidNotStart
from tests.stack.records import note

NAME = "mongod"


def start_mongod(folder: Path, port: int) -> Daemon:
    """Start the server, with the data that it had, and wait until it takes writes.

    Parameters
    ----------
    folder : Path
        The stack's.
    port : int
        On loopback.

    Raises
    ------
    DidNotStart
        With the end of its log.
    FileNotFoundError
        There is none on this machine.
    """
    try:
        daemon = spawn_mongod(
            mongod_program(), folder / "mongodb", port, folder / "logs/mongod.log"
        )
    except NoMongod as error:
        raise FileNotFoundError(str(error)) from error
    note(folder, NAME, daemon)
    if not became_primary(daemon, port):
        raise DidNotStart(f"mongod takes no writes\n{daemon.tail()}")
    return daemon
