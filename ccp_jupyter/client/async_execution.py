"""One Execution, for asynchronous programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any

from ccp_jupyter.client import again, code
from ccp_jupyter.client.async_outputs import AsyncOutputs
from ccp_jupyter.client.batches import AsyncBatch, BatchList, batch_of, batches_of
from ccp_jupyter.client.errors import NotFound, ServiceError, ServiceUnavailable
from ccp_jupyter.client.follow import Away, Follower, parse_event, read_events
from ccp_jupyter.client.record import Record
from ccp_jupyter.client.sharing import AsyncSharing
from ccp_jupyter.client.transport import Transport, delays
from ccp_jupyter.client.waiting import TAIL_LINES, TICK, Waiting
from ccp_jupyter.model.comparison import Comparison
from ccp_jupyter.model.events import Event
from ccp_jupyter.model.experiment import batch_id, is_id
from ccp_jupyter.model.states import Status


class AsyncExecution(AsyncOutputs):
    """One Execution; clients make it, see `AsyncClient.run` and `AsyncClient.execution`.

    Parameters
    ----------
    transport : Transport
        The service.
    document : object
        The service's status document.
    """

    def __init__(self, transport: Transport, document: object) -> None:
        super().__init__(transport, document)
        self._seen = 0

    async def refresh(self) -> AsyncExecution:
        """Ask the service how it stands; returns the Execution itself."""
        self._take(await self._transport.json(self._call("GET")))
        return self

    async def follow(
        self, timeout: float | None = None
    ) -> AsyncGenerator[Event | Away | None, None]:
        """Yield events not seen before until it has ended, and None when nothing happens.

        Parameters
        ----------
        timeout : float, optional
            Seconds; afterwards the iteration ends, whether or not the Execution has.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        follower = Follower(self._transport, self.id, self._seen)
        events = follower.events()
        upcoming: asyncio.Task[Event | Away | None] | None = None
        try:
            while deadline is None or time.monotonic() < deadline:
                upcoming = upcoming or asyncio.ensure_future(_next(events))
                done, _ = await asyncio.wait([upcoming], timeout=TICK)
                if not done:
                    yield None
                    continue
                item, upcoming = upcoming.result(), None
                self._seen = follower.last
                if item is None:
                    return
                yield item
        finally:
            if upcoming is not None:
                upcoming.cancel()
                await asyncio.wait([upcoming])
            await events.aclose()

    async def wait(
        self, timeout: float | None = None, progress: bool = True, *, check: bool = True
    ) -> AsyncExecution:
        """Wait until it has ended.

        Cut connections, restarts of the service and answers 503 of proxies only delay the news.

        Parameters
        ----------
        timeout : float, optional
            Seconds; default: as long as it takes.
        progress : bool
            Show phases and log meanwhile.
        check : bool
            Raise when it does not succeed.

        Returns
        -------
        AsyncExecution
            Itself.

        Raises
        ------
        ExecutionFailed
            It failed or was dismissed; with the last lines of its log.
        WaitTimeout
            It goes on.
        """
        waiting = Waiting(self, show=progress)
        async for item in self.follow(timeout):
            waiting.take(item)
        await self.conclude(waiting, timeout, check=check)
        return self

    async def conclude(self, waiting: Waiting, timeout: float | None, *, check: bool) -> None:
        """Finish a wait whose events are over; see `wait`."""
        try:
            await self.refresh()
        except ServiceUnavailable:
            if timeout is None:
                raise
        if not self.is_final:
            raise waiting.timed_out(timeout or 0)
        tail = ""
        if check and waiting.needs_tail and self.status != Status.SUCCESSFUL:
            tail = "\n".join((await self.log()).splitlines()[-TAIL_LINES:])
        waiting.ended(self, tail, check=check)

    async def share(
        self, *, public: bool = False, contexts: Iterable[str] = (), users: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Say who else may see it, and not change it; see `AsyncSharing.share`."""
        sharing = AsyncSharing(self._transport)
        return await sharing.share(self, public=public, contexts=contexts, users=users)

    async def repeat(
        self,
        *,
        outputs: Iterable[str] | Mapping[str, Any] | None = None,
        newest: bool = False,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> AsyncExecution:
        """Run it again; returns as soon as the service has accepted that for good.

        Parameters
        ----------
        outputs : iterable of str, optional
            Outputs that `results` shall carry; default: as before.
        newest : bool
            With the Method as it is now, not as it was then.
        inputs : mapping, optional
            Inputs whose names cannot be written as keyword arguments.
        **named
            Inputs that change, as for `AsyncClient.run`; None: the default. Secrets must be given
            again.

        Raises
        ------
        InvalidRequest
            Names everything that is wrong, such as secrets that are missing.
        """
        given = {**(inputs or {}), **named}
        document = await again.repeat(
            self._transport, self.id, self.method, given, outputs, newest=newest
        )
        return AsyncExecution(self._transport, document)

    async def verify(self) -> AsyncExecution:
        """Run it again; when the new one has ended, its `verification` compares the outputs."""
        return AsyncExecution(self._transport, await again.verify(self._transport, self.id))

    async def verification(self) -> again.Told:
        """Tell whether it has the same outputs as what it verifies.

        Returns
        -------
        Told
            A dict with ``verdict`` (``same``, ``different``, ``failed``, ``unknown``; ``pending``
            before it has ended), ``message``, ``outputs``, ``digests``, ``nodes``.

        Raises
        ------
        NotFound
            It was not made by `verify`.
        """
        return await again.verification(self._transport, self.id)

    async def compare(self, other: Record | str) -> Comparison:
        """Return what is different between it (``this``) and another one (``other``)."""
        other_id = other.id if isinstance(other, Record) else other
        return await again.compare(self._transport, self.id, other_id)

    async def code(self, language: str = "python") -> str:
        """Return code that submits its request again, waits, and fetches the outputs.

        Nothing secret is in it: it takes secrets from the environment, or else asks for them.

        Parameters
        ----------
        language : str
            ``python``, ``r``, ``julia``, ``bash`` or ``notebook``.

        Raises
        ------
        ServiceError
            There is no such language, or it is an Experiment.
        """
        return await code.of_execution(self._transport, self.id, language)

    async def cancel(self) -> AsyncExecution:
        """Ask the service to end it; returns at once, and does nothing when it has ended."""
        deadline = time.monotonic() + self._transport.timeout
        pauses = delays()
        while not (await self.refresh()).is_final:
            # Without the word, DELETE would forget an Execution that has ended meanwhile.
            try:
                await self._transport.answer(self._call("DELETE", finished="keep"), patience=0)
                break
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(next(pauses))
        return await self.refresh()

    async def delete(self) -> None:
        """Remove it from the service with all its files, ending it first if need be."""
        if not (await self.cancel()).is_final:
            async for _ in self.follow():
                pass
        await self._transport.answer(self._call("DELETE"))

    async def log(self, task: int | None = None, stream: str | None = None) -> str:
        """Return what its containers wrote so far.

        Parameters
        ----------
        task : int, optional
            Only of this replica or batch, from 1.
        stream : str, optional
            Only ``stdout`` or ``stderr``.
        """
        params = {"task": task, "stream": stream}
        given = {name: str(value) for name, value in params.items() if value is not None}
        answer = await self._transport.answer(self._call("GET", "log", **given))
        return answer.content.decode(errors="replace")

    async def events(self, after: int = 0) -> list[Event]:
        """Return what has happened so far, without the events up to a number."""
        return [event async for event in self.past_events(after)]

    async def past_events(self, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield what has happened so far, page by page; see `events`."""
        while documents := await read_events(self._transport, self.id, after, patience=None):
            parsed = [parse_event(document) for document in documents]
            for number, event in parsed:
                if event is not None and number > after:
                    yield event
            highest = max(number for number, _ in parsed)
            if highest <= after:
                raise ServiceError("the service sent events that were not asked for")
            after = highest

    async def batches(self) -> BatchList[AsyncBatch]:
        """Return the batches of an Experiment, in their order.

        Returns
        -------
        list of AsyncBatch
            Each with ``index`` (from 1, as in logs), ``id``, ``state``, ``node``, ``reason``,
            ``debug_info``, ``history``. Only failed ones have the last three in full; `batch`
            returns any in full.

        Raises
        ------
        NotFound
            It runs a Method.
        """
        return BatchList(await batches_of(self._transport, self._experiment()))

    async def batch(self, index: int) -> AsyncBatch:
        """Return one batch of an Experiment in full.

        Parameters
        ----------
        index : int
            From 1, as in logs.

        Raises
        ------
        NotFound
            There is none of this number, or it runs a Method.
        """
        identifier = self._experiment()
        if not 1 <= index <= self.replicas or not is_id(identifier):
            text = f"Experiment {identifier} has {self.replicas} batches, and none with number"
            raise NotFound(f"{text} {index}", status=404)
        return await batch_of(self._transport, batch_id(identifier, index))

    def _experiment(self) -> str:
        if not self.is_experiment:
            text = f"Execution {self.id} runs a Method: it has replicas, no batches"
            raise NotFound(text, status=404)
        return self.id


async def _next(events: AsyncIterator[Any]) -> Any:
    return await anext(events, None)
