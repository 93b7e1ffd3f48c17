"""The agent is answered in time, and a text that has been claimed is not stopped by that."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.tests.sending.deployment import AGENT, SENT_TEXT, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of, says
from midcall import Content, Draft, MessageState, Reason, Refused, Scope, Status, Verdict, hookimpl
from midcall.sending import REQUEST_S

IN_TIME_S = 5.0
"""Far above the budgets here, far below what is hung: an answer later than this was not held to a budget."""


async def settled(running: Deployment, message_id: str, state: MessageState) -> MessageState:
    """The state a message has once it is no longer `state`."""
    message = await running.ledger.wait_for_change(message_id, since=state, timeout=WAIT_S)
    return message.state


async def test_pending_at_the_budget(deploy: Deploy) -> None:
    """A slow carrier: the agent hears "sending it now" in time, with the message's id and what it costs."""
    running = await deploy(tool={"budget_ms": 300})
    held = Held()
    running.carrier.will(held)
    began = time.monotonic()
    outcome = await running.send()
    assert 0.25 < time.monotonic() - began < IN_TIME_S
    assert (outcome.status, outcome.reason, outcome.segments) == (Status.PENDING, None, 1)
    assert outcome.say == "I'm sending the text now."
    assert outcome.message_id == running.carrier.sent[0].id
    held.release()


async def test_sending_goes_on(deploy: Deploy) -> None:
    """The request in flight is not cancelled by the budget, and its answer is recorded."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held()
    running.carrier.will(held)
    outcome = await running.send()
    assert (outcome.status, held.cancelled) == (Status.PENDING, False)
    held.release()
    assert outcome.message_id is not None
    assert await settled(running, outcome.message_id, MessageState.SENDING) is MessageState.ACCEPTED
    assert not held.cancelled
    assert len(running.carrier.sent) == 1


async def test_cancelled_after_the_claim(deployment: Deployment) -> None:
    """A caller who hangs up, or a platform that gives up, does not stop a text halfway."""
    held = Held()
    deployment.carrier.will(held)
    sending = asyncio.create_task(deployment.send(id="a"))
    await held.has_it()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not held.cancelled
    held.release()
    again = await deployment.send(id="a")
    assert (again.status, again.duplicate) == (Status.ACCEPTED, True)
    assert len(deployment.carrier.sent) == 1


async def test_cancelled_before_the_claim(deploy: Deploy) -> None:
    """Then nothing is sent and nothing recorded, and the same tool call may be made again."""

    class Waits:
        def __init__(self) -> None:
            self.asked = asyncio.Event()
            self.answer = asyncio.Event()

        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            self.asked.set()
            await self.answer.wait()

    policy = Waits()
    running = await deploy(policies={"waits": policy})
    sending = asyncio.create_task(running.send(id="a"))
    async with asyncio.timeout(WAIT_S):
        await policy.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    policy.answer.set()
    assert await running.ledger.messages() == ()
    outcome = await running.send(id="a")
    assert (outcome.status, outcome.duplicate) == (Status.ACCEPTED, False)
    assert len(running.carrier.sent) == 1


@pytest.mark.parametrize(
    "cancelled_after", range(0, 40, 3), ids=lambda steps: f"after {steps} steps of the loop"
)
async def test_cancelled_anywhere(deployment: Deployment, cancelled_after: int) -> None:
    """Wherever a request is cut off, the text is sent whole or not at all, and the next try answers rightly."""
    sending = asyncio.create_task(deployment.send(id="a"))
    for _ in range(cancelled_after):
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    again = await deployment.send(id="a")
    assert again.status is Status.ACCEPTED
    assert [sent.text for sent in deployment.carrier.sent] == [SENT_TEXT]


async def test_the_longest_a_request_may_take(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier that never answers is given up before its lease ends, and then it is not known what happened."""
    monkeypatch.setattr("midcall.sending.transport.REQUEST_S", 0.2)
    running = await deploy()
    held = Held()
    running.carrier.will(held)
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.UNKNOWN, Reason.CARRIER_SILENT)
    assert outcome.say == "The text should arrive in a moment."
    assert len(running.carrier.sent) == 1


