from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from midcall import (
    Accepted,
    LedgerError,
    MessageState,
    NotProcessed,
    Reason,
    Receipt,
    Refused,
    Scope,
    Unknown,
    Verdict,
)
from midcall.ledger import Ledger

BEGIN: dict[str, Any] = {
    "account": "vonage",
    "sender": "+12025550101",
    "text": "Your link, again",
    "encoding": "gsm-7",
    "segments": 1,
    "request": {"to": "12025550142"},
}


async def test_accepted(ledger: Ledger, won: Any, clock: Any) -> None:
    """The carrier's id and answer are kept, and the attempt is closed at the time of the answer."""
    verdict = Verdict(allowed=False, reason=Reason.LANDLINE, of_sender=True, plugin="lines")
    message = await won(
        message={"media": ("https://example.com/a.png",), "verdicts": (verdict,), "validity_s": 600}
    )
    clock.advance(1.25)
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1", {"sid": "SM1"}))
    assert after == replace(message, state=MessageState.ACCEPTED, carrier_id="SM1", updated_at=clock.now)
    (attempt,) = await ledger.attempts(message.id)
    assert (attempt.result, attempt.response, attempt.ended_at) == ("accepted", {"sid": "SM1"}, clock.now)
    assert await ledger.message(message.id) == after


@pytest.mark.parametrize(
    ("result", "state", "reason", "code"),
    [
        (Refused(Reason.LANDLINE, Scope.DESTINATION, "no", "30006"), "rejected", Reason.LANDLINE, "30006"),
        (NotProcessed(detail="slow down", code="429"), "rejected", Reason.CARRIER_BUSY, "429"),
        (Unknown(detail="reset", code="500"), "unknown", Reason.CARRIER_SILENT, "500"),
    ],
)
async def test_what_was_not_accepted_is_explained(
    ledger: Ledger, won: Any, result: Any, state: str, reason: Reason, code: str
) -> None:
    """Reason, the carrier's own code and its words stand on the message."""
    after = await ledger.record_result((await won()).id, n=1, result=result)
    assert (after.state.value, after.reason, after.carrier_code) == (state, reason, code)
    assert after.detail == result.detail


async def test_a_second_attempt_after_nothing_happened(ledger: Ledger, won: Any) -> None:
    """An answer that is not final closes only its attempt; the next one carries its own account, sender and text."""
    message = await won()
    after = await ledger.record_result(message.id, n=1, result=NotProcessed(code="429"), final=False)
    assert after.state is MessageState.SENDING
    assert await ledger.begin_attempt(message.id, n=2, **BEGIN)
    after = await ledger.record_result(message.id, n=2, result=Accepted("VO2"))
    assert (after.account, after.sender, after.text, after.attempts) == (
        "vonage",
        "+12025550101",
        "Your link, again",
        2,
    )
    assert [(a.n, a.account, a.result, a.code) for a in await ledger.attempts(message.id)] == [
        (1, "twilio", "not_processed", "429"),
        (2, "vonage", "accepted", None),
    ]
    assert [e.kind for e in await ledger.events(message.id)] == ["claimed", "result", "attempt", "result"]


async def test_no_attempt_is_begun_that_may_double_a_text(
    ledger: Ledger, won: Any, url: str, clock: Any
) -> None:
    """Only the owner, only while `sending`, only the next number: otherwise False, and nothing is written."""
    message = await won()
    assert not await ledger.begin_attempt(message.id, n=1, **BEGIN)
    assert not await ledger.begin_attempt(message.id, n=3, **BEGIN)
    other = await Ledger.open(url, clock=clock)
    try:
        assert not await other.begin_attempt(message.id, n=2, **BEGIN)
    finally:
        await other.aclose()
    await ledger.record_result(message.id, n=1, result=Unknown())
    assert not await ledger.begin_attempt(message.id, n=2, **BEGIN)
    assert len(await ledger.attempts(message.id)) == 1


async def test_a_late_failure_of_an_attempt_that_was_left_behind(ledger: Ledger, won: Any) -> None:
    """Once a further attempt is under way, the one before speaks for the message only if it was accepted after all."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=NotProcessed(), final=False)
    assert await ledger.begin_attempt(message.id, n=2, **BEGIN)
    for late in (Refused(Reason.LANDLINE, Scope.DESTINATION), Unknown()):
        assert (await ledger.record_result(message.id, n=1, result=late)).state is MessageState.SENDING
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    assert after.state is MessageState.ACCEPTED


async def test_a_further_attempt_renews_the_lease(ledger: Ledger, won: Any, clock: Any) -> None:
    """The time of the first attempt does not count against the second."""
    message = await won(lease_s=30.0)
    clock.advance(29)
    await ledger.record_result(message.id, n=1, result=NotProcessed(), final=False)
    assert await ledger.begin_attempt(message.id, n=2, **BEGIN, lease_s=20.0)
    clock.advance(19.9)
    assert await ledger.recover() == ()
    clock.advance(0.1)
    assert len(await ledger.recover()) == 1


async def test_a_receipt_that_overtook_the_answer_stays(ledger: Ledger, won: Any) -> None:
    """A receipt with our id may be faster than the carrier's own answer; the answer adds its id and moves nothing back."""
    message = await won()
    delivered = Receipt(state=MessageState.DELIVERED, carrier_id=None, message_id=message.id)
    assert (await ledger.apply_receipt("twilio", delivered)).moved
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    assert (after.state, after.carrier_id) == (MessageState.DELIVERED, "SM1")


