"""Changing a message's state: always by the rank table, always by compare-and-swap, always with a line in its timeline."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from midcall.contract.errors import LedgerBusy, LedgerError
from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.contract.reasons import Reason
from midcall.ledger.rows import message_from, to_json, to_time
from midcall.ledger.statements import (
    INSERT_EVENT,
    MESSAGE_WITH_PRIVATE,
    MOVE,
    REFUND,
    RELEASE_CLAIM,
)
from midcall.ledger.states import FAILED

T = TypeVar("T")

Change = tuple[Message, MessageEvent]
"""A message as it is after a move, and the line that was added to its timeline."""

SLOT = "slot:"
"""Slots live in the same table as tool calls' keys, under this prefix."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What an operation on the ledger answers: its value, and the moves to tell of once they are committed."""

    value: T
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A message with what only the ledger knows of it: its slot's key, and what it was charged."""

    message: Message
    slot: str | None
    charged: str


def held(connection: sqlite3.Connection, message_id: str) -> Held:
    """A message by its id. Raises `LedgerError` if there is none."""
    row = MESSAGE_WITH_PRIVATE(connection, message_id=message_id).fetchone()
    if row is None:
        raise LedgerError(f"there is no message {message_id} in the ledger: was it claimed in another one?")
    return Held(message_from(row), slot=row[-2], charged=row[-1])


def add_event(
    connection: sqlite3.Connection,
    message_id: str,
    kind: str,
    state: MessageState,
    *,
    data: Mapping[str, Any],
    at: float,
) -> MessageEvent:
    """Add a line to a timeline."""
    event = add_news(connection, message_id, kind, state, data=data, at=at, dedupe=None)
    assert event is not None, "only news can be told twice"
    return event


def add_news(
    connection: sqlite3.Connection,
    message_id: str,
    kind: str,
    state: MessageState,
    *,
    data: Mapping[str, Any],
    at: float,
    dedupe: str | None,
) -> MessageEvent | None:
    """Add a line to a timeline; None if its `dedupe` is there already, and then nothing is added."""
    text = to_json(data)
    row = INSERT_EVENT(
        connection, message_id=message_id, at=at, kind=kind, state=state.value, data=text, dedupe=dedupe
    ).fetchone()
    if row is None:
        return None
    return MessageEvent(message_id=message_id, at=to_time(at), kind=kind, state=state, data=json.loads(text))


def move(
    connection: sqlite3.Connection,
    before: Held,
    to: MessageState,
    at: float,
    *,
    reason: Reason | None = None,
    detail: str = "",
    plugin: str = "",
    carrier_code: str | None = None,
    carrier_id: str | None = None,
    refund: bool = False,
) -> Held:
    """Move a message that `states.landing` allows to move. Entering a failed state releases its slot.

    What explained the old state (reason, detail, code) goes; the timeline keeps it. `refund` gives back what the message
    was charged; a move is made once, and so is the refund.
    """
    row = MOVE(
        connection,
        message_id=before.message.id,
        from_state=before.message.state.value,
        to_state=to.value,
        new_reason=None if reason is None else reason.value,
        new_detail=detail,
        new_plugin=plugin,
        new_code=carrier_code,
        new_carrier_id=carrier_id,
        at=at,
    ).fetchone()
    if row is None:
        raise LedgerBusy(f"message {before.message.id} moved while it was being moved: ask again")
    if to in FAILED and before.slot is not None:
        RELEASE_CLAIM(connection, key=SLOT + before.slot, message_id=before.message.id)
    if refund and before.charged != "[]":
        for scope, subject, minute in json.loads(before.charged):
            REFUND(connection, in_scope=scope, of_subject=subject, at_minute=minute)
    return Held(message_from(row), slot=before.slot, charged=before.charged)
