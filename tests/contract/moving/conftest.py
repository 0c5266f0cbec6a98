"""Fixtures: a real MongoDB server, and in it a database for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from tests.conftest import missing
from tests.contract.test_sqlite_full import small_disk
from tests.mongod import NoMongod, mongo_server

__all__ = ["small_disk"]


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server that runs for the whole session."""
    try:
        with mongo_server(tmp_path_factory.mktemp("mongod")) as uri:
            yield uri
    except NoMongod as error:
        missing(str(error))


@pytest.fixture
def database(mongo_uri: str) -> Iterator[Database[dict[str, Any]]]:
    """Return an empty database."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongo_uri)
    with client:
        name = f"agency_{secrets.token_hex(4)}"
        try:
            yield client[name]
        finally:
            client.drop_database(name)