async def test_a_late_answer_settles_what_was_given_up(ledger: Ledger, won: Any, clock: Any) -> None:
    """A message that was called unknown when its lease ran out is accepted when the answer comes after all."""
    message = await won(lease_s=30.0)
    clock.advance(31)
    (unknown,) = await ledger.recover()
    assert (unknown.state, unknown.reason) == (MessageState.UNKNOWN, Reason.CRASHED)
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    assert (after.state, after.reason, after.detail) == (MessageState.ACCEPTED, None, "")


async def test_a_refusal_after_a_receipt_is_a_warning(ledger: Ledger, won: Any) -> None:
    """A receipt says the carrier has the text, then an answer says it was refused: the receipt is believed."""
    message = await won()
    await ledger.apply_receipt(
        "twilio", Receipt(state=MessageState.SENT, carrier_id="SM1", message_id=message.id)
    )
    refused = Refused(Reason.CARRIER_REFUSED, Scope.CONTENT)
    after = await ledger.record_result(message.id, n=1, result=refused)
    assert after.state is MessageState.SENT
    assert (await ledger.events(message.id))[-1].kind == "warning"


async def test_settling_follows_the_table(ledger: Ledger, won: Any) -> None:
    """An unknown text is parked, then found after all; what is settled is not parked again."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=Unknown())
    parked = await ledger.settle(message.id, to=MessageState.PARKED, detail="the carrier has no such text")
    assert (parked.state, parked.detail) == (MessageState.PARKED, "the carrier has no such text")
    early = Receipt(state=MessageState.DELIVERED, carrier_id="SM1")
    assert (await ledger.apply_receipt("twilio", early)).message is None
    found = await ledger.settle(message.id, to=MessageState.ACCEPTED, carrier_id="SM1")
    assert (found.state, found.carrier_id) == (MessageState.DELIVERED, "SM1")
    assert await ledger.settle(message.id, to=MessageState.PARKED) == found


async def test_notes_leave_the_state(ledger: Ledger, won: Any, clock: Any) -> None:
    """A note is a line of the timeline with the state of the moment."""
    message = await won()
    event = await ledger.note(message.id, "replay", {"arguments": {"a": 1}})
    assert (event.kind, event.state, event.at) == ("replay", MessageState.SENDING, clock.now)
    assert (await ledger.events(message.id))[-1] == event
    assert await ledger.message(message.id) == message


async def test_what_is_not_there_is_an_error(ledger: Ledger, won: Any) -> None:
    """Nothing is made up for a message or an attempt the ledger does not have."""
    with pytest.raises(LedgerError, match="no message nope"):
        await ledger.record_result("nope", n=1, result=Accepted("SM1"))
    with pytest.raises(LedgerError, match="no message nope"):
        await ledger.note("nope", "warning")
    message = await won()
    with pytest.raises(LedgerError, match="no attempt 2"):
        await ledger.record_result(message.id, n=2, result=Accepted("SM1"))
    assert await ledger.message(message.id) == message


async def test_any_answer_can_be_kept(ledger: Ledger, won: Any) -> None:
    """A carrier's answer with things JSON has no word for, or broken Unicode, does not lose the result."""
    raw = {"at": object, "set": {"b", "a"}, "text": "half a smile \ud83d"}
    after = await ledger.record_result((await won()).id, n=1, result=Accepted("SM1", raw))
    assert after.state is MessageState.ACCEPTED
    (attempt,) = await ledger.attempts(after.id)
    assert attempt.response["set"] == ["a", "b"]


async def test_an_opt_out_between_two_attempts(ledger: Ledger, won: Any) -> None:
    """What certainly has not left will not: the next attempt is not begun, and the message says why."""
    message = await won("one")
    await ledger.record_result(message.id, n=1, result=NotProcessed(detail="429"), final=False)
    await ledger.opt_out(message.destination, source="keyword")
    begun = await ledger.begin_attempt(
        message.id, n=2, account="twilio", sender="+12025550100", text="Hi", request={}
    )
    stopped = await ledger.message(message.id)
    assert begun is False
    assert stopped is not None
    assert (stopped.state, stopped.reason) == (MessageState.REJECTED, Reason.OPTED_OUT)
