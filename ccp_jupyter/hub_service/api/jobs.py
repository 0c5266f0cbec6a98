"""Executions: list, status, dismiss or remove."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.access import may_change, may_see
from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, NO_SUCH_JOB, ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.params import Interval
from ccp_jupyter.hub_service.api.rendering import rendered_list
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.store.base import ExecutionQuery
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.states import Status, Target, is_final
from ccp_jupyter.model.times import now

EVERYBODY = "*"
"""As ``owner`` in the list of an administrator: all."""


class JobHandlerBase(ApiHandler):
    """What the handlers of one Execution have in common."""

    async def visible(self, job_id: str) -> Execution:
        """Return an Execution that the caller may see: their own, or one that is shared with them.

        Raises
        ------
        ApiError
            404.
        """
        return await visible_execution(self, job_id)

    async def own(self, job_id: str) -> Execution:
        """Return an Execution that the caller may change.  Raises `ApiError` 403 or 404."""
        execution = await self.visible(job_id)
        if not self.owns(execution):
            raise ApiError(403, "Only its owner and administrators may change this Execution")
        return execution

    def owns(self, execution: Execution) -> bool:
        """Tell whether the caller may change an Execution, and see what is private in it."""
        return may_change(self.caller, execution)


async def visible_execution(handler: ApiHandler, job_id: str) -> Execution:
    """Return an Execution that a handler's caller may see.  Raises `ApiError` 404."""
    execution = await handler.services.store.get_execution(job_id)
    if execution is None or execution.target is Target.DELETED:
        raise no_such_job(job_id)
    if not await may_see(handler.shared.groups, handler.caller, execution):
        raise no_such_job(job_id)
    return execution


def status_of(handler: ApiHandler, execution: Execution) -> bytes:
    """Return the status document with message and progress of this moment, rendered."""
    live = handler.services.controller.live(execution)
    base = handler.base_url
    private = may_change(handler.caller, execution)
    return handler.shared.rendered.get(
        (execution.id, execution.version, live, base, private),
        lambda: documents.status_info(execution, base, live, private=private),
    )


def no_such_job(job_id: str) -> ApiError:
    """Return the answer for an Execution that is not there, or that the caller may not see."""
    return ApiError(404, f"There is no Execution {shown(job_id)}", NO_SUCH_JOB)


class JobsHandler(ApiHandler):
    """The list of Executions."""

    async def get(self) -> None:
        """List the caller's Executions, newest first."""
        query = await self._shared() if self.query["shared"] == "true" else self._execution_query()
        page = await self.services.store.list_executions(query)
        base = self.base_url
        rest = {
            name: values[0].decode()
            for name, values in self.request.query_arguments.items()
            if name not in ("limit", "offset", "_xsrf") and values
        }
        # Repeated values of one filter become one list with commas, which means the same.
        rest |= {
            name: ",".join(value.decode() for value in values)
            for name, values in self.request.query_arguments.items()
            if name in ("type", "processID", "status")
        }
        links = documents.page_links(
            base,
            "jobs",
            urlencode(rest),
            self.query["offset"],
            self.query["limit"],
            page.next_offset,
        )
        jobs = [status_of(self, execution) for execution in page.items]
        self.reply_rendered(rendered_list("jobs", jobs, links))

    async def _shared(self) -> ExecutionQuery:
        """Return the query for Executions of others that are shared with the caller."""
        for name in ("processID", "status", "datetime", "minDuration", "maxDuration", "owner"):
            if self.query[name]:
                detail = f"{name}: does not go together with shared=true"
                raise ApiError(400, detail, INVALID_PARAMETER, parameter=name)
        caller = self.caller
        viewer = Viewer(name=caller.name, groups=await self.shared.groups.of(caller))
        limit, offset = self.query["limit"], self.query["offset"]
        return ExecutionQuery(shared_with=viewer, limit=limit, offset=offset)

    def _execution_query(self) -> ExecutionQuery:
        query: dict[str, Any] = dict(self.query)
        created: Interval = query["datetime"] or Interval()
        return ExecutionQuery(
            owner=self._owner(query["owner"]),
            # The store has no Method for Experiments.
            method_ids=tuple("" if each == RED else each for each in query["processID"]),
            statuses=tuple(Status(each) for each in query["status"]),
            created_from=created.start,
            created_to=created.end,
            min_duration=query["minDuration"],
            max_duration=query["maxDuration"],
            at=now(),
            limit=query["limit"],
            offset=query["offset"],
        )

    def _owner(self, wanted: str | None) -> str | None:
        if wanted is None or wanted == self.caller.name:
            return self.caller.name
        if not self.caller.admin:
            raise ApiError(403, "owner: only administrators see Executions of others")
        return None if wanted == EVERYBODY else wanted


class JobHandler(JobHandlerBase):
    """One Execution."""

    async def get(self, job_id: str) -> None:
        """Tell how it stands."""
        self.reply_rendered(status_of(self, await self.visible(job_id)))

    async def delete(self, job_id: str) -> None:
        """Dismiss a running Execution; remove a finished one with all its files, unless kept."""
        execution = await self.own(job_id)
        keep = self.query["finished"] == "keep"
        remove = is_final(execution.status) and not keep
        if not is_final(execution.status):
            dismissed = await self.services.controller.dismiss(job_id)
            if dismissed is None:
                raise no_such_job(job_id)
            execution = dismissed
        found = documents.status_info(execution, self.base_url)
        if remove:
            await self.services.controller.remove(job_id)
            found["message"] = "Removed with all its files"
            found["links"] = []
        if not keep:
            # The standard wants this status here; one that is just ending may have another.
            found["status"] = Status.DISMISSED
        self.reply(found)
