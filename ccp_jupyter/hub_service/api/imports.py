"""Files of Methods and Executions that users bring, or let the service fetch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ccp_jupyter.hub_service.api import bodies
from ccp_jupyter.hub_service.api.access import check_may_share
from ccp_jupyter.hub_service.api.documents import what_runs
from ccp_jupyter.hub_service.api.folder_zip import folder_chunks
from ccp_jupyter.hub_service.api.method_imports import Entry, MethodImports, Terms, refused
from ccp_jupyter.hub_service.api.operations import JSON
from ccp_jupyter.hub_service.api.shared import copied_document, count_use, linked
from ccp_jupyter.hub_service.api.uploads import UploadHandler
from ccp_jupyter.hub_service.exchange.archives import Archive, Bounds, naming, opened
from ccp_jupyter.hub_service.exchange.executions import (
    Importer,
    ReadExecution,
    is_execution,
    read_execution,
    unwrapped,
)
from ccp_jupyter.hub_service.outgoing import OutgoingError
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.input_values import link_rule
from ccp_jupyter.model.method import LARGEST
from ccp_jupyter.model.stored_method import StoredMethod

_MOST_ENTRIES: Final = 20_000
_MOST_METHODS: Final = 1000
_MOST_VALUES: Final = 1_000_000
_LARGEST_FILE: Final = 4 * LARGEST
"""Bytes of a Method's file, which may be written with many spaces."""
_UNPACKED: Final = 16
"""Most bytes that an archive becomes, in multiples of the largest that is taken."""
_FETCH_TIME: Final = 900.0
"""Seconds in which something must have been fetched."""
_ZIP_BEGINS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_SHARED: Final = "/shared/"


