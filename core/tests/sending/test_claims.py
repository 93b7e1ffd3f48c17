"""Step 7 by itself: what is asked of the ledger in a turn's name."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from core.tests.sending.deployment import AGENT, TOOL, USER, a_call, a_tool
from midcall import Content, Destination, Draft, OutboundMessage, Sender, ToolCall, Trust
from midcall.ledger import ClaimRequest, Ledger
from midcall.sending.claims import ClaimWriter
from midcall.sending.keys import key_of
from midcall.sending.transport import Transport
from midcall.sending.turn import Turn
from midcall.tools import tool_from_json


class NotingLedger:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[ClaimRequest, float]] = []

    async def claim(self, request: ClaimRequest, *, deadline: float) -> None:
        self.asked.append((request, deadline))


class PlainTransport:
    """Puts a message as it will go out; nothing goes out."""

    def outbound(self, message_id: str, n: int, draft: Draft, validity_s: int | None) -> OutboundMessage:
        return OutboundMessage(
            id=message_id,
            attempt=n,
            account=draft.sender.account,
            sender=draft.sender.number,
            destination=draft.destination.number,
            text=draft.content.text,
            validity_s=validity_s,
        )


def a_turn(*, allow_resend: bool = False, left_s: float = 20.0, **arguments: Any) -> Turn:
    """A turn that is ready for its claim, with arguments nobody has looked at."""
    tool = tool_from_json({"name": TOOL, **a_tool(allow_resend=allow_resend)}, source="test")
    call, content = a_call(), Content(text="Hi", identity="greeting")
    destination = Destination(number=USER, country="US", trust=Trust.SIGNALLING)
    tool_call = ToolCall(call=call, tool=TOOL, arguments=arguments, id="a")
    return Turn(
        tool_call=tool_call,
        tool=tool,
        key=key_of(tool_call),
        deadline=time.monotonic() + left_s,
        call=call,
        destination=destination,
        rendered=content,
        draft=Draft(
            call=call,
            tool=tool,
            sender=Sender(number=AGENT, account="acme"),
            destination=destination,
            content=content,
        ),
    )


async def claim_for(turn: Turn) -> tuple[ClaimRequest, float]:
    """What the ledger is asked for, and until when."""
    ledger = NotingLedger()
    writer = ClaimWriter(cast("Ledger", ledger), carrier_of=lambda _account: "acme")
    await writer.claim(turn, cast("Transport", PlainTransport()))
    (asked,) = ledger.asked
    return asked


@pytest.mark.parametrize(
    ("allow_resend", "resend", "replaces"),
    [
        (True, True, True),
        (True, False, False),
        (True, "true", False),
        (True, 1, False),
        (False, True, False),
    ],
)
async def test_only_a_plain_yes_opens_the_window(allow_resend: bool, resend: object, replaces: bool) -> None:
    """A second text needs the tool's leave and a `true` that is nothing else, even if the arguments were never checked."""
    request, _ = await claim_for(a_turn(allow_resend=allow_resend, resend=resend))
    assert request.slot is not None
    assert request.replace_slot is replaces


@pytest.mark.parametrize("left_s", [0.0, -1.0])
async def test_a_claim_at_the_end_of_the_budget_has_a_moment(left_s: float) -> None:
    """A text that is drafted in time is not lost to the clock between drafting and claiming; the moment is short."""
    began = time.monotonic()
    _, deadline = await claim_for(a_turn(left_s=left_s))
    assert began + 0.05 <= deadline <= time.monotonic() + 0.05


async def test_a_claim_never_outlasts_the_budget_otherwise() -> None:
    """With time left, the agent's deadline is the claim's."""
    turn = a_turn(left_s=3.0)
    _, deadline = await claim_for(turn)
    assert deadline == turn.deadline
