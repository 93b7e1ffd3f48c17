from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midcall import Accepted, NotProcessed, Reason, Receipt, Refused, Scope, SendResult, Unknown
from midcall.contract.messages import MessageState
from midcall.ledger import Charge, ClaimRequest, Denied, Ledger, NewMessage, Slot, Won, claiming
from midcall.ledger.connecting import connect
from midcall.ledger.location import Location
from midcall.ledger.migrate import bring_up

NUMBER = Charge(
    scope="number", subject="+12025550142", limit=5, per_minutes=60, reason=Reason.LIMIT_PER_NUMBER
)


async def test_a_limit_is_never_exceeded_by_claims_at_once(
    ledger: Ledger, claim_of: Any, per_call: Any
) -> None:
    """100 claims at the same time against a limit of 3: 3 win, the others are refused with the limit's reason."""
    answers = await asyncio.gather(
        *(ledger.claim(claim_of(f"key-{n}", charges=(per_call(3),))) for n in range(100))
    )
    assert sum(isinstance(answer, Won) for answer in answers) == 3
    denied = [answer.message.reason for answer in answers if isinstance(answer, Denied)]
    assert denied == [Reason.LIMIT_PER_CALL] * 97


async def test_all_limits_are_charged_or_none(ledger: Ledger, won: Any, claim_of: Any, per_call: Any) -> None:
    """A text refused by the second limit has not used up the first, nor the window."""
    slot = Slot(key="s", seconds=60)
    await won("one", charges=(per_call(1),))
    number = Charge(scope="number", subject="x", limit=1, per_minutes=60, reason=Reason.LIMIT_PER_NUMBER)
    denied = await ledger.claim(claim_of("two", slot=slot, charges=(number, per_call(1))))
    assert isinstance(denied, Denied)
    assert denied.message.reason is Reason.LIMIT_PER_CALL
    await won("three", slot=slot, charges=(number,))


async def test_a_lost_claim_is_not_charged(ledger: Ledger, won: Any, claim_of: Any, per_call: Any) -> None:
    """Replays and doubled tool calls do not use up the call's texts."""
    slot = Slot(key="s", seconds=60)
    await won("one", slot=slot, charges=(per_call(2),))
    for key in ("one", "two", "one"):
        await ledger.claim(claim_of(key, slot=slot, charges=(per_call(2),)))
    await won("three", charges=(per_call(2),))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1_200), min_size=6, max_size=40))
def test_no_window_holds_more_than_its_limit(gaps: list[float]) -> None:
    """However texts are spread over time, any 60 minutes hold at most the limit, boundaries of minutes or not."""
    location = Location.parse("sqlite://")
    try:
        bring_up(location)
        connection = connect(location.path, busy_timeout_s=1)
        try:
            sent = _sent_at(connection, gaps)
        finally:
            connection.close()
    finally:
        location.discard()
    for start in sent:
        assert sum(start <= at <= start + 3_600 for at in sent) <= NUMBER.limit


def _sent_at(connection: sqlite3.Connection, gaps: list[float]) -> list[float]:
    now, sent = 1_800_000_000.0, []
    connection.execute("BEGIN IMMEDIATE")
    for n, gap in enumerate(gaps):
        now += gap
        message = NewMessage(platform="retell", call_id="call-1", tool="send_link")
        request = ClaimRequest(message=message, key=f"key-{n}", charges=(NUMBER,))
        if isinstance(claiming.claim(connection, request, owner="o", now=now).value, Won):
            sent.append(now)
    connection.execute("COMMIT")
    return sent


async def test_a_limit_frees_up_as_its_window_moves_on(
    ledger: Ledger, won: Any, claim_of: Any, clock: Any
) -> None:
    """The early refusal and the claim agree; a minute after the hour the first text no longer counts."""
    for n in range(5):
        assert await ledger.over_limit((NUMBER,)) is None
        await won(f"key-{n}", charges=(NUMBER,))
    assert await ledger.over_limit((NUMBER,)) == NUMBER
    clock.advance(3_600)
    assert await ledger.over_limit((NUMBER,)) == NUMBER
    assert isinstance(await ledger.claim(claim_of("early", charges=(NUMBER,))), Denied)
    clock.advance(60)
    assert await ledger.over_limit((NUMBER,)) is None
    await won("later", charges=(NUMBER,))


async def test_a_text_that_was_not_sent_is_refunded(
    ledger: Ledger, won: Any, claim_of: Any, per_call: Any
) -> None:
    """The carrier's word that nothing was sent gives the charge back, once, and opens the window."""
    slot = Slot(key="s", seconds=60)
    await won("sent", charges=(per_call(2),))
    refusals: tuple[SendResult, ...] = (
        Refused(Reason.SENDER_NOT_CAPABLE, Scope.SENDER),
        NotProcessed(detail="429"),
    )
    for n, result in enumerate(refusals):
        message = await won(f"key-{n}", slot=slot, charges=(per_call(2),))
        await ledger.record_result(message.id, n=1, result=result)
        await ledger.record_result(message.id, n=1, result=result)
    await won("last", slot=slot, charges=(per_call(2),))
    assert isinstance(await ledger.claim(claim_of("over", charges=(per_call(2),))), Denied)


async def test_a_number_the_carrier_refused_stays_charged(
    ledger: Ledger, won: Any, claim_of: Any, per_call: Any
) -> None:
    """Otherwise a call could try numbers one after the other, each a request to the carrier, and no limit would hold."""
    message = await won("one", charges=(per_call(1),))
    await ledger.record_result(message.id, n=1, result=Refused(Reason.LANDLINE, Scope.DESTINATION))
    assert isinstance(await ledger.claim(claim_of("two", charges=(per_call(1),))), Denied)


async def test_what_may_have_left_is_not_refunded(
    ledger: Ledger, won: Any, claim_of: Any, per_call: Any
) -> None:
    """Unknown keeps charge and window; undelivered opens the window, so that a corrected text may follow, and keeps the charge."""
    slot = Slot(key="s", seconds=60)
    unknown = await won("one", slot=slot, charges=(per_call(3),))
    await ledger.record_result(unknown.id, n=1, result=Unknown())
    assert not isinstance(await ledger.claim(claim_of("two", slot=slot)), Won)
    failed = await won("three", slot=slot, replace_slot=True, charges=(per_call(3),))
    await ledger.record_result(failed.id, n=1, result=Accepted("SM3"))
    await ledger.apply_receipt("twilio", Receipt(state=MessageState.UNDELIVERED, carrier_id="SM3"))
    await won("four", slot=slot, charges=(per_call(3),))
    assert isinstance(await ledger.claim(claim_of("five", charges=(per_call(3),))), Denied)


async def test_old_minutes_are_tidied(ledger: Ledger, won: Any, clock: Any, per_call: Any) -> None:
    """Minutes that no limit can look at any more go; what counts for ever stays."""
    await won(charges=(NUMBER, per_call(1)))
    clock.advance(86_400 + 120)
    assert await ledger.tidy() == 1
    assert await ledger.over_limit((per_call(1),)) is not None


@pytest.mark.parametrize(
    "changes", [{"limit": -1}, {"limit": 1, "per_minutes": 0}, {"limit": 1, "per_minutes": 1_441}]
)
def test_a_limit_that_cannot_be_kept_is_refused(changes: dict[str, int]) -> None:
    """Windows longer than the ledger remembers, and limits below nothing, are errors where they are written."""
    with pytest.raises(ValueError, match=r"Charge\."):
        Charge(scope="s", subject="x", reason=Reason.LIMIT_PER_CALL, **changes)
