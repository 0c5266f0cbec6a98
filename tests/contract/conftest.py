"""A place and an open store, for each kind of store."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.store.base import Store
from tests.conftest import missing
from tests.contract.stores import MONGO_SERVER, PLACES, Place
from tests.mongod import NoMongod, mongo_server


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB server; child processes find it in their environment."""
    try:
        with mongo_server(tmp_path_factory.mktemp("mongod")) as server:
            os.environ[MONGO_SERVER] = server
            yield server
            del os.environ[MONGO_SERVER]
    except NoMongod as error:
        missing(str(error))


@pytest.fixture(params=PLACES)
def place_kind(request: pytest.FixtureRequest) -> str:
    """Name of a kind of store, for tests that open it in another process."""
    if request.param == "mongodb":
        request.getfixturevalue("mongo")
    return str(request.param)


@pytest.fixture
async def place(place_kind: str, tmp_path: Path) -> AsyncIterator[Place]:
    made = PLACES[place_kind](tmp_path)
    yield made
    await made.remove()


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = await place.open()
    yield opened
    await opened.close()
