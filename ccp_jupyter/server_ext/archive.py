"""The archive in the workspace: write Methods and Executions there, see what is there, import it.

What may lie in a workspace, and where, is decided here: paths are relative to the contents root,
and nothing is read or written outside of it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ccp_jupyter.client.archive import (
    Archived,
    ArchiveError,
    archive_execution,
    archive_method,
    entries,
    inside,
)
from ccp_jupyter.client.errors import (
    CcpError,
    FetchFailed,
    InvalidRequest,
    ServiceError,
    ServiceUnavailable,
)
from ccp_jupyter.client.exchange import Terms, as_document, import_from
from ccp_jupyter.client.record import Record
from ccp_jupyter.client.transport import Call, path_of
from ccp_jupyter.server_ext.handlers import LONGEST_ID, CcpHandler

_FLAGS: Final = ("replace", "renew", "keepSharing")


class _Handler(CcpHandler):
    def _reply_error(self, error: CcpError) -> None:
        # Not raised as an HTTPError: that takes a per cent sign for the beginning of a format.
        self.reply({"message": str(error), "reason": None}, _status_of(error))


class ArchiveHandler(_Handler):
    """What lies in the archive."""

    @web.authenticated
    @authorized("read", "contents")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """List it, with what each file says of itself; damaged ones say why."""
        found = await asyncio.to_thread(entries, self.ccp.contents_root)
        self.reply({"entries": [each.document() for each in found]})

    @web.authenticated
    @authorized("write", "contents")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Write the Method (``process``) or the Execution (``job``) of an id; say where it is."""
        asked = self.json_object()
        if asked.keys() not in ({"process"}, {"job"}):
            raise web.HTTPError(400, "give process or job, the id of what shall be archived")
        ((kind, name),) = asked.items()
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID or not name.isprintable():
            raise web.HTTPError(400, f"{kind}: must be an id")
        try:
            done = await self._archived(kind, name)
        except CcpError as error:
            self._reply_error(error)
            return
        path = done.path.relative_to(self.ccp.contents_root).as_posix()
        self.reply({"path": path, "written": done.written}, 201 if done.written else 200)

    async def _archived(self, kind: str, name: str) -> Archived:
        ccp = self.ccp
        if kind == "process":
            return await archive_method(ccp.transport, name, ccp.contents_root)
        record = Record(await ccp.transport.json(Call("GET", path_of("jobs", name))))
        return await archive_execution(ccp.transport, record.id, record.title, ccp.contents_root)


class ArchiveImportHandler(_Handler):
    """Files of the workspace, on their way into the service."""

    @web.authenticated
    @authorized("read", "contents")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Import the file that ``path`` names; the answer tells what became of it."""
        asked = self.json_object()
        path = asked.pop("path", None)
        if not isinstance(path, str) or not path:
            raise web.HTTPError(400, "path: must be a path relative to the contents root")
        terms = Terms(*_flags(asked))
        try:
            file = await asyncio.to_thread(inside, self.ccp.contents_root, path)
            report = await import_from(self.ccp.transport, file, terms)
        except CcpError as error:
            self._reply_error(error)
            return
        self.reply({"results": [as_document(each) for each in report]})


def _flags(asked: dict[str, Any]) -> list[bool]:
    if unknown := sorted(asked.keys() - set(_FLAGS)):
        known = ", ".join(("path", *_FLAGS))
        raise web.HTTPError(400, f"{unknown[0][:100]!r} is no member here; there are: {known}")
    found = [asked.get(name, False) for name in _FLAGS]
    for name, value in zip(_FLAGS, found, strict=True):
        if not isinstance(value, bool):
            raise web.HTTPError(400, f"{name}: must be true or false")
    return found


def _status_of(error: CcpError) -> int:
    match error:
        case ArchiveError() | InvalidRequest():
            return 400
        case FetchFailed():
            return 409
        case ServiceUnavailable():
            return 503
        case ServiceError(status=int(given)) if 400 <= given < 500:
            return given
    return 502
