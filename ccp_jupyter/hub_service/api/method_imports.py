"""What becomes of the Methods of an import, one after the other."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ccp_jupyter.hub_service.api.access import check_may_share
from ccp_jupyter.hub_service.api.documents import without_server_members
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.identity import Caller, Groups
from ccp_jupyter.hub_service.api.links import segment
from ccp_jupyter.hub_service.controller.base import Controller
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, Store
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.sharing import Sharing, with_sharing
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import now

_MOST_TRIES: Final = 5

Outcome = Literal["created", "replaced", "equal", "refused"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an import may do.

    Attributes
    ----------
    replace : bool
        Whether Methods of the caller may be replaced by others of the same id.
    renew : bool
        Whether a Method gets a new id when its own is taken.
    keep_sharing : bool
        Whether what a document says of visibility and Contexts counts.
    service : str
        Where it was fetched from; empty for files.
    """

    replace: bool = False
    renew: bool = False
    keep_sharing: bool = False
    service: str = ""


@dataclass(slots=True)
class Entry:
    """What became of one file."""

    name: str
    outcome: Outcome
    kind: Literal["method", "execution", ""] = "method"
    id: str = ""
    title: str = ""
    version: str = ""
    notes: list[str] = field(default_factory=list)
    problems: tuple[Problem, ...] = ()

    def document(self, base: str) -> dict[str, Any]:
        """Return it as the report has it."""
        found: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "outcome": self.outcome,
            "title": self.title,
            "version": self.version,
            "notes": self.notes,
            "problems": [
                {"member": each.member, "rule": each.rule, "value": each.value}
                for each in self.problems
            ],
        }
        if self.id and self.outcome != "refused":
            path = "processes" if self.kind == "method" else "jobs"
            found |= {"id": self.id, "href": f"{base}{path}/{segment(self.id)}"}
        return found


def refused(
    name: str, error: InvalidDocument, kind: Literal["method", "execution", ""] = ""
) -> Entry:
    """Return the entry for a file that breaks rules."""
    return Entry(name, "refused", kind, problems=error.problems[:100])


class MethodImports:
    """Takes Methods over for one caller.

    Parameters
    ----------
    store : Store
        Where they go.
    controller : Controller
        Knows the ids that the service has for itself.
    groups : Groups
        Tells in which Contexts the caller is.
    caller : Caller
        Whose they become.
    terms : Terms
        What may be done.
    """

    def __init__(
        self, store: Store, controller: Controller, groups: Groups, caller: Caller, terms: Terms
    ) -> None:
        self._store = store
        self._built_ins = controller.built_ins
        self._groups = groups
        self._caller = caller
        self._terms = terms

    async def take(self, name: str, document: object) -> Entry:
        """Take one over, if the rules allow it.

        Parameters
        ----------
        name : str
            Of the file, for the report.
        document : object
            Decoded JSON.
        """
        try:
            method = await asyncio.to_thread(_parsed, document)
        except InvalidDocument as error:
            return refused(name, error, "method")
        try:
            if self._terms.keep_sharing:
                await self._check_sharing(method)
            else:
                method = _with_document(with_sharing(method.document(), Sharing()))
            for _ in range(_MOST_TRIES):
                try:
                    return await self._kept(name, method)
                except (Conflict, Duplicate):
                    continue  # somebody else was faster
            rule = "others change this Method all the time; try again"
            raise InvalidDocument([Problem("id", rule, method.id)])
        except InvalidDocument as error:
            entry = refused(name, error, "method")
            entry.title, entry.version = method.title, method.version
            return entry

    async def _check_sharing(self, method: Method) -> None:
        if not (method.public or method.contexts):
            return
        try:
            await check_may_share(self._groups, self._caller, method.contexts)
        except ApiError as error:
            raise InvalidDocument([Problem("metadata", error.detail)]) from error

    async def _kept(self, name: str, method: Method) -> Entry:
        """Keep it.  Raises `Conflict`, `Duplicate`, `InvalidDocument`."""
        old = await self._store.get_method(method.id)
        if old is None and method.id not in self._built_ins:
            return await self._created(name, method, method.id)
        if old is not None and old.owner == self._caller.name:
            new = self._replacement(method, old)
            if self._compared(new) == self._compared(old):
                return _entry(name, "equal", old)
            if self._terms.replace:
                return _entry(name, "replaced", await self._store.save_method(new))
            rule = "is the id of a Method of yours that differs; ?replace=true replaces it"
        else:
            rule = "is the id of somebody else's Method"
        if not self._terms.renew:
            rule += "; with ?renew=true it gets a new id"
            raise InvalidDocument([Problem("id", rule, shown(method.id))])
        original, new_id = method.id, str(uuid.uuid4())
        return await self._created(
            name, _with_document({**method.document(), "id": new_id}), original
        )

    async def _created(self, name: str, method: Method, original: str) -> Entry:
        if not method.authors:
            method = self._with_author(method, self._caller.name)
        record = StoredMethod(
            id=method.id,
            owner=self._caller.name,
            document=method.document(),
            public=method.public,
            contexts=sorted(method.contexts),
            origin=Origin(kind="import", id=original, service=self._terms.service),
            updated=now(),
        )
        entry = _entry(name, "created", await self._store.add_method(record))
        if original != method.id:
            entry.notes.append(f"its id was {original}")
        return entry

    def _replacement(self, method: Method, old: StoredMethod) -> StoredMethod:
        """Return the next revision of a Method; who may see it stays as it is, unless asked for."""
        method = self._with_author(method, old.owner)
        if not self._terms.keep_sharing:
            method = _with_document(with_sharing(method.document(), old.sharing))
        return old.model_copy(
            update={
                "document": method.document(),
                "public": method.public,
                "contexts": sorted(method.contexts),
                "revision": old.revision + 1,
                "package": None,
                "updated": now(),
            }
        )

    def _compared(self, record: StoredMethod) -> dict[str, Any]:
        """Return what makes two of them differ: with whom they are shared only if asked for."""
        if self._terms.keep_sharing:
            return record.document
        return with_sharing(record.document, Sharing())

    def _with_author(self, method: Method, author: str) -> Method:
        return method.with_author(author, f"/hub/api/users/{segment(author)}")


def _entry(name: str, outcome: Outcome, record: StoredMethod) -> Entry:
    version = str(record.document.get("version", ""))
    return Entry(name, outcome, "method", record.id, record.title, version)


def _parsed(document: object) -> Method:
    if isinstance(document, dict):
        document = without_server_members(document)
    return parse_method(document)


def _with_document(document: dict[str, Any]) -> Method:
    """Return a Method that was checked already, with something changed."""
    return Method.model_validate(document)
