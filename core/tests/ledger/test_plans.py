from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from midcall import MessageState
from midcall.ledger import queries, recovering, statements
from midcall.ledger.connecting import connect
from midcall.ledger.location import Location
from midcall.ledger.migrate import bring_up
from midcall.ledger.statements import Statement

HOT = {name: value for name, value in vars(statements).items() if isinstance(value, Statement)}


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a new ledger."""
    bring_up(Location(path))
    with closing(connect(path, busy_timeout_s=1)) as opened:
        yield opened


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    """SQLite's steps for a statement."""
    values = [None] * sql.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("name", sorted(HOT))
def test_no_hot_statement_looks_at_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    """Each goes by an index, so that its cost stays the same with a million messages."""
    steps = plan(connection, HOT[name].sql)
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"]
    assert not [step for step in steps if "TEMP B-TREE" in step and name != "MESSAGE_BY_CARRIER_ID"]
    if not name.startswith(("INSERT", "KEEP", "TAKE_CLAIM", "REPLACE_CLAIM")):
        assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps), steps


def test_what_is_being_sent_is_found_without_the_rest(connection: sqlite3.Connection) -> None:
    """Recovery goes by the partial index, which has no finished message in it."""
    assert any("messages_open" in step for step in plan(connection, statements.SENDING.sql))


def test_tidying_and_listing_go_by_indexes(connection: sqlite3.Connection) -> None:
    """What runs beside the calls, and what people look up by call, number or trouble, does not read everything either."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    recovering.tidy(connection, 1.0)
    queries.messages(connection, state=None, call_id="c", destination=None, limit=5, before="m")
    queries.messages(connection, state=None, call_id=None, destination="d", limit=5, before=None)
    queries.messages(
        connection, state=MessageState.UNKNOWN, call_id=None, destination=None, limit=5, before=None
    )
    queries.find_message(connection, "0199", 5)
    queries.events(connection, "m")
    queries.attempts(connection, "m")
    queries.opted_out(connection, "n", ("*", "a"))
    queries.call(connection, "p", "c")
    queries.sender(connection, "a", "n")
    connection.set_trace_callback(None)
    assert len(asked) == 12
    for sql in asked:
        steps = plan(connection, sql)
        assert not [step for step in steps if step.startswith("SCAN")], (sql, steps)
