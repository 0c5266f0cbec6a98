"""Names in an Execution folder, and the version of its form."""

from __future__ import annotations

from typing import Final

FORMAT: Final = "ccp-execution"
FORMAT_VERSION: Final = 1
"""A reader refuses higher ones: it cannot know what they mean."""

FOLDER: Final = "metadata/folder.json"
"""Says which form it is, and what is in no other document: Tasks, Attempts, phases."""
REQUEST: Final = "metadata/request.json"
METHOD: Final = "metadata/method.json"
EXPERIMENT: Final = "metadata/experiment.json"
INFRASTRUCTURE: Final = "metadata/infrastructure.json"
INSTANCE: Final = "metadata/instance.json"
STATUS: Final = "metadata/jobStatus.json"
MANIFEST: Final = "metadata/manifest.json"
"""Digests of the files in output.zip (`ccp_jupyter.model.manifest`)."""
EVENTS: Final = "metadata/events.jsonl"
"""The journal: one event a line, numbered from 1."""
IMPORTED: Final = "metadata/imported.json"
"""What the documents said when it was imported; nobody has checked that."""
CLAIMS: Final = "auth/jwt.json"
INPUTS: Final = "inputs/"
OUTPUTS: Final = "outputs/"
ARCHIVE: Final = "outputs/output.zip"
