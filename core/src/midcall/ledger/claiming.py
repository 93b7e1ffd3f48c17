"""The one transaction before the wire: who may send this text, and may it be sent at all."""

from __future__ import annotations

import sqlite3
from typing import Literal

from midcall.contract.errors import LedgerError
from midcall.contract.messages import Message, MessageState
from midcall.contract.reasons import Reason
from midcall.ledger.moving import SLOT, Change, Done, add_event
from midcall.ledger.records import Charge, ClaimRequest, Denied, Lost, NewMessage, Won
from midcall.ledger.rows import MESSAGE, message_from, to_json, to_time, verdicts_to_json
from midcall.ledger.statements import (
    ALIAS_CLAIM,
    CHARGE,
    HOLDER,
    INSERT_ATTEMPT,
    INSERT_MESSAGE,
    OPT_OUT_HOLDS,
    REPLACE_CLAIM,
    TAKE_CLAIM,
    TAKE_SLOT,
)

Charged = tuple[tuple[str, str, int], ...]


def claim(
    connection: sqlite3.Connection, request: ClaimRequest, *, owner: str, now: float
) -> Done[Won | Lost | Denied]:
    """See `Ledger.claim`."""
    message = request.message
    if not _take_key(
        connection,
        message,
        key=request.key,
        key_seconds=request.key_seconds,
        arguments_hash=request.arguments_hash,
        now=now,
    ):
        return Done(_lost(connection, "key", request.key, request.arguments_hash))
    # What follows is taken back as one if the text turns out to be refused; the key stays taken.
    connection.execute("SAVEPOINT terms")
    if request.slot is not None and not _take_slot(connection, request, now):
        connection.execute("RELEASE terms")
        lost = _lost(connection, "slot", SLOT + request.slot.key, request.arguments_hash)
        ALIAS_CLAIM(connection, alias=request.key, of_message=lost.message.id)
        return Done(lost)
    reason, charged = _terms(connection, request, now)
    if reason is not None:
        connection.execute("ROLLBACK TO terms")
    connection.execute("RELEASE terms")
    if reason is not None:
        stored, change = _insert(
            connection, message, MessageState.REJECTED, now, kind="refused", reason=reason
        )
        return Done(Denied(stored), (change,))
    stored, change = _insert(
        connection,
        message,
        MessageState.SENDING,
        now,
        kind="claimed",
        slot=None if request.slot is None else request.slot.key,
        owner=owner,
        lease_until=now + request.lease_s,
        charged=charged,
    )
    INSERT_ATTEMPT(
        connection,
        message_id=message.id,
        n=1,
        sender=message.sender,
        account=message.account,
        request=to_json(request.request),
        started_at=now,
        ended_at=None,
        result=None,
        code=None,
        response="{}",
    )
    return Done(Won(stored), (change,))


def refuse(
    connection: sqlite3.Connection,
    message: NewMessage,
    *,
    key: str,
    key_seconds: float | None,
    arguments_hash: str,
    now: float,
) -> Done[Denied | Lost]:
    """See `Ledger.record_refusal`."""
    if not _take_key(
        connection, message, key=key, key_seconds=key_seconds, arguments_hash=arguments_hash, now=now
    ):
        return Done(_lost(connection, "key", key, arguments_hash))
    stored, change = _insert(
        connection, message, MessageState.REJECTED, now, kind="refused", reason=message.reason
    )
    return Done(Denied(stored), (change,))


def _take_key(
    connection: sqlite3.Connection,
    message: NewMessage,
    *,
    key: str,
    key_seconds: float | None,
    arguments_hash: str,
    now: float,
) -> bool:
    if key.startswith(SLOT):
        raise LedgerError(f"a tool call's key cannot begin with {SLOT!r}: slots do")
    taken = TAKE_CLAIM(
        connection,
        key=key,
        message_id=message.id,
        arguments_hash=arguments_hash,
        expires_at=None if key_seconds is None else now + key_seconds,
        now=now,
    )
    return taken.fetchone() is not None


