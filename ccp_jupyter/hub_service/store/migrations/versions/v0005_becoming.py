"""Revisions, categories and named sharing of Methods; sharing and reuse of Executions; links.

Methods of an older schema are at their first revision and shared with no one by name; their
categories are read from their documents. Executions are shared with nobody.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INDEXES = (
    "CREATE INDEX methods_by_owner ON methods (owner, folded_title, id)",
    "CREATE INDEX methods_by_context ON method_contexts (context, method_id)",
    "CREATE INDEX methods_by_user ON method_users (user, method_id)",
    "CREATE INDEX methods_by_category"
    " ON method_categories (category, folded_title, method_id, owner, public)",
    "CREATE INDEX executions_reusable ON executions (reuse_key, created DESC, id)"
    " WHERE reuse_key <> '' AND status = 'successful'",
    "CREATE INDEX executions_by_share"
    " ON execution_shares (kind, name, created DESC, execution_id, owner)",
    "CREATE INDEX links_by_owner ON links (owner, created DESC, id)",
    "CREATE INDEX links_by_target ON links (owner, target, created DESC, id)",
    "CREATE INDEX links_by_expiry ON links (expires)",
)


def upgrade() -> None:
    """Add the columns, tables and indexes."""
    op.execute("ALTER TABLE methods ADD COLUMN revision INTEGER DEFAULT 1 NOT NULL")
    op.execute("ALTER TABLE executions ADD COLUMN public BOOLEAN DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE executions ADD COLUMN reuse_key TEXT DEFAULT '' NOT NULL")
    _methods()
    _categories()
    _executions()
    _links()
    for statement in _INDEXES:
        op.execute(statement)


def _part_of(table: str, key: str) -> sa.Column[str]:
    return sa.Column(
        key,
        sa.Text,
        sa.ForeignKey(f"{table}.id", ondelete="CASCADE"),
        primary_key=True,
        nullable=False,
    )


def _methods() -> None:
    op.create_table(
        "method_users",
        _part_of("methods", "method_id"),
        sa.Column("user", sa.Text, primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "method_categories",
        _part_of("methods", "method_id"),
        sa.Column("category", sa.Text, primary_key=True, nullable=False),
        sa.Column("folded_title", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "method_revisions",
        _part_of("methods", "method_id"),
        sa.Column("revision", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def _categories() -> None:
    """Read the categories of the Methods that are there.

    Not by SQL: SQLite's own JSON functions cut a text at a NUL.
    """
    connection = op.get_bind()
    found = connection.exec_driver_sql(
        "SELECT id, folded_title, owner, public, document FROM methods"
    ).all()
    for method_id, title, owner, public, document in found:
        for category in _titles(json.loads(document).get("document")):
            connection.exec_driver_sql(
                "INSERT INTO method_categories VALUES (?, ?, ?, ?, ?)",
                (method_id, category, title, owner, public),
            )


def _titles(document: Any) -> set[str]:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    items = metadata if isinstance(metadata, list) else []
    found = {
        item["title"]
        for item in items
        if isinstance(item, dict)
        and item.get("role") == "category"
        and isinstance(item.get("title"), str)
    }
    return found - {""} or {""}


def _executions() -> None:
    op.create_table(
        "execution_shares",
        _part_of("executions", "execution_id"),
        sa.Column("kind", sa.Text, primary_key=True, nullable=False),
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("expires", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
