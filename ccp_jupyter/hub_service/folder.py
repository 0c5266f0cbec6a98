"""Where the files of an Execution lie on the service's disk.

Only what is too large for the store is a file: inputs that came with the request, the event
journal, and output.zip. The rest of the Execution folder that users download is made from the
store when they ask for it (`hub_service.api.folder_zip`).
"""

from __future__ import annotations

import shutil
from pathlib import Path


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

    def part(self, execution_id: str, index: int) -> Path:
        """Return the zip of one replica, before all are joined."""
        return self.folder(execution_id) / f"part-{index}.zip"

    def remove(self, execution_id: str) -> None:
        """Delete an Execution's folder with all in it; no error when there is none."""
        shutil.rmtree(self.folder(execution_id), ignore_errors=True)
