"""What an Execution left behind: results, files, provenance."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import IO

from ccp_jupyter.client.errors import ExecutionFailed, ServiceError, ServiceUnavailable
from ccp_jupyter.client.record import FileList, OutputFile, Record, Results
from ccp_jupyter.client.settings import workspace
from ccp_jupyter.client.transport import LARGEST_ANSWER, Call, Transport, delays, path_of, read_all

_IN_MEMORY = 2**20
_PAGE = 10_000
_LONGEST_MAKING = 600.0
"""Seconds for which the service may be silent while it writes provenance."""


class AsyncOutputs(Record):
    """What `AsyncExecution` brings; its parameters are those of that class."""

    def __init__(self, transport: Transport, document: object) -> None:
        super().__init__(document)
        self._transport = transport

    def _call(self, method: str, *steps: str, **params: str) -> Call:
        return Call(method, path_of("jobs", self.id, *steps), params)

    async def results(self) -> Results:
        """Return the outputs by id: small ones by value, others as links.

        Raises
        ------
        ExecutionFailed
            There are none, because it failed.
        """
        try:
            # Without a profile, one output alone would come as it is.
            call = self._call("GET", "results", profile="ogc-results")
            document = await self._transport.json(call)
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

    async def archive(self) -> Path:
        """Write the Execution folder as a zip into ``CCP/executions`` of the workspace.

        Returns
        -------
        Path
            The file; an equal one is not written twice, and none is overwritten.
        """
        from ccp_jupyter.client.archive import archive_execution

        done = await archive_execution(self._transport, self.id, self.title, workspace())
        return done.path

    async def folder(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring the whole Execution folder (metadata, auth, outputs) into the workspace as a zip.

        Parameters and errors are those of `fetch`; the result is a file.
        """
        from ccp_jupyter.client.fetch import fetch_folder

        target = None if to is None else Path(to)
        return await fetch_folder(self._transport, self.id, self.title, workspace(), target)

    async def prov(self, form: str = "json") -> str:
        """Return what was done with what, by whom: its provenance in the words of W3C PROV.

        Parameters
        ----------
        form : str
            ``json`` (PROV-JSON), ``jsonld``, ``ttl`` (Turtle), ``nt`` (N-Triples), ``xml``
            (PROV-XML) or ``provn`` (PROV-N, which is good to read).

        Raises
        ------
        ServiceError
            There is no such form.
        """
        call = self._call("GET", "prov", f=form)
        # With many thousand files it takes the service minutes.
        async with self._transport.stream(call, silence=_LONGEST_MAKING) as response:
            return (await read_all(response, LARGEST_ANSWER)).decode()

    async def rocrate(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring it into the workspace as a Workflow Run RO-Crate: its files with a description.

        Parameters and errors are those of `fetch`; the result is a zip.
        """
        from ccp_jupyter.client.fetch import fetch_crate

        target = None if to is None else Path(to)
        return await fetch_crate(self._transport, self.id, self.title, workspace(), target)
