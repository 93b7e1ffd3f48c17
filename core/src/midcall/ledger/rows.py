"""Between the contract's values and the ledger's columns: times, JSON, and rows read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from midcall.contract.calls import Call, CallKind, Direction
from midcall.contract.messages import Message, MessageEvent, MessageState, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, SendResult
from midcall.contract.senders import Known, SenderCheck
from midcall.contract.webhooks import Receipt
from midcall.ledger.records import Attempt, OptOut, RememberedSender
from midcall.plain import plain, text_of

Row = Sequence[Any]


def to_json(value: Any) -> str:
    """JSON in ASCII of anything; never raises.

    What JSON has no type for is its text. A value JSON cannot take at all (keys that are no text, a list inside itself) is
    written as `midcall.plain.plain` copies it. A lone half of a surrogate pair becomes U+FFFD: nobody could print it.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), default=_plain)
    except Exception:  # noqa: BLE001 - a plugin's values are asked for their text, and may raise anything
        text = json.dumps(plain(value), separators=(",", ":"))
    return _LONE_HALF.sub(lambda found: "\\ufffd" if found[1] else found[0], text) if "\\ud" in text else text


# In JSON's own escapes: an escaped backslash and a whole pair are passed over, a half alone is the group.
_LONE_HALF = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(\\ud[89a-f][0-9a-f]{2})")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=text_of)
    return plain(value)


def utc_now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


def to_time(seconds: float) -> datetime:
    """A column's seconds as an aware time."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe_time(seconds: float | None) -> datetime | None:
    """`to_time`, or None."""
    return None if seconds is None else to_time(seconds)


def maybe_seconds(time: datetime | None) -> float | None:
    """An aware time as a column's seconds, or None."""
    return None if time is None else time.timestamp()


_STATES = {state.value: state for state in MessageState}
_REASONS = {reason.value: reason for reason in Reason}


def _reason_from(
    value: Any, detail: str, *, otherwise: Reason = Reason.CARRIER_REFUSED
) -> tuple[Reason | None, str]:
    """A stored reason, and the detail that goes with it.

    A word this version does not know, because a later one wrote it, is read as `otherwise`, with the word in front of the
    detail: one such row must not stop the ledger, or the start, for all others. The row itself is left as it is.
    """
    if value is None:
        return None, detail
    known = _REASONS.get(value) if isinstance(value, str) else None
    if known is not None:
        return known, detail
    return otherwise, f"{text_of(value)}: {detail}" if detail else text_of(value)


# Messages. The order of columns is the one of `MESSAGE`, which every statement that answers a message selects.

MESSAGE = (
    "id",
    "platform",
    "call_id",
    "tool",
    "tool_call_id",
    "state",
    "account",
    "sender",
    "destination",
    "text",
    "media",
    "encoding",
    "segments",
    "reason",
    "detail",
    "plugin",
    "carrier_id",
    "carrier_code",
    "attempts",
    "verdicts",
    "validity_s",
    "created_at",
    "updated_at",
)


def message_from(row: Row) -> Message:
    """A message out of the columns `MESSAGE`; what follows them in the row is not looked at."""
    (
        identity,
        platform,
        call_id,
        tool,
        tool_call_id,
        state,
        account,
        sender,
        destination,
        text,
        media,
        encoding,
        segments,
        reason,
        detail,
        plugin,
        carrier_id,
        carrier_code,
        attempts,
        verdicts,
        validity_s,
        created_at,
        updated_at,
    ) = row[: len(MESSAGE)]
    known_reason, detail = _reason_from(reason, detail)
    return Message(
        id=identity,
        platform=platform,
        call_id=call_id,
        tool=tool,
        tool_call_id=tool_call_id,
        state=MessageState(state),
        account=account,
        sender=sender,
        destination=destination,
        text=text,
        media=tuple(json.loads(media)) if media != "[]" else (),
        encoding=encoding,
        segments=segments,
        reason=known_reason,
        detail=detail,
        plugin=plugin,
        carrier_id=carrier_id,
        carrier_code=carrier_code,
        attempts=attempts,
        verdicts=_verdicts_from(verdicts),
        validity_s=validity_s,
        created_at=to_time(created_at),
        updated_at=to_time(updated_at),
    )


