"""The original validator, started once."""

from collections.abc import Iterator

import pytest

from tests.contract.red.oracle import Oracle


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running
