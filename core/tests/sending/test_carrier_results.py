"""Step 8: what a carrier may answer, and what follows from each."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from core.tests.sending.deployment import AGENT, Deploy, Deployment
from core.tests.sending.fake_carrier import Answer, Held, raises, says
from midcall import (
    Accepted,
    Content,
    Draft,
    Message,
    MessageState,
    NotProcessed,
    Outcome,
    Reason,
    Refused,
    Scope,
    Sender,
    Status,
    Unknown,
    Verdict,
    hookimpl,
)

FALLBACK = "+12025550101"
THIRD = "+12025550102"
WITH_FALLBACKS = {"numbers": {AGENT: {"account": "acme", "fallback": [FALLBACK, THIRD]}}}
UNREGISTERED = Refused(Reason.SENDER_NOT_REGISTERED, Scope.SENDER, detail="no campaign", code="30034")

# Not processed ------------------------------------------------------------------------------------------------------------


async def test_not_processed_is_repeated(deployment: Deployment) -> None:
    """Nothing happened, so it is tried again; each try is an attempt of its own, written down before it is made."""
    deployment.carrier.will(says(NotProcessed()), says(NotProcessed(detail="busy", code="429")))
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.ACCEPTED, None)
    assert [sent.attempt for sent in deployment.carrier.sent] == [1, 2, 3]
    assert len({sent.idempotency_key for sent in deployment.carrier.sent}) == 3
    assert await deployment.results(outcome) == ["not_processed", "not_processed", "accepted"]
    assert (await deployment.message(outcome)).attempts == 3


async def ends(running: Deployment, outcome: Outcome) -> Message:
    """The message once it is no longer sending: the last try may end a moment after the agent was answered."""
    assert outcome.status in {Status.REJECTED, Status.PENDING}
    assert outcome.message_id is not None
    return await running.ledger.wait_for_change(outcome.message_id, since=MessageState.SENDING, timeout=20)


async def test_not_processed_within_the_budget_only(deploy: Deploy) -> None:
    """A carrier that stays busy is asked as long as the agent waits, and then the text is certainly not sent."""
    running = await deploy(tool={"budget_ms": 600})
    running.carrier.will(*[says(NotProcessed(code="429", detail="too many requests"))] * 200)
    began = time.monotonic()
    outcome = await running.send()
    message = await ends(running, outcome)
    assert time.monotonic() - began < 5
    assert (message.state, message.reason) == (MessageState.REJECTED, Reason.CARRIER_BUSY)
    assert message.carrier_code == "429"
    tries = len(running.carrier.sent)
    assert 2 <= tries <= 8
    assert await running.results(outcome) == ["not_processed"] * tries


async def test_retry_after_is_honoured(deployment: Deployment) -> None:
    """The carrier's own word is waited for, not our shorter one."""
    deployment.carrier.will(says(NotProcessed(retry_after=0.6)))
    began = time.monotonic()
    outcome = await deployment.send()
    assert outcome.status is Status.ACCEPTED
    assert time.monotonic() - began >= 0.6
    assert len(deployment.carrier.sent) == 2


@pytest.mark.parametrize("retry_after", [60.0, 1e300, float("inf")])
async def test_retry_after_beyond_the_budget(deployment: Deployment, retry_after: float) -> None:
    """It is not waited for: the agent is told now that it was not sent."""
    deployment.carrier.will(*[says(NotProcessed(retry_after=retry_after))] * 2)
    began = time.monotonic()
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CARRIER_BUSY)
    assert time.monotonic() - began < 5  # of a budget of 20
    assert len(deployment.carrier.sent) == 1


@pytest.mark.parametrize("retry_after", [0.0, -5.0, float("nan")])
async def test_retry_at_once_is_no_licence_to_hammer(deploy: Deploy, retry_after: float) -> None:
    """`Retry-After: 0`, or what is no time at all, still leaves a breath between two tries."""
    running = await deploy(tool={"budget_ms": 500})
    running.carrier.will(*[says(NotProcessed(retry_after=retry_after))] * 200)
    message = await ends(running, await running.send())
    assert message.reason is Reason.CARRIER_BUSY
    assert 2 <= len(running.carrier.sent) <= 8


async def test_a_busy_sender_gives_way(deploy: Deploy) -> None:
    """Where there is another candidate a busy one is tried twice, then the next."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(says(NotProcessed()), says(NotProcessed()))
    outcome = await running.send()
    assert outcome.status is Status.ACCEPTED
    assert [sent.sender for sent in running.carrier.sent] == [AGENT, AGENT, FALLBACK]
    assert [sent.attempt for sent in running.carrier.sent] == [1, 2, 3]


# Refused ------------------------------------------------------------------------------------------------------------------


async def test_a_refused_sender_gives_way(deploy: Deploy) -> None:
    """The next candidate sends the same message as a new attempt; the ledger shows both, and who sent it in the end."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(says(UNREGISTERED))
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.ACCEPTED, None)
    assert [(sent.sender, sent.id) for sent in running.carrier.sent] == [
        (AGENT, outcome.message_id),
        (FALLBACK, outcome.message_id),
    ]
    assert await running.results(outcome) == ["refused", "accepted"]
    assert (await running.message(outcome)).sender == FALLBACK


