"""What becomes known after the agent was answered goes into the live call, once, and only if it is bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from core.tests.sending.deployment import Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of
from midcall import Message, MessageEvent, MessageState, Reason, Refused, Scope, Status, Unknown, hookimpl


class Observer:
    """Hears of every move, after core has told the call: what it has heard of, has been told."""

    def __init__(self) -> None:
        self.moves: list[MessageState] = []

    @hookimpl
    async def midcall_message_changed(self, message: Message, event: MessageEvent) -> None:
        self.moves.append(event.state)


async def until(fact: Callable[[], Any]) -> None:
    """Wait for something that must become true."""
    async with asyncio.timeout(WAIT_S):
        while not fact():
            await asyncio.sleep(0.005)


async def finish(running: Deployment) -> list[str]:
    """Stop, so that all that is still to be told is told; what the calls have heard."""
    platform = running.platform
    await running.midcall.aclose()
    return [told.text for told in platform.told]


async def test_a_refusal_that_comes_too_late(deploy: Deploy) -> None:
    """The agent said "sending it now"; when the carrier then refuses the call is told, with what to say, and asked to speak."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held(Refused(Reason.LANDLINE, Scope.DESTINATION))
    running.carrier.will(held)
    assert (await running.send()).status is Status.PENDING
    held.release()
    await until(lambda: running.platform.told)
    (told,) = running.platform.told
    assert (told.call_id, told.respond) == ("call-1", True)
    assert "landline" in told.text
    assert "That number doesn't seem to be able to receive texts." in told.text
    assert len(await finish(running)) == 1


@pytest.mark.parametrize("result", [None, Unknown("reset")])
async def test_what_is_not_bad_news(deploy: Deploy, result: object) -> None:
    """ "Sending it now" needs no correction when it was accepted, nor when nobody knows."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held(result)
    running.carrier.will(held)
    assert (await running.send()).status is Status.PENDING
    held.release()
    assert await finish(running) == []


@pytest.mark.parametrize("state", ["undelivered", "expired", "rejected"])
async def test_a_receipt_of_failure(deployment: Deployment, state: str) -> None:
    """The agent said "on its way", and it is not."""
    await deployment.send()
    carrier_id = carrier_id_of(deployment.carrier.sent[0])
    for _ in range(3):  # carriers repeat themselves
        await deployment.receipt(state=state, carrier_id=carrier_id, reason="unreachable")
    (text,) = await finish(deployment)
    assert "unreachable" in text


@pytest.mark.parametrize("state", ["sent", "delivered"])
async def test_a_receipt_of_success(deployment: Deployment, state: str) -> None:
    """That a text arrived is what the agent has promised already."""
    await deployment.send()
    await deployment.receipt(state=state, carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    assert await finish(deployment) == []


async def test_not_in_a_call_that_is_over(deployment: Deployment) -> None:
    """There is nobody to tell."""
    await deployment.send()
    await deployment.midcall.call_ended(a_call())
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    assert await finish(deployment) == []


async def test_not_on_a_platform_that_cannot(deployment: Deployment) -> None:
    """A platform that does not reach live calls is not asked to."""
    await deployment.send(a_call(platform="distant"))
    distant = deployment.midcall.platforms["distant"]
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    await deployment.midcall.aclose()
    assert distant.told == []  # type: ignore[attr-defined]  # the fake's own


async def test_in_the_calls_language(deployment: Deployment) -> None:
    """What to say is in the language of the call."""
    await deployment.send(a_call(language="es-MX"))
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    (text,) = await finish(deployment)
    assert "Lo siento, no he podido enviar el mensaje de texto." in text


async def test_told_once_when_the_receipt_overtakes_the_answer(deploy: Deploy) -> None:
    """A receipt with our id may come while the request is still open; the call hears of the failure once."""
    observer = Observer()
    running = await deploy(tool={"budget_ms": 200}, policies={"observer": observer})
    held = Held()
    running.carrier.will(held)
    outcome = await running.send()
    assert outcome.status is Status.PENDING
    await running.receipt(state="undelivered", carrier_id=None, message_id=outcome.message_id, attempt=1)
    await until(lambda: observer.moves[-1] is MessageState.UNDELIVERED)
    held.release()
    assert len(await finish(running)) == 1


async def test_told_once_when_the_receipt_was_kept(deploy: Deploy) -> None:
    """A receipt that knows only the carrier's id waits for the carrier's answer, and is then told once."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held()
    running.carrier.will(held)
    outcome = await running.send()
    assert outcome.status is Status.PENDING
    await running.receipt(state="undelivered", carrier_id=carrier_id_of(running.carrier.sent[0]))
    held.release()
    assert len(await finish(running)) == 1


async def test_what_the_answer_says_is_not_told_again(deploy: Deploy) -> None:
    """A failure that is known before the agent is answered is the answer; it is not put into the call as well."""
    running = await deploy(tool={"wait_for_receipt": True})
    held = Held()
    running.carrier.will(held)
    sending = asyncio.create_task(running.send())
    await held.has_it()
    held.release()
    async with asyncio.timeout(WAIT_S):
        while not await running.ledger.messages(state=MessageState.ACCEPTED):
            await asyncio.sleep(0.01)
        await running.receipt(state="undelivered", carrier_id=carrier_id_of(running.carrier.sent[0]))
        outcome = await sending
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.UNDELIVERED)
    assert await finish(running) == []


async def test_a_failure_before_the_answer_is_the_answer(deploy: Deploy) -> None:
    """Likewise a receipt that overtakes the carrier's answer while the agent waits."""
    running = await deploy()
    held = Held()
    running.carrier.will(held)
    sending = asyncio.create_task(running.send())
    await held.has_it()
    await running.receipt(
        state="undelivered", carrier_id=None, message_id=running.carrier.sent[0].id, attempt=1
    )
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcome = await sending
    assert outcome.status is Status.REJECTED
    assert await finish(running) == []


async def test_a_platform_that_fails_costs_nothing(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be told is logged; the receipt is recorded and texts go on."""
    deployment.platform.failure = ConnectionError("the platform is down")
    first = await deployment.send()
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    await until(lambda: "the platform is down" in caplog.text)
    assert (await deployment.message(first)).state is MessageState.UNDELIVERED
    assert (await deployment.send(a_call("call-2"))).status is Status.ACCEPTED
