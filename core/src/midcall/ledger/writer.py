"""One thread that writes, and commits what many callers asked for in one go.

A commit waits for the disk; with one per message a busy hour would be a queue for the disk. So while one commit is under
way the next operations gather, and go together into the next: `BEGIN IMMEDIATE`, each operation in a savepoint of its own,
`COMMIT`, and only then does anybody hear of it.

::

    an operation fails          its savepoint is rolled back; it alone fails
    the file is locked          none has begun: all of the batch get LedgerBusy, nothing happened
    the commit fails            all of the batch fail, nothing happened
    the deadline has passed     before it began: LedgerBusy, and it is never run; afterwards: it is completed
    the caller is cancelled     before it began: it is never run; afterwards: it is completed
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from midcall.contract.errors import LedgerBusy, LedgerError
from midcall.ledger.connecting import connect
from midcall.ledger.faults import in_plain_words

T = TypeVar("T")

MOST_AT_ONCE = 256
"""Operations in one commit at most: the first of them waits for the last."""

_log = logging.getLogger("midcall.ledger")


class _Job(Generic[T]):
    """An operation, who asked for it, and a token: whoever takes it first decides whether the operation is run."""

    __slots__ = (
        "after",
        "deadline",
        "error",
        "future",
        "loop",
        "operation",
        "ran",
        "timer",
        "token",
        "value",
    )

    def __init__(
        self,
        operation: Callable[[sqlite3.Connection], T],
        loop: asyncio.AbstractEventLoop,
        deadline: float | None,
        after: Callable[[T], None] | None,
    ) -> None:
        self.operation = operation
        self.loop = loop
        self.deadline = deadline
        self.after = after
        self.future: asyncio.Future[T] = loop.create_future()
        self.token = threading.Lock()
        self.timer: asyncio.TimerHandle | None = None
        self.ran = False
        self.value: T | None = None
        self.error: Exception | None = None

    def take(self) -> bool:
        """True once, for the first who asks."""
        return self.token.acquire(blocking=False)

    def expire(self) -> None:
        """The deadline has come: give up, unless it has begun."""
        if self.take() and not self.future.done():
            self.future.set_exception(_too_late())

    def forget(self, future: asyncio.Future[T]) -> None:
        """The caller was cancelled: do not begin."""
        if self.timer is not None:
            self.timer.cancel()
        if future.cancelled():
            self.take()

    def deliver(self) -> None:
        """Tell the caller. On the caller's loop. Nothing to tell of what was given up before it began."""
        if not self.ran and self.error is None:
            return
        if self.error is None and self.after is not None:
            try:
                self.after(self.value)  # type: ignore[arg-type]  # no error: the operation has answered, maybe None
            except Exception:  # noqa: BLE001 - the write stands, whatever becomes of telling others
                _log.exception("telling of a committed change failed")
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)  # type: ignore[arg-type]  # as above


class Writer:
    """The writing thread of one open ledger. Callers may be on several event loops."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 1.0) -> None:
        """`busy_timeout_s`: how long, in seconds, a batch waits for another process's write."""
        self._path = path
        self._connection = self._open(busy_timeout_s)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="midcall-ledger-writer", daemon=True)
        self._thread.start()

    def run(
        self,
        operation: Callable[[sqlite3.Connection], T],
        *,
        deadline: float | None = None,
        after: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Have `operation(connection)` run in a transaction; the future answers once it is durable.

        Call it on a running event loop. `deadline` is on `time.monotonic()`. `after` is called with the value on the
        caller's loop once it is durable, even if the caller has been cancelled meanwhile.
        """
        loop = asyncio.get_running_loop()
        job = _Job(operation, loop, deadline, after)
        job.future.add_done_callback(job.forget)
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                job.expire()
                return job.future
            job.timer = loop.call_later(left, job.expire)
        with self._gate:
            if self._closed:
                job.take()
                job.future.set_exception(LedgerError(f"the ledger {self._path} has been closed"))
                return job.future
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Write what was asked for, then stop. Blocks until done; may be called more than once."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    # On the writing thread

    def _open(self, busy_timeout_s: float) -> sqlite3.Connection:
        try:
            return connect(self._path, busy_timeout_s=busy_timeout_s)
        except sqlite3.Error as error:
            raise in_plain_words(error, self._path) from error

    def _work(self) -> None:
        more = True
        while more:
            batch, more = self._gather()
            if batch:
                self._write(batch)
                _deliver(batch)
        self._connection.close()

    def _gather(self) -> tuple[list[_Job[Any]], bool]:
        """Wait for an operation, and take all others that wait. False at the end."""
        first = self._jobs.get()
        if first is None:
            return [], False
        batch = [first]
        with contextlib.suppress(queue.Empty):
            while len(batch) < MOST_AT_ONCE:
                job = self._jobs.get_nowait()
                if job is None:
                    return batch, False
                batch.append(job)
        return batch, True

    def _write(self, batch: list[_Job[Any]]) -> None:
        begun: list[_Job[Any]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                if self._may_begin(job):
                    begun.append(job)
                    self._run_one(job)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting, and nothing was committed
            self._undo()
            for job in batch:
                # Those that began fail whole; those that did not are not run later.
                if (job in begun or job.take()) and job.error is None:
                    job.error = in_plain_words(error, self._path)

    def _may_begin(self, job: _Job[Any]) -> bool:
        if not job.take():
            return False
        if job.deadline is not None and time.monotonic() >= job.deadline:
            job.error = _too_late()
            return False
        return True

    def _run_one(self, job: _Job[Any]) -> None:
        self._connection.execute("SAVEPOINT one")
        try:
            job.value = job.operation(self._connection)
            job.ran = True
        except Exception as error:  # an operation that fails, fails alone
            job.error = in_plain_words(error, self._path)
            if not self._connection.in_transaction:
                raise  # SQLite has given up the whole transaction (a full disk, say), and the others with it
            self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")

    def _undo(self) -> None:
        # Where even this fails, the next BEGIN will say why.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _deliver(batch: list[_Job[Any]]) -> None:
    """Wake each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        # A loop that was closed meanwhile has nobody left to tell; what was written stands.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver_all, jobs)


def _deliver_all(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.deliver()


def _too_late() -> LedgerBusy:
    return LedgerBusy(
        "the ledger was too slow: the time for this write ran out before it began; nothing was written"
    )
