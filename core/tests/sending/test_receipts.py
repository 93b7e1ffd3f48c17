"""Carrier callbacks: verified, applied once, in any order, and remembered where they say something lasting."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.tests.sending.deployment import AGENT, USER, Deploy, Deployment, a_call, callback
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of
from midcall import BadSignature, LedgerError, MessageState, Reason, Status

FALLBACK = "+12025550101"
POISONED: dict[str, Any] = {
    "state": "undelivered",
    "reason": "sender_not_registered",
    "code": "30034",
    "detail": "the number is in no campaign",
    "of_sender": True,
}


async def test_a_receipt_moves_its_message(deployment: Deployment) -> None:
    """Sent, then delivered: the ledger follows, and keeps the timeline."""
    outcome = await deployment.send()
    carrier_id = carrier_id_of(deployment.carrier.sent[0])
    for state in ("sent", "delivered"):
        applied = await deployment.receipt(state=state, carrier_id=carrier_id)
        assert (applied.moved, applied.duplicate) == (True, False)
    events = await deployment.events(outcome)
    assert [event.state for event in events] == [
        MessageState.SENDING,
        MessageState.ACCEPTED,
        MessageState.SENT,
        MessageState.DELIVERED,
    ]


async def test_late_and_doubled_receipts(deployment: Deployment) -> None:
    """Neither moves a message back."""
    outcome = await deployment.send()
    carrier_id = carrier_id_of(deployment.carrier.sent[0])
    await deployment.receipt(state="delivered", carrier_id=carrier_id)
    assert (await deployment.receipt(state="delivered", carrier_id=carrier_id)).duplicate
    assert not (await deployment.receipt(state="sent", carrier_id=carrier_id)).moved
    assert (await deployment.message(outcome)).state is MessageState.DELIVERED


async def test_an_unsigned_callback_changes_nothing(deployment: Deployment) -> None:
    """It is refused before it is read."""
    outcome = await deployment.send()
    forged = callback(
        {"state": "undelivered", "carrier_id": carrier_id_of(deployment.carrier.sent[0])}, secret="x"
    )
    with pytest.raises(BadSignature):
        await deployment.midcall.take_status("acme", forged)
    assert (await deployment.message(outcome)).state is MessageState.ACCEPTED


async def test_another_accounts_callback_changes_nothing(deploy: Deploy) -> None:
    """An account's callbacks speak only for what went through it, whatever id they carry."""
    running = await deploy(
        accounts={"acme": {}, "eu": {"carrier": "acme"}}, numbers={AGENT: {"account": "acme"}}
    )
    outcome = await running.send()
    applied = await running.receipt(
        account="eu", state="undelivered", carrier_id="SM9", message_id=outcome.message_id, attempt=1
    )
    assert applied.message is None
    assert (await running.message(outcome)).state is MessageState.ACCEPTED


async def test_several_receipts_in_one_callback(deployment: Deployment) -> None:
    """All of them are applied."""
    await deployment.send(a_call("1"))
    await deployment.send(a_call("2"))
    told = [{"state": "delivered", "carrier_id": carrier_id_of(sent)} for sent in deployment.carrier.sent]
    applied = await deployment.midcall.take_status("acme", callback(*told))
    assert [each.moved for each in applied] == [True, True]


@pytest.mark.parametrize("by", ["our id", "the carrier's id"])
async def test_before_the_answer(deployment: Deployment, by: str) -> None:
    """A receipt may overtake the answer to the very request it is about; nothing is lost, and nothing moves back."""
    held = Held()
    deployment.carrier.will(held)
    sending = asyncio.create_task(deployment.send())
    await held.has_it()
    (sent,) = deployment.carrier.sent
    ids: dict[str, Any] = {"message_id": sent.id, "attempt": 1} if by == "our id" else {}
    applied = await deployment.receipt(state="delivered", carrier_id=carrier_id_of(sent), **ids)
    assert applied.moved is (by == "our id")
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcome = await sending
    assert (outcome.status, outcome.duplicate) == (Status.DELIVERED, False)
    message = await deployment.message(outcome)
    assert (message.state, message.carrier_id) == (MessageState.DELIVERED, carrier_id_of(sent))


async def test_about_a_text_nobody_knows(deployment: Deployment) -> None:
    """It is kept, and is no error: the carrier's console may have sent it."""
    applied = await deployment.receipt(state="delivered", carrier_id="SM-unknown")
    assert (applied.message, applied.moved) == (None, False)


# What lasts ---------------------------------------------------------------------------------------------------------------


