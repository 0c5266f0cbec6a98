"""Where a copy comes from and goes to: opened so that no service uses it meanwhile."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ccp_jupyter.hub_service.store.base import Store, StoreAway, StoreUnusable
from ccp_jupyter.hub_service.store.connections import Lock
from ccp_jupyter.hub_service.store.mongodb.connection import SCHEMES, Address, address
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.hub_service.store.sqlite import SqliteStore

LEASE: Final = "service"
"""Held by the service process that drives; here by the copy, so that none begins meanwhile."""
_SECONDS: Final = 60.0


class NotEmpty(Exception):
    """There is something in the target."""


class End(Protocol):
    """One of the two stores of a copy."""

    def reading(self) -> AbstractAsyncContextManager[Store]:
        """Open it as the source, while nobody else uses it."""

    def filling(self) -> AbstractAsyncContextManager[Store]:
        """Open it as the target; usable by others only when the block ends without an error."""


def end_of(text: str) -> End:
    """Return what an argument means.

    Raises
    ------
    StoreUnusable
        It is an address that cannot be read.
    """
    return MongoEnd(address(text)) if text.startswith(SCHEMES) else SqliteEnd(Path(text).absolute())


@dataclass(frozen=True, slots=True)
class SqliteEnd:
    """A file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Store]:
        """See `End.reading`."""
        if not self.path.is_file():
            raise StoreUnusable(f"there is no file {self.path}")
        store = await SqliteStore.open(self.path)
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def filling(self) -> AsyncIterator[Store]:
        """See `End.filling`: it is filled under another name."""
        if self.path.exists():
            async with self.reading() as present:
                await _check_empty(present, self)
        lock = Lock(self.path)
        part = self.path.with_name(self.path.name + ".part")
        try:
            for name in _files(part):
                name.unlink(missing_ok=True)
            # One file, without a log beside it, so that one change of name is all.
            store = await SqliteStore.open(part, journal_mode="TRUNCATE")
            try:
                yield store
            finally:
                await store.close()
            for name in _files(self.path):
                name.unlink(missing_ok=True)
            part.rename(self.path)
            _sync(self.path.parent)
        finally:
            for name in (*_files(part), part.with_name(part.name + ".lock")):
                name.unlink(missing_ok=True)
            lock.release()


@dataclass(frozen=True, slots=True)
class MongoEnd:
    """A database."""

    where: Address

    def __str__(self) -> str:
        return str(self.where)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Store]:
        """See `End.reading`."""
        store = await MongoStore.open(self.where.uri)
        try:
            async with _alone(store, self):
                yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def filling(self) -> AsyncIterator[Store]:
        """See `End.filling`: no service opens it as long as it says that it is being filled."""
        store = await MongoStore.open(self.where.uri, filling=True)
        try:
            async with _alone(store, self):
                if not await store.half_filled():
                    await _check_empty(store, self)
                await store.begin_filling()
                yield store
                await store.filled()
        finally:
            await store.close()


@asynccontextmanager
async def _alone(store: Store, end: End) -> AsyncIterator[None]:
    """Hold the lease of the service; end the block with `StoreUnusable` when it is lost."""
    holder = f"copy {uuid.uuid4()}"
    lease = await store.take_lease(LEASE, holder, "", _SECONDS)
    if lease.holder != holder:
        raise StoreUnusable(
            f"{end}: a service or another copy uses it; stop that one. If it was killed, wait a"
            " minute"
        )
    block = asyncio.current_task()
    lost = False

    async def renew() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(_SECONDS / 6)
            with suppress(StoreAway):
                renewed = await store.take_lease(LEASE, holder, "", _SECONDS)
                if (renewed.holder, renewed.term) != (holder, lease.term) and block is not None:
                    lost = True
                    block.cancel()
                    return

    renewal = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise StoreUnusable(f"{end}: a service began to use it; stop it and repeat") from None
        raise
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError):
            await renewal
        with suppress(StoreAway):
            await store.give_lease(LEASE, holder)


async def _check_empty(store: Store, end: End) -> None:
    if (
        await store.walk_methods(None, 1)
        or await store.walk_executions(None, 1)
        or await store.list_nodes()
        or await store.walk_links(None, 1)
    ):
        raise NotEmpty(f"{end} is not empty; nothing was changed. Name an empty one")


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
