"""Tables of the SQLite store, as the newest migration leaves them.

``document`` is the record as JSON and the only truth; every other column is derived from it when
it is written, for filters, sorts and constraints. Times are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

SCHEMA = "0005"
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
    sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Index("methods_by_title", "folded_title", "id"),
    sa.Index("methods_by_owner", "owner", "folded_title", "id"),
)


def _method_id() -> sa.Column[str]:
    return sa.Column(
        "method_id",
        sa.Text,
        sa.ForeignKey("methods.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    )


method_contexts = sa.Table(
    "method_contexts",
    metadata,
    _method_id(),
    sa.Column("context", sa.Text, primary_key=True, nullable=False),
    sa.Index("methods_by_context", "context", "method_id"),
    sqlite_with_rowid=False,
)

method_users = sa.Table(
    "method_users",
    metadata,
    _method_id(),
    sa.Column("user", sa.Text, primary_key=True, nullable=False),
    sa.Index("methods_by_user", "user", "method_id"),
    sqlite_with_rowid=False,
)

method_categories = sa.Table(
    "method_categories",
    metadata,
    _method_id(),
    sa.Column("category", sa.Text, primary_key=True, nullable=False),
    sa.Column("folded_title", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    # With all that a list and a count by category ask for, so that these read no Method for it.
    sa.Index("methods_by_category", "category", "folded_title", "method_id", "owner", "public"),
    sqlite_with_rowid=False,
)
"""One row for each category of a Method; one with an empty category for a Method without."""

method_revisions = sa.Table(
    "method_revisions",
    metadata,
    _method_id(),
    sa.Column("revision", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
"""The older ones. ``summary`` is a `Revision` as JSON, for lists."""

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
    sa.Column("experiment", sa.Boolean, nullable=False, server_default=sa.text("0")),
    sa.Column("public", sa.Boolean, nullable=False, server_default=sa.text("0")),
    sa.Column("reuse_key", sa.Text, nullable=False, server_default=""),
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
    sa.Index(
        "executions_reusable",
        executions.c.reuse_key,
        _newest,
        executions.c.id,
        sqlite_where=sa.text("reuse_key <> '' AND status = 'successful'"),
    ),
    # Each list is in the order of one of these, so that a page costs the same however many are
    # stored. With a Method the status is always given, else whether it is an Experiment, if need be
    # each value there is (see `listings`).
    sa.Index("executions_by_age", executions.c.experiment, _newest, executions.c.id),
    sa.Index(
        "executions_by_status",
        executions.c.experiment,
        executions.c.status,
        _newest,
        executions.c.id,
    ),
    sa.Index(
        "executions_by_method",
        executions.c.method_id,
        executions.c.status,
        _newest,
        executions.c.id,
    ),
    sa.Index(
        "executions_by_owner",
        executions.c.owner,
        executions.c.experiment,
        _newest,
        executions.c.id,
    ),
    sa.Index(
        "executions_by_owner_status",
        executions.c.owner,
        executions.c.experiment,
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


def _execution_id() -> sa.Column[str]:
    return sa.Column(
        "execution_id",
        sa.Text,
        sa.ForeignKey("executions.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    )


execution_shares = sa.Table(
    "execution_shares",
    metadata,
    _execution_id(),
    sa.Column("kind", sa.Text, primary_key=True, nullable=False),
    sa.Column("name", sa.Text, primary_key=True, nullable=False),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
"""With whom an Execution is shared: ``kind`` is user or context. Age and owner are its own."""
SHARE_INDEX = sa.Index(
    "executions_by_share",
    execution_shares.c.kind,
    execution_shares.c.name,
    execution_shares.c.created.desc(),
    execution_shares.c.execution_id,
    execution_shares.c.owner,
)

tasks = sa.Table(
    "tasks",
    metadata,
    _execution_id(),
    sa.Column("task_index", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("batch_state", sa.Text),  # only of Experiments
    sa.Column("node", sa.Text),  # of the latest Attempt
    sa.Column("document", sa.Text, nullable=False),
)

_open = sa.text("open = 1")
OPEN_INDEXES = (
    sa.Index(
        "tasks_open",
        tasks.c.created,
        tasks.c.execution_id,
        tasks.c.task_index,
        sqlite_where=_open,
    ),
    sa.Index(
        "tasks_open_by_execution", tasks.c.execution_id, tasks.c.task_index, sqlite_where=_open
    ),
    sa.Index(
        "tasks_open_by_node",
        tasks.c.node,
        tasks.c.created,
        tasks.c.execution_id,
        tasks.c.task_index,
        sqlite_where=sa.and_(_open, tasks.c.node.is_not(None)),
    ),
)


def _batches(name: str, *first: sa.Column[Any], order: tuple[Any, ...]) -> sa.Index:
    """Return an index of batches only; with a Node among its columns, of those placed only."""
    where: sa.ColumnElement[bool] = tasks.c.batch_state.is_not(None)
    if tasks.c.node in first:
        where = sa.and_(where, tasks.c.node.is_not(None))
    return sa.Index(name, *first, *order, sqlite_where=where)


_newest_task = (tasks.c.created.desc(), tasks.c.execution_id, tasks.c.task_index)
_state = tasks.c.batch_state
BATCH_INDEXES = (
    # The state is always given, if need be all of them (see `listings`). The last two columns of
    # the first are there to be counted without a look at the rows.
    sa.Index(
        "batches_by_execution",
        tasks.c.execution_id,
        _state,
        tasks.c.task_index,
        tasks.c.owner,
        tasks.c.node,
        sqlite_where=_state.is_not(None),
    ),
    _batches("batches_by_age", _state, order=_newest_task),
    _batches("batches_by_owner", tasks.c.owner, _state, order=_newest_task),
    _batches("batches_by_node", tasks.c.node, _state, order=_newest_task),
    _batches("batches_by_owner_node", tasks.c.owner, tasks.c.node, _state, order=_newest_task),
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

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("expires", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("links_by_expiry", "expires"),
)
LINK_INDEXES = (
    sa.Index("links_by_owner", links.c.owner, links.c.created.desc(), links.c.id),
    sa.Index("links_by_target", links.c.owner, links.c.target, links.c.created.desc(), links.c.id),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("term", sa.Integer, nullable=False),
    sa.Column("until", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Never removed, so that terms only grow; one that was given back has run out."""
