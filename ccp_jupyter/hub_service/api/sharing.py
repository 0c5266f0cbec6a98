"""With whom Methods and Executions are shared: their owners see and say it."""

from __future__ import annotations

from typing import Any, Final

from ccp_jupyter.hub_service.api.access import check_may_share
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.links import link, segment
from ccp_jupyter.hub_service.api.processes import MethodHandler, etag
from ccp_jupyter.hub_service.store.base import Conflict
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.sharing import Sharing, read_sharing, with_sharing

_MOST_TRIES: Final = 5


async def _sent(handler: ApiHandler) -> Sharing:
    """Return what the caller asks for, and may.  Raises `ApiError` or `InvalidDocument`."""
    sharing = read_sharing(await handler.json_body())
    if not sharing.with_nobody:
        await check_may_share(handler.shared.groups, handler.caller, sharing.contexts)
    return sharing


def _without(sharing: Sharing, owner: str) -> Sharing:
    """Return it without the owner, with whom nothing needs to be shared."""
    return sharing.model_copy(update={"users": [n for n in sharing.users if n != owner]})


def _document(sharing: Sharing, href: str) -> dict[str, Any]:
    return {**sharing.model_dump(), "links": [link(href + "/sharing", "self"), link(href, "up")]}


class ProcessSharingHandler(MethodHandler):
    """With whom a Method is shared; who may see it may run it."""

    async def get(self, process_id: str) -> None:
        """Tell its owner."""
        self._reply((await self.own(process_id)).sharing, process_id)

    async def put(self, process_id: str) -> None:
        """Share it, or make it private; its revision stays the same."""
        sharing = await _sent(self)
        for _ in range(_MOST_TRIES):
            old = await self.own(process_id)
            # The document says it too, as it did before there was this address: both are one.
            method = parse_method(with_sharing(old.document, sharing))
            new = old.model_copy(
                update={
                    "document": method.document(),
                    "public": method.public,
                    "contexts": sorted(method.contexts),
                    "users": _without(sharing, old.owner).users,
                }
            )
            try:
                saved = await self.services.store.save_method(new)
            except Conflict:
                continue
            self.shared.method_lists.changed()
            self.set_header("Etag", etag(saved))
            self._reply(saved.sharing, process_id)
            return
        raise ApiError(409, "Others change this Method all the time; try again")

    def _reply(self, sharing: Sharing, process_id: str) -> None:
        self.reply(_document(sharing, f"{self.base_url}processes/{segment(process_id)}"))


class JobSharingHandler(JobHandlerBase):
    """With whom an Execution is shared; they may look at it, and change nothing."""

    async def get(self, job_id: str) -> None:
        """Tell its owner."""
        self._reply((await self.own(job_id)).sharing, job_id)

    async def put(self, job_id: str) -> None:
        """Share it, or make it private."""
        sharing = await _sent(self)
        for _ in range(_MOST_TRIES):
            execution = await self.own(job_id)
            execution.sharing = _without(sharing, execution.owner)
            try:
                saved = await self.services.store.save_execution(execution)
            except Conflict:
                continue
            self._reply(saved.sharing, job_id)
            return
        raise ApiError(409, "The Execution changes all the time; try again")

    def _reply(self, sharing: Sharing, job_id: str) -> None:
        self.reply(_document(sharing, f"{self.base_url}jobs/{job_id}"))
