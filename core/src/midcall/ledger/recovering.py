"""After a crash, and against clutter: what nobody is sending any more is unknown; what has no effect any more goes."""

from __future__ import annotations

import sqlite3

from midcall.contract.messages import Message, MessageState
from midcall.contract.reasons import Reason
from midcall.ledger.moving import Change, Done, add_event, held, move
from midcall.ledger.ownership import Ownership
from midcall.ledger.records import LONGEST_WINDOW_MINUTES
from midcall.ledger.statements import SENDING
from midcall.ledger.tables import OPEN_STATES_SQL

ORPHANS_KEPT_S = 86_400.0
"""How long a receipt waits for its message, in seconds. The carrier's answer is at most seconds behind its callbacks;
most receipts that stay unknown are of texts that were sent without Midcall."""

AT_ONCE = 1_000
"""Rows of one kind that one round of tidying removes: it must not make a claim wait."""

_EXPIRED_CLAIMS = f"""
DELETE FROM claims WHERE key IN (
    SELECT key FROM claims WHERE expires_at IS NOT NULL AND expires_at <= ?
    AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.id = claims.message_id AND {OPEN_STATES_SQL}) LIMIT ?)
"""  # noqa: S608 - a fixed condition of our own
_OLD_CHARGES = """
DELETE FROM charges WHERE (scope, subject, minute) IN
    (SELECT scope, subject, minute FROM charges WHERE minute > 0 AND minute < ? LIMIT ?)
"""
_OLD_ORPHANS = "DELETE FROM orphans WHERE id IN (SELECT id FROM orphans WHERE at <= ? LIMIT ?)"


def recover(connection: sqlite3.Connection, ownership: Ownership, *, now: float) -> Done[tuple[Message, ...]]:
    """See `Ledger.recover`."""
    alive: dict[str | None, bool] = {None: False}
    recovered: list[Message] = []
    changes: list[Change] = []
    for message_id, owner, lease_until in SENDING(connection).fetchall():
        if owner not in alive:
            alive[owner] = ownership.may_live(owner)
        expired = lease_until is None or lease_until <= now
        if alive[owner] and not expired:
            continue
        after = move(
            connection,
            held(connection, message_id),
            MessageState.UNKNOWN,
            now,
            reason=Reason.CRASHED,
            detail="the lease ran out" if alive[owner] else "the process that was sending it is gone",
        )
        event = add_event(
            connection,
            message_id,
            "recovered",
            MessageState.UNKNOWN,
            data={"owner": owner, "why": after.message.detail},
            at=now,
        )
        recovered.append(after.message)
        changes.append((after.message, event))
    ownership.clean_up()
    return Done(tuple(recovered), tuple(changes))


def tidy(connection: sqlite3.Connection, now: float) -> Done[int]:
    """See `Ledger.tidy`."""
    removed = 0
    for sql, before in (
        (_EXPIRED_CLAIMS, now),
        (_OLD_CHARGES, int(now // 60) - LONGEST_WINDOW_MINUTES),
        (_OLD_ORPHANS, now - ORPHANS_KEPT_S),
    ):
        removed += connection.execute(sql, (before, AT_ONCE)).rowcount
    return Done(removed)
