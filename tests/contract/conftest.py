"""A place and an open store, for each kind of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.store.base import Store
from tests.contract.stores import PLACES, Place


@pytest.fixture(params=PLACES)
def place_kind(request: pytest.FixtureRequest) -> str:
    """Name of a kind of store, for tests that open it in another process."""
    return str(request.param)


@pytest.fixture
def place(place_kind: str, tmp_path: Path) -> Place:
    return PLACES[place_kind](tmp_path)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = await place.open()
    yield opened
    await opened.close()
