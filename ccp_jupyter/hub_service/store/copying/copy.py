"""Copying all records of a store, and comparing what came out."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.stored_method import StoredMethod

TOGETHER: Final = 200
"""Executions read at a time."""
_WRITERS: Final = 8
_SHOWN_EACH: Final = 500

R = TypeVar("R", StoredMethod, Execution, ShareLink)


@dataclass(frozen=True, slots=True)
class Whole:
    """A record with what belongs to it."""

    record: StoredMethod | Execution | NodeRecord | ShareLink
    tasks: list[Task] = field(default_factory=list)
    """Of an Execution."""
    revisions: list[StoredMethod] = field(default_factory=list)
    """The older ones of a Method, newest first."""


class Different(Exception):
    """What was read back is not what was written; the text says what."""


@dataclass(slots=True)
class Counts:
    """How many records of each kind, and a digest of all of them in the order of their ids."""

    methods: int = 0
    executions: int = 0
    tasks: int = 0
    nodes: int = 0
    revisions: int = 0
    links: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def add(self, whole: Whole) -> None:
        """Count a record with what belongs to it."""
        match whole.record:
            case StoredMethod():
                self.methods += 1
            case Execution():
                self.executions += 1
            case NodeRecord():
                self.nodes += 1
            case ShareLink():
                self.links += 1
        self.tasks += len(whole.tasks)
        self.revisions += len(whole.revisions)
        for each in (whole.record, *whole.tasks, *whole.revisions):
            text = _text(each)
            self._hash.update(b"%d %b\n" % (len(text), text))

    @property
    def digest(self) -> str:
        """SHA-256 over kind, text and version of every record, hexadecimal."""
        return str(self._hash.hexdigest())

    def __str__(self) -> str:
        return (
            f"{self.methods} Methods, {self.executions} Executions with {self.tasks} Tasks,"
            f" {self.nodes} Nodes, {self.revisions} older revisions of Methods, {self.links} links"
        )


Show = Callable[[str, Counts], None]


async def copy_all(source: Store, target: Store, show: Show) -> Counts:
    """Copy everything but leases; read it back and compare.

    Parameters
    ----------
    source, target : Store
        The target is empty; nobody else uses either.
    show : callable
        Told now and then what is being done, and how far.

    Returns
    -------
    Counts
        Of the source, and of the target.

    Raises
    ------
    Different
        The target has not exactly the records of the source.
    """

    async def keep(whole: Whole) -> None:
        await target.restore(whole.record, whole.tasks, whole.revisions)

    written = await _walked(source, lambda counts: show("copying", counts), keep)
    show("comparing", written)
    found = await _walked(target, lambda counts: show("comparing", counts))
    if (str(found), found.digest) != (str(written), written.digest):
        raise Different(f"{found}, SHA-256 {found.digest}, instead of {written}, {written.digest}")
    usage = await source.list_usage()
    if await target.list_usage() != usage:
        raise Different("the sums of what users keep")
    return written


async def _walked(
    store: Store,
    show: Callable[[Counts], None],
    keep: Callable[[Whole], Awaitable[None]] | None = None,
) -> Counts:
    """Go through all records, keep each elsewhere, count them."""
    counts = Counts()
    async for part in _parts(store):
        if keep is not None:
            for begin in range(0, len(part), _WRITERS):
                await asyncio.gather(*(keep(each) for each in part[begin : begin + _WRITERS]))
        before = counts.executions
        for whole in part:
            counts.add(whole)
        if before // _SHOWN_EACH != counts.executions // _SHOWN_EACH:
            show(counts)
    return counts


async def _parts(store: Store) -> AsyncIterator[list[Whole]]:
    async for methods in _by_id(store.walk_methods):
        # A few at a time: each may have many revisions.
        for begin in range(0, len(methods), _WRITERS):
            part = methods[begin : begin + _WRITERS]
            yield [Whole(method, revisions=await _older(store, method)) for method in part]
    async for executions in _by_id(store.walk_executions):
        yield [Whole(each, tasks=await store.list_tasks(each.id)) for each in executions]
    yield [Whole(node) for node in await store.list_nodes()]
    async for links in _by_id(store.walk_links):
        yield [Whole(link) for link in links]


async def _older(store: Store, method: StoredMethod) -> list[StoredMethod]:
    """Return the older revisions of a Method, newest first."""
    found: list[StoredMethod] = []
    offset: int | None = 1 if method.revision > 1 else None
    while offset is not None:
        page = await store.list_revisions(method.id, TOGETHER, offset)
        for each in page.items:
            revision = await store.get_revision(method.id, each.revision)
            if revision is None:
                raise Different(f"Method {method.id}: revision {each.revision} is listed, not kept")
            found.append(revision)
        offset = page.next_offset
    return found


async def _by_id(
    walk: Callable[[str | None, int], Awaitable[list[R]]],
) -> AsyncIterator[list[R]]:
    after: str | None = None
    while part := await walk(after, TOGETHER):
        yield part
        after = part[-1].id


def _text(record: BaseModel) -> bytes:
    return f"{type(record).__name__} {record.model_dump_json()}".encode()
