"""Taking over from a process that ended in the middle of a transaction."""

from __future__ import annotations

import uuid
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from ccp_jupyter.hub_service.store.base import StoreAway, StoreUnusable
from ccp_jupyter.hub_service.store.mongodb.takeover import end_unfinished
from tests.stack.ports import free_port


async def test_what_another_process_left_open_is_undone(mongo: str) -> None:
    name = f"takeover-{uuid.uuid4().hex}"
    dead: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongo)
    living: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongo)
    with dead, living:
        dead[name].keys.create_index("key", unique=True)
        with dead.start_session() as left:
            left.start_transaction()
            dead[name].keys.insert_one({"key": 1, "by": "dead"}, session=left)

            def insert() -> None:
                with living.start_session() as session, session.start_transaction():
                    living[name].keys.insert_one({"key": 1, "by": "living"}, session=session)

            with pytest.raises(OperationFailure, match="WriteConflict"):
                insert()
            host = mongo.removeprefix("mongodb://").partition("/")[0]
            await end_unfinished(f"mongodb://{host}/{name}?replicaSet=rs0")
            insert()
            with pytest.raises(OperationFailure, match="aborted"):
                left.commit_transaction()
        found = [each["by"] for each in living[name].keys.find()]
        living.drop_database(name)
    assert found == ["living"]


async def test_without_a_server_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccp_jupyter.hub_service.store.mongodb.takeover._PATIENCE", 0.2)
    with pytest.raises((StoreAway, StoreUnusable)):
        await end_unfinished(f"mongodb://127.0.0.1:{free_port()}/ccp?replicaSet=rs0")
