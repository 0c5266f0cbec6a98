"""An Attempt's log: followed to its end, through outages of the Node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.logs import LogCollector, Resume, resume_point
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.engines.base import NodeUnreachable, NotThere
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.masking import Masker

_log = logging.getLogger(__name__)

_PATIENCE: Final = 10.0  # seconds without a word, after the container has ended


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a log, and how."""

    owner: str
    """Whose Execution it is."""
    size: int
    """Characters kept."""
    masker: Callable[[], Awaitable[Masker | None]]
    """Returns what masks the secrets; None when the vault has lost them."""
    tell: Callable[[str], Awaitable[None]]
    """Says something to the user."""
    phase_reached: Callable[[str], Awaitable[None]]
    """Awaited with the name of each phase that the container reports."""


class AttemptLog:
    """Follows the log of one container into the journal.

    Parameters
    ----------
    events : EventLog
        Where the lines go.
    agent : NodeAgent
        Where the container is.
    mark : Mark
        Whose it is.
    reader : Reader
        What is done with it.
    resumed : bool
        Whether an earlier run of the service may have kept a part of it.
    """

    def __init__(
        self, events: EventLog, agent: NodeAgent, mark: Mark, reader: Reader, resumed: bool
    ) -> None:
        self._events = events
        self._agent = agent
        self._mark = mark
        self._reader = reader
        self._resumed = resumed
        self._collector: LogCollector | None = None
        self.task = asyncio.create_task(self._follow())
        """Ends with the log; its errors count."""

    async def rest(self) -> None:
        """Wait for what is still to come after the container has ended."""
        asked_again = False
        while True:
            before = self._frames
            if (await asyncio.wait((self.task,), timeout=_PATIENCE))[0]:
                break
            if self._frames != before:
                continue
            if asked_again:
                _log.warning("%s: the engine keeps the log open after the end", self._mark.name)
                return
            # Of a container that has ended, a log that is asked for now has an end.
            asked_again = self._resumed = True
            await self.close()
            self.task = asyncio.create_task(self._follow())
        if not self.task.cancelled() and (error := self.task.exception()) is not None:
            _log.warning("%s: the log could not be read to its end: %s", self._mark.name, error)

    async def close(self) -> None:
        """Stop following; what was begun to be written is."""
        self.task.cancel()
        # It may be saving the Task, which must not meet the next save.
        await asyncio.gather(self.task, return_exceptions=True)

    @property
    def _frames(self) -> int:
        return 0 if self._collector is None else self._collector.frames

    async def _follow(self) -> None:
        masker, size = await self._to_mask()
        resume = Resume({}, 0)
        while True:
            if self._resumed:
                resume = await resume_point(self._events, self._mark)
            self._collector = collector = LogCollector(
                self._events,
                self._reader.owner,
                self._mark,
                size,
                masker,
                self._reader.phase_reached,
                resume,
            )
            try:
                await collector.run(self._agent.engine.logs(self._mark.name, resume.after))
            except NodeUnreachable:
                await self._agent.wait_online()
                self._resumed = True
            except NotThere:
                return
            else:
                return

    async def _to_mask(self) -> tuple[Masker, int]:
        """Return what masks the log, and how much of it to keep."""
        masker = await self._reader.masker()
        if masker is not None:
            return masker, self._reader.size
        await self._reader.tell(
            "the vault was restarted, so that secrets in the rest of the log cannot be"
            " masked: it is left out"
        )
        return Masker(()), 0
