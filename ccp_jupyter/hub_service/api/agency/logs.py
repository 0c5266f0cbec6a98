"""Logs of Experiments and batches: what was written until now, or until the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

from ccp_jupyter.hub_service.api.agency.handler import ExperimentHandlerBase
from ccp_jupyter.hub_service.api.logs import log_pieces, text_of
from ccp_jupyter.hub_service.api.streams import StreamHandler
from ccp_jupyter.model.events import Event, LogEvent, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Phase, is_final


class AgencyLogHandler(ExperimentHandlerBase, StreamHandler):
    """Base of both logs."""

    media_type = "text/plain; charset=utf-8"
    preamble = ""
    keepalive = ""

    _execution_id = ""
    _index: int | None = None

    async def send_log(self, execution: Execution, index: int | None) -> None:
        """Send the log of all batches, or of one; with ``follow`` until the end."""
        self._execution_id, self._index = execution.id, index
        stream: str | None = self.query["stream"]
        if self.query["follow"] and await self.still_useful():
            self.check_room()
            await self.pump(self._followed(stream))
        else:
            await self.pump(log_pieces(self.services.events, execution.id, index, stream))

    async def _followed(self, stream: str | None) -> AsyncIterator[str]:
        events = cast(
            "AsyncGenerator[Event, None]", self.services.events.follow(self._execution_id)
        )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, LogEvent):
                    if self._index in (None, event.task) and stream in (None, event.stream):
                        yield text_of(event)
                elif await self._ends_with(event):
                    return

    async def _ends_with(self, event: StatusEvent | PhaseEvent) -> bool:
        if isinstance(event, StatusEvent):
            return is_final(event.status)
        if event.task != self._index or event.phase is not Phase.ENDED:
            return False
        task = await self.services.store.get_task(self._execution_id, event.task)
        # What is read may be long past: another Attempt may have followed this one.
        return task is None or (is_final(task.state) and event.attempt == len(task.attempts))

    async def still_useful(self) -> bool:
        """Tell whether more may be written; a batch that is cancelled waiting has no event."""
        store = self.services.store
        if self._index is not None:
            task = await store.get_task(self._execution_id, self._index)
            return task is not None and not is_final(task.state)
        execution = await store.get_execution(self._execution_id)
        return execution is not None and not is_final(execution.status)
