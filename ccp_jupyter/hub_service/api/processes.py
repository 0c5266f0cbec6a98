"""Methods: list, describe, deploy, replace, undeploy, execute."""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import urlencode

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.errors import (
    DUPLICATED_PROCESS,
    IMMUTABLE_PROCESS,
    NO_SUCH_PROCESS,
    ApiError,
)
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.identity import SHARE
from ccp_jupyter.hub_service.api.links import segment
from ccp_jupyter.hub_service.api.rendering import rendered_list
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, MethodQuery
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.stored_method import StoredMethod, Viewer
from ccp_jupyter.model.times import now

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MOST_TRIES: Final = 5


class MethodHandler(ApiHandler):
    """What the handlers of Methods have in common."""

    async def viewer(self) -> Viewer:
        """Return the caller as somebody who wants to see Methods."""
        return await self.shared.groups.viewer(self.caller)

    async def visible(self, process_id: str) -> StoredMethod:
        """Return a Method that the caller may see.  Raises `ApiError` 404."""
        method = await self.services.store.get_method(process_id)
        if method is None or not (
            method.owner == self.caller.name or (await self.viewer()).may_see(method)
        ):
            raise ApiError(404, f"There is no Method {shown(process_id)}", NO_SUCH_PROCESS)
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
        return self.caller.admin or method.owner == self.caller.name

    async def sent_method(self) -> Method:
        """Return the Method in the body; the caller may share it as it asks for.

        Raises
        ------
        InvalidDocument
            It breaks rules of the grammar.
        ApiError
            403: it would be shared, and the caller may not.
        """
        document = await self.json_body()
        if isinstance(document, dict):
            document = documents.without_server_members(document)
        method = parse_method(document)
        if method.public or method.contexts:
            self.require_share("A Method that is public or in a Context")
        if method.contexts and not self.caller.admin:
            groups = await self.shared.groups.of(self.caller)
            if foreign := sorted(set(method.contexts) - groups):
                named = ", ".join(map(shown, foreign[:10]))
                raise ApiError(403, f"You are in no Context {named}, so you cannot share in it")
        return method

    def require_share(self, what: str) -> None:
        """Refuse callers who may not share.  Raises `ApiError` 403."""
        if SHARE not in self.caller.scopes:
            raise ApiError(403, f"{what} requires scope {SHARE}", scope=SHARE)

    def with_author(self, method: Method, author: str) -> Method:
        """Return the Method with its owner among its authors."""
        return method.with_author(author, f"/hub/api/users/{segment(author)}")


class ProcessesHandler(MethodHandler):
    """The list of Methods."""

    async def get(self) -> None:
        """List the Methods that the caller may see."""
        limit, offset, search = (self.query[name] for name in ("limit", "offset", "q"))
        viewer = await self.viewer()
        base = self.base_url
        lists = self.shared.method_lists
        key = lists.key(viewer.name, viewer.groups, viewer.admin, limit, offset, search, base)
        found = lists.get(key)
        if found is None:
            page = await self.services.store.list_methods(
                MethodQuery(viewer, search, limit, offset)
            )
            rest = urlencode({"q": search}) if search else ""
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
        method = self.with_author(await self.sent_method(), self.caller.name)
        record = _record(method, self.caller.name)
        try:
            record = await self.services.store.add_method(record)
        except Duplicate as error:
            detail = f"There is a Method {shown(record.id)} already; PUT replaces your own ones"
            raise ApiError(409, detail, DUPLICATED_PROCESS) from error
        self.shared.method_lists.changed()
        base = self.base_url
        self.set_header("Location", f"{base}processes/{segment(record.id)}")
        self.set_header("Etag", etag(record))
        self.reply(documents.process_summary(record, base, mutable=True), 201)


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
        """Replace a Method of the caller."""
        method = await self.sent_method()
        if method.id != process_id:
            problem = Problem("id", f"must be {shown(process_id)}, as in the address", method.id)
            raise InvalidDocument([problem])
        stored = await self._save(method, process_id)
        self.shared.method_lists.changed()
        base = self.base_url
        self.set_header("Etag", etag(stored))
        self.reply(documents.process_summary(stored, base, mutable=True))

    async def _save(self, method: Method, process_id: str) -> StoredMethod:
        for _ in range(_MOST_TRIES):
            old = await self.own(process_id)
            self._check_match(old)
            if old.public or old.contexts:
                self.require_share("A Method that is public or in a Context")
            new = _record(self.with_author(method, old.owner), old.owner)
            new.created, new.version = old.created, old.version
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

    async def delete(self, process_id: str) -> None:
        """Undeploy a Method of the caller; its Executions keep their copy."""
        self._check_match(await self.own(process_id))
        await self.services.store.remove_method(process_id)
        self.shared.method_lists.changed()
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()


class ExecutionHandler(MethodHandler):
    """Execution of a Method."""

    key_header: ClassVar[str] = "Idempotency-Key"

    async def post(self, process_id: str) -> None:
        """Submit an Execution; it is durable when the answer comes."""
        method = await self.visible(process_id)
        submission = Submission(
            owner=self.caller.name,
            claims=self.caller.claims,
            method=method,
            body=await self.json_body(),
            idempotency_key=self._key(),
        )
        execution = await self.services.controller.submit(submission)
        base = self.base_url
        if _asks_async(self.request.headers.get_list("Prefer")):
            self.set_header("Preference-Applied", "respond-async")
        self.set_header("Location", f"{base}jobs/{execution.id}")
        self.reply(documents.status_info(execution, base), 201)

    def _key(self) -> str | None:
        keys = self.request.headers.get_list(self.key_header)
        if not keys:
            return None
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            rule = "must be one word of 1 to 200 visible ASCII characters"
            raise InvalidDocument([Problem(self.key_header, rule, shown(", ".join(keys)))])
        return keys[0]


def etag(method: StoredMethod) -> str:
    """Return the entity tag of a Method as it is stored."""
    # The version alone begins anew when a Method is deployed again under the same id.
    return f'"{int(method.updated.timestamp() * 1000):x}.{method.version}"'


def _record(method: Method, owner: str) -> StoredMethod:
    return StoredMethod(
        id=method.id,
        owner=owner,
        document=method.document(),
        public=method.public,
        contexts=sorted(method.contexts),
        updated=now(),
    )


def _asks_async(values: list[str]) -> bool:
    # Methods are always executed asynchronously; `wait` and others are hints that may be ignored.
    preferences = [part.strip().lower() for value in values for part in value.split(",")]
    return "respond-async" in preferences