async def test_the_next_candidate_is_written_and_judged_anew(deploy: Deploy) -> None:
    """Content and eligibility are asked again for each sender: what one may say another may not."""

    class Signature:
        def __init__(self) -> None:
            self.rendered: list[str] = []
            self.judged: list[tuple[str, str]] = []

        @hookimpl
        async def midcall_render_content(self, sender: Sender) -> Content:
            self.rendered.append(sender.number)
            return Content(text=f"From {sender.number[-4:]}", identity="greeting")

        @hookimpl
        async def midcall_check_eligibility(self, draft: Draft) -> Verdict:
            self.judged.append((draft.sender.number, draft.content.text))
            if draft.sender.number == FALLBACK:
                return Verdict.deny(Reason.SENDER_NOT_CAPABLE, "not from there", of_sender=True)
            return Verdict.allow()

    policy = Signature()
    running = await deploy(**WITH_FALLBACKS, policies={"signature": policy})
    running.carrier.will(says(UNREGISTERED))
    assert (await running.send()).status is Status.ACCEPTED
    assert policy.rendered == [AGENT, FALLBACK, THIRD]
    assert policy.judged == [(AGENT, "From 0100"), (FALLBACK, "From 0101"), (THIRD, "From 0102")]
    assert [(sent.sender, sent.text) for sent in running.carrier.sent] == [
        (AGENT, "From 0100"),
        (THIRD, "From 0102"),
    ]


async def test_the_next_candidate_may_be_denied_for_good(deploy: Deploy) -> None:
    """When a policy denies the next draft the text is rejected with the carrier's word on the one that was tried."""

    class OnceOnly:
        asked = 0

        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            self.asked += 1
            return (
                Verdict.allow() if self.asked == 1 else Verdict.deny(Reason.POLICY_DENIED, "once is enough")
            )

    running = await deploy(**WITH_FALLBACKS, policies={"once": OnceOnly()})
    running.carrier.will(says(UNREGISTERED))
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert len(running.carrier.sent) == 1


async def test_all_senders_refused(deploy: Deploy) -> None:
    """The last refusal is the outcome's, with the carrier's words, its code, and whose they are."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(says(UNREGISTERED), says(UNREGISTERED), says(UNREGISTERED))
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert (outcome.detail, outcome.plugin) == ("no campaign", "acme")
    assert [sent.sender for sent in running.carrier.sent] == [AGENT, FALLBACK, THIRD]
    assert (await running.message(outcome)).carrier_code == "30034"


@pytest.mark.parametrize("scope", [Scope.DESTINATION, Scope.CONTENT, Scope.ACCOUNT])
async def test_other_refusals_are_final(deploy: Deploy, scope: Scope) -> None:
    """A refusal that is not the sender's is not tried from another number, and not again."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(says(Refused(Reason.CARRIER_REFUSED, scope, detail="no", code="21211")))
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CARRIER_REFUSED)
    assert (outcome.detail, outcome.plugin) == ("no", "acme")
    assert len(running.carrier.sent) == 1


async def test_no_failover_once_the_agent_has_gone_on(deploy: Deploy) -> None:
    """A refusal that comes after the budget is final: the text is not sent from elsewhere minutes later."""
    running = await deploy(**WITH_FALLBACKS, tool={"budget_ms": 200})
    held = Held(UNREGISTERED)
    running.carrier.will(held)
    outcome = await running.send()
    assert outcome.status is Status.PENDING
    held.release()
    assert outcome.message_id is not None
    message = await running.ledger.wait_for_change(outcome.message_id, since=MessageState.SENDING, timeout=20)
    assert (message.state, message.reason) == (MessageState.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert len(running.carrier.sent) == 1


# Unknown ------------------------------------------------------------------------------------------------------------------


class NoResult:
    """Something that is none of the four results."""


@pytest.mark.parametrize(
    "answer",
    [
        says(Unknown("the connection was reset")),
        raises(ConnectionResetError("reset by peer")),
        raises(TimeoutError()),
        raises(ValueError("not JSON")),
        raises(SystemExit(3)),
        raises(asyncio.CancelledError()),
        says(None),
        says(NoResult()),
        says(Accepted),
        says({"status": "ok"}),
    ],
)
async def test_whatever_may_have_been_sent_is_not_sent_again(deploy: Deploy, answer: Answer) -> None:
    """Unknown, an exception, or nonsense: never repeated, never tried from another number, never called rejected."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(answer)
    outcome = await running.send(id="a")
    assert (outcome.status, outcome.reason) == (Status.UNKNOWN, Reason.CARRIER_SILENT)
    assert outcome.say == "The text should arrive in a moment."
    again = await running.send(id="a")
    assert (again.status, again.duplicate) == (Status.UNKNOWN, True)
    assert len(running.carrier.sent) == 1
    assert await running.results(outcome) == ["unknown"]


async def test_unknown_after_not_processed(deploy: Deploy) -> None:
    """The first certain answer allows a repeat, the uncertain one ends it."""
    running = await deploy(**WITH_FALLBACKS)
    running.carrier.will(says(NotProcessed()), says(Unknown()))
    outcome = await running.send()
    assert outcome.status is Status.UNKNOWN
    assert len(running.carrier.sent) == 2


async def test_a_receipt_settles_what_was_unknown(deployment: Deployment) -> None:
    """A callback with our id proves that the carrier had it."""
    deployment.carrier.will(says(Unknown()))
    outcome = await deployment.send(id="a")
    await deployment.receipt(state="delivered", carrier_id="SM1", message_id=outcome.message_id, attempt=1)
    again = await deployment.send(id="a")
    assert (again.status, again.reason, again.duplicate) == (Status.DELIVERED, None, True)


@pytest.mark.parametrize("raw", [{"half": "\ud83d"}, {"object": object()}, {1: b"bytes"}])
async def test_a_payload_of_any_kind(deployment: Deployment, raw: dict[Any, Any]) -> None:
    """What a carrier keeps in `raw` cannot keep its answer from being recorded."""
    deployment.carrier.will(says(Accepted("SM1", raw=raw)))
    assert (await deployment.send()).status is Status.ACCEPTED
