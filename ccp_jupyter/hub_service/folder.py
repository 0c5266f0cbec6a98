"""Where the files of an Execution lie on the service's disk.

Only what is too large for the store is a file: inputs that came with the request, the event
journal, and output.zip. The rest of the Execution folder that users download is made from the
store when they ask for it (`hub_service.api.folder_zip`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

_INCOMING: Final = "incoming"
_NEW: Final = "new"


class Folders:
    """Folders of Executions under one root.

    Parameters
    ----------
    root : Path
        Made, with mode 0700, when it is not there.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = root
        self._new: set[str] = set()

    def folder(self, execution_id: str) -> Path:
        """Return an Execution's folder; it need not exist."""
        # Two levels, so that no folder holds more than some thousands of entries.
        return self.root / execution_id[:2] / execution_id

    def file(self, execution_id: str, path: str) -> Path:
        """Return the file of a `FileValue`."""
        return self.folder(execution_id) / path

    def journal(self, execution_id: str) -> Path:
        """Return the event journal's file."""
        return self.folder(execution_id) / "events.jsonl"

    def outputs(self, execution_id: str) -> Path:
        """Return the zip with everything that the containers left in /ccp_data."""
        return self.folder(execution_id) / "output.zip"

    def manifest(self, execution_id: str) -> Path:
        """Return the list of what is in output.zip, by digest (`ccp_jupyter.model.manifest`)."""
        return self.folder(execution_id) / "manifest.json"

    def imported(self, execution_id: str) -> Path:
        """Return what the documents of an imported Execution said, unchecked."""
        return self.folder(execution_id) / "imported.json"

    def incoming(self) -> Path:
        """Make a folder for something that is to become an Execution's folder; on the same disk."""
        place = self.root / _INCOMING
        place.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=place))

    def sweep(self) -> None:
        """Remove what came in and was left by a process that died."""
        shutil.rmtree(self.root / _INCOMING, ignore_errors=True)

    def part(self, execution_id: str, index: int) -> Path:
        """Return the zip of one replica, before all are joined."""
        return self.folder(execution_id) / f"part-{index}.zip"

    def begin(self, execution_id: str) -> None:
        """Note, before anything is put into it, that a folder may never have its Execution.

        A process that dies before the store has the Execution leaves the note, by which the next
        one finds the folder; see `begun`.
        """
        place = self.root / _NEW
        place.mkdir(mode=0o700, exist_ok=True)
        (place / execution_id).touch(mode=0o600)
        self._new.add(execution_id)

    def is_new(self, execution_id: str) -> bool:
        """Tell whether this process has begun a folder, and not heard that it is to stay."""
        return execution_id in self._new

    def begun(self) -> list[str]:
        """Return the ids of Executions whose folders were begun, by whichever process."""
        place = self.root / _NEW
        return [each.name for each in place.iterdir()] if place.is_dir() else []

    def keep(self, execution_id: str) -> None:
        """Forget that a folder was begun: the store has its Execution."""
        (self.root / _NEW / execution_id).unlink(missing_ok=True)
        self._new.discard(execution_id)

    def remove(self, execution_id: str) -> None:
        """Delete an Execution's folder with all in it; no error when there is none."""
        shutil.rmtree(self.folder(execution_id), ignore_errors=True)
        self.keep(execution_id)
