"""An event log in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "executions")


@pytest.fixture
async def log(folders: Folders) -> AsyncIterator[FileEventLog]:
    log = FileEventLog(folders, feed_size=50)
    yield log
    await log.close()
