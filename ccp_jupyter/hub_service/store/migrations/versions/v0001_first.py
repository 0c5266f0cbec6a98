"""Methods, Executions and Tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _methods()
    _executions()
    _tasks()


def _methods() -> None:
    op.create_table(
        "methods",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("folded_title", sa.Text, nullable=False),
        sa.Column("searched", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("methods_by_title", "methods", ["folded_title", "id"])
    op.create_table(
        "method_contexts",
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


def _executions() -> None:
    op.create_table(
        "executions",
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
        sa.Column("output_size", sa.Integer),
        sa.Column("document", sa.Text, nullable=False),
    )
    # Written out, because Alembic's own form has no DESC; the same statements are in 0002.
    for statement in (
        "CREATE UNIQUE INDEX executions_by_key ON executions (owner, idempotency_key)"
        " WHERE idempotency_key IS NOT NULL",
        "CREATE INDEX executions_open ON executions (created, id) WHERE open = 1",
        "CREATE INDEX executions_by_age ON executions (created DESC, id)",
        "CREATE INDEX executions_by_status ON executions (status, created DESC, id)",
        "CREATE INDEX executions_by_method ON executions (method_id, status, created DESC, id)",
        "CREATE INDEX executions_by_owner ON executions (owner, created DESC, id)",
        "CREATE INDEX executions_by_owner_status ON executions (owner, status, created DESC, id)",
        "CREATE INDEX executions_by_owner_method"
        " ON executions (owner, method_id, status, created DESC, id)",
        "CREATE INDEX executions_usage ON executions (owner, infrastructure_id, output_size)",
    ):
        op.execute(statement)


def _tasks() -> None:
    op.create_table(
        "tasks",
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
    )
    op.execute("CREATE INDEX tasks_open ON tasks (execution_id, task_index) WHERE open = 1")
