"""One Execution, for asynchronous programs."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import IO, Any

from ccp_jupyter.client.errors import ExecutionFailed, ServiceError, ServiceUnavailable
from ccp_jupyter.client.follow import Away, Follower, parse_event, read_events
from ccp_jupyter.client.record import FileList, OutputFile, Record, Results
from ccp_jupyter.client.settings import workspace
from ccp_jupyter.client.transport import Call, Transport, delays, path_of
from ccp_jupyter.client.waiting import TAIL_LINES, TICK, Waiting
from ccp_jupyter.model.events import Event
from ccp_jupyter.model.states import Status

_IN_MEMORY = 2**20
_PAGE = 10_000


class AsyncExecution(Record):
    """One Execution; clients make it, see `AsyncClient.run` and `AsyncClient.execution`.

    Parameters
    ----------
    transport : Transport
        The service.
    document : object
        The service's status document.
    """

    def __init__(self, transport: Transport, document: object) -> None:
        super().__init__(document)
        self._transport = transport
        self._seen = 0

    def _call(self, method: str, *steps: str, **params: str) -> Call:
        return Call(method, path_of("jobs", self.id, *steps), params)

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
            Only of this replica, from 1.
        stream : str, optional
            Only ``stdout`` or ``stderr``.
        """
        params = {"task": task, "stream": stream}
        given = {name: str(value) for name, value in params.items() if value is not None}
        answer = await self._transport.answer(self._call("GET", "log", **given))
        return answer.content.decode(errors="replace")

    async def events(self, after: int = 0) -> list[Event]:
        """Return what has happened so far, without the events up to a number."""
        found: list[Event] = []
        while documents := await read_events(self._transport, self.id, after, patience=None):
            parsed = [parse_event(document) for document in documents]
            found += [event for number, event in parsed if event is not None and number > after]
            highest = max(number for number, _ in parsed)
            if highest <= after:
                raise ServiceError("the service sent events that were not asked for")
            after = highest
        return found

    async def results(self) -> Results:
        """Return the outputs by id: small ones by value, others as links.

        Raises
        ------
        ExecutionFailed
            There are none, because it failed.
        """
        try:
            document = await self._transport.json(self._call("GET", "results"))
        except ServiceError as error:
            if error.type_uri.endswith("execution-failed"):
                raise ExecutionFailed(self.id, "failed", str(error)) from None
            raise
        if not isinstance(document, dict):
            raise ServiceError("the service sent results of the wrong shape")
        return Results(document)

    async def files(self) -> FileList:
        """Return the files that it returned, with their sizes in bytes."""
        found = FileList()
        while True:
            call = self._call("GET", "outputs", limit=str(_PAGE), offset=str(len(found)))
            document = await self._transport.json(call)
            listed = document.get("files") if isinstance(document, dict) else document
            if not isinstance(listed, list):
                raise ServiceError("the service sent a list of files of the wrong shape")
            try:
                found += [OutputFile(str(each["path"]), int(each["size"])) for each in listed]
            except (KeyError, TypeError, ValueError):
                raise ServiceError("the service sent files without path or size") from None
            if len(listed) < _PAGE:
                return found

    async def open(self, path: str) -> IO[bytes]:
        """Return one output file, open for reading; it is deleted when it is closed."""
        call = self._call("GET", "outputs", *path.split("/"))
        file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - given away
        try:
            await self._copy(call, file)
        except BaseException:
            file.close()
            raise
        return file

    async def _copy(self, call: Call, file: IO[bytes]) -> None:
        deadline = time.monotonic() + self._transport.timeout
        pauses = delays()
        while True:
            file.seek(0)
            file.truncate()
            try:
                async with self._transport.stream(call) as response:
                    async for chunk in response.aiter_bytes(_IN_MEMORY):
                        await asyncio.to_thread(file.write, chunk)
                        deadline = time.monotonic() + self._transport.timeout
                break
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(next(pauses))
        file.seek(0)

    async def read(self, path: str) -> bytes:
        """Return the content of one output file."""
        with await self.open(path) as file:
            return file.read()

    async def fetch(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring all outputs into the workspace, unpacked, with output.zip beside them.

        Parameters
        ----------
        to : path, optional
            Folder to make, or an existing folder to make one in; default: a new folder below
            ``CCP/executions``. Nothing is ever overwritten: " (2)" is added to a taken name.

        Returns
        -------
        Path
            The new folder.

        Raises
        ------
        FetchFailed
            No outputs, no room, or an archive that is not safe; nothing half-done was left.
        """
        from ccp_jupyter.client.fetch import fetch_outputs  # needs a POSIX system, the rest not

        target = None if to is None else Path(to)
        fetched = await fetch_outputs(self._transport, self.id, self.title, workspace(), target)
        return fetched.path

    async def folder(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring the whole Execution folder (metadata, auth, outputs) into the workspace as a zip.

        Parameters and errors are those of `fetch`; the result is a file.
        """
        from ccp_jupyter.client.fetch import fetch_folder

        target = None if to is None else Path(to)
        return await fetch_folder(self._transport, self.id, self.title, workspace(), target)


async def _next(events: AsyncIterator[Any]) -> Any:
    return await anext(events, None)
