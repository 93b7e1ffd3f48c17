"""SQLite's errors in plain words: which file, what is wrong, what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from midcall.contract.errors import LedgerBusy, LedgerError

_FIXES = {
    sqlite3.SQLITE_CORRUPT: "is damaged: stop Midcall, keep a copy, and restore a backup (or run `sqlite3 FILE .recover`)",
    sqlite3.SQLITE_NOTADB: "is not an SQLite file: let `server.ledger` name another one, or move this one away",
    sqlite3.SQLITE_FULL: "cannot grow: free some space on its disk",
    sqlite3.SQLITE_READONLY: "cannot be written: give this user the right to write the file and its folder",
    sqlite3.SQLITE_PERM: "cannot be used: give this user the right to read and write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: its folder must exist, and this user must be allowed to write there",
    sqlite3.SQLITE_IOERR: "cannot be read or written (I/O error): look at the disk it is on, and at the system's log",
    sqlite3.SQLITE_NOMEM: "could not be used: the machine has no memory left",
    sqlite3.SQLITE_CONSTRAINT: "refused a row that breaks its rules; nothing was written",
}
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def in_plain_words(error: Exception, path: Path) -> Exception:
    """The `LedgerError` to raise for what SQLite raised; anything that is not SQLite's is answered as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    # The low byte is the kind of error; the rest, if any, says more about it.
    full = getattr(error, "sqlite_errorcode", None)
    kind = None if full is None else full & 0xFF
    said = f" [{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}]"
    if kind in _LOCKED:
        return LedgerBusy(
            f"the ledger {path} is locked by another program: wait, or end what holds it (a backup, an open sqlite3){said}"
        )
    if kind in _FIXES:
        return LedgerError(f"the ledger {path} {_FIXES[kind]}{said}")
    return LedgerError(f"the ledger {path} could not be used{said}")
