"""Revisions of a Method, the package that it was deployed from, and copies of it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.deploy_schemas import CloneRequest
from ccp_jupyter.hub_service.api.errors import NO_SUCH_PROCESS, ApiError
from ccp_jupyter.hub_service.api.execution import ExecutionHandler
from ccp_jupyter.hub_service.api.links import OGC_REL, link, segment
from ccp_jupyter.hub_service.api.operations import JSON
from ccp_jupyter.hub_service.api.processes import MethodHandler, etag
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.store.base import Page
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.sharing import Sharing, with_sharing
from ccp_jupyter.model.stored_method import Revision, StoredMethod
from ccp_jupyter.model.times import iso

_MOST_DIGITS = 9


def number_of(text: str) -> int:
    """Return the number of a revision in an address.  Raises `ApiError` 404."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS) or int(text) < 1:
        raise ApiError(404, f"There is no revision {shown(text)}", NO_SUCH_PROCESS)
    return int(text)


def _revision_links(method_id: str, revision: int, base: str) -> list[dict[str, Any]]:
    href = f"{base}processes/{segment(method_id)}"
    own = f"{href}/revisions/{revision}"
    return [
        link(own, "self", "This revision"),
        link(href, "latest-version", "The Method as it is now"),
        link(f"{href}/revisions", "version-history", "All revisions"),
        link(f"{own}/execution", OGC_REL + "execute", "Execute it"),
    ]


class RevisionsHandler(MethodHandler):
    """The revisions of a Method."""

    async def get(self, process_id: str) -> None:
        """List those that the caller may see, newest first."""
        method = await self.visible(process_id)
        limit, offset = self.query["limit"], self.query["offset"]
        page = await self._listed(method, limit, offset)
        base = self.base_url
        path = f"processes/{segment(process_id)}/revisions"
        links = documents.page_links(base, path, "", offset, limit, page.next_offset)
        found = [
            {
                "revision": each.revision,
                "title": each.title,
                "version": each.version,
                "created": iso(each.created),
                "author": each.author,
                **({"etag": etag(method)} if each.revision == method.revision else {}),
                "links": _revision_links(process_id, each.revision, base),
            }
            for each in page.items
            if self.may_change(method) or await self._may_see(method, each)
        ]
        self.reply({"revisions": found, "links": links})

    async def _listed(self, method: StoredMethod, limit: int, offset: int) -> Page[Revision]:
        if method.id not in self.services.controller.built_ins:
            return await self.services.store.list_revisions(method.id, limit, offset)
        return Page([method.summary][offset:], None)

    async def _may_see(self, method: StoredMethod, revision: Revision) -> bool:
        try:
            await self.visible(method.id, revision.revision)
        except ApiError as error:
            if error.status_code != 404:
                raise
            return False
        return True


class RevisionHandler(MethodHandler):
    """One revision of a Method."""

    async def get(self, process_id: str, revision: str) -> None:
        """Describe it in full."""
        method = await self.visible(process_id, number_of(revision))
        self.set_header("Etag", etag(method))
        self.set_header("Cache-Control", "private, no-cache")
        if self.check_etag_header():
            self.unchanged()
            return
        base = self.base_url
        found = documents.process(method, base, mutable=False)
        found["links"] = [
            *method.document.get("links", []),
            *_revision_links(process_id, method.revision, base),
        ]
        self.reply(found)


class RevisionExecutionHandler(ExecutionHandler):
    """Execution of one revision of a Method."""

    async def post(self, process_id: str, revision: str = "") -> None:
        """Execute it, as `ExecutionHandler` does the newest."""
        self.revision = number_of(revision)
        await super().post(process_id)


class PackageHandler(MethodHandler):
    """What a Method was deployed from."""

    pages = False  # the package has one form: the one in which it came

    async def get(self, process_id: str) -> None:
        """Send the body that deployed or replaced it; a Method that came as such is its own."""
        method = await self.visible(process_id, self.query["revision"])
        if method.id in self.services.controller.built_ins:
            raise ApiError(404, f"{shown(method.id)} was not deployed: it is built in")
        self.set_header("Etag", etag(method))
        if self.check_etag_header():
            self.unchanged()
            return
        if method.package is None:
            self.set_header("Content-Type", JSON)
            self.finish(rendered(method.document))
        else:
            self.set_header("Content-Type", method.package.media_type)
            self.finish(method.package.text)


class CloneHandler(MethodHandler):
    """Copies of a Method."""

    async def post(self, process_id: str) -> None:
        """Make a private copy that is the caller's, which they may change then."""
        wanted = _clone_request(await self.json_body())
        source = await self.visible(process_id, self.query["revision"])
        if source.id in self.services.controller.built_ins:
            raise ApiError(409, f"{shown(source.id)} is built in; there is nothing to copy")
        document = {**source.document, **wanted.model_dump(exclude_none=True)}
        if wanted.id is None:
            del document["id"]
        method = parse_method(with_sharing(document, Sharing()))
        origin = Origin(kind="clone", id=source.id, revision=source.revision)
        await self.add(method, origin=origin)


def _clone_request(body: object) -> CloneRequest:
    try:
        return CloneRequest.model_validate(body)
    except ValidationError as error:
        raise InvalidDocument(
            Problem(".".join(map(str, each["loc"])), each["msg"], shown(each["input"]))
            for each in error.errors()
        ) from error
