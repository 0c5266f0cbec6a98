"""Runs the migrations on the connection, and in the transaction, that the caller began."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    render_as_batch=True,
    # Alembic thinks that SQLite cannot undo DDL. It can, when nothing commits in between.
    transactional_ddl=True,
)
context.run_migrations()
