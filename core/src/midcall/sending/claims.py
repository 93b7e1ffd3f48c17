"""Step 7, the claim: what one turn writes in one durable transaction before the wire, and how a refusal is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from midcall.contract.messages import Draft, Message
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool
from midcall.ledger import Charge, ClaimRequest, Denied, Ledger, Lost, NewMessage, Slot, Won
from midcall.numbers import mask
from midcall.sending.keys import slot_of
from midcall.sending.transport import Transport, lease_s, request_record
from midcall.sending.turn import Refusal, Turn

RESEND = "resend"
"""The model's argument that asks for the same text again, where the tool allows it."""

_HOUR = 60
_UNLIMITED = 1_000_000_000


class ClaimWriter:
    """Turns a turn into the ledger's words. `carrier_of` names the carrier behind an account, for people who read it."""

    def __init__(self, ledger: Ledger, *, carrier_of: Callable[[str], str | None]) -> None:
        self._ledger = ledger
        self._carrier_of = carrier_of

    async def check_recipient(self, turn: Turn) -> None:
        """Opted out, or over a limit? Early, before any content is paid for; the claim asks again. Raises `Refusal`."""
        assert turn.destination is not None
        number = turn.destination.number
        opt_out = await self._ledger.opted_out(number)
        if opt_out is not None:
            raise Refusal(
                Reason.OPTED_OUT,
                f"{mask(number)} opted out on {opt_out.at:%Y-%m-%d} ({opt_out.source}); "
                f"`midcall optouts remove` lifts it",
            )
        over = await self._ledger.over_limit(_charges(turn.tool, turn, number))
        if over is not None:
            raise Refusal(over.reason, f"tool {turn.tool.name!r} allows {over.limit}")

    async def claim(self, turn: Turn, transport: Transport) -> Won | Lost | Denied:
        """One transaction that inserts message and attempt, re-checks the opt-out and charges every limit."""
        # The claim's own refusals (opted out meanwhile, a limit that others have used up) are core's.
        draft, message = turn.draft, replace(self.new_message(turn), plugin="midcall")
        assert draft is not None
        request = transport.outbound(message.id, 1, draft, turn.tool.validity_s)
        return await self._ledger.claim(
            ClaimRequest(
                message=message,
                key=turn.key.value,
                key_seconds=turn.key.seconds,
                arguments_hash=turn.key.arguments_hash,
                slot=_slot(turn, draft),
                replace_slot=turn.tool.allow_resend and turn.tool_call.arguments.get(RESEND) is True,
                charges=_charges(turn.tool, turn, draft.destination.number),
                request=request_record(request),
                lease_s=lease_s(turn),
            ),
            deadline=max(turn.deadline, time.monotonic() + 0.05),
        )

    async def record_refusal(self, turn: Turn, refusal: Refusal) -> Message:
        """Refusals are recorded under the key too: the same tool call is then answered the same."""
        message = replace(
            self.new_message(turn), reason=refusal.reason, detail=refusal.detail, plugin=refusal.plugin
        )
        recorded = await self._ledger.record_refusal(
            message,
            key=turn.key.value,
            key_seconds=turn.key.seconds,
            arguments_hash=turn.key.arguments_hash,
        )
        return recorded.message

    def new_message(self, turn: Turn) -> NewMessage:
        """As much of the message as the turn has found so far."""
        facts: dict[str, Any] = {}
        if turn.draft is not None:
            account = turn.draft.sender.account
            facts = {
                "account": account,
                "carrier": self._carrier_of(account),
                "sender": turn.draft.sender.number,
                "text": turn.draft.content.text,
                "media": turn.draft.content.media,
                "template": turn.draft.content.template,
            }
        if turn.counted is not None:
            facts |= {"encoding": turn.counted.encoding, "segments": turn.counted.segments}
        return NewMessage(
            id=turn.message_id,
            platform=turn.call.platform,
            call_id=turn.call.id,
            tool=turn.tool.name,
            tool_call_id=turn.tool_call.id,
            destination=turn.destination.number if turn.destination else None,
            verdicts=tuple(turn.verdicts),
            validity_s=turn.tool.validity_s,
            **facts,
        )


def _slot(turn: Turn, draft: Draft) -> Slot | None:
    if turn.tool.window_s == 0:
        return None
    assert turn.rendered is not None
    identity = turn.rendered.identity or turn.rendered.text
    key = slot_of(turn.call, draft.destination.number, identity, turn.rendered.media)
    return Slot(key=key, seconds=float(turn.tool.window_s))


def _charges(tool: Tool, turn: Turn, number: str) -> tuple[Charge, ...]:
    """Per call counts the call's texts whatever tool sent them; per number every text to it; per hour this tool's own."""
    limits, call = tool.limits, f"{turn.call.platform}/{turn.call.id}"
    wanted = (
        ("call", call, limits.per_call, Reason.LIMIT_PER_CALL, None),
        ("number", number, limits.per_number, Reason.LIMIT_PER_NUMBER, _HOUR),
        ("tool", tool.name, limits.per_hour, Reason.LIMIT_PER_HOUR, _HOUR),
    )
    # What this tool does not limit is counted all the same: another tool in the call may limit it.
    return tuple(
        Charge(
            scope=scope,
            subject=subject,
            limit=_UNLIMITED if limit is None else limit,
            reason=reason,
            per_minutes=minutes,
        )
        for scope, subject, limit, reason, minutes in wanted
    )
