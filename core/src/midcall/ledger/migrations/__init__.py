"""The ledger's history, revision by revision, for Alembic."""
