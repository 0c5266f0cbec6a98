"""Batches of an Experiment, as the agency's API tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from ccp_jupyter.client import html
from ccp_jupyter.client.errors import NotFound, ServiceError
from ccp_jupyter.client.transport import Call, Transport, path_of
from ccp_jupyter.model.experiment import BatchState

_AT_ONCE = 8
"""Calls at a time; a polite number for a list of failed batches."""


class BatchRecord:
    """A batch as the service described it last; the base of both clients' batches.

    Parameters
    ----------
    document : object
        Of the agency's API: an element of ``GET /batches``, or ``GET /batches/ID``.
    """

    def __init__(self, document: object) -> None:
        wanted = {"_id": str, "state": str, "batchesListIndex": int}
        if not isinstance(document, Mapping) or not all(
            isinstance(document.get(name), kind) for name, kind in wanted.items()
        ):
            raise ServiceError("the service sent a batch of the wrong shape; is the url right?")
        self.document: dict[str, Any] = dict(document)
        """Everything that the service said."""

    @property
    def id(self) -> str:
        """Id of the batch."""
        return str(self.document["_id"])

    @property
    def index(self) -> int:
        """Number of the batch, from 1, as in logs; the document's own order."""
        return int(self.document["batchesListIndex"]) + 1

    @property
    def state(self) -> str:
        """Where it stands, in the words of `ccp_jupyter.model.experiment.BatchState`."""
        return str(self.document["state"])

    @property
    def node(self) -> str | None:
        """Where it runs or ran last; None before."""
        found = self.document.get("node")
        return found if isinstance(found, str) else None

    @property
    def history(self) -> list[dict[str, Any]]:
        """What it went through: ``state``, ``time``, ``node``, and ``debugInfo`` where told."""
        found = self.document.get("history")
        entries = found if isinstance(found, list) else []
        return [each for each in entries if isinstance(each, dict)]

    @property
    def debug_info(self) -> str:
        """Why it failed, in full: messages of connectors, the command's last lines; or empty."""
        last = self.history[-1] if self.history else {}
        agent = last.get("ccagent")
        reported = agent.get("debugInfo") if isinstance(agent, dict) else None
        return "\n".join([*_lines(last.get("debugInfo")), *_lines(reported)])

    @property
    def reason(self) -> str:
        """Why it failed or was cancelled, in one line; empty where nobody said."""
        if self.state not in (BatchState.FAILED, BatchState.CANCELLED):
            return ""
        lines = [line.strip() for line in self.debug_info.splitlines()]
        return next((line for line in lines if line), "")

    def __repr__(self) -> str:
        where = f" on {self.node}" if self.node else ""
        why = f": {self.reason}" if self.reason else ""
        return f"<Batch {self.index}, {self.state}{where}{why}>"


def _lines(found: object) -> list[str]:
    return [str(each) for each in (found if isinstance(found, list) else [found]) if each]


class AsyncBatch(BatchRecord):
    """One batch; see `AsyncExecution.batches`.

    Parameters
    ----------
    transport : Transport
        The service.
    document : object
        As in `BatchRecord`.
    """

    def __init__(self, transport: Transport, document: object) -> None:
        super().__init__(document)
        self._transport = transport

    async def stdout(self) -> str:
        """Return what the command wrote to stdout; see `stderr`."""
        return await self._captured("stdout")

    async def stderr(self) -> str:
        """Return what the command wrote to stderr.

        Raises
        ------
        NotFound
            The service has it only when the batch failed, or when ``cli`` of the document names
            a file for it.
        """
        return await self._captured("stderr")

    async def _captured(self, name: str) -> str:
        call = Call("GET", path_of("agency", "batches", self.id, name))
        answer = await self._transport.answer(call)
        return answer.content.decode(errors="replace")


BatchT = TypeVar("BatchT", bound=BatchRecord)


class BatchList(list[BatchT]):
    """Batches in their order; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        rows = [(each.index, each.state, each.node, each.reason) for each in self]
        return html.table(("Batch", "State", "Node", "Reason"), rows)


async def batches_of(transport: Transport, experiment_id: str) -> list[AsyncBatch]:
    """Return the batches of an Experiment in their order; the failed ones in full."""
    # Without a limit the service sends all of them, as one consistent list.
    call = Call("GET", path_of("agency", "batches"), {"experimentId": experiment_id})
    documents = await transport.json(call)
    if not isinstance(documents, list):
        raise ServiceError("the service sent no list of batches; is the url right?")
    if not documents:
        raise NotFound(f"there is no Experiment {experiment_id} any more", status=404)
    found = [AsyncBatch(transport, each) for each in documents]
    # Lists do not say why a batch failed.
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def full(batch: AsyncBatch) -> AsyncBatch:
        if batch.state != BatchState.FAILED:
            return batch
        async with at_once:
            return await batch_of(transport, batch.id)

    return sorted(await asyncio.gather(*map(full, found)), key=lambda batch: batch.index)


async def batch_of(transport: Transport, identifier: str) -> AsyncBatch:
    """Return one batch in full, by its id."""
    call = Call("GET", path_of("agency", "batches", identifier))
    return AsyncBatch(transport, await transport.json(call))
