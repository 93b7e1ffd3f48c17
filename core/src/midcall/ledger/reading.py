"""Reads: a few threads, each with its own read-only connection. In WAL mode they never wait for the writer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from midcall.contract.errors import LedgerError
from midcall.ledger.connecting import connect
from midcall.ledger.faults import in_plain_words

T = TypeVar("T")

THREADS = 4


class Reader:
    """The reading threads of one open ledger."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 1.0) -> None:
        """`busy_timeout_s`: how long, in seconds, a read waits in the rare case that it has to."""
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="midcall-ledger-reader")
        self._closed = False

    async def run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Answer `operation(connection)`, which sees all that was committed before."""
        if self._closed:
            raise LedgerError(f"the ledger {self._path} has been closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, operation)

    def close(self) -> None:
        """Finish the reads under way and close. Blocks until done; may be called more than once."""
        self._closed = True
        self._threads.shutdown()
        while self._connections:
            self._connections.pop().close()

    def _run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = getattr(self._own, "connection", None)
            if connection is None:
                connection = connect(self._path, busy_timeout_s=self._busy_timeout_s, read_only=True)
                self._own.connection = connection
                self._connections.append(connection)
            return operation(connection)
        except sqlite3.Error as error:
            raise in_plain_words(error, self._path) from error
