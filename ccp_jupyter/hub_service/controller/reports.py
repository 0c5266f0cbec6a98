"""What a container reports of itself, in lines of its log that only the service understands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from ccp_jupyter.hub_service.controller.container import STARTED_AGAIN
from ccp_jupyter.hub_service.controller.nodes.watches import Exit

_log = logging.getLogger(__name__)

_PATIENCE: Final = 20.0  # seconds for the engine to say what the container has said already
_UNKNOWN: Final = 255
"""Docker's exit code of what has ended while its containerd died before it could tell the code."""


class Reports:
    """The reports of one container.

    Parameters
    ----------
    name : str
        Of the container, for the log.
    executing : bool
        Whether it is known already that execute-script was begun.

    Attributes
    ----------
    executing : asyncio.Event
        Set when execute-script was begun, and that is written down.
    started_again : bool
        Whether it was started a second time.
    """

    def __init__(self, name: str, executing: bool) -> None:
        self._name = name
        self.executing = asyncio.Event()
        if executing:
            self.executing.set()
        self.started_again = False
        self._said: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def take(self, report: str) -> None:
        """Take note of a report other than a phase."""
        match report.split():
            case [word] if word == STARTED_AGAIN:
                self.started_again = True
            case ["end", code] if code.isdecimal() and len(code) <= 3 and not self._said.done():
                self._said.set_result(int(code))

    def corrected(self, seen: Exit) -> Exit:
        """Return how the container ended: by its own word where the engine may not have heard it.

        Parameters
        ----------
        seen : Exit
            What the engine says.
        """
        said = self._said.result() if self._said.done() else _UNKNOWN
        if seen.code != _UNKNOWN or said == _UNKNOWN or self.started_again:
            return seen
        _log.warning("%s: the engine did not learn its exit code %d", self._name, said)
        return Exit(said, seen.out_of_memory, disturbed=False)

    async def ended(self, seen: Coroutine[Any, Any, Exit]) -> Exit:
        """Wait until the container has ended.

        Parameters
        ----------
        seen : coroutine
            Waits until the engine says so. Docker 20.10 never does when the end falls into the
            second in which its containerd is dead; then the scripts' own word counts.
        """
        task = asyncio.create_task(seen)
        try:
            await asyncio.wait((task, self._said), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait((task,), timeout=_PATIENCE)
            if task.done():
                return task.result()
            _log.warning("%s: the engine missed its end", self._name)
            return Exit(self._said.result(), out_of_memory=False, disturbed=False)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
