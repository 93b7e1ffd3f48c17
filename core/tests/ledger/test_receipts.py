from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midcall import Accepted, MessageState, NotProcessed, Reason, Receipt, Refused, Scope, Unknown
from midcall.ledger import Applied, ClaimRequest, Ledger, NewMessage, Slot, Won
from midcall.ledger.states import RANK

SENT = Receipt(state=MessageState.SENT, carrier_id="SM1")
DELIVERED = Receipt(state=MessageState.DELIVERED, carrier_id="SM1")
UNDELIVERED = Receipt(
    state=MessageState.UNDELIVERED, carrier_id="SM1", reason=Reason.UNREACHABLE, detail="off", code="30003"
)


@pytest.fixture
async def accepted(ledger: Ledger, won: Any) -> Any:
    """A message that the carrier has as SM1."""
    return await ledger.record_result((await won()).id, n=1, result=Accepted("SM1"))


async def test_found_by_the_carriers_id(ledger: Ledger, accepted: Any) -> None:
    """A receipt moves the message its carrier's id belongs to, and says why it did not arrive."""
    applied = await ledger.apply_receipt("twilio", UNDELIVERED)
    assert applied.moved
    assert applied.message is not None
    assert applied.message.id == accepted.id
    assert (applied.message.reason, applied.message.detail, applied.message.carrier_code) == (
        Reason.UNREACHABLE,
        "off",
        "30003",
    )


async def test_our_id_settles_an_unknown_text(ledger: Ledger, won: Any) -> None:
    """A callback with our id is a proof, whether or not we ever learnt the carrier's id."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=Unknown())
    applied = await ledger.apply_receipt("twilio", replace(SENT, message_id=message.id))
    assert applied.message is not None
    assert (applied.message.state, applied.message.carrier_id) == (MessageState.SENT, "SM1")
    assert applied.message.reason is None


async def test_an_account_speaks_only_for_its_own_texts(ledger: Ledger, accepted: Any) -> None:
    """Our id or the carrier's, told by another account, moves nothing."""
    for receipt in (DELIVERED, replace(DELIVERED, carrier_id=None, message_id=accepted.id)):
        assert await ledger.apply_receipt("vonage", receipt) == Applied(None, moved=False, duplicate=False)
    assert await ledger.message(accepted.id) == accepted


@pytest.mark.parametrize("event_id", ["", "E1"])
async def test_the_same_news_is_applied_once(ledger: Ledger, accepted: Any, event_id: str) -> None:
    """Told again, with an id of the news or without, it is a duplicate and leaves no second line; also all at once."""
    receipt = replace(SENT, event_id=event_id)
    told = await asyncio.gather(*(ledger.apply_receipt("twilio", receipt) for _ in range(20)))
    assert sum(applied.moved for applied in told) == 1
    assert sum(applied.duplicate for applied in told) == 19
    assert [event.kind for event in await ledger.events(accepted.id)] == ["claimed", "result", "receipt"]


async def test_late_news_is_written_down_and_moves_nothing(ledger: Ledger, accepted: Any) -> None:
    """`sent` after `delivered` is in the timeline, with the state that stands."""
    await ledger.apply_receipt("twilio", DELIVERED)
    late = await ledger.apply_receipt("twilio", SENT)
    assert not late.moved
    assert not late.duplicate
    last = (await ledger.events(accepted.id))[-1]
    assert (last.kind, last.state, last.data["says"]) == ("receipt", MessageState.DELIVERED, "sent")


async def test_receipts_before_the_answer_wait_for_it(ledger: Ledger, won: Any) -> None:
    """Receipts that know only the carrier's id come before we know it: they are kept, in order, once each."""
    message = await won()
    for receipt, duplicate in ((SENT, False), (DELIVERED, False), (SENT, True)):
        applied = await ledger.apply_receipt("twilio", receipt)
        assert applied == Applied(None, moved=False, duplicate=duplicate)
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    assert after.state is MessageState.DELIVERED
    assert [event.state for event in await ledger.events(message.id)] == [
        MessageState.SENDING,
        MessageState.ACCEPTED,
        MessageState.SENT,
        MessageState.DELIVERED,
    ]
    assert (await ledger.apply_receipt("twilio", DELIVERED)).duplicate


