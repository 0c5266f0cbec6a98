"""Callbacks: the documents that are sent, the key that signs them, and trying again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase, no_such_job
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.api.results import results_document
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.model.execution import Execution

_LARGEST: Final = 2**20
_LARGEST_VALUE: Final = 64 * 2**10


@dataclass(frozen=True, slots=True)
class CallbackDocuments:
    """Makes what callbacks send; see `controller.callbacks.Documents`."""

    services: Callable[[], Services]
    """Gives the parts of the service, of which the controller that sends them is one."""
    base: str
    """Address for links of Executions that do not say how their owner sees the service."""

    async def status(self, execution: Execution) -> bytes:
        """Return the status document."""
        return rendered(documents.status_info(execution, execution.base_url or self.base))

    async def results(self, execution: Execution) -> bytes:
        """Return the results by id; all by reference when they would be very large."""
        for limit in (_LARGEST_VALUE, 0):
            base = execution.base_url or self.base
            found = rendered(await results_document(self.services(), execution, base, limit))
            if len(found) <= _LARGEST:
                break
        return found


class CallbackKeyHandler(ApiHandler):
    """The key with which callbacks of the caller's Executions are signed."""

    async def get(self) -> None:
        """Tell it."""
        key = await asyncio.to_thread(self.services.keys.callback_key, self.caller.name)
        self.reply({"key": key, "algorithm": "HMAC-SHA256"})

    async def post(self) -> None:
        """Make another one; the old one signs nothing any more."""
        key = await asyncio.to_thread(self.services.keys.rotate_callback_key, self.caller.name)
        self.reply({"key": key, "algorithm": "HMAC-SHA256"})


class CallbackRetryHandler(JobHandlerBase):
    """Callbacks of an Execution that were given up."""

    async def post(self, job_id: str) -> None:
        """Have them sent again."""
        await self.own(job_id)
        execution = await self.services.controller.retry_callbacks(job_id)
        if execution is None:
            raise no_such_job(job_id)
        self.reply(documents.status_info(execution, self.base_url, private=True))
