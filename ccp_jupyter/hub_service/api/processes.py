"""Methods: list, describe, deploy, replace, undeploy, execute."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

from tornado.httputil import HTTPHeaders

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.access import check_may_share, may_change, may_see
from ccp_jupyter.hub_service.api.bodies import MAX_VALUES, MOST_VALUES_OF_RED
from ccp_jupyter.hub_service.api.deploying import sent
from ccp_jupyter.hub_service.api.errors import (
    DUPLICATED_PROCESS,
    IMMUTABLE_PROCESS,
    NO_SUCH_PROCESS,
    ApiError,
)
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import segment
from ccp_jupyter.hub_service.api.method_list import list_processes
from ccp_jupyter.hub_service.api.rendering import rendered_list
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, MethodQuery
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.sharing import Viewer, with_sharing
from ccp_jupyter.model.stored_method import Package, StoredMethod
from ccp_jupyter.model.times import now

_KEY_HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MOST_TRIES: Final = 5


def may_change_method(handler: ApiHandler, method: StoredMethod) -> bool:
    """Tell whether the caller may replace or delete a Method."""
    built_in = method.id in handler.services.controller.built_ins
    return not built_in and may_change(handler.caller, method)


async def visible_method(
    handler: ApiHandler, process_id: str, revision: int | None = None
) -> StoredMethod:
    """Return a Method that the caller may see, or a built-in.

    Parameters
    ----------
    handler : ApiHandler
        Of the caller's request.
    process_id : str
        Id of the Method.
    revision : int, optional
        Which of its revisions; default: the newest.

    Raises
    ------
    ApiError
        404: there is none, or the caller may not see it. Who may not see a Method as it is now
        sees no revision of it; and none that was not shared with them when it was replaced.
    """
    groups, caller, store = handler.shared.groups, handler.caller, handler.services.store
    if (built_in := handler.services.controller.built_ins.get(process_id)) is not None:
        method: StoredMethod | None = built_in.record
    else:
        method = await store.get_method(process_id)
    if method is None or not await may_see(groups, caller, method):
        raise ApiError(404, f"There is no Method {shown(process_id)}", NO_SUCH_PROCESS)
    if revision is None or revision == method.revision:
        return method
    older = await store.get_revision(process_id, revision)
    if older is None or not (may_change(caller, method) or await may_see(groups, caller, older)):
        detail = f"There is no revision {revision} of Method {shown(process_id)}"
        raise ApiError(404, detail, NO_SUCH_PROCESS)
    return older


class MethodHandler(ApiHandler):
    """What the handlers of Methods have in common."""

    async def viewer(self) -> Viewer:
        """Return the caller as somebody who wants to see Methods."""
        return await self.shared.groups.viewer(self.caller)

    async def visible(self, process_id: str, revision: int | None = None) -> StoredMethod:
        """Return a Method that the caller may see; see `visible_method`."""
        return await visible_method(self, process_id, revision)

    async def stored(self, process_id: str) -> StoredMethod:
        """Return a Method that the caller may see, and no built-in.  Raises `ApiError` 404."""
        method = await self.visible(process_id)
        if method.id in self.services.controller.built_ins:
            detail = f"{shown(process_id)} is part of the service, there is no Method to take away"
            raise ApiError(404, detail, NO_SUCH_PROCESS)
        return method

    async def own(self, process_id: str) -> StoredMethod:
        """Return a Method that the caller may change.  Raises `ApiError` 403 or 404."""
        method = await self.visible(process_id)
        if not self.may_change(method):
            detail = "Only its owner and administrators may change this Method"
            raise ApiError(403, detail, IMMUTABLE_PROCESS)
        return method

    def may_change(self, method: StoredMethod) -> bool:
        """Tell whether the caller may replace or delete a Method."""
        return may_change_method(self, method)

    async def check_sharing(self, method: Method) -> None:
        """Refuse a Method that is shared as the caller may not share it.  Raises `ApiError` 403."""
        if method.public or method.contexts:
            await check_may_share(self.shared.groups, self.caller, method.contexts)

    async def add(self, method: Method, **members: Any) -> None:
        """Keep a new Method of the caller, and answer with its summary.

        Parameters
        ----------
        method : Method
            Its author is added.
        **members : object
            Further members of the record.

        Raises
        ------
        ApiError
            409: there is one of this id.
        """
        name = self.caller.name
        record = record_of(with_author(method, name), name).model_copy(update=members)
        try:
            if record.id in self.services.controller.built_ins:
                raise Duplicate(record.id)
            record = await self.services.store.add_method(record)
        except Duplicate as error:
            detail = f"There is a Method {shown(record.id)} already; PUT replaces your own ones"
            raise ApiError(409, detail, DUPLICATED_PROCESS) from error
        self.shared.method_lists.changed()
        base = self.base_url
        self.set_header("Location", f"{base}processes/{segment(record.id)}")
        self.set_header("Etag", etag(record))
        self.reply(documents.process_summary(record, base, mutable=True), 201)


class ProcessesHandler(MethodHandler):
    """The list of Methods."""

    async def get(self) -> None:
        """List the Methods that the caller may see."""
        limit, offset, search = (self.query[name] for name in ("limit", "offset", "q"))
        category = self.query["category"]
        viewer = await self.viewer()
        base = self.base_url
        lists = self.shared.method_lists
        key = lists.key(
            viewer.name, viewer.groups, viewer.admin, limit, offset, search, category, base
        )
        found = lists.get(key)
        if found is None:
            query = MethodQuery(viewer, search, category, limit=limit, offset=offset)
            built_ins = self.services.controller.built_ins
            page = await list_processes(self.services.store, built_ins, query)
            filters = {"q": search, "category": category}
            rest = urlencode({name: value for name, value in filters.items() if value})
            links = documents.page_links(base, "processes", rest, offset, limit, page.next_offset)
            summaries = [self._summary(method, base) for method in page.items]
            found = rendered_list("processes", summaries, links)
            lists.put(key, found)
        self.reply_rendered(found)

    def _summary(self, method: StoredMethod, base: str) -> bytes:
        mutable = self.may_change(method)
        return self.shared.rendered.get(
            (method.id, etag(method), mutable, base),
            lambda: documents.process_summary(method, base, mutable),
        )

    async def post(self) -> None:
        """Deploy a Method."""
        method, package = await sent(self)
        await self.check_sharing(method)
        await self.add(method, package=package)


class ProcessHandler(MethodHandler):
    """One Method."""

    async def get(self, process_id: str) -> None:
        """Describe a Method in full."""
        method = await self.visible(process_id)
        self.set_header("Etag", etag(method))
        self.set_header("Cache-Control", "private, no-cache")
        if self.check_etag_header():
            self.unchanged()
            return
        self.reply(documents.process(method, self.base_url, self.may_change(method)))

    async def put(self, process_id: str) -> None:
        """Replace a Method of the caller; what it was until now stays there as a revision."""
        method, package = await sent(self, process_id)
        await self.check_sharing(method)
        stored = await self._save(method, package)
        self.shared.method_lists.changed()
        self.set_header("Etag", etag(stored))
        if package is not None:
            self.done()
            return
        self.reply(documents.process_summary(stored, self.base_url, mutable=True))

    async def _save(self, method: Method, package: Package | None) -> StoredMethod:
        for _ in range(_MOST_TRIES):
            old = await self.own(method.id)
            self._check_match(old)
            if not old.sharing.with_nobody:
                await check_may_share(self.shared.groups, self.caller, [])
            if package is not None:  # it cannot say with whom the Method is shared
                method = parse_method(with_sharing(method.document(), old.sharing))
            new = record_of(with_author(method, old.owner), old.owner)
            new.package, new.users, new.origin = package, old.users, old.origin
            new.created, new.version, new.revision = old.created, old.version, old.revision + 1
            new.replaced, new.replaced_by = new.updated, self.caller.name
            try:
                return await self.services.store.save_method(new)
            except Conflict:
                continue
        raise ApiError(409, "Others change this Method all the time; try again")

    def _check_match(self, method: StoredMethod) -> None:
        wanted = self.request.headers.get("If-Match", "*")
        if wanted.strip() != "*" and etag(method) not in map(str.strip, wanted.split(",")):
            detail = f"The Method has changed since: it is {etag(method)} now"
            raise ApiError(412, detail, headers={"Etag": etag(method)})

    def done(self) -> None:
        """Finish without a document (204)."""
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()

    async def delete(self, process_id: str) -> None:
        """Undeploy a Method of the caller; its Executions keep their copy."""
        self._check_match(await self.own(process_id))
        await self.services.store.remove_method(process_id)
        self.shared.method_lists.changed()
        self.done()


def idempotency_key(headers: HTTPHeaders) -> str | None:
    """Return what the header ``Idempotency-Key`` holds.  Raises `InvalidDocument`."""
    keys = headers.get_list(_KEY_HEADER)
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        rule = "must be one word of 1 to 200 visible ASCII characters"
        raise InvalidDocument([Problem(_KEY_HEADER, rule, shown(", ".join(keys)))])
    return keys[0]


def most_values(process_id: str) -> int:
    """Return how many values a request to execute a process may have."""
    return MOST_VALUES_OF_RED if process_id == RED else MAX_VALUES


def etag(method: StoredMethod) -> str:
    """Return the entity tag of a Method as it is stored."""
    # The version alone begins anew when a Method is deployed again under the same id.
    return f'"{int(method.updated.timestamp() * 1000):x}.{method.version}"'


def with_author(method: Method, author: str) -> Method:
    """Return the Method with its owner among its authors."""
    return method.with_author(author, f"/hub/api/users/{segment(author)}")


def record_of(method: Method, owner: str) -> StoredMethod:
    """Return the record of a Method that somebody deploys."""
    return StoredMethod(
        id=method.id,
        owner=owner,
        document=method.document(),
        public=method.public,
        contexts=sorted(method.contexts),
        updated=now(),
    )
