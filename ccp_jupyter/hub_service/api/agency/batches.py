"""Batches: list, document, cancel, streams, log."""

from __future__ import annotations

import asyncio
import zipfile
from dataclasses import replace
from typing import Final

from ccp_jupyter.hub_service.api.agency import documents
from ccp_jupyter.hub_service.api.agency.handler import (
    PATH,
    ExperimentHandlerBase,
    no_such_batch,
)
from ccp_jupyter.hub_service.api.agency.lists import ListHandler, Listing
from ccp_jupyter.hub_service.api.agency.logs import AgencyLogHandler
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.outputs import member_chunks, open_member
from ccp_jupyter.hub_service.api.streaming import DownloadHandler
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import BatchQuery
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.states import TaskState, is_final

_STREAMS: Final = ("stdout", "stderr")


class BatchListHandler(ListHandler):
    """What list and count of batches have in common."""

    async def batch_query(self) -> BatchQuery | None:
        """Return what is asked for; None when there can be none."""
        if self.nobodys():
            return None
        try:
            states = (BatchState(self.query["state"]),) if self.query["state"] else ()
        except ValueError:
            return None
        experiment: str | None = self.query["experimentId"]
        if experiment is not None:
            experiment = await self.new_id(experiment) or experiment
        return BatchQuery(
            execution_id=experiment,
            node=self.query["node"],
            states=states,
            **self.filters(),
        )


class BatchesHandler(BatchListHandler):
    """The list of batches."""

    path = f"{PATH}/batches"

    async def get(self) -> None:
        """List those that the caller may see, newest Experiment first."""
        query = await self.batch_query()
        if query is None:
            self.send_nothing()
            return
        query = replace(query, ascending=self.query["ascending"])
        store = self.services.store

        async def item(task: Task) -> object:
            return documents.batch_item(task)

        await self.send_list(
            Listing(
                lambda limit, skip: store.list_batches(replace(query, limit=limit, offset=skip)),
                lambda: store.count_batches(query),
                item,
            )
        )


class BatchCountHandler(BatchListHandler):
    """How many batches there are."""

    async def get(self) -> None:
        """Count those that the list has."""
        query = await self.batch_query()
        count = 0 if query is None else await self.services.store.count_batches(query)
        self.reply({"count": count})


class BatchHandler(ExperimentHandlerBase):
    """One batch."""

    async def get(self, batch_id: str) -> None:
        """Show it in full."""
        self.reply(documents.batch(*await self.visible_batch(batch_id)))

    async def delete(self, batch_id: str) -> None:
        """Cancel it; one that is finished stays as it is."""
        execution, task = await self.visible_batch(batch_id)
        if not is_final(task.state):
            cancelled = await self.services.controller.cancel_batch(execution.id, task.index)
            if cancelled is None:
                raise no_such_batch(batch_id)
            task = cancelled
        self.reply(documents.batch(execution, task))


class BatchStreamHandler(ExperimentHandlerBase, DownloadHandler):
    """What the command of a batch wrote to stdout or stderr."""

    async def get(self, batch_id: str, stream: str) -> None:
        """Send it: after a failure always, otherwise when the user named it in ``cli``."""
        if stream not in _STREAMS:
            raise ApiError(400, f"must be one of {', '.join(_STREAMS)} (found {shown(stream)})")
        execution, task = await self.visible_batch(batch_id)
        opened = None
        if task.state is TaskState.FAILED or _is_named(execution, stream):
            opened = await asyncio.to_thread(
                _open, self.services.folders, execution, task.index, stream
            )
        if opened is None:
            raise ApiError(404, f"There is no {stream} of this batch")
        source, info = opened
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Content-Length", str(info.file_size))
        await self.send_chunks(member_chunks(source, info))


def _is_named(execution: Execution, stream: str) -> bool:
    return execution.experiment is not None and stream in execution.experiment.cli


def _open(
    folders: Folders, execution: Execution, index: int, stream: str
) -> tuple[zipfile.ZipFile, zipfile.ZipInfo] | None:
    """Find a stream in the batch's own zip, or in that of all; it moves when all have ended."""
    joined = folders.outputs(execution.id)
    inside = stream if execution.replicas == 1 else f"batch-{index}/{stream}"
    for path, name in ((folders.part(execution.id, index), stream), (joined, inside)):
        try:
            opened = open_member(path, name)
        except FileNotFoundError:
            continue
        if opened is not None:
            return opened
    return None


class BatchLogHandler(AgencyLogHandler):
    """What the container of a batch wrote."""

    async def get(self, batch_id: str) -> None:
        """Send it."""
        execution, task = await self.visible_batch(batch_id)
        await self.send_log(execution, task.index)
