"""The ledger's records as JSON, for the API and the command line."""

from __future__ import annotations

from typing import Any

from midcall.contract.calls import Call
from midcall.contract.messages import Message, MessageEvent, Verdict
from midcall.ledger.records import Attempt


def message_json(message: Message) -> dict[str, Any]:
    """One message. Numbers are whole: only who may read the ledger sees this."""
    return {
        "id": message.id,
        "state": message.state.value,
        "reason": message.reason.value if message.reason else None,
        "detail": message.detail,
        "plugin": message.plugin,
        "platform": message.platform,
        "call_id": message.call_id,
        "tool": message.tool,
        "tool_call_id": message.tool_call_id,
        "account": message.account,
        "from": message.sender,
        "to": message.destination,
        "text": message.text,
        "media": list(message.media),
        "encoding": message.encoding,
        "segments": message.segments,
        "carrier_id": message.carrier_id,
        "carrier_code": message.carrier_code,
        "attempts": message.attempts,
        "verdicts": [verdict_json(verdict) for verdict in message.verdicts],
        "created_at": message.created_at.isoformat(),
        "updated_at": message.updated_at.isoformat(),
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One plugin's verdict."""
    return {
        "plugin": verdict.plugin,
        "allowed": verdict.allowed,
        "reason": verdict.reason.value if verdict.reason else None,
        "detail": verdict.detail,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """One attempt, with the exact request and the carrier's answer."""
    return {
        "n": attempt.n,
        "account": attempt.account,
        "from": attempt.sender,
        "result": attempt.result,
        "code": attempt.code,
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at.isoformat() if attempt.ended_at else None,
        "request": dict(attempt.request),
        "response": dict(attempt.response),
    }


def event_json(event: MessageEvent) -> dict[str, Any]:
    """One line of the timeline."""
    return {
        "at": event.at.isoformat(),
        "kind": event.kind,
        "state": event.state.value,
        "data": dict(event.data),
    }


def call_json(call: Call) -> dict[str, Any]:
    """One call. Its variables are left out: they are the platform's, and may hold anything."""
    return {
        "platform": call.platform,
        "id": call.id,
        "kind": call.kind.value,
        "direction": call.direction.value,
        "user_number": call.user_number,
        "agent_number": call.agent_number,
        "began_at": call.began_at.isoformat() if call.began_at else None,
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
    }
