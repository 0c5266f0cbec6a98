"""The calls of `AsyncClient` that are about Methods: find, deploy, keep as files."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccp_jupyter.client.connection import AsyncConnection
from ccp_jupyter.client.errors import CcpError, InvalidRequest, NotFound
from ccp_jupyter.client.exchange import ImportReport, Terms, import_from
from ccp_jupyter.client.method import Method, MethodList, did_you_mean, slug
from ccp_jupyter.client.settings import workspace
from ccp_jupyter.client.transport import Call, path_of
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model.errors import Problem

if TYPE_CHECKING:
    from ccp_jupyter.client.archive import ArchiveEntry

MethodLike = Method | str
"""A Method, or its id or title."""


class AsyncMethods(AsyncConnection):
    """What a client does with Methods, besides running them."""

    async def methods(self, search: str = "") -> MethodList:
        """Return the Methods that you may see.

        Parameters
        ----------
        search : str
            Only those with this text in title, description or keywords.
        """
        params = {"q": search} if search else {}
        return MethodList(
            [Method(each) async for each in self._pages("processes", "processes", params)]
        )

    async def method(self, id_or_title: MethodLike) -> Method:
        """Return a Method in full.

        Parameters
        ----------
        id_or_title : str
            Its id, or its title; case does not matter, and "Column statistics" may be written
            ``column-statistics``.

        Raises
        ------
        NotFound
            With a suggestion when something resembles it.
        InvalidRequest
            Several Methods have this title.
        """
        if isinstance(id_or_title, Method):
            id_or_title = id_or_title.id
        try:
            return await self._method_by_id(id_or_title)
        except NotFound:
            known = await self.methods()
        found = [each for each in known if each.title == id_or_title] or [
            each for each in known if slug(each.title) == slug(id_or_title)
        ]
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            raise InvalidRequest(
                [Problem("method", f"several have this title; give the id: {ids}")]
            )
        if not found:
            names = [name for each in known for name in (each.id, each.title)]
            hint = did_you_mean(id_or_title, names)
            raise NotFound(f"there is no Method {id_or_title!r} that you may see{hint}", status=404)
        return await self._method_by_id(found[0].id)

    async def _method_by_id(self, method_id: str) -> Method:
        return Method(await self._transport.json(Call("GET", path_of("processes", method_id))))

    async def deploy(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Add a Method.

        Parameters
        ----------
        method : path or mapping
            A JSON file, or the document itself.

        Raises
        ------
        Conflict
            There is one with this id; `replace` replaces it.
        InvalidRequest
            The document breaks rules of the grammar.
        """
        document = _document(method)
        call = Call("POST", "processes", body=Request().body(document))
        summary = Method(await self._transport.json(call))
        return await self._method_by_id(summary.id)

    async def replace(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Put a new version of a Method in place of the one with the same id."""
        document = _document(method)
        method_id = document.get("id")
        if not isinstance(method_id, str) or not method_id:
            raise InvalidRequest([Problem("id", "must say which Method to replace")])
        path = path_of("processes", method_id)
        await self._transport.answer(Call("PUT", path, body=Request().body(document)))
        return await self._method_by_id(method_id)

    async def archive(self, method: MethodLike) -> Path:
        """Write a Method as a file into ``CCP/methods`` of the workspace.

        Returns
        -------
        Path
            The file. One with the same content is not written twice, and none is overwritten:
            " (2)" is added to a taken name.
        """
        from ccp_jupyter.client.archive import archive_method  # needs a POSIX system

        found = await self.method(method)
        return (await archive_method(self._transport, found.id, workspace())).path

    async def export(
        self,
        *methods: MethodLike,
        category: str | None = None,
        to: str | os.PathLike[str] = ".",
    ) -> Path:
        """Write Methods into a folder: one as JSON, several or a category as a zip.

        Parameters
        ----------
        *methods : Method or str
            Methods, their ids or titles; none for a category.
        category : str, optional
            All Methods of this category that you may see.
        to : path
            The folder; nothing in it is overwritten.

        Returns
        -------
        Path
            The file.
        """
        from ccp_jupyter.client.archive import export_methods

        if bool(methods) == (category is not None):
            raise InvalidRequest([Problem("methods", "give Methods or a category")])
        ids = [(await self.method(each)).id for each in methods]
        return await export_methods(self._transport, ids, category, Path(to))

    async def archived(self) -> list[ArchiveEntry]:
        """Return what lies in ``CCP/methods`` and ``CCP/executions`` of the workspace."""
        from ccp_jupyter.client.archive import entries

        return await asyncio.to_thread(entries, workspace())

    async def import_file(
        self,
        source: str | os.PathLike[str] | Mapping[str, Any],
        *,
        replace: bool = False,
        renew: bool = False,
        keep_sharing: bool = False,
    ) -> ImportReport:
        """Take over Methods or an Execution from a file, or from what a link leads to.

        Parameters
        ----------
        source : path, URL or mapping
            A Method (JSON, or the document itself), a zip of Methods, the zip of an Execution
            folder, or a link to one of them, such as a shareable link of another hub.
        replace : bool
            Replace Methods of yours that have the same id and differ.
        renew : bool
            Give a Method a new id where its own is taken.
        keep_sharing : bool
            Share Methods as the file says; else only you see them.

        Returns
        -------
        ImportReport
            What became of each Method; `ImportReport.check` raises when one was refused.

        Raises
        ------
        InvalidRequest
            The file is none of these, or the link leads nowhere.
        """
        terms = Terms(replace, renew, keep_sharing)
        known = source if isinstance(source, str | Mapping) else Path(source)
        return await import_from(self._transport, known, terms)

    async def undeploy(self, method: MethodLike) -> None:
        """Remove a Method; its Executions keep their copy."""
        found = await self.method(method)
        await self._transport.answer(Call("DELETE", path_of("processes", found.id)))


def _document(method: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(method, Mapping):
        document: object = dict(method)
    else:
        path = Path(method).expanduser().absolute()
        try:
            document = json.loads(path.read_bytes())
        except OSError as error:
            raise CcpError(f"{path}: cannot be read: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise InvalidRequest([Problem(str(path), f"is not JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise InvalidRequest(
            [Problem("", "a Method must be a JSON object", type(document).__name__)]
        )
    return document
