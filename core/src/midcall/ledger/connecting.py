"""Connections to the ledger's file, each with the settings that durability depends on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from midcall.contract.errors import LedgerError

OLDEST_SQLITE = (3, 35, 0)
"""The first SQLite with RETURNING."""


def connect(path: Path, *, busy_timeout_s: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun and ended by name, never behind our back.

    `synchronous=FULL`: what was committed survives a power cut, which in WAL mode NORMAL does not promise.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise LedgerError(
            f"this Python has SQLite {sqlite3.sqlite_version}, and the ledger needs {wanted}: use a newer Python build"
        )
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection
