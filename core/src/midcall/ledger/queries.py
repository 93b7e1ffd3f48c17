"""What can be looked up. Each runs on a read-only connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from midcall.contract.calls import Call
from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.ledger.records import Attempt, Charge, Lost, OptOut, RememberedSender
from midcall.ledger.rows import (
    ATTEMPT,
    CALL,
    EVENT,
    MESSAGE,
    OPT_OUT,
    SENDER,
    attempt_from,
    call_from,
    event_from,
    message_from,
    opt_out_from,
    sender_from,
)
from midcall.ledger.statements import CHARGED, CLAIMED, MESSAGE_BY_ID
from midcall.ledger.tables import OPEN_STATES, OPEN_STATES_SQL

# Column names and fixed conditions only are put into these texts; every value is a parameter.


def call(connection: sqlite3.Connection, platform: str, call_id: str) -> Call | None:
    """See `Ledger.call`."""
    row = connection.execute(
        f"SELECT {', '.join(CALL)} FROM calls WHERE platform = ? AND id = ?",  # noqa: S608 - our own column names
        (platform, call_id),
    ).fetchone()
    return None if row is None else call_from(row)


def answered(connection: sqlite3.Connection, key: str, arguments_hash: str | None, now: float) -> Lost | None:
    """See `Ledger.answered`."""
    row = CLAIMED(connection, key=key, now=now).fetchone()
    if row is None:
        return None
    same = arguments_hash is None or row[len(MESSAGE)] == arguments_hash
    return Lost(message_from(row), "key", same_arguments=same)


def message(connection: sqlite3.Connection, message_id: str) -> Message | None:
    """See `Ledger.message`."""
    row = MESSAGE_BY_ID(connection, message_id=message_id).fetchone()
    return None if row is None else message_from(row)


def find_message(connection: sqlite3.Connection, prefix: str, limit: int) -> tuple[Message, ...]:
    """See `Ledger.find_message`."""
    prefix = prefix.lower()
    # "g" sorts after every character of an id, so this range is all ids with the prefix, and the index serves it.
    return _messages(connection, ["id >= ?", "id < ?"], [prefix, prefix + "g"], limit)


def messages(
    connection: sqlite3.Connection,
    *,
    state: MessageState | None,
    call_id: str | None,
    destination: str | None,
    limit: int,
    before: str | None,
) -> tuple[Message, ...]:
    """See `Ledger.messages`."""
    conditions: list[str] = []
    values: list[Any] = []
    if state is not None:
        conditions.append("state = ?")
        values.append(state.value)
        if state.value in OPEN_STATES:
            conditions.append(OPEN_STATES_SQL)
    for column, value, comparison in (
        ("call_id", call_id, "="),
        ("destination", destination, "="),
        ("id", before, "<"),
    ):
        if value is not None:
            conditions.append(f"{column} {comparison} ?")
            values.append(value)
    return _messages(connection, conditions, values, limit)


def _messages(
    connection: sqlite3.Connection, conditions: Sequence[str], values: Sequence[Any], limit: int
) -> tuple[Message, ...]:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        f"SELECT {', '.join(MESSAGE)} FROM messages{where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - our own names
        (*values, limit),
    )
    return tuple(message_from(row) for row in rows)


def events(connection: sqlite3.Connection, message_id: str) -> tuple[MessageEvent, ...]:
    """See `Ledger.events`."""
    rows = connection.execute(
        f"SELECT {', '.join(EVENT)} FROM events WHERE message_id = ? ORDER BY id",  # noqa: S608 - our own names
        (message_id,),
    )
    return tuple(event_from(row) for row in rows)


def attempts(connection: sqlite3.Connection, message_id: str) -> tuple[Attempt, ...]:
    """See `Ledger.attempts`."""
    rows = connection.execute(
        f"SELECT {', '.join(ATTEMPT)} FROM attempts WHERE message_id = ? ORDER BY n",  # noqa: S608 - our own names
        (message_id,),
    )
    return tuple(attempt_from(row) for row in rows)


def opted_out(connection: sqlite3.Connection, number: str, scopes: Sequence[str]) -> OptOut | None:
    """See `Ledger.opted_out`."""
    marks = ", ".join("?" * len(scopes))
    row = connection.execute(
        f"SELECT {', '.join(OPT_OUT)} FROM opt_outs"  # noqa: S608 - our own names and question marks
        f" WHERE number = ? AND scope IN ({marks}) AND lifted_at IS NULL ORDER BY id",
        (number, *scopes),
    ).fetchone()
    return None if row is None else opt_out_from(row)


def opt_outs(
    connection: sqlite3.Connection, *, number: str | None, lifted: bool, limit: int, offset: int
) -> tuple[OptOut, ...]:
    """See `Ledger.opt_outs`."""
    conditions = (["number = ?"] if number is not None else []) + ([] if lifted else ["lifted_at IS NULL"])
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        f"SELECT {', '.join(OPT_OUT)} FROM opt_outs{where} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608 - as above
        (*([number] if number is not None else []), limit, offset),
    )
    return tuple(opt_out_from(row) for row in rows)


def sender(connection: sqlite3.Connection, account: str, number: str) -> RememberedSender | None:
    """See `Ledger.sender`."""
    row = connection.execute(
        f"SELECT {', '.join(SENDER)} FROM senders WHERE account = ? AND number = ?",  # noqa: S608 - our own names
        (account, number),
    ).fetchone()
    return None if row is None else sender_from(row)


def blocked_senders(connection: sqlite3.Connection, now: float) -> tuple[RememberedSender, ...]:
    """See `Ledger.blocked_senders`."""
    rows = connection.execute(
        f"SELECT {', '.join(SENDER)} FROM senders WHERE blocked_until > ?",  # noqa: S608 - our own column names
        (now,),
    ).fetchall()
    return tuple(sender_from(row) for row in rows)


def over_limit(connection: sqlite3.Connection, charges: Sequence[Charge], now: float) -> Charge | None:
    """See `Ledger.over_limit`. The window is the claim's own, so the two never disagree about which minutes count."""
    for charge in charges:
        first_minute = 0 if charge.per_minutes is None else int(now // 60) - charge.per_minutes
        row = CHARGED(
            connection, scope=charge.scope, subject=charge.subject, first_minute=first_minute
        ).fetchone()
        if row[0] >= charge.limit:
            return charge
    return None
