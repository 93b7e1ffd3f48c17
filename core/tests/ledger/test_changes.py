from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from midcall import Accepted, LedgerError, Message, MessageEvent, MessageState, Receipt
from midcall.ledger import Ledger, watching


async def test_a_move_wakes_the_waiter(ledger: Ledger, won: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits hears of a move in this process without any polling."""
    monkeypatch.setattr(watching, "POLL_S", 60.0)
    message = await won()
    waiting = asyncio.create_task(ledger.wait_for_change(message.id, since=MessageState.SENDING, timeout=20))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    after = await asyncio.wait_for(waiting, 5)
    assert after.state is MessageState.ACCEPTED
    assert ledger._watch._waiting == {}


async def test_what_has_moved_already_is_answered_at_once(ledger: Ledger, won: Any) -> None:
    """The state differs when the waiting begins."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    after = await asyncio.wait_for(
        ledger.wait_for_change(message.id, since=MessageState.SENDING, timeout=20), 5
    )
    assert after.state is MessageState.ACCEPTED


async def test_waiting_ends_with_the_time(ledger: Ledger, won: Any) -> None:
    """Nothing moved: the message as it is, at the end of the budget."""
    message = await won()
    began = time.monotonic()
    assert await ledger.wait_for_change(message.id, since=MessageState.SENDING, timeout=0.15) == message
    assert 0.14 < time.monotonic() - began < 2
    assert await ledger.wait_for_change(message.id, since=MessageState.SENDING, timeout=0) == message


async def test_another_processes_move_is_seen(ledger: Ledger, won: Any, url: str) -> None:
    """A move written through another opening of the file is found by looking."""
    message = await won()
    other = await Ledger.open(url)
    try:
        waiting = asyncio.create_task(
            ledger.wait_for_change(message.id, since=MessageState.SENDING, timeout=20)
        )
        await asyncio.sleep(0.02)
        await other.record_result(message.id, n=1, result=Accepted("SM1"))
        assert (await asyncio.wait_for(waiting, 5)).state is MessageState.ACCEPTED
    finally:
        await other.aclose()


async def test_waiting_for_no_message_is_an_error(ledger: Ledger) -> None:
    """It will never move."""
    with pytest.raises(LedgerError, match="no message nope"):
        await ledger.wait_for_change("nope", since=MessageState.SENDING, timeout=5)


async def test_subscribers_hear_every_move_after_it_is_durable(ledger: Ledger, won: Any, url: str) -> None:
    """In order, on the loop, with the message as it is after each move; what moves nothing is not told; until they stop."""
    heard: list[tuple[MessageState, MessageState, str]] = []
    loop = asyncio.get_running_loop()

    def hear(message: Message, event: MessageEvent) -> None:
        assert asyncio.get_running_loop() is loop
        heard.append((message.state, event.state, event.kind))

    stop = ledger.on_change(hear)
    message = await won()
    await ledger.apply_receipt("twilio", Receipt(state=MessageState.DELIVERED, carrier_id="SM1"))
    await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    await ledger.apply_receipt("twilio", Receipt(state=MessageState.SENT, carrier_id="SM1"))
    await ledger.note(message.id, "warning")
    stop()
    stop()
    await won("another")
    assert heard == [
        (MessageState.SENDING, MessageState.SENDING, "claimed"),
        (MessageState.ACCEPTED, MessageState.ACCEPTED, "result"),
        (MessageState.DELIVERED, MessageState.DELIVERED, "receipt"),
    ]


async def test_a_subscriber_that_fails_harms_nobody(
    ledger: Ledger, won: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the others hear, and the claim is won."""
    heard: list[str] = []

    def fail(message: Message, event: MessageEvent) -> None:
        raise RuntimeError("no")

    ledger.on_change(fail)
    ledger.on_change(lambda message, _: heard.append(message.id))
    message = await won()
    assert heard == [message.id]
    assert "a subscriber to the ledger's changes failed" in caplog.text


async def test_a_caller_that_gave_up_does_not_silence_the_change(ledger: Ledger, claim_of: Any) -> None:
    """The claim began and stands although its caller is gone: subscribers must hear of it."""
    heard: list[str] = []
    ledger.on_change(lambda message, _: heard.append(message.id))
    request = claim_of()
    claiming = asyncio.create_task(ledger.claim(request))
    await asyncio.sleep(0)
    # The writing thread needs no event loop: hold this one until it has committed.
    until = time.monotonic() + 10
    while ledger._writer._jobs.qsize() and time.monotonic() < until:
        time.sleep(0.001)  # noqa: ASYNC251 - blocking the loop is the point
    time.sleep(0.2)  # noqa: ASYNC251 - likewise
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    await ledger.note(request.message.id, "warning")
    assert heard == [request.message.id]
