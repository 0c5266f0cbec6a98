"""Lists of Experiments and of their batches.

Tasks get the owner and the age of their Execution; nothing of an older schema is an Experiment.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_EXECUTION_INDEXES = {
    "executions_by_age": "experiment, created DESC, id",
    "executions_by_status": "experiment, status, created DESC, id",
    "executions_by_owner": "owner, experiment, created DESC, id",
    "executions_by_owner_status": "owner, experiment, status, created DESC, id",
}
_TASK_INDEXES = (
    "CREATE INDEX tasks_open ON tasks (execution_id, task_index) WHERE open = 1",
    "CREATE INDEX batches_by_execution"
    " ON tasks (execution_id, batch_state, task_index, owner, node) WHERE batch_state IS NOT NULL",
    "CREATE INDEX batches_by_age ON tasks"
    " (batch_state, created DESC, execution_id, task_index) WHERE batch_state IS NOT NULL",
    "CREATE INDEX batches_by_owner ON tasks"
    " (owner, batch_state, created DESC, execution_id, task_index) WHERE batch_state IS NOT NULL",
    "CREATE INDEX batches_by_node ON tasks"
    " (node, batch_state, created DESC, execution_id, task_index)"
    " WHERE batch_state IS NOT NULL AND node IS NOT NULL",
    "CREATE INDEX batches_by_owner_node ON tasks"
    " (owner, node, batch_state, created DESC, execution_id, task_index)"
    " WHERE batch_state IS NOT NULL AND node IS NOT NULL",
)
_COPY = """
    INSERT INTO new_tasks
    SELECT t.execution_id, t.task_index, t.version, t.state, t.open, e.owner, e.created, NULL,
           json_extract(t.document, '$.attempts[#-1].node'),
           json_set(t.document, '$.owner', e.owner,
                    '$.created', json_extract(e.document, '$.created'))
    FROM tasks AS t JOIN executions AS e ON e.id = t.execution_id
"""


def upgrade() -> None:
    """Add the columns and indexes."""
    op.execute("ALTER TABLE executions ADD COLUMN experiment BOOLEAN DEFAULT 0 NOT NULL")
    for name, columns in _EXECUTION_INDEXES.items():
        op.drop_index(name, "executions")
        op.execute(f"CREATE INDEX {name} ON executions ({columns})")
    op.create_table(
        "new_tasks",
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
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("batch_state", sa.Text),
        sa.Column("node", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.execute(_COPY)
    op.drop_table("tasks")
    op.rename_table("new_tasks", "tasks")
    for statement in _TASK_INDEXES:
        op.execute(statement)