async def test_kept_receipts_are_whole(ledger: Ledger, won: Any) -> None:
    """A receipt that waited explains a failure as well as one that did not."""
    message = await won()
    await ledger.apply_receipt("twilio", UNDELIVERED)
    after = await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    assert (after.state, after.reason, after.carrier_code) == (
        MessageState.UNDELIVERED,
        Reason.UNREACHABLE,
        "30003",
    )


async def test_strangers_receipts_are_forgotten_after_a_day(ledger: Ledger, clock: Any) -> None:
    """Texts sent without Midcall through the same account leave no lasting trace."""
    await ledger.apply_receipt("twilio", DELIVERED)
    clock.advance(86_399)
    assert await ledger.tidy() == 0
    clock.advance(1)
    assert await ledger.tidy() == 1


async def test_a_failure_opens_the_window(ledger: Ledger, won: Any) -> None:
    """Once a text is known not to have arrived, the same text may be sent again in the same call."""
    slot = Slot(key="s", seconds=60)
    message = await won("one", slot=slot)
    await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    await ledger.apply_receipt("twilio", UNDELIVERED)
    assert (await won("two", slot=slot)).id != message.id


async def test_bad_news_of_an_attempt_that_was_left_behind(ledger: Ledger, won: Any) -> None:
    """The first attempt did nothing and a second is under way: the first one's failure is no failure of the message."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=NotProcessed(), final=False)
    assert await ledger.begin_attempt(
        message.id, n=2, account="twilio", sender="+12025550100", text="hi", request={}
    )
    failed = replace(UNDELIVERED, message_id=message.id, attempt=1)
    assert not (await ledger.apply_receipt("twilio", failed)).moved
    after = await ledger.record_result(message.id, n=2, result=Accepted("SM2"))
    assert (after.state, after.carrier_id) == (MessageState.ACCEPTED, "SM2")


@pytest.mark.parametrize(
    ("receipt", "state"), [(DELIVERED, MessageState.DELIVERED), (SENT, MessageState.REJECTED)]
)
async def test_news_that_a_rejected_text_left_is_a_warning(
    ledger: Ledger, won: Any, receipt: Receipt, state: MessageState
) -> None:
    """Only a proof of delivery moves a rejection, but every sign that the text left is put in sight."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=Refused(Reason.CARRIER_REFUSED, Scope.CONTENT))
    applied = await ledger.apply_receipt("twilio", replace(receipt, message_id=message.id))
    assert applied.message is not None
    assert applied.message.state is state
    assert (await ledger.events(message.id))[-1].kind == "warning"


NEWS = st.sampled_from(["accepted", "sent", "delivered", "undelivered", "rejected", "expired"])
STEP = st.one_of(NEWS, st.sampled_from(["answer", "unknown", "refused"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(STEP, st.booleans()), max_size=14))
def test_no_order_of_news_moves_a_message_back(steps: list[tuple[str, bool]]) -> None:
    """Answers and receipts in any order, doubled, with our id or only the carrier's: the rank never falls, each move has one
    line in the timeline, and a delivery is never lost once it is known whose it is."""
    asyncio.run(_walk(steps))


async def _walk(steps: list[tuple[str, bool]]) -> None:
    ledger = await Ledger.open("sqlite://")
    try:
        message = NewMessage(platform="retell", call_id="call-1", tool="t", account="twilio")
        answer = await ledger.claim(ClaimRequest(message=message, key="key"))
        assert isinstance(answer, Won)
        moves: list[MessageState] = []
        ledger.on_change(lambda _, event: moves.append(event.state))
        known, delivered, rank = False, False, RANK[MessageState.SENDING]
        for step, ours in steps:
            if step == "answer":
                await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
                known = True
            elif step == "unknown":
                await ledger.record_result(message.id, n=1, result=Unknown())
            elif step == "refused":
                refused = Refused(Reason.CARRIER_REFUSED, Scope.CONTENT)
                await ledger.record_result(message.id, n=1, result=refused)
            else:
                receipt = Receipt(
                    state=MessageState(step), carrier_id="SM1", message_id=message.id if ours else None
                )
                known = known or ours
                await ledger.apply_receipt("twilio", receipt)
            delivered = delivered or step == "delivered"
            now = await ledger.message(message.id)
            assert now is not None
            assert RANK[now.state] >= rank
            assert now.state is MessageState.DELIVERED or not (delivered and known)
            rank = RANK[now.state]
        assert [RANK[state] for state in moves] == sorted({RANK[state] for state in moves})
    finally:
        await ledger.aclose()
