"""What a stack notes in its folder about the servers that it started."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.stack.daemons import Daemon, find

_FOLDER = "daemons"


class StackError(RuntimeError):
    """The stack cannot do what was asked for; the text says why."""


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; whoever reads it never sees half of it."""
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(path)


def note(folder: Path, name: str, daemon: Daemon) -> None:
    """Remember a server under a name, in place of the one that had it."""
    (folder / _FOLDER).mkdir(exist_ok=True)
    record = {**asdict(daemon), "log": str(daemon.log)}
    write_private(folder / _FOLDER / f"{name}.json", json.dumps(record))


def noted(folder: Path) -> dict[str, Daemon]:
    """Return the servers that were noted, by name, running or not."""
    daemons = {}
    for path in sorted((folder / _FOLDER).glob("*.json")):
        record = json.loads(path.read_text())
        daemons[path.stem] = Daemon(record["pid"], record["born"], Path(record["log"]))
    return daemons


def from_pid_file(path: Path) -> Daemon | None:
    """Return the running process whose id a file holds, or None."""
    with suppress(FileNotFoundError, ValueError):
        daemon = find(int(path.read_text()))
        if daemon.alive():
            return daemon
    return None
