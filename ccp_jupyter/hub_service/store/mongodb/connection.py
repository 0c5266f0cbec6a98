"""A connection to MongoDB: sessions, repeated writes, errors in words."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from bson.codec_options import CodecOptions
from bson.errors import InvalidDocument
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from ccp_jupyter.hub_service.store.base import Duplicate, StoreAway, StoreFull, StoreUnusable

Document = dict[str, Any]
Session = AsyncClientSession
T = TypeVar("T")

SCHEMES: Final = ("mongodb://", "mongodb+srv://")
CODEC: Final[CodecOptions[Document]] = CodecOptions(tz_aware=True, tzinfo=UTC)
DURABLE: Final = WriteConcern("majority", j=True)

_log = logging.getLogger(__name__)

_CONNECT = 5.0  # seconds for a connection, and between two looks at a server
_ANSWER = 60.0  # seconds for one answer; a server that takes longer hangs
_LONGEST_PAUSE = 2.0
_MOST_TRANSACTIONS = 8
_ANOTHER = "mongodb://user:password@host1,host2/database?replicaSet=rs0"

_DUPLICATE: Final = 11000
_FULL: Final = 14031
_TOO_LARGE: Final = {10334, 17280, 17419, 17420}
_MAY_NOT: Final = {13: "its user may not do this", 18: "its user or password is wrong"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is; shown without login."""

    uri: str
    """With the password: never shown."""
    database: str
    hosts: str
    options: frozenset[str] = frozenset()
    """Names of the options in the URI, in lower case."""

    def __str__(self) -> str:
        return f"MongoDB database {self.database} at {self.hosts}"

    def __repr__(self) -> str:
        return f"Address({self})"


def address(uri: str) -> Address:
    """Return what a URI means.

    Raises
    ------
    StoreUnusable
        It is none, or names no database. The text has nothing of the URI, which may hold a
        password.
    """
    try:
        parsed = parse_uri(uri, connect_timeout=_CONNECT)
    except (InvalidURI, ConfigurationError, ValueError, TypeError):
        raise StoreUnusable(
            "the address of MongoDB cannot be read; it is not shown, as it may hold a password."
            f" It has the form {_ANOTHER}; write odd characters of user and password as %XX"
        ) from None
    if not parsed["database"]:
        raise StoreUnusable(f"the address of MongoDB names no database; its form is {_ANOTHER}")
    if uri.startswith("mongodb+srv://"):
        hosts = str(urlsplit(uri).hostname)
    else:
        hosts = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
    return Address(uri, parsed["database"], hosts, frozenset(map(str.lower, parsed["options"])))


