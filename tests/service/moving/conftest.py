"""A stack of its own, whose service is stopped for the import, and a database."""

from tests.chaos.conftest import stack
from tests.contract.moving.conftest import database, mongo_uri

__all__ = ["database", "mongo_uri", "stack"]
