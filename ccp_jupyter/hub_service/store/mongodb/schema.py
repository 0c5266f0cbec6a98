"""Collections and indexes of the MongoDB store, made and checked when it is opened."""

from __future__ import annotations

from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import (
    CollectionInvalid,
    ConfigurationError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.store.documents import decoded
from ccp_jupyter.hub_service.store.mongodb import queries
from ccp_jupyter.hub_service.store.mongodb.connection import Connection, Document
from ccp_jupyter.model.stored_method import StoredMethod

SCHEMA: Final = 2
"""Of what is stored; a newer one is refused, an older one brought up.

2: Methods have users, categories and a revision.
"""

_OLDEST_WIRE = 17  # MongoDB 6.0
_CONTROL: Final = "ccp"
_IS_BATCH: Final = {"batch_state": {"$exists": True}}
_IS_OPEN: Final = {"open": True}

_AGE: Final = (("created", DESCENDING), ("_id", ASCENDING))


def _index(name: str, *keys: str | tuple[str, int], **options: Any) -> IndexModel:
    pairs = [(key, ASCENDING) if isinstance(key, str) else key for key in keys]
    return IndexModel(pairs, name=name, **options)


def _batches(name: str, *keys: str | tuple[str, int]) -> IndexModel:
    return _index(name, *keys, partialFilterExpression=_IS_BATCH)


def _open(name: str, *keys: str) -> IndexModel:
    return _index(name, *keys, partialFilterExpression=_IS_OPEN)


# The _id of a Task has its Execution and its index, and is ordered by both.
# As in `tables`, where the reasons are. The order of each list is that of one of these.
INDEXES: Final[dict[str, list[IndexModel]]] = {
    "methods": [
        _index("methods_by_title", "title", "_id"),
        _index("methods_by_owner", "owner", "title", "_id"),
        _index("methods_by_category", "categories", "title", "_id"),
    ],
    "revisions": [],
    "executions": [
        _index(
            "executions_by_key",
            "owner",
            "key",
            unique=True,
            partialFilterExpression={"key": {"$exists": True}},
        ),
        _open("executions_open", "created", "_id"),
        _index(
            "executions_reusable",
            "reuse",
            *_AGE,
            partialFilterExpression={"reuse": {"$exists": True}, "status": "successful"},
        ),
        _index(
            "executions_by_share",
            "shared",
            *_AGE,
            partialFilterExpression={"shared": {"$exists": True}},
        ),
        _index("executions_by_age", "experiment", *_AGE),
        _index("executions_by_status", "experiment", "status", *_AGE),
        _index("executions_by_method", "method", "status", *_AGE),
        _index("executions_by_owner", "owner", "experiment", *_AGE),
        _index("executions_by_owner_status", "owner", "experiment", "status", *_AGE),
        _index("executions_by_owner_method", "owner", "method", "status", *_AGE),
    ],
    "tasks": [
        _open("tasks_open", "created", "_id"),
        _open("tasks_open_by_execution", "_id.e", "_id.i"),
        _open("tasks_open_by_node", "node", "created", "_id"),
        _batches("batches_by_execution", "_id.e", "batch_state", "_id.i", "owner", "node"),
        _batches("batches_by_age", "batch_state", *_AGE),
        _batches("batches_by_owner", "owner", "batch_state", *_AGE),
        _batches("batches_by_node", "node", "batch_state", *_AGE),
        _batches("batches_by_owner_node", "owner", "node", "batch_state", *_AGE),
    ],
    "nodes": [],
    "links": [
        _index("links_by_owner", "owner", *_AGE),
        _index("links_by_target", "owner", "target", *_AGE),
        _index("links_by_expiry", "expires"),
    ],
    "usage": [],
    "leases": [],
}


async def prepare(connection: Connection, *, filling: bool) -> None:
    """Check the server and the database, make what is not there; several may do it at a time.

    Parameters
    ----------
    connection : Connection
        To the database.
    filling : bool
        Whether a copy is about to fill it; only that may open what a copy was cut off in.

    Raises
    ------
    StoreUnusable
        The server is too old, no replica set, or does not answer; the login is wrong; the database
        is another program's, was written by a newer version, or a copy into it was cut off.
    """
    try:
        await _check_server(connection)
        names = set(await connection.database.list_collection_names())
        present = await _check_control(connection, names, filling=filling)
        await _make(connection, names)
        if present < SCHEMA:
            await _bring_up(connection, present)
    except ConfigurationError:
        raise StoreUnusable(
            f"{connection.where}: the server is too old or too new for this version of the driver"
        ) from None
    except PyMongoError as error:
        known = connection.translated(error)
        if isinstance(known, ValueError) or known is error:
            raise
        raise StoreUnusable(str(known)) from error


async def half_filled(connection: Connection) -> bool:
    """Tell whether a copy into the database was begun and not ended."""
    control = await connection.database[_CONTROL].find_one({"_id": "schema"})
    return control is not None and bool(control.get("filling"))


async def begin_filling(connection: Connection) -> None:
    """Let nobody else open the database until `filled`; remove what a cut-off copy left."""
    control = connection.database[_CONTROL]
    if await half_filled(connection):
        for name in INDEXES:
            if name != "leases":
                await connection.database.drop_collection(name)
        await _make(connection, {"leases"})
    await control.update_one({"_id": "schema"}, {"$set": {"filling": True}})


async def filled(connection: Connection) -> None:
    """Note that the copy into the database is complete, so that it may be used."""
    await connection.database[_CONTROL].update_one({"_id": "schema"}, {"$unset": {"filling": ""}})


async def _check_server(connection: Connection) -> None:
    hello = await connection.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StoreUnusable(
            f"{connection.where}: the server is no member of a replica set, which transactions"
            " need; start it with --replSet NAME and run rs.initiate(); one member is enough"
        )
    if hello["maxWireVersion"] < _OLDEST_WIRE:
        raise StoreUnusable(f"{connection.where}: the server is older than MongoDB 6.0; update it")


async def _check_control(connection: Connection, names: set[str], *, filling: bool) -> int:
    """Check the document that says whose database it is; make it when the database is empty.

    Returns the schema of what is stored.
    """
    collection = connection.database[_CONTROL]
    control = await collection.find_one({"_id": "schema"})
    if control is None:
        # Whoever makes it makes it first, so that with `names` read before, nothing of ours is in.
        if foreign := sorted(name for name in names if not name.startswith("system.")):
            raise StoreUnusable(
                f"{connection.where} belongs to another program (it has {foreign[:3]} …); name"
                " another database"
            )
        control = await _first(connection)
    version: int = control["version"]
    if version > SCHEMA:
        raise StoreUnusable(
            f"{connection.where} was written by a newer version of ccp_jupyter (schema"
            f" {version}); install that version, or name another database"
        )
    if control.get("filling") and not filling:
        raise StoreUnusable(
            f"{connection.where}: a copy into it was cut off, or still runs; repeat `ccp store"
            " copy`, which begins anew"
        )
    return version


async def _bring_up(connection: Connection, present: int) -> None:
    """Derive anew what a Method of an older schema lacks; several may do it at a time."""
    methods = connection.database["methods"]
    older = {"revision": {"$exists": False}}
    while await methods.find_one(older, {"_id": 1}) is not None:
        async for found in methods.find(older, {"document": 1, "version": 1}):
            method = decoded(StoredMethod, found["document"])
            derived = queries.method_document(method, found["document"])
            added = {name: derived[name] for name in ("users", "categories", "revision")}
            same = {"_id": found["_id"], "version": found["version"]}
            await methods.update_one(same, {"$set": added})
    await connection.database[_CONTROL].update_one(
        {"_id": "schema", "version": present}, {"$set": {"version": SCHEMA}}
    )


async def _first(connection: Connection) -> Document:
    while True:
        try:
            found = await connection.database[_CONTROL].find_one_and_update(
                {"_id": "schema"},
                {"$setOnInsert": {"version": SCHEMA}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            continue  # another process made it at the same moment
        if found is not None:
            return found


async def _make(connection: Connection, present: set[str]) -> None:
    for name, indexes in INDEXES.items():
        if indexes:
            await _make_indexes(connection, name, indexes)
        elif name not in present:
            # Not when it is there: that would wait a minute for what a killed process began.
            await _make_collection(connection, name)


async def _make_collection(connection: Connection, name: str) -> None:
    try:
        await connection.database.create_collection(name)
    except (CollectionInvalid, OperationFailure) as error:
        if getattr(error, "code", None) not in (None, _EXISTS):
            raise


async def _make_indexes(connection: Connection, name: str, indexes: list[IndexModel]) -> None:
    try:
        await connection.database[name].create_indexes(indexes)
    except OperationFailure as error:
        if error.code not in _OTHER_INDEX:
            raise
        raise StoreUnusable(
            f"{connection.where}: an index of {name} is not as this program makes it"
            f" ({(error.details or {}).get('errmsg')}); drop it, and it is made anew"
        ) from error


_EXISTS: Final = 48
_OTHER_INDEX: Final = {85, 86}
