"""Which Experiment was submitted last from which file, in the user's state folder.

One small file for each service and document, so that programs side by side need no lock. There
is nothing secret in it: address of the service, path, id and time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ccp_jupyter.model.times import iso, now

STATE_VARIABLE = "XDG_STATE_HOME"


def folder() -> Path:
    """Return the folder of the state: ``$XDG_STATE_HOME/ccp/red``, else below ``~/.local/state``.

    As the XDG base directory specification asks, a relative path in the variable is ignored.
    """
    root = Path(os.environ.get(STATE_VARIABLE) or "")
    if not root.is_absolute():
        root = Path.home() / ".local/state"
    return root / "ccp/red"


def _entry(service: str, file: Path) -> Path:
    key = f"{service}\n{file.resolve()}".encode(errors="surrogateescape")
    return folder() / (hashlib.sha256(key).hexdigest()[:32] + ".json")


def remember(service: str, file: Path, experiment_id: str) -> None:
    """Keep the id under a file and service; replaces the one before.

    Raises
    ------
    OSError
        It cannot be written.
    """
    entry = _entry(service, file)
    entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {
        "service": service,
        "file": os.fsencode(file.resolve()).decode(errors="replace"),
        "experimentId": experiment_id,
        "submitted": iso(now()),
    }
    handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            json.dump(document, new)
        Path(name).replace(entry)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def recall(service: str, file: Path) -> str | None:
    """Return the id of the Experiment submitted last from a file; None when none is known."""
    try:
        document = json.loads(_entry(service, file).read_bytes())
    except (OSError, ValueError, RecursionError):  # not there, broken, or no possible name
        return None
    found = document.get("experimentId") if isinstance(document, dict) else None
    return found if isinstance(found, str) and found else None
