"""What runs in the background of the controller until it stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

_log = logging.getLogger(__name__)

_AGAIN: Final = 1.0  # seconds


class Jobs:
    """Background work; its errors go to the log."""

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[None]] = set()
        self._stopped = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something until it ends, or until `stop`; not at all afterwards."""
        job = asyncio.create_task(work, name=getattr(work, "__qualname__", None))
        self._jobs.add(job)
        job.add_done_callback(self._done)
        if self._stopped:  # what it would work with is being closed
            job.cancel()
        return job

    async def stop(self) -> None:
        """Cancel everything, also what begins meanwhile; returns when all of it has ended."""
        self._stopped = True
        while self._jobs:
            for job in self._jobs:
                job.cancel()
            # Some end only what they are at when they are cancelled for the first time.
            await asyncio.wait(self._jobs, timeout=_AGAIN)

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            _log.error("background work failed: %s", job.get_name(), exc_info=error)
