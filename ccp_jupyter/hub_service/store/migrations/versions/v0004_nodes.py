"""Nodes added at run time, leases, and open Tasks by age and by Node.

Tasks are as old as their Execution from now on; replicas were some microseconds younger.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_AGE = """
    UPDATE tasks
    SET created = e.created,
        document = json_set(tasks.document, '$.created', json_extract(e.document, '$.created'))
    FROM executions AS e
    WHERE e.id = tasks.execution_id
      AND json_extract(tasks.document, '$.created') <> json_extract(e.document, '$.created')
"""
_INDEXES = (
    "CREATE INDEX tasks_open ON tasks (created, execution_id, task_index) WHERE open = 1",
    "CREATE INDEX tasks_open_by_execution ON tasks (execution_id, task_index) WHERE open = 1",
    "CREATE INDEX tasks_open_by_node ON tasks (node, created, execution_id, task_index)"
    " WHERE open = 1 AND node IS NOT NULL",
)


def upgrade() -> None:
    """Add the tables and indexes."""
    op.execute(_AGE)
    op.drop_index("tasks_open", "tasks")
    for statement in _INDEXES:
        op.execute(statement)
    op.create_table(
        "nodes",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("term", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
