"""What becomes of a claimed message by our own doing: further attempts, the carrier's answers, and what was looked up."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from midcall.contract.errors import LedgerError
from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Scope, SendResult, Unknown
from midcall.ledger.moving import Change, Done, Held, add_event, held, move
from midcall.ledger.receiving import apply_kept
from midcall.ledger.rows import result_name, to_json
from midcall.ledger.statements import (
    BEGIN_ATTEMPT,
    END_ATTEMPT,
    INSERT_ATTEMPT,
    OPT_OUT_HOLDS,
    SET_CARRIER_ID,
)
from midcall.ledger.states import ARRIVING, contradicts, may_move


def begin_attempt(
    connection: sqlite3.Connection,
    message_id: str,
    *,
    owner: str,
    n: int,
    account: str,
    sender: str,
    text: str,
    media: tuple[str, ...],
    encoding: str,
    segments: int,
    request: Mapping[str, Any],
    lease_s: float,
    now: float,
) -> Done[bool]:
    """See `Ledger.begin_attempt`."""
    before = held(connection, message_id)
    to = before.message.destination
    if to is not None and OPT_OUT_HOLDS(connection, number=to, account=account, sender=sender).fetchone():
        return Done(value=False, changes=_stopped(connection, before, now))
    mine = BEGIN_ATTEMPT(
        connection,
        message_id=message_id,
        of_owner=owner,
        attempts_before=n - 1,
        n=n,
        new_account=account,
        new_sender=sender,
        new_text=text,
        new_media=to_json(media),
        new_encoding=encoding,
        new_segments=segments,
        new_lease=now + lease_s,
        at=now,
    ).fetchone()
    if mine is None:
        return Done(value=False)
    INSERT_ATTEMPT(
        connection,
        message_id=message_id,
        n=n,
        sender=sender,
        account=account,
        request=to_json(request),
        started_at=now,
        ended_at=None,
        result=None,
        code=None,
        response="{}",
    )
    add_event(
        connection,
        message_id,
        "attempt",
        MessageState.SENDING,
        data={"n": n, "account": account, "sender": sender},
        at=now,
    )
    return Done(value=True)


def _stopped(connection: sqlite3.Connection, before: Held, now: float) -> tuple[Change, ...]:
    """The recipient has opted out since the claim: what certainly has not left will not."""
    if not may_move(before.message.state, MessageState.REJECTED):
        return ()
    reason, detail = Reason.OPTED_OUT, "the recipient opted out before the next attempt"
    after = move(
        connection,
        before,
        MessageState.REJECTED,
        now,
        reason=reason,
        detail=detail,
        plugin="midcall",
        refund=True,
    )
    data = {"reason": reason, "detail": detail}
    event = add_event(connection, before.message.id, "refused", MessageState.REJECTED, data=data, at=now)
    return ((after.message, event),)


def record_result(
    connection: sqlite3.Connection,
    message_id: str,
    *,
    n: int,
    result: SendResult,
    final: bool,
    now: float,
) -> Done[Message]:
    """See `Ledger.record_result`."""
    before = held(connection, message_id)
    _end_attempt(connection, message_id, n, result, now)
    current = before.message.state
    news = _news(result, final=final, latest=n == before.message.attempts)
    to = news if news is not None and may_move(current, news) else None
    carrier_id = result.carrier_id if isinstance(result, Accepted) else None
    after = before
    if to is not None:
        after = move(
            connection,
            before,
            to,
            now,
            carrier_id=carrier_id,
            **_why(result),
            # The carrier's own word that nothing was sent, now or about a message that was thought unknown. A number it
            # refused stays charged: trying numbers one after the other is what the limits are against.
            refund=to is MessageState.REJECTED
            and not (isinstance(result, Refused) and result.scope is Scope.DESTINATION),
        )
    elif carrier_id is not None:
        SET_CARRIER_ID(connection, message_id=message_id, new_carrier_id=carrier_id)
        after = held(connection, message_id)
    data: dict[str, Any] = {"n": n, "result": result_name(result), "final": final}
    if carrier_id is not None:
        data["carrier_id"] = carrier_id
    if not isinstance(result, Accepted):
        data |= {"code": result.code, "detail": result.detail}
    event = add_event(connection, message_id, "result", after.message.state, data=data, at=now)
    changes: list[Change] = [] if to is None else [(after.message, event)]
    if news is not None and _strange(current, news):
        why = f"attempt {n} was answered {result_name(result)}, of a text held as {current}"
        add_event(connection, message_id, "warning", after.message.state, data={"why": why}, at=now)
    if carrier_id is not None and after.message.account is not None:
        after, more = apply_kept(connection, after, carrier_id, now)
        changes += more
    return Done(after.message, tuple(changes))


def settle(
    connection: sqlite3.Connection,
    message_id: str,
    *,
    to: MessageState,
    reason: Reason | None,
    detail: str,
    carrier_id: str | None,
    now: float,
) -> Done[Message]:
    """See `Ledger.settle`."""
    before = held(connection, message_id)
    if not may_move(before.message.state, to):
        return Done(before.message)
    after = move(connection, before, to, now, reason=reason, detail=detail, carrier_id=carrier_id)
    event = add_event(
        connection, message_id, "settled", to, data={"reason": reason, "detail": detail}, at=now
    )
    changes: list[Change] = [(after.message, event)]
    if carrier_id is not None and after.message.account is not None:
        after, more = apply_kept(connection, after, carrier_id, now)
        changes += more
    return Done(after.message, tuple(changes))


def note(
    connection: sqlite3.Connection, message_id: str, kind: str, data: Mapping[str, Any], now: float
) -> Done[MessageEvent]:
    """See `Ledger.note`."""
    state = held(connection, message_id).message.state
    event = add_event(connection, message_id, kind, state, data=data, at=now)
    return Done(event)


def _end_attempt(
    connection: sqlite3.Connection, message_id: str, n: int, result: SendResult, now: float
) -> None:
    ended = END_ATTEMPT(
        connection,
        of_message=message_id,
        nth=n,
        at=now,
        new_result=result_name(result),
        new_code=None if isinstance(result, Accepted) else result.code,
        new_response=to_json(result.raw),
    ).fetchone()
    if ended is None:
        raise LedgerError(f"message {message_id} has no attempt {n}: call begin_attempt before it is made")


def _news(result: SendResult, *, final: bool, latest: bool) -> MessageState | None:
    """What a result says of the message as a whole.

    An old attempt's failure says nothing once a later attempt has begun; its late acceptance does.
    """
    if isinstance(result, Accepted):
        return MessageState.ACCEPTED
    if not latest:
        return None
    if isinstance(result, Unknown):
        return MessageState.UNKNOWN
    return MessageState.REJECTED if final else None


def _strange(current: MessageState, news: MessageState) -> bool:
    """Whether an answer says the opposite of what is known; receipts are believed, and it is written down."""
    return contradicts(current, news) or (current in ARRIVING and news is MessageState.REJECTED)


def _why(result: SendResult) -> dict[str, Any]:
    """The columns that explain a message that was not accepted."""
    if isinstance(result, Accepted):
        return {}
    if isinstance(result, Refused):
        reason = result.reason
    elif isinstance(result, NotProcessed):
        reason = Reason.CARRIER_BUSY
    else:
        reason = Reason.CARRIER_SILENT
    return {"reason": reason, "detail": result.detail, "carrier_code": result.code}