class Connection:
    """A client whose writes are done once, durable, and seen by every later read.

    Parameters
    ----------
    where : Address
        The database.
    patience : float
        Seconds to wait for a server before `StoreAway`, if the address says nothing else.
    """

    def __init__(self, where: Address, patience: float) -> None:
        self.where = where
        try:
            self.client: AsyncMongoClient[Document] = AsyncMongoClient(
                where.uri,
                tz_aware=True,
                retryWrites=True,
                retryReads=True,
                **_unless_given(
                    where,
                    appname="ccp-service",
                    serverSelectionTimeoutMS=round(patience * 1000),
                    connectTimeoutMS=round(_CONNECT * 1000),
                    socketTimeoutMS=round(_ANSWER * 1000),
                    heartbeatFrequencyMS=round(_CONNECT * 1000),
                ),
            )
        except (PyMongoError, ValueError, TypeError, OSError):
            raise StoreUnusable(
                f"{where}: the options in its address cannot be used; they are not shown, as they"
                " may hold a password"
            ) from None
        self.database: AsyncDatabase[Document] = self.client.get_database(
            where.database,
            codec_options=CODEC,
            read_preference=ReadPreference.PRIMARY,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
        )
        self._patience = patience
        self._cluster_time: Any = None
        self._operation_time: Any = None
        # More at a time would only wait for each other's records.
        self._turns = asyncio.Semaphore(_MOST_TRANSACTIONS)
        self._writes: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Finish the writes that are under way, then let go of the server."""
        while self._writes:
            await asyncio.wait(self._writes)
        await self.client.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Give a session whose reads are not older than anything this process has seen.

        After a change of the primary the new one may for a moment not know yet what the old one
        acknowledged; with the time of the last operation it waits until it does.
        """
        async with self.client.start_session(causal_consistency=True) as session:
            if self._operation_time is not None:
                session.advance_cluster_time(self._cluster_time)
                session.advance_operation_time(self._operation_time)
            yield session
            seen = session.operation_time
            if seen is not None and (self._operation_time is None or seen > self._operation_time):
                self._operation_time = seen
                self._cluster_time = session.cluster_time

    async def read(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Read single records."""
        try:
            async with self.session() as session:
                return await work(session)
        except PyMongoError as error:
            raise self.translated(error) from error

    async def look(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Read many records as they were at one moment."""
        try:
            async with self.client.start_session(snapshot=True) as session:
                return await work(session)
        except PyMongoError as error:
            raise self.translated(error) from error

    async def write(self, work: Callable[[Session, bool], Awaitable[T]]) -> T:
        """Do a write of one record, exactly once.

        Parameters
        ----------
        work : callable
            Gets the session, and whether it was begun before and may have been done then.

        Raises
        ------
        StoreAway
            No server was there to begin with. Once begun it is repeated until the outcome is
            known, however long that takes.
        """
        return await self._finished(self._once(work))

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do writes of several records in one transaction, all or nothing.

        Parameters
        ----------
        work : callable
            May be called several times, all but the last undone.
        """
        return await self._finished(self._transaction(work))

    async def _finished(self, work: Awaitable[T]) -> T:
        """Await a write that goes on when the caller is cancelled: it must not stay half done."""
        task = asyncio.ensure_future(work)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        try:
            return await asyncio.shield(task)
        except InvalidDocument as error:  # the driver knows the limit too
            raise _too_large() from error

    async def _once(self, work: Callable[[Session, bool], Awaitable[T]]) -> T:
        pause = _Pause()
        again = False
        while True:
            try:
                async with self.session() as session:
                    return await work(session, again)
            except PyMongoError as error:
                if not again and isinstance(error, ServerSelectionTimeoutError):
                    raise self.translated(error) from error
                if not _interrupted(error):
                    raise self.translated(error) from error
                again = True
                _log.warning("%s: a write is repeated: %s", self.where, _kind(error))
            await pause()

    async def _transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async with self._turns:
            return await self._until_committed(work)

    async def _until_committed(self, work: Callable[[Session], Awaitable[T]]) -> T:
        pause = _Pause()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            try:
                async with self.session() as session:
                    await session.start_transaction(
                        ReadConcern("snapshot"), DURABLE, ReadPreference.PRIMARY
                    )
                    result = await self._attempt(session, work)
                    await self._commit(session)
                    return result
            except PyMongoError as error:
                # Undone for certain. Others may write the same records: then it is tried again.
                known = self.translated(error)
                if not error.has_error_label("TransientTransactionError"):
                    raise known from error
                if isinstance(known, StoreAway) and loop.time() > end:
                    raise known from error
            await pause()

    async def _attempt(self, session: Session, work: Callable[[Session], Awaitable[T]]) -> T:
        try:
            return await work(session)
        except BaseException:
            if session.in_transaction:
                with suppress(PyMongoError):
                    await session.abort_transaction()
            raise

    async def _commit(self, session: Session) -> None:
        pause = _Pause()
        while True:
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if not error.has_error_label("UnknownTransactionCommitResult"):
                    raise
                # The server knows the transaction by its number: asking again does it once.
                _log.warning("%s: a commit is repeated: %s", self.where, _kind(error))
            else:
                return
            await pause()

    def translated(self, error: PyMongoError) -> Exception:
        """Return the store's own error; `error` itself when it is a fault of ours."""
        code = getattr(error, "code", None)
        if isinstance(error, BulkWriteError):
            errors = (error.details or {}).get("writeErrors") or [{}]
            code = errors[0].get("code")
        if isinstance(error, DuplicateKeyError) or code == _DUPLICATE:
            return Duplicate("there is one already")
        if code in _TOO_LARGE:
            return _too_large()
        if code == _FULL:
            return StoreFull(f"no room left on the disk of {self.where}; free some and repeat")
        if code in _MAY_NOT:
            return StoreUnusable(f"{self.where}: {_MAY_NOT[code]}; check the login and its roles")
        if isinstance(error, InvalidOperation):
            return RuntimeError("the store is closed")
        if _interrupted(error) or error.has_error_label("TransientTransactionError"):
            return StoreAway(f"{self.where} does not answer now ({_kind(error)})")
        return error


def _unless_given(where: Address, **options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name.lower() not in where.options}


class _Pause:
    """Waits a little longer each time, never exactly as long as another."""

    def __init__(self) -> None:
        self._longest = 0.005

    async def __call__(self) -> None:
        await asyncio.sleep(random.uniform(0.2, 1) * self._longest)  # noqa: S311
        self._longest = min(self._longest * 2, _LONGEST_PAUSE)


def _too_large() -> ValueError:
    return ValueError("a record is too large for MongoDB: it takes 16 MiB")


def _interrupted(error: PyMongoError) -> bool:
    """Tell whether the server went away, or stopped being the primary, in the middle."""
    return (
        isinstance(error, ConnectionFailure | WriteConcernError)
        or error.has_error_label("RetryableWriteError")
        or (isinstance(error, OperationFailure) and error.code in _RETRYABLE)
    )


# Server errors that mean: ask again, here or at another member (retryable reads specification).
_RETRYABLE: Final = {6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}


def _kind(error: PyMongoError) -> str:
    """Return what happened; never the driver's text, which has addresses and long histories."""
    code = getattr(error, "code", None)
    return type(error).__name__ + (f", code {code}" if code else "")
