"""Methods from packages of other kinds, their revisions, and copies of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.client.errors import InvalidRequest, ServiceError
from ccp_jupyter.client.method import Method
from ccp_jupyter.client.record import Records
from ccp_jupyter.client.transport import Body, Call, Transport, path_of
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model.errors import Problem

_TYPES: Final = {
    ".cwl": "application/cwl",
    ".yaml": "application/cwl+yaml",
    ".yml": "application/cwl+yaml",
    ".json": "application/ogcapppkg+json",
}
_PAGE: Final = 100


class AsyncPackages:
    """What `AsyncClient.packages` can do.

    Parameters
    ----------
    transport : Transport
        Of the client.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def deploy(
        self,
        file: str | os.PathLike[str],
        *,
        workflow: str | None = None,
        replace: Method | str | None = None,
        media_type: str | None = None,
    ) -> Method:
        """Make a Method of a CWL CommandLineTool or an OGC application package.

        Parameters
        ----------
        file : path
            ``.cwl`` or ``.yaml``: CWL; ``.json``: an OGC application package.
        workflow : str, optional
            Id of the tool that is wanted, of several in one document.
        replace : Method or str, optional
            A Method of yours (its id) that it shall replace.
        media_type : str, optional
            Of the file, where its name does not say it: ``application/cwl+json``.

        Raises
        ------
        InvalidRequest
            Names everything in it that is wrong, or that is not supported.
        Conflict
            There is a Method of this id.
        """
        path = Path(file)
        kind = media_type or _TYPES.get(path.suffix.lower())
        if kind is None:
            rule = f"must end with {', '.join(_TYPES)}, or say media_type"
            raise InvalidRequest([Problem("file", rule, path.name)])
        call = Call(
            "POST" if replace is None else "PUT",
            "processes" if replace is None else path_of("processes", _id(replace)),
            {} if workflow is None else {"w": workflow},
            body=_whole(await asyncio.to_thread(path.read_bytes), kind),
        )
        if replace is None:
            return await self._method(Method(await self._transport.json(call)).id)
        await self._transport.answer(call)
        return await self._method(_id(replace))

    async def revisions(self, method: Method | str) -> Records:
        """Return the revisions of a Method that you may see, newest first."""
        found = Records()
        offset = 0
        while True:
            params = {"limit": str(_PAGE), "offset": str(offset)}
            path = path_of("processes", _id(method), "revisions")
            document = await self._transport.json(Call("GET", path, params))
            listed = document.get("revisions") if isinstance(document, dict) else None
            if not isinstance(listed, list) or not isinstance(document, dict):
                raise ServiceError("the service sent no list of revisions; is the url right?")
            found += [{k: v for k, v in each.items() if k != "links"} for each in listed]
            if "next" not in [each.get("rel") for each in document.get("links", [])]:
                return found
            offset += _PAGE

    async def revision(self, method: Method | str, number: int) -> Method:
        """Return a Method as it was at a revision."""
        path = path_of("processes", _id(method), "revisions", str(number))
        return Method(await self._transport.json(Call("GET", path)))

    async def clone(
        self,
        method: Method | str,
        *,
        id: str | None = None,  # noqa: A002 - what it is called in the document
        title: str | None = None,
        version: str | None = None,
        revision: int | None = None,
    ) -> Method:
        """Make a private copy of a Method, which is yours.

        Parameters
        ----------
        method : Method or str
            Any that you may see, or its id.
        id, title, version : str, optional
            Of the copy; default: a new id, the others as they are.
        revision : int, optional
            Which revision to copy; default: the newest.
        """
        given = {"id": id, "title": title, "version": version}
        body = Request().body({k: v for k, v in given.items() if v is not None})
        params = {} if revision is None else {"revision": str(revision)}
        call = Call("POST", path_of("processes", _id(method), "clone"), params, body=body)
        return await self._method(Method(await self._transport.json(call)).id)

    async def _method(self, method_id: str) -> Method:
        return Method(await self._transport.json(Call("GET", path_of("processes", method_id))))


def _id(method: Method | str) -> str:
    return method.id if isinstance(method, Method) else method


def _whole(content: bytes, media_type: str) -> Body:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Body(len(content), chunks, media_type)


class Packages:
    """The blocking face of `AsyncPackages`; see `Client.packages`.

    Parameters
    ----------
    inner : AsyncPackages
        What is called.
    run : callable
        Runs a coroutine to its end.
    """

    def __init__(
        self, inner: AsyncPackages, run: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._inner = inner
        self._run = run

    def deploy(
        self,
        file: str | os.PathLike[str],
        *,
        workflow: str | None = None,
        replace: Method | str | None = None,
        media_type: str | None = None,
    ) -> Method:
        """Make a Method of a package; see `AsyncPackages.deploy`."""
        work = self._inner.deploy(file, workflow=workflow, replace=replace, media_type=media_type)
        made: Method = self._run(work)
        return made

    def revisions(self, method: Method | str) -> Records:
        """Return the revisions of a Method, newest first."""
        found: Records = self._run(self._inner.revisions(method))
        return found

    def revision(self, method: Method | str, number: int) -> Method:
        """Return a Method as it was at a revision."""
        found: Method = self._run(self._inner.revision(method, number))
        return found

    def clone(
        self,
        method: Method | str,
        *,
        id: str | None = None,  # noqa: A002 - what it is called in the document
        title: str | None = None,
        version: str | None = None,
        revision: int | None = None,
    ) -> Method:
        """Make a private copy of a Method; see `AsyncPackages.clone`."""
        work = self._inner.clone(method, id=id, title=title, version=version, revision=revision)
        made: Method = self._run(work)
        return made