def verdicts_to_json(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as stored with a message."""
    return to_json(
        [
            {
                "allowed": verdict.allowed,
                "reason": verdict.reason,
                "detail": verdict.detail,
                "of_sender": verdict.of_sender,
                "plugin": verdict.plugin,
            }
            for verdict in verdicts
        ]
    )


def _verdicts_from(text: str) -> tuple[Verdict, ...]:
    if text == "[]":
        return ()
    return tuple(_verdict_from(stored) for stored in json.loads(text))


def _verdict_from(stored: Any) -> Verdict:
    """A stored verdict. Fields of another version are passed over; one without a clear yes is a no."""
    if not isinstance(stored, dict):
        return Verdict(allowed=False, detail=text_of(stored))
    reason, detail = _reason_from(
        stored.get("reason"), text_of(stored.get("detail", "")), otherwise=Reason.POLICY_DENIED
    )
    return Verdict(
        allowed=stored.get("allowed") is True,
        reason=reason,
        detail=detail,
        of_sender=stored.get("of_sender") is True,
        plugin=text_of(stored.get("plugin", "")),
    )


# Events and attempts

EVENT = ("message_id", "at", "kind", "state", "data")
ATTEMPT = (
    "message_id",
    "n",
    "sender",
    "account",
    "request",
    "started_at",
    "ended_at",
    "result",
    "code",
    "response",
)


def event_from(row: Row) -> MessageEvent:
    """An event out of the columns `EVENT`.

    A state this version does not know is read as `unknown`, with the word as `stored_state` in the data; data that is no
    mapping becomes `stored_data`.
    """
    message_id, at, kind, state, stored = row
    data = json.loads(stored)
    if not isinstance(data, dict):
        data = {"stored_data": data}
    known = _STATES.get(state)
    if known is None:
        known, data = MessageState.UNKNOWN, {**data, "stored_state": state}
    return MessageEvent(message_id=message_id, at=to_time(at), kind=kind, state=known, data=data)


def attempt_from(row: Row) -> Attempt:
    """An attempt out of the columns `ATTEMPT`."""
    message_id, n, sender, account, request, started_at, ended_at, result, code, response = row
    return Attempt(
        message_id=message_id,
        n=n,
        sender=sender,
        account=account,
        request=json.loads(request),
        started_at=to_time(started_at),
        ended_at=maybe_time(ended_at),
        result=result,
        code=code,
        response=json.loads(response),
    )


def result_name(result: SendResult) -> str:
    """A result's word in the column `attempts.result`."""
    if isinstance(result, Accepted):
        return "accepted"
    if isinstance(result, NotProcessed):
        return "not_processed"
    if isinstance(result, Refused):
        return "refused"
    return "unknown"


# Receipts that wait for their message


_RECEIPT_FIELDS = frozenset(field.name for field in fields(Receipt))


def receipt_to_json(receipt: Receipt) -> str:
    """A receipt as kept until its message is known."""
    return to_json(
        {
            "state": receipt.state,
            "carrier_id": receipt.carrier_id,
            "message_id": receipt.message_id,
            "attempt": receipt.attempt,
            "reason": receipt.reason,
            "detail": receipt.detail,
            "code": receipt.code,
            "of_sender": receipt.of_sender,
            "at": maybe_seconds(receipt.at),
            "event_id": receipt.event_id,
            "raw": receipt.raw,
        }
    )


def receipt_from_json(text: str) -> Receipt:
    """A kept receipt, as it came."""
    stored = json.loads(text)
    reason, detail = _reason_from(stored.get("reason"), stored.get("detail", ""))
    return Receipt(
        **{
            **{name: value for name, value in stored.items() if name in _RECEIPT_FIELDS},
            "state": MessageState(stored["state"]),
            "reason": reason,
            "detail": detail,
            "at": maybe_time(stored["at"]),
        }
    )


# Calls

CALL = (
    "platform",
    "id",
    "direction",
    "kind",
    "user_number",
    "agent_number",
    "variables",
    "collected",
    "defaults",
    "language",
    "began_at",
    "ended_at",
)


def call_from(row: Row) -> Call:
    """A call out of the columns `CALL`."""
    stored = dict(zip(CALL, row, strict=True))
    return Call(
        platform=stored["platform"],
        id=stored["id"],
        direction=Direction(stored["direction"]),
        kind=CallKind(stored["kind"]),
        user_number=stored["user_number"],
        agent_number=stored["agent_number"],
        variables=json.loads(stored["variables"]),
        collected=json.loads(stored["collected"]),
        defaults=json.loads(stored["defaults"]),
        language=stored["language"],
        began_at=maybe_time(stored["began_at"]),
        ended_at=maybe_time(stored["ended_at"]),
    )


# Opt-outs

OPT_OUT = ("number", "scope", "source", "evidence", "at", "lifted_at")


def opt_out_from(row: Row) -> OptOut:
    """An opt-out out of the columns `OPT_OUT`."""
    number, scope, source, evidence, at, lifted_at = row
    return OptOut(
        number=number,
        scope=scope,
        source=source,
        evidence=evidence,
        at=to_time(at),
        lifted_at=maybe_time(lifted_at),
    )


# Senders

SENDER = (
    "account",
    "number",
    "check_json",
    "blocked_reason",
    "blocked_detail",
    "blocked_until",
    "updated_at",
)


def sender_from(row: Row) -> RememberedSender:
    """A remembered sender out of the columns `SENDER`."""
    account, number, check, blocked_reason, blocked_detail, blocked_until, updated_at = row
    known_reason, blocked_detail = _reason_from(blocked_reason, blocked_detail)
    return RememberedSender(
        account=account,
        number=number,
        check=None if check is None else _check_from_json(check),
        blocked_reason=known_reason,
        blocked_detail=blocked_detail,
        blocked_until=maybe_time(blocked_until),
        updated_at=to_time(updated_at),
    )


def check_to_json(check: SenderCheck) -> str:
    """A sender's check as stored."""
    return to_json(
        {
            "owned": check.owned,
            "sms": check.sms,
            "mms": check.mms,
            "registered": check.registered,
            "reason": check.reason,
            "detail": check.detail,
            "checked_at": maybe_seconds(check.checked_at),
            "good_for_s": check.good_for_s,
        }
    )


_KNOWN: Mapping[str, Known] = {known.value: known for known in Known}


def _check_from_json(text: str) -> SenderCheck:
    stored = json.loads(text)
    reason, detail = _reason_from(stored["reason"], stored["detail"])
    return SenderCheck(
        owned=_KNOWN.get(stored["owned"], Known.UNKNOWN),
        sms=_KNOWN.get(stored["sms"], Known.UNKNOWN),
        mms=_KNOWN.get(stored["mms"], Known.UNKNOWN),
        registered=_KNOWN.get(stored["registered"], Known.UNKNOWN),
        reason=reason,
        detail=detail,
        checked_at=maybe_time(stored["checked_at"]),
        good_for_s=stored["good_for_s"],
    )
