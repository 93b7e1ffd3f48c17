"""Alembic's entry: it is handed an open connection by `midcall.ledger.migrate` and never opens one itself."""

from __future__ import annotations

from alembic import context

from midcall.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters tables by making new ones.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