class ImportsHandler(UploadHandler):
    """Imports."""

    async def post(self) -> None:
        """Take over a Method, an array of them, a zip of them, an Execution, or what a link has."""
        keep_sharing = self.query["sharing"] == "keep"
        if keep_sharing:
            await check_may_share(self.shared.groups, self.caller, [])
        terms = Terms(
            replace=self.query["replace"] == "true",
            renew=self.query["renew"] == "true",
            keep_sharing=keep_sharing,
        )
        async with self.uploaded() as upload:
            if self.media_type != JSON:
                entries = await self._archive(upload.path, terms)
            else:
                document = await self._document(upload.path)
                if isinstance(document, dict) and "href" in document:
                    entries = await self._linked(document, upload.folder, terms)
                else:
                    entries = await self._methods(document, terms)
        self._reply_report(entries)

    def _reply_report(self, entries: list[Entry]) -> None:
        counted = Counter(each.outcome for each in entries)
        self.reply(
            {
                "results": [each.document(self.base_url) for each in entries],
                **{name: counted[name] for name in ("created", "replaced", "equal", "refused")},
            }
        )

    async def _document(self, path: Path) -> Any:
        data = bytearray(await asyncio.to_thread(path.read_bytes))
        return await bodies.decoded(data, _MOST_VALUES)

    # --- Methods ---

    async def _methods(self, document: object, terms: Terms) -> list[Entry]:
        if not isinstance(document, list):
            return await self._taken([("", document)], terms)
        if len(document) > _MOST_METHODS:
            rule = f"at most {_MOST_METHODS} Methods are imported at a time"
            raise InvalidDocument([Problem("", rule, f"{len(document)} of them")])
        return await self._taken([(f"[{n}]", each) for n, each in enumerate(document)], terms)

    async def _taken(self, documents: list[tuple[str, object]], terms: Terms) -> list[Entry]:
        services = self.services
        imports = MethodImports(
            services.store, services.controller, self.shared.groups, self.caller, terms
        )
        try:
            return [await imports.take(name, document) for name, document in documents]
        finally:
            self.shared.method_lists.changed()

    # --- archives ---

    async def _archive(self, path: Path, terms: Terms) -> list[Entry]:
        read = await asyncio.to_thread(self._read, path, terms)
        if isinstance(read, Entry):
            return [read]
        if isinstance(read, ReadExecution):
            return [await self._keep(read)]
        documents, others = read
        return [*await self._taken(documents, terms), *others]

    def _read(
        self, path: Path, terms: Terms
    ) -> ReadExecution | Entry | tuple[list[tuple[str, object]], list[Entry]]:
        """Read a zip of either kind; blocks.  Raises `InvalidDocument` when it is none."""
        most = _UNPACKED * self.services.options.max_import
        with opened(path, Bounds(_MOST_ENTRIES, most)) as archive:
            archive = unwrapped(archive)
            if not is_execution(archive):
                return _read_methods(archive)
            importer = Importer(
                owner=self.caller.name,
                claims=self.caller.claims,
                infrastructures=self.services.controller.infrastructures,
                service=terms.service,
                largest=self.services.options.max_import,
            )
            work = path.parent / "execution"
            work.mkdir(mode=0o700)
            try:
                return read_execution(archive, importer, work)
            except InvalidDocument as error:
                return refused("", error, "execution")

    async def _keep(self, read: ReadExecution) -> Entry:
        execution = read.imported.execution
        what = what_runs(execution)
        title, version = what["title"], what.get("methodVersion", "")
        entry = Entry("", "created", "execution", execution.id, title, version, read.notes)
        await self.services.controller.keep_import(read.imported)
        return entry

    # --- links ---

    async def _linked(self, document: dict[str, Any], folder: Path, terms: Terms) -> list[Entry]:
        """Fetch what a link has, and take it over."""
        if unknown := sorted(document.keys() - {"href"}):
            rule = "unknown member; a link has only href"
            raise InvalidDocument([Problem(unknown[0][:100], rule)])
        href = document["href"]
        if rule := link_rule(href):
            # Not shown: a refused link may hold a password.
            raise InvalidDocument([Problem("href", rule)])
        terms = replace(terms, service=_service_of(href))
        if href.startswith(own := f"{self.base_url}shared/"):
            # Not over the network: the service's own address is often none that it may fetch from.
            return await self._own_link(href.removeprefix(own).partition("?")[0], folder, terms)
        return await self._fetched(href, folder, terms)

    async def _own_link(self, token: str, folder: Path, terms: Terms) -> list[Entry]:
        found = await linked(self.services, token)
        if found is None:
            rule = "this link does not work: it is wrong, or works no longer"
            raise InvalidDocument([Problem("href", rule)])
        made, record = found
        await count_use(self.services.store, made)
        if isinstance(record, StoredMethod):
            return await self._methods(copied_document(record), terms)
        path = folder / "fetched"
        async with folder_chunks(
            self.services, record, self.base_url, self.closed, private=False
        ) as chunks:
            await asyncio.to_thread(_write, path, chunks)
        return await self._archive(path, terms)

    async def _fetched(self, href: str, folder: Path, terms: Terms) -> list[Entry]:
        path = folder / "fetched"
        try:
            async with asyncio.timeout(_FETCH_TIME):
                with path.open("xb") as sink:
                    largest = self.services.options.max_import
                    await self.services.outgoing.fetch(href, sink, largest)
        except OutgoingError as error:
            # As a problem: the link is the user's, and so is what is wrong with it.
            raise InvalidDocument([Problem("href", error.reason, shown(error.url))]) from error
        except TimeoutError:
            rule = f"was not fetched within {_FETCH_TIME:g} seconds"
            raise InvalidDocument([Problem("href", rule)]) from None
        if await asyncio.to_thread(_begins_as_zip, path):
            return await self._archive(path, terms)
        size = path.stat().st_size
        if size > self.services.options.max_body:
            rule = f"leads to a document that is too large, and is no zip ({size} bytes)"
            raise InvalidDocument([Problem("href", rule)])
        with naming("href"):
            found = await self._document(path)
        return await self._methods(found, terms)


def _service_of(href: str) -> str:
    """Return which service a link is of: never the token in it."""
    parts = urlsplit(href)
    path = parts.path.partition(_SHARED)[0] if _SHARED in parts.path else ""
    return f"{parts.scheme}://{parts.netloc}{path}/"


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    with path.open("xb") as file:
        file.writelines(chunks)


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _ZIP_BEGINS


def _read_methods(archive: Archive) -> tuple[list[tuple[str, object]], list[Entry]]:
    """Return the documents of a zip of Methods, and entries for what is none."""
    names = [name for name in archive.files if name.lower().endswith(".json")]
    if not names:
        rule = "holds neither Methods (files .json) nor an Execution (metadata/request.json)"
        raise InvalidDocument([Problem("", rule)])
    if len(names) > _MOST_METHODS:
        rule = f"at most {_MOST_METHODS} Methods are imported at a time"
        raise InvalidDocument([Problem("", rule, f"{len(names)} of them")])
    documents: list[tuple[str, object]] = []
    others: list[Entry] = []
    for name in archive.files:
        try:
            if name in names:
                documents.append((name, archive.json(name, _LARGEST_FILE)))
            else:
                problem = Problem("", "is no Method: only files .json are read")
                others.append(refused(name, InvalidDocument([problem])))
        except InvalidDocument as error:
            others.append(refused(name, error, "method"))
    return documents, others
