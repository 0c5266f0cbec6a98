"""Leases in the MongoDB store, by the clock of its primary."""

from __future__ import annotations

from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from ccp_jupyter.hub_service.store.base import Lease
from ccp_jupyter.hub_service.store.mongodb.connection import Document, Session


async def take(
    collection: AsyncCollection[Document],
    session: Session,
    name: str,
    holder: str,
    address: str,
    seconds: float,
) -> Lease:
    """Do `Store.take_lease`: one change of one record, which the server decides."""
    # Of one that is not there yet "until" is null, and null is before any time.
    running = {"$gt": ["$until", "$$NOW"]}
    theirs = {"$and": [running, {"$ne": ["$holder", {"$literal": holder}]}]}

    def unless_theirs(member: str, value: Any) -> Document:
        return {"$cond": [theirs, f"${member}", value]}

    grown = {"$add": [{"$ifNull": ["$term", 0]}, 1]}
    change = {
        "holder": unless_theirs("holder", {"$literal": holder}),
        "address": unless_theirs("address", {"$literal": address}),
        "term": {"$cond": [running, "$term", grown]},
        "until": unless_theirs("until", {"$add": ["$$NOW", round(seconds * 1000)]}),
    }
    while True:
        try:
            found = await collection.find_one_and_update(
                {"_id": name},
                [{"$set": change}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        except DuplicateKeyError:
            continue  # another process made it at the same moment
        if found is not None:
            return _lease(found)


async def find(collection: AsyncCollection[Document], session: Session, name: str) -> Lease | None:
    """Return the lease unless it has run out."""
    found = await collection.find_one(
        {"_id": name, "$expr": {"$gt": ["$until", "$$NOW"]}}, session=session
    )
    return None if found is None else _lease(found)


async def give(
    collection: AsyncCollection[Document], session: Session, name: str, holder: str
) -> None:
    """Let the lease run out now, if `holder` has it. Never removed, so that terms only grow."""
    await collection.update_one(
        {"_id": name, "holder": holder, "$expr": {"$gt": ["$until", "$$NOW"]}},
        [{"$set": {"until": "$$NOW"}}],
        session=session,
    )


def _lease(found: Document) -> Lease:
    return Lease(found["_id"], found["holder"], found["address"], found["term"], found["until"])