def _take_slot(connection: sqlite3.Connection, request: ClaimRequest, now: float) -> bool:
    assert request.slot is not None
    wanted = {
        "key": SLOT + request.slot.key,
        "message_id": request.message.id,
        "arguments_hash": request.arguments_hash,
        "expires_at": now + request.slot.seconds,
    }
    if request.replace_slot:
        REPLACE_CLAIM(connection, **wanted)
        return True
    return TAKE_SLOT(connection, **wanted, now=now).fetchone() is not None


def _lost(connection: sqlite3.Connection, by: Literal["key", "slot"], key: str, arguments_hash: str) -> Lost:
    row = HOLDER(connection, key=key).fetchone()
    assert row is not None, "a claim that could not be taken has a message"
    return Lost(message_from(row), by, same_arguments=row[len(MESSAGE)] == arguments_hash)


def _terms(
    connection: sqlite3.Connection, request: ClaimRequest, now: float
) -> tuple[Reason | None, Charged]:
    """Why the text may not be sent, if so; else what it was charged."""
    message = request.message
    if (
        message.destination is not None
        and OPT_OUT_HOLDS(
            connection, number=message.destination, account=message.account, sender=message.sender
        ).fetchone()
    ):
        return Reason.OPTED_OUT, ()
    charged: list[tuple[str, str, int]] = []
    for charge in request.charges:
        minute = _charge(connection, charge, now)
        if minute is None:
            return charge.reason, ()
        charged.append((charge.scope, charge.subject, minute))
    return None, tuple(charged)


def _charge(connection: sqlite3.Connection, charge: Charge, now: float) -> int | None:
    """The minute that was charged; None if the limit is reached."""
    minute = 0 if charge.per_minutes is None else int(now // 60)
    row = CHARGE(
        connection,
        scope=charge.scope,
        subject=charge.subject,
        minute=minute,
        # A window of N minutes that ends now touches N + 1 minutes of the clock, and all of them count.
        first_minute=0 if charge.per_minutes is None else minute - charge.per_minutes,
        limit=charge.limit,
    ).fetchone()
    return None if row is None else minute


def _insert(
    connection: sqlite3.Connection,
    new: NewMessage,
    state: MessageState,
    now: float,
    *,
    kind: str,
    reason: Reason | None = None,
    slot: str | None = None,
    owner: str | None = None,
    lease_until: float | None = None,
    charged: Charged = (),
) -> tuple[Message, Change]:
    sending = state is MessageState.SENDING
    INSERT_MESSAGE(
        connection,
        id=new.id,
        platform=new.platform,
        call_id=new.call_id,
        tool=new.tool,
        tool_call_id=new.tool_call_id,
        state=state.value,
        account=new.account,
        carrier=new.carrier,
        sender=new.sender,
        destination=new.destination,
        text=new.text,
        media=to_json(new.media),
        template=new.template,
        encoding=new.encoding,
        segments=new.segments,
        reason=None if reason is None else reason.value,
        detail="" if sending else new.detail,
        plugin="" if sending else new.plugin,
        carrier_id=None,
        carrier_code=None if sending else new.carrier_code,
        attempts=1 if sending else 0,
        verdicts=verdicts_to_json(new.verdicts),
        validity_s=new.validity_s,
        charged=to_json(charged),
        slot=slot,
        owner=owner,
        lease_until=lease_until,
        created_at=now,
        updated_at=now,
    )
    message = Message(
        id=new.id,
        platform=new.platform,
        call_id=new.call_id,
        tool=new.tool,
        tool_call_id=new.tool_call_id,
        state=state,
        account=new.account,
        sender=new.sender,
        destination=new.destination,
        text=new.text,
        media=tuple(new.media),
        encoding=new.encoding,
        segments=new.segments,
        reason=reason,
        detail="" if sending else new.detail,
        plugin="" if sending else new.plugin,
        carrier_id=None,
        carrier_code=None if sending else new.carrier_code,
        attempts=1 if sending else 0,
        verdicts=new.verdicts,
        validity_s=new.validity_s,
        created_at=to_time(now),
        updated_at=to_time(now),
    )
    data = {} if reason is None else {"reason": reason, "detail": message.detail, "plugin": message.plugin}
    event = add_event(connection, new.id, kind, state, data=data, at=now)
    return message, (message, event)
