"""Leases in the SQLite store.

One process has the file, so the machine's clock is the store's own.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from ccp_jupyter.hub_service.store.base import Lease
from ccp_jupyter.hub_service.store.documents import milliseconds, moment
from ccp_jupyter.hub_service.store.tables import leases
from ccp_jupyter.model.times import now

_NOW: Final = sa.bindparam("b_now", type_=sa.Integer)
_NAME: Final = sa.bindparam("b_name", type_=sa.Text)
_new = sqlite.insert(leases)
_TAKE: Final = _new.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={
        "holder": _new.excluded.holder,
        "address": _new.excluded.address,
        "term": leases.c.term + sa.cast(leases.c.until <= _NOW, sa.Integer),
        "until": _new.excluded.until,
    },
    where=sa.or_(leases.c.until <= _NOW, leases.c.holder == _new.excluded.holder),
)
_FIND: Final = sa.select(leases).where(leases.c.name == _NAME)
_GIVE: Final = (
    sa.update(leases)
    .where(leases.c.name == _NAME, leases.c.holder == sa.bindparam("b_holder"))
    .values(until=0)
)


def take(connection: sa.Connection, name: str, holder: str, address: str, seconds: float) -> Lease:
    """Do `Store.take_lease` in a transaction that may write."""
    present = milliseconds(now())
    row = {
        "name": name,
        "holder": holder,
        "address": address,
        "term": 1,
        "until": present + round(seconds * 1000),
        "b_now": present,
    }
    connection.execute(_TAKE, row)
    return _lease(connection.execute(_FIND, {"b_name": name}).one())


def find(connection: sa.Connection, name: str) -> Lease | None:
    """Return the lease unless it has run out."""
    row = connection.execute(_FIND, {"b_name": name}).one_or_none()
    return None if row is None or row.until <= milliseconds(now()) else _lease(row)


def give(connection: sa.Connection, name: str, holder: str) -> None:
    """Let the lease run out now, if `holder` has it."""
    connection.execute(_GIVE, {"b_name": name, "b_holder": holder})


def _lease(row: sa.Row[Any]) -> Lease:
    return Lease(row.name, row.holder, row.address, row.term, moment(row.until))
