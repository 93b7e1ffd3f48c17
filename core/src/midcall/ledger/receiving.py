"""Carriers' news of texts: found by our id or theirs, applied once, never moving a message back, kept when too early."""

from __future__ import annotations

import sqlite3
from typing import Any

from midcall.contract.messages import MessageState
from midcall.contract.reasons import Reason
from midcall.contract.webhooks import Receipt
from midcall.ledger.moving import Change, Done, Held, add_event, add_news, held, move
from midcall.ledger.records import Applied
from midcall.ledger.rows import maybe_seconds, receipt_from_json, receipt_to_json
from midcall.ledger.statements import (
    ATTEMPT_THROUGH,
    KEEP_ORPHAN,
    MESSAGE_BY_CARRIER_ID,
    SET_CARRIER_ID,
    TAKE_ORPHANS,
)
from midcall.ledger.states import FAILED, contradicts, landing


def apply_receipt(
    connection: sqlite3.Connection, account: str, receipt: Receipt, now: float
) -> Done[Applied]:
    """See `Ledger.apply_receipt`."""
    found = _find(connection, account, receipt)
    if found is None:
        return Done(_keep(connection, account, receipt, now))
    after, changes, duplicate = _apply(connection, found, account, receipt, now)
    learnt = after.message.carrier_id
    if learnt is not None and found.message.carrier_id is None and after.message.account == account:
        after, more = apply_kept(connection, after, learnt, now)
        changes += more
    return Done(Applied(after.message, moved=bool(changes), duplicate=duplicate), tuple(changes))


def apply_kept(
    connection: sqlite3.Connection, before: Held, carrier_id: str, now: float
) -> tuple[Held, list[Change]]:
    """Apply the receipts that came before anybody knew whose `carrier_id` that is, in the order they came."""
    account = before.message.account
    assert account is not None
    kept = TAKE_ORPHANS(connection, of_account=account, of_carrier_id=carrier_id).fetchall()
    after, changes = before, list[Change]()
    for _, stored in sorted(kept):
        after, more, _ = _apply(connection, after, account, receipt_from_json(stored), now)
        changes += more
    return after, changes


def _find(connection: sqlite3.Connection, account: str, receipt: Receipt) -> Held | None:
    # Our id alone is not enough: an account's callbacks, however well signed, speak only for what went through it.
    if (
        receipt.message_id is not None
        and ATTEMPT_THROUGH(connection, message_id=receipt.message_id, account=account).fetchone()
    ):
        return held(connection, receipt.message_id)
    if receipt.carrier_id is not None:
        row = MESSAGE_BY_CARRIER_ID(connection, account=account, carrier_id=receipt.carrier_id).fetchone()
        if row is not None:
            return held(connection, row[0])
    return None


def _keep(connection: sqlite3.Connection, account: str, receipt: Receipt, now: float) -> Applied:
    if receipt.carrier_id is None:
        return Applied(None, moved=False, duplicate=False)  # there is nothing it could be found by later
    kept = KEEP_ORPHAN(
        connection,
        account=account,
        carrier_id=receipt.carrier_id,
        dedupe=_dedupe(account, receipt),
        receipt=receipt_to_json(receipt),
        at=now,
    ).fetchone()
    return Applied(None, moved=False, duplicate=kept is None)


def _apply(
    connection: sqlite3.Connection, before: Held, account: str, receipt: Receipt, now: float
) -> tuple[Held, list[Change], bool]:
    """The message after the receipt, the moves made (one or none), and whether it was told before."""
    current = before.message.state
    # An attempt that did nothing may be followed by another: bad news of the old one is no news of the message.
    outdated = (
        receipt.attempt is not None and receipt.attempt < before.message.attempts and receipt.state in FAILED
    )
    to = None if outdated else landing(current, receipt.state)
    event = add_news(
        connection,
        before.message.id,
        "receipt",
        to or current,
        data=_data(receipt),
        at=now,
        dedupe=_dedupe(account, receipt),
    )
    if event is None:
        return before, [], True
    after = before
    if to is not None:
        why: dict[str, Any] = {}
        if to in FAILED:
            why = {
                "reason": receipt.reason or _usual_reason(to),
                "detail": receipt.detail,
                "carrier_code": receipt.code,
            }
        after = move(connection, before, to, now, carrier_id=receipt.carrier_id, **why)
    elif receipt.carrier_id is not None and before.message.carrier_id is None and not outdated:
        SET_CARRIER_ID(connection, message_id=before.message.id, new_carrier_id=receipt.carrier_id)
        after = held(connection, before.message.id)
    if contradicts(current, receipt.state):
        warning = {"why": f"a receipt says {receipt.state} of a text held as {current}"}
        add_event(connection, before.message.id, "warning", after.message.state, data=warning, at=now)
    return after, [] if to is None else [(after.message, event)], False


def _dedupe(account: str, receipt: Receipt) -> str:
    """What makes a piece of news the same: the carrier's id of it; where it gives none, all that it says."""
    if receipt.event_id:
        return f"{account}\n{receipt.event_id}"
    said = (receipt.carrier_id, receipt.message_id, receipt.attempt, receipt.state.value, receipt.code)
    return "\n".join([account, "", *("" if part is None else str(part) for part in said)])


def _usual_reason(state: MessageState) -> Reason:
    if state is MessageState.EXPIRED:
        return Reason.EXPIRED
    return Reason.UNDELIVERED if state is MessageState.UNDELIVERED else Reason.CARRIER_REFUSED


def _data(receipt: Receipt) -> dict[str, Any]:
    said = {
        "says": receipt.state.value,
        "carrier_id": receipt.carrier_id,
        "attempt": receipt.attempt,
        "reason": receipt.reason,
        "detail": receipt.detail,
        "code": receipt.code,
        "of_sender": receipt.of_sender,
        "carrier_at": maybe_seconds(receipt.at),
        "raw": dict(receipt.raw),
    }
    return {name: value for name, value in said.items() if value not in (None, "", False, {})}
