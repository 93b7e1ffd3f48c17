"""Bringing a ledger's file up to date: making a new one, migrating an old one, refusing one from the future.

Alembic is imported only if there is something to do; on every other start one row is read and that is all.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

from midcall.contract.errors import LedgerBusy, LedgerError
from midcall.ledger.connecting import connect
from midcall.ledger.faults import in_plain_words
from midcall.ledger.location import Location

REVISIONS = ("0001",)
"""Every revision there has been, oldest first. A test compares it with `migrations/versions`."""

HEAD = REVISIONS[-1]

PATIENCE_S = 10.0
"""How long, in seconds, an opening waits for another process that is making or migrating the same file."""


def bring_up(location: Location) -> None:
    """Make or migrate the ledger's file as needed. Several processes may do so at once: one does the work.

    Raises `LedgerError` if the file cannot be used, is something else's, or is newer than this Midcall.
    """
    location.touch()
    try:
        with contextlib.closing(connect(location.path, busy_timeout_s=PATIENCE_S)) as connection:
            _use_wal(connection, location)
            if _revision(connection, location) == HEAD:
                return
            with _exclusively(connection):
                # Another process may have done it while we waited.
                if _revision(connection, location) != HEAD:
                    _upgrade(connection)
    except sqlite3.Error as error:
        raise in_plain_words(error, location.path) from error


def _use_wal(connection: sqlite3.Connection, location: Location) -> None:
    """Switch to write-ahead logging, which the file remembers.

    SQLite does not wait for a lock in this one statement when two processes open a new file at once, so we do.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            plain = in_plain_words(error, location.path)
            if not isinstance(plain, LedgerBusy) or time.monotonic() > until:
                raise plain from error
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise LedgerError(
                f"the ledger {location.path} cannot keep a write-ahead log (it answers {mode!r}): put it on a local disk"
            )
        return


def _revision(connection: sqlite3.Connection, location: Location) -> str | None:
    """The file's revision, None for an empty file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    rows = (
        connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if "alembic_version" in tables
        else []
    )
    if not rows or (rows[0][0] in REVISIONS and "messages" not in tables):
        raise LedgerError(
            f"the file {location.path} is some other program's database: let `server.ledger` name another file"
        )
    revision = str(rows[0][0])
    if revision not in REVISIONS:
        raise LedgerError(
            f"the ledger {location.path} is at revision {revision!r} and this Midcall knows none after {HEAD!r}: a newer Midcall"
            " has written it; upgrade Midcall here, or use another file"
        )
    return revision


@contextlib.contextmanager
def _exclusively(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that nobody else can write beside; a migration that is killed has left nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _upgrade(connection: sqlite3.Connection) -> None:
    """Run Alembic inside the transaction that is open on `connection`."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: _Lent(connection), poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", "midcall.ledger:migrations")
    config.set_main_option("path_separator", "os")
    with engine.connect() as ours:
        config.attributes["connection"] = ours
        command.upgrade(config, "head")
    engine.dispose()


class _Lent:
    """A connection whose transaction is not SQLAlchemy's to end: commit, rollback and close do nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """The lender commits."""

    def rollback(self) -> None:
        """The lender rolls back."""

    def close(self) -> None:
        """The lender closes."""