async def test_a_lease_lasts_as_long_as_a_turn_may_send(deploy: Deploy) -> None:
    """The last repeat may begin when the budget ends, and then has a whole request: until that is over the text is not given
    up, and soon afterwards it is."""
    running = await deploy(tool={"budget_ms": 20_000})
    clock = running.set_clock()
    held = Held()
    running.carrier.will(held)
    sending = asyncio.create_task(running.send())
    await held.has_it()
    clock.advance(20 + REQUEST_S)
    assert await running.ledger.recover() == ()
    clock.advance(10)
    (lost,) = await running.ledger.recover()
    assert (lost.id, lost.state, lost.detail) == (
        running.carrier.sent[0].id,
        MessageState.UNKNOWN,
        "the lease ran out",
    )
    held.release()
    async with asyncio.timeout(WAIT_S):
        await sending


# Hooks that are slow ------------------------------------------------------------------------------------------------------


class Hangs:
    """Hooks that never answer; `asked` counts."""

    asked = 0

    async def hang(self) -> None:
        self.asked += 1
        await asyncio.Event().wait()


class HangingSender(Hangs):
    @hookimpl(tryfirst=True)  # core's own answer comes before that of others
    async def midcall_resolve_sender(self) -> None:
        await self.hang()


class HangingRenderer(Hangs):
    @hookimpl
    async def midcall_render_content(self) -> None:
        await self.hang()


class HangingTransformer(Hangs):
    @hookimpl
    async def midcall_transform_content(self) -> None:
        await self.hang()


class HangingGate(Hangs):
    @hookimpl
    async def midcall_check_eligibility(self) -> None:
        await self.hang()


HANGING = [HangingSender, HangingRenderer, HangingTransformer, HangingGate]


@pytest.mark.parametrize("policy", HANGING)
async def test_a_hook_that_misses_its_deadline(deploy: Deploy, policy: type[Hangs]) -> None:
    """Nothing is sent, and the refusal names the plugin."""
    running = await deploy(
        policies={"hangs": policy()}, hooks={"deadline_ms": 100, "content_deadline_ms": 100}
    )
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.PLUGIN_TIMED_OUT)
    assert outcome.plugin == "hangs"
    assert "hangs" in outcome.detail
    assert running.carrier.sent == []


@pytest.mark.parametrize("policy", HANGING)
async def test_a_hook_that_outlasts_the_budget(deploy: Deploy, policy: type[Hangs]) -> None:
    """A hook never has longer than the agent: the answer comes at the budget, and it is "not sent"."""
    running = await deploy(tool={"budget_ms": 200}, policies={"hangs": policy()})
    began = time.monotonic()
    outcome = await running.send(id="a")
    assert time.monotonic() - began < IN_TIME_S
    assert outcome.status is Status.REJECTED
    assert outcome.reason in {Reason.TOO_SLOW, Reason.PLUGIN_TIMED_OUT}
    assert running.carrier.sent == []
    again = await running.send(id="a")
    assert (again.reason, again.duplicate) == (outcome.reason, True)


async def test_a_hook_for_a_later_sender_has_what_is_left(deploy: Deploy) -> None:
    """Behind the claim nothing else bounds a hook: one that hangs over the next sender ends with the budget, and the text is
    rejected with the carrier's word on the first."""
    fallback = "+12025550101"

    class HangsOverTheNext:
        @hookimpl
        async def midcall_check_eligibility(self, draft: Draft) -> Verdict:
            if draft.sender.number == fallback:
                await asyncio.Event().wait()
            return Verdict.allow()

    running = await deploy(
        tool={"budget_ms": 500},
        policies={"hangs": HangsOverTheNext()},
        numbers={AGENT: {"account": "acme", "fallback": [fallback]}},
        hooks={"deadline_ms": 20_000, "content_deadline_ms": 20_000},
    )
    running.carrier.will(says(Refused(Reason.SENDER_NOT_REGISTERED, Scope.SENDER)))
    outcome = await running.send()
    assert outcome.message_id is not None
    message = await running.ledger.wait_for_change(
        outcome.message_id, since=MessageState.SENDING, timeout=IN_TIME_S
    )
    assert (message.state, message.reason) == (MessageState.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert [sent.sender for sent in running.carrier.sent] == [AGENT]


async def test_many_hooks_that_are_each_in_time(deploy: Deploy) -> None:
    """Each has its own deadline, all together the budget: when that is over before the claim nothing is sent."""

    class Slow:
        @hookimpl
        async def midcall_transform_content(self, draft: Draft) -> Content:
            await asyncio.sleep(0.15)
            return draft.content

    running = await deploy(
        tool={"budget_ms": 300}, policies={f"slow-{number}": Slow() for number in range(4)}
    )
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.TOO_SLOW)
    assert running.carrier.sent == []


