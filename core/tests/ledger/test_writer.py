from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from midcall import LedgerBusy, LedgerError
from midcall.ledger.writer import Writer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with one table of whole numbers."""
    path = tmp_path / "plain.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    return path


@pytest.fixture
def writer(file: Path) -> Iterator[Writer]:
    """A writer on it that waits 200 ms for others."""
    writer = Writer(file, busy_timeout_s=0.2)
    yield writer
    writer.close()


def insert(x: int) -> Any:
    """An operation that inserts and answers `x`."""

    def operation(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (x,))
        return x

    return operation


def stored(file: Path) -> list[int]:
    """What another connection sees."""
    with closing(sqlite3.connect(file)) as connection:
        return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]


class Hold:
    """An operation that keeps the writing thread busy until told to go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.begun.set()
        assert self.go_on.wait(10)


async def test_what_gathers_is_committed_together(writer: Writer, file: Path) -> None:
    """While one batch is under way the others gather, and nobody is told before it is on disk."""
    commits: list[str] = []
    writer._connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    hold = Hold()
    first = writer.run(hold)
    await asyncio.to_thread(hold.begun.wait, 10)
    waiting = [writer.run(insert(x)) for x in range(100)]
    hold.go_on.set()
    await first
    assert await asyncio.gather(*waiting) == list(range(100))
    assert len(commits) == 2
    assert stored(file) == list(range(100))


async def test_an_operation_that_fails_fails_alone(writer: Writer, file: Path) -> None:
    """Its own writes are undone, its neighbours' are not, and it hears its own error."""

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (7)")
        raise ZeroDivisionError

    hold = Hold()
    first = writer.run(hold)
    await asyncio.to_thread(hold.begun.wait, 10)
    futures = [writer.run(operation) for operation in (insert(1), half, insert(1), insert(2))]
    hold.go_on.set()
    await first
    one, zero, twice, two = await asyncio.gather(*futures, return_exceptions=True)
    assert (one, two) == (1, 2)
    assert isinstance(zero, ZeroDivisionError)
    assert isinstance(twice, LedgerError)
    assert stored(file) == [1, 2]


async def test_a_commit_that_fails_fails_the_whole_batch(writer: Writer, file: Path) -> None:
    """Every operation of the batch hears of it, and none of them is half done; the next batch goes well."""

    def breaks_at_commit(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO child VALUES (99)")

    def make(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE child (x INTEGER REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED)")

    await writer.run(make)
    hold = Hold()
    first = writer.run(hold)
    await asyncio.to_thread(hold.begun.wait, 10)
    futures = [writer.run(insert(1)), writer.run(breaks_at_commit), writer.run(insert(2))]
    hold.go_on.set()
    await first
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(answer, LedgerError) for answer in answers)
    assert stored(file) == []
    assert await writer.run(insert(3)) == 3
    assert stored(file) == [3]


async def test_a_locked_file_is_busy_and_nothing_happens(writer: Writer, file: Path) -> None:
    """Another program holds the write lock: within the busy timeout the caller is told, and nothing is written later either."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(LedgerBusy, match="locked by another program"):
            await writer.run(insert(1))
        assert 0.1 < time.monotonic() - began < 2
        other.execute("ROLLBACK")
    await writer.run(insert(2))
    assert stored(file) == [2]


async def test_a_deadline_that_passes_in_the_queue(writer: Writer, file: Path) -> None:
    """The caller hears at the deadline, not when the writer is free; and the operation is never run."""
    hold = Hold()
    first = writer.run(hold)
    await asyncio.to_thread(hold.begun.wait, 10)
    with pytest.raises(LedgerBusy, match="nothing was written"):
        await asyncio.wait_for(writer.run(insert(1), deadline=time.monotonic() + 0.05), 2)
    with pytest.raises(LedgerBusy, match="nothing was written"):
        await writer.run(insert(2), deadline=time.monotonic())
    hold.go_on.set()
    await first
    assert await writer.run(insert(3), deadline=time.monotonic() + 10) == 3
    assert stored(file) == [3]


async def test_a_deadline_does_not_stop_what_has_begun(writer: Writer) -> None:
    """Once begun it is completed and answered, however late."""
    hold = Hold()
    late = writer.run(hold, deadline=time.monotonic() + 0.05)
    await asyncio.to_thread(hold.begun.wait, 10)
    await asyncio.sleep(0.15)
    assert not late.done()
    hold.go_on.set()
    await asyncio.wait_for(late, 5)


async def test_cancelling(writer: Writer, file: Path) -> None:
    """Cancelled before it began: never run. Cancelled afterwards: completed, and those who are to be told are told."""
    told: list[int] = []
    hold = Hold()

    def begun(connection: sqlite3.Connection) -> int:
        hold(connection)
        connection.execute("INSERT INTO t VALUES (1)")
        return 1

    running = writer.run(begun, after=told.append)
    await asyncio.to_thread(hold.begun.wait, 10)
    queued = writer.run(insert(2), after=told.append)
    running.cancel()
    queued.cancel()
    hold.go_on.set()
    await writer.run(insert(3))
    assert stored(file) == [1, 3]
    assert told == [1]


async def test_callers_on_several_loops(writer: Writer, file: Path) -> None:
    """Each is answered on its own loop; a loop that is gone meanwhile does no harm, and what was asked for stands."""

    def elsewhere(base: int) -> None:
        async def several() -> None:
            assert await asyncio.gather(*(writer.run(insert(base + n)) for n in range(50)))

        asyncio.run(several())

    hold = Hold()

    async def leave() -> None:
        writer.run(hold)
        await asyncio.to_thread(hold.begun.wait, 10)
        writer.run(insert(999)).add_done_callback(lambda future: future.cancelled())

    leaving = asyncio.new_event_loop()
    await asyncio.to_thread(leaving.run_until_complete, leave())
    leaving.close()
    hold.go_on.set()
    await asyncio.gather(*(asyncio.to_thread(elsewhere, 100 * n) for n in range(3)))
    assert stored(file) == [*range(50), *range(100, 150), *range(200, 250), 999]


async def test_closing_finishes_what_was_asked_for(file: Path) -> None:
    """What was asked for before the end is written, what comes after it is refused, and closing twice is one closing."""
    writer = Writer(file)
    waiting = [writer.run(insert(x)) for x in range(300)]
    closing_ = asyncio.create_task(asyncio.to_thread(writer.close))
    assert await asyncio.gather(*waiting) == list(range(300))
    await closing_
    writer.close()
    with pytest.raises(LedgerError, match="closed"):
        await writer.run(insert(1_000))
    assert len(stored(file)) == 300


async def test_what_is_told_cannot_undo_the_write(
    writer: Writer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A subscriber that raises is logged; the write stands and is answered."""

    def fail(value: int) -> None:
        raise RuntimeError(f"told {value}")

    assert await writer.run(insert(1), after=fail) == 1
    assert "telling of a committed change failed" in caplog.text
    assert stored(file) == [1]


async def test_durability_settings(writer: Writer) -> None:
    """Every commit waits for the disk, and rows keep their references."""

    def ask(connection: sqlite3.Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await writer.run(ask) == ["wal", 2, 1, 200]
