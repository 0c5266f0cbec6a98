"""Tables of the SQLite store, as the newest migration leaves them.

``document`` is the record as JSON and the only truth; every other column is derived from it when
it is written, for filters, sorts and constraints. Times are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "0002"
"""Newest revision in ``migrations/versions``; a test holds the two together."""

metadata = sa.MetaData()

methods = sa.Table(
    "methods",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("folded_title", sa.Text, nullable=False),
    sa.Column("searched", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("methods_by_title", "folded_title", "id"),
)

method_contexts = sa.Table(
    "method_contexts",
    metadata,
    sa.Column(
        "method_id",
        sa.Text,
        sa.ForeignKey("methods.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    ),
    sa.Column("context", sa.Text, primary_key=True, nullable=False),
    sqlite_with_rowid=False,
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("infrastructure_id", sa.Text, nullable=False),
    sa.Column("method_id", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("started", sa.Integer),
    sa.Column("finished", sa.Integer),
    sa.Column("output_size", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

_newest = executions.c.created.desc()
EXECUTION_INDEXES = (
    sa.Index(
        "executions_by_key",
        executions.c.owner,
        executions.c.idempotency_key,
        unique=True,
        sqlite_where=executions.c.idempotency_key.is_not(None),
    ),
    sa.Index(
        "executions_open",
        executions.c.created,
        executions.c.id,
        sqlite_where=sa.text("open = 1"),
    ),
    # Each list is in the order of one of these, so that a page costs the same however many are
    # stored. With a Method the status is always given, if need be all of them (see `listing`).
    sa.Index("executions_by_age", _newest, executions.c.id),
    sa.Index("executions_by_status", executions.c.status, _newest, executions.c.id),
    sa.Index(
        "executions_by_method",
        executions.c.method_id,
        executions.c.status,
        _newest,
        executions.c.id,
    ),
    sa.Index("executions_by_owner", executions.c.owner, _newest, executions.c.id),
    sa.Index(
        "executions_by_owner_status",
        executions.c.owner,
        executions.c.status,
        _newest,
        executions.c.id,
    ),
    sa.Index(
        "executions_by_owner_method",
        executions.c.owner,
        executions.c.method_id,
        executions.c.status,
        _newest,
        executions.c.id,
    ),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column(
        "execution_id",
        sa.Text,
        sa.ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    ),
    sa.Column("task_index", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("tasks_open", "execution_id", "task_index", sqlite_where=sa.text("open = 1")),
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True, nullable=False),
    sa.Column("infrastructure_id", sa.Text, primary_key=True, nullable=False),
    sa.Column("executions", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Sums over ``executions``, kept by triggers of the database (migration 0002)."""
