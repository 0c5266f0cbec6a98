"""Shareable links: whoever has one gets a copy of a Method or an Execution, without a login.

A link is an id and its signature (`signing_keys`). What it leads to, and until when, stands in the
store, so that it can be taken back. A wrong one, one that expired or was taken back, and one whose
target is gone all get the same answer.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ccp_jupyter.hub_service.api.access import check_may_share, may_change, may_see
from ccp_jupyter.hub_service.api.documents import page_links
from ccp_jupyter.hub_service.api.errors import LIMIT_REACHED, ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import link
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.states import Target
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import iso, now

SHORTEST: Final = 60
DEFAULT: Final = 30 * 86_400
LONGEST: Final = 366 * 86_400
"""Seconds that links work."""
MOST: Final = 1000
"""Links of one user."""
_MEMBERS: Final = ("target", "expiresIn", "revision")
_KINDS: Final = {"processes": "method", "jobs": "execution"}
_LONGEST_TARGET: Final = 2000


class LinksHandler(ApiHandler):
    """The links that the caller made."""

    async def get(self) -> None:
        """List them, newest first."""
        limit, offset, target = (self.query[name] for name in ("limit", "offset", "target"))
        page = await self.services.store.list_links(self.caller.name, target, limit, offset)
        query = f"target={target}" if target else ""
        base = self.base_url
        found = await asyncio.to_thread(lambda: [self._shown(each, base) for each in page.items])
        links = page_links(base, "links", query, offset, limit, page.next_offset)
        self.reply({"shareLinks": found, "links": links})

    async def post(self) -> None:
        """Make one."""
        store, caller = self.services.store, self.caller
        target, seconds, revision = read_link(await self.json_body())
        await check_may_share(self.shared.groups, caller, [])
        record = await self._target(*target_of(target, self.base_url), target)
        await self._check_revision(record, revision)
        await store.remove_expired_links(now())
        if (await store.list_links(caller.name, limit=1, offset=MOST - 1)).items:
            detail = f"You have {MOST} links, which is the limit; take some back"
            raise ApiError(409, detail, LIMIT_REACHED)
        made = await store.add_link(
            ShareLink(
                id=secrets.token_hex(16),
                owner=caller.name,
                kind="method" if isinstance(record, StoredMethod) else "execution",
                target=record.id,
                revision=revision,
                expires=now() + timedelta(seconds=seconds),
            )
        )
        document = await asyncio.to_thread(self._shown, made, self.base_url)
        self.set_header("Location", f"{self.base_url}links/{made.id}")
        self.reply(document, 201)

    async def _target(self, kind: str, name: str, given: str) -> StoredMethod | Execution:
        """Return what somebody wants a link to.  Raises `ApiError` 403 or 404."""
        store, found = self.services.store, list[StoredMethod | Execution]()
        if kind != "execution" and (method := await store.get_method(name)) is not None:
            found.append(method)
        execution = await store.get_execution(name) if kind != "method" else None
        if execution is not None and execution.target is not Target.DELETED:
            found.append(execution)
        found = [each for each in found if await may_see(self.shared.groups, self.caller, each)]
        if not found:
            raise ApiError(404, f"There is no Method or Execution {shown(given)}")
        if len(found) > 1:
            rule = f"must be processes/{name} or jobs/{name}: there are both"
            raise InvalidDocument([Problem("target", rule, shown(given))])
        if not may_change(self.caller, found[0]):
            raise ApiError(403, "Only its owner and administrators may make a link to it")
        return found[0]

    async def _check_revision(self, record: StoredMethod | Execution, revision: int) -> None:
        if revision == 0:
            return
        rule = "is only for Methods"
        if isinstance(record, StoredMethod):
            if await self.services.store.get_revision(record.id, revision) is not None:
                return
            rule = f"the Method has no such revision; it is at {record.revision}"
        raise InvalidDocument([Problem("revision", rule, str(revision))])

    def _shown(self, made: ShareLink, base: str) -> dict[str, Any]:
        token = f"{made.id}.{self.services.keys.link_signature(made.id)}"
        place = "processes" if made.kind == "method" else "jobs"
        found: dict[str, Any] = {
            "id": made.id,
            "url": f"{base}shared/{token}",
            "kind": made.kind,
            "target": made.target,
            "created": iso(made.created),
            "expires": iso(made.expires),
            "uses": made.uses,
            "links": [
                link(f"{base}links/{made.id}", "self"),
                link(f"{base}{place}/{made.target}", "related", "What it leads to"),
            ],
        }
        if made.revision:
            found["revision"] = made.revision
        return found


class LinkHandler(ApiHandler):
    """One link."""

    async def delete(self, link_id: str) -> None:
        """Take it back: it works no more."""
        store = self.services.store
        found = await store.get_link(link_id)
        if found is None or not (self.caller.admin or found.owner == self.caller.name):
            raise ApiError(404, f"You have no link {shown(link_id)}")
        await store.remove_link(link_id)
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()


def read_link(body: object) -> tuple[str, int, int]:
    """Return target, seconds and revision.  Raises `InvalidDocument`."""
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("", 'must be an object such as {"target": "jobs/…"}')])
    problems = [
        Problem(str(member)[:100], f"unknown member; there are {', '.join(_MEMBERS)}")
        for member in body
        if member not in _MEMBERS
    ]
    target, seconds = body.get("target"), body.get("expiresIn", DEFAULT)
    revision = body.get("revision", 0)
    if not isinstance(target, str) or not 0 < len(target) <= _LONGEST_TARGET:
        rule = "must be the address or id of a Method or an Execution"
        problems.append(Problem("target", rule, shown(target)))
    if type(seconds) is not int or not SHORTEST <= seconds <= LONGEST:
        rule = f"must be a whole number of seconds from {SHORTEST} to {LONGEST}"
        problems.append(Problem("expiresIn", rule, shown(seconds)))
    if type(revision) is not int or not 0 <= revision < 2**31:
        rule = "must be the number of a revision, or 0 for the newest at any time"
        problems.append(Problem("revision", rule, shown(revision)))
    if problems:
        raise InvalidDocument(problems)
    return str(target), int(seconds), int(revision)


def target_of(target: str, base: str) -> tuple[str, str]:
    """Return kind and id of what an address names; the kind is empty for an id.

    Parameters
    ----------
    target : str
        A full address, one below that of the service, a path, or an id.
    base : str
        Address of the service.

    Raises
    ------
    InvalidDocument
        It is an address of something else.
    """
    for start in (base, urlsplit(base).path):
        if target.startswith(start):
            target = target.removeprefix(start)
            break
    place, slash, name = target.partition("/")
    if not slash:
        return "", target
    kind = _KINDS.get(place)
    name = unquote(name.split("?")[0].rstrip("/"))
    if kind is None or not name or "/" in name:
        rule = f"must be an id, or an address such as {base}jobs/…"
        raise InvalidDocument([Problem("target", rule, shown(target))])
    return kind, name