async def test_a_sender_that_turns_out_unregistered(deployment: Deployment) -> None:
    """Carriers accept such texts and fail them later: the sender is not used again for a while, with the carrier's words."""
    await deployment.send()
    await deployment.receipt(carrier_id=carrier_id_of(deployment.carrier.sent[0]), **POISONED)
    outcome = await deployment.send(a_call("call-2"))
    assert (outcome.status, outcome.reason, outcome.plugin) == (
        Status.REJECTED,
        Reason.SENDER_NOT_REGISTERED,
        "acme",
    )
    assert "the number is in no campaign" in outcome.detail
    assert "30034" in outcome.detail
    assert len(deployment.carrier.sent) == 1


async def test_its_fallback_is_used(deploy: Deploy) -> None:
    """Only that number of that account is left alone."""
    running = await deploy(numbers={AGENT: {"account": "acme", "fallback": [FALLBACK]}})
    await running.send()
    await running.receipt(carrier_id=carrier_id_of(running.carrier.sent[0]), **POISONED)
    assert (await running.send(a_call("call-2"))).status is Status.ACCEPTED
    assert [sent.sender for sent in running.carrier.sent] == [AGENT, FALLBACK]


async def test_it_survives_a_restart(deploy: Deploy) -> None:
    """The next process does not have to learn it again."""
    running = await deploy()
    await running.send()
    await running.receipt(carrier_id=carrier_id_of(running.carrier.sent[0]), **POISONED)
    await running.midcall.aclose()
    running = await deploy()
    outcome = await running.send(a_call("call-2"))
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert "the number is in no campaign" in outcome.detail
    assert running.carrier.sent == []


async def test_it_lasts_an_hour(deployment: Deployment) -> None:
    """Long enough that the next calls do not run into it again, and it is written down for as long."""
    await deployment.send()
    began = datetime.now(UTC)
    await deployment.receipt(carrier_id=carrier_id_of(deployment.carrier.sent[0]), **POISONED)
    ended = datetime.now(UTC)
    remembered = await deployment.ledger.sender("acme", AGENT)
    assert remembered is not None
    until = remembered.blocked_until
    assert until is not None
    hour, rounding = timedelta(hours=1), timedelta(milliseconds=1)
    assert began + hour - rounding <= until <= ended + hour + rounding


async def test_it_ends(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that was registered meanwhile is not shut out for long."""
    monkeypatch.setattr("midcall.sending.receipts.BLOCK_FOR", timedelta(milliseconds=1))
    running = await deploy()
    await running.send()
    await running.receipt(carrier_id=carrier_id_of(running.carrier.sent[0]), **POISONED)
    await asyncio.sleep(0.01)
    assert (await running.send(a_call("call-2"))).status is Status.ACCEPTED


@pytest.mark.parametrize("told", [POISONED, {"state": "undelivered", "reason": "opted_out", "code": "21610"}])
async def test_what_lasts_is_learnt_from_an_early_receipt_too(
    deployment: Deployment, told: dict[str, Any]
) -> None:
    """A receipt that came before the answer says as much about sender and recipient as one that came after."""
    held = Held()
    deployment.carrier.will(held)
    sending = asyncio.create_task(deployment.send())
    await held.has_it()
    await deployment.receipt(carrier_id=carrier_id_of(deployment.carrier.sent[0]), **told)
    held.release()
    async with asyncio.timeout(WAIT_S):
        await sending
        while (outcome := await deployment.send(a_call("call-2"), id=None)).status is Status.PENDING:
            await asyncio.sleep(0.01)
    if told is POISONED:
        remembered = await deployment.ledger.sender("acme", AGENT)
        assert remembered is not None
        assert remembered.blocked_reason is Reason.SENDER_NOT_REGISTERED
        assert outcome.reason is Reason.SENDER_NOT_REGISTERED
    else:
        assert await deployment.ledger.opted_out(USER) is not None
        assert outcome.reason is Reason.OPTED_OUT


async def test_what_lasts_is_not_lost_with_a_failed_write(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the ledger fails halfway the carrier's own repeat of the callback makes up for it."""
    await deployment.send()
    told = {"carrier_id": carrier_id_of(deployment.carrier.sent[0]), **POISONED}

    async def fails(*_arguments: object, **_named: object) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(deployment.ledger, "block_sender", fails)
        with pytest.raises(LedgerError):
            await deployment.receipt(**told)
    await deployment.receipt(**told)
    remembered = await deployment.ledger.sender("acme", AGENT)
    assert remembered is not None
    assert remembered.blocked_reason is Reason.SENDER_NOT_REGISTERED
