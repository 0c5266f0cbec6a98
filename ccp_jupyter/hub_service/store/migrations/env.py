"""Runs the migrations on the connection, and in the transaction, that the caller began."""

from __future__ import annotations

from alembic import context

# Alembic thinks that SQLite cannot undo DDL. It can, as long as nothing commits in between, and
# Alembic leaves that to whoever began the transaction.
context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