async def test_gates_are_asked_at_once(deploy: Deploy) -> None:
    """Ten gates that each wait for all the others to be asked do not take ten times as long: they all answer."""
    together = asyncio.Barrier(10)

    class Gate:
        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            await together.wait()
            return Verdict.allow()

    running = await deploy(policies={f"gate-{number}": Gate() for number in range(10)})
    async with asyncio.timeout(WAIT_S):
        assert (await running.send()).status is Status.ACCEPTED


# Waiting for a receipt ----------------------------------------------------------------------------------------------------


async def receipt_after(running: Deployment, **told: str) -> None:
    """Report on the one text as soon as it is known to be accepted."""
    async with asyncio.timeout(WAIT_S):
        while not await running.ledger.messages(state=MessageState.ACCEPTED):
            await asyncio.sleep(0.01)
    await running.receipt(carrier_id=carrier_id_of(running.carrier.sent[0]), **told)


async def test_it_has_arrived(deploy: Deploy) -> None:
    """Where the tool waits for the receipt the agent can say so."""
    running = await deploy(tool={"wait_for_receipt": True})
    outcome, _ = await asyncio.gather(running.send(), receipt_after(running, state="delivered"))
    assert (outcome.status, outcome.say) == (Status.DELIVERED, "The text has arrived on your phone.")


async def test_sent_is_not_delivered(deploy: Deploy) -> None:
    """A carrier that has only passed it on has not delivered it; the wait goes on and ends with the budget."""
    running = await deploy(tool={"wait_for_receipt": True, "budget_ms": 700})
    outcome, _ = await asyncio.gather(running.send(), receipt_after(running, state="sent"))
    assert outcome.status is Status.ACCEPTED
    assert (await running.message(outcome)).state is MessageState.SENT


async def test_no_receipt_in_time(deploy: Deploy) -> None:
    """Without one the answer at the budget is what is known: accepted."""
    running = await deploy(tool={"wait_for_receipt": True, "budget_ms": 300})
    began = time.monotonic()
    outcome = await running.send()
    assert outcome.status is Status.ACCEPTED
    assert 0.25 < time.monotonic() - began < IN_TIME_S


async def test_a_tool_that_does_not_wait(deployment: Deployment) -> None:
    """Without `wait_for_receipt` the carrier's answer is the agent's."""
    began = time.monotonic()
    outcome = await deployment.send()
    assert outcome.status is Status.ACCEPTED
    assert time.monotonic() - began < IN_TIME_S


# Ended calls --------------------------------------------------------------------------------------------------------------


async def test_after_the_call(deployment: Deployment) -> None:
    """A tool call for a call that is over is refused: nobody is there to be told."""
    await deployment.midcall.call_opened(a_call())
    await deployment.midcall.call_ended(a_call())
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CALL_ENDED)
    assert "after_call" in outcome.detail
    assert deployment.carrier.sent == []


async def test_a_call_that_says_itself_that_it_is_over(deployment: Deployment) -> None:
    """The platform may tell with the tool call what no event has told before."""
    from datetime import UTC, datetime

    outcome = await deployment.send(a_call(ended_at=datetime.now(UTC)))
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CALL_ENDED)
    assert deployment.carrier.sent == []


async def test_a_tool_that_sends_after_calls(deploy: Deploy) -> None:
    """`after_call` is for follow-ups."""
    running = await deploy(tool={"after_call": True})
    await running.midcall.call_ended(a_call())
    assert (await running.send()).status is Status.ACCEPTED
