"""Who has opted out gets no text: not by any sender, not by any race."""

from __future__ import annotations

import asyncio

import pytest

from core.tests.sending.deployment import AGENT, OTHER_USER, USER, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of, says
from midcall import (
    Content,
    Draft,
    MessageState,
    NotProcessed,
    Reason,
    Refused,
    Scope,
    Status,
    Verdict,
    hookimpl,
)

FALLBACK = "+12025550101"
WITH_FALLBACK = {"numbers": {AGENT: {"account": "acme", "fallback": [FALLBACK]}}}


async def test_early(deploy: Deploy) -> None:
    """An opt-out is seen before any content is paid for."""

    class Costly:
        asked = 0

        @hookimpl
        async def midcall_render_content(self) -> Content:
            self.asked += 1
            return Content(text="Written at great expense")

    costly = Costly()
    running = await deploy(policies={"costly": costly})
    await running.ledger.opt_out(USER, source="keyword", evidence="STOP")
    outcome = await running.send()
    assert (outcome.status, outcome.reason, outcome.plugin) == (Status.REJECTED, Reason.OPTED_OUT, "midcall")
    assert "opted out" in outcome.say
    assert costly.asked == 0
    assert running.carrier.sent == []


async def test_only_that_number(deployment: Deployment) -> None:
    """Somebody else is texted."""
    await deployment.ledger.opt_out(USER, source="keyword")
    assert (await deployment.send(a_call("2", user_number=OTHER_USER))).status is Status.ACCEPTED


async def test_between_the_look_and_the_claim(deploy: Deploy) -> None:
    """A STOP that arrives while the text is being checked holds: the claim looks again."""

    class WhileWeAreChecking:
        @hookimpl
        async def midcall_check_eligibility(self, draft: Draft) -> Verdict:
            await running.ledger.opt_out(draft.destination.number, source="keyword")
            return Verdict.allow()

    running = await deploy(policies={"slow": WhileWeAreChecking()})
    outcome = await running.send(id="a")
    assert (outcome.status, outcome.reason, outcome.plugin) == (Status.REJECTED, Reason.OPTED_OUT, "midcall")
    assert "opted out" in outcome.say
    assert running.carrier.sent == []
    again = await running.send(id="a")
    assert (again.reason, again.duplicate) == (Reason.OPTED_OUT, True)


@pytest.mark.parametrize("scope", ["acme", AGENT])
async def test_narrower_scopes(deployment: Deployment, scope: str) -> None:
    """An opt-out from one account or one sender holds for that one."""
    await deployment.ledger.opt_out(USER, source="keyword", scope=scope)
    assert (await deployment.send()).reason is Reason.OPTED_OUT
    assert deployment.carrier.sent == []


async def test_a_scope_that_is_not_this_one(deployment: Deployment) -> None:
    """An opt-out from another sender does not."""
    await deployment.ledger.opt_out(USER, source="keyword", scope=FALLBACK)
    assert (await deployment.send()).status is Status.ACCEPTED


async def test_the_carrier_knows_better(deployment: Deployment) -> None:
    """A carrier that refuses because of an opt-out has told us of one: it is written down, and the next text never leaves."""
    deployment.carrier.will(says(Refused(Reason.OPTED_OUT, Scope.DESTINATION, code="21610")))
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.OPTED_OUT)
    (opt_out,) = await deployment.ledger.opt_outs()
    assert (opt_out.number, opt_out.scope, opt_out.source) == (USER, "*", "carrier:acme")
    assert "21610" in opt_out.evidence
    assert (await deployment.send(a_call("call-2"))).reason is Reason.OPTED_OUT
    assert len(deployment.carrier.sent) == 1


@pytest.mark.parametrize("scope", list(Scope))
async def test_never_from_another_number(deploy: Deploy, scope: Scope) -> None:
    """An opted-out recipient is not tried from the fallback, whatever the carrier says the refusal concerns."""
    running = await deploy(**WITH_FALLBACK)
    running.carrier.will(says(Refused(Reason.OPTED_OUT, scope)))
    assert (await running.send()).reason is Reason.OPTED_OUT
    assert [sent.sender for sent in running.carrier.sent] == [AGENT]
    assert await running.ledger.opted_out(USER) is not None


@pytest.mark.parametrize("scope", ["*", FALLBACK])
async def test_a_fallback_is_asked_for_as_well(deploy: Deploy, scope: str) -> None:
    """An opt-out from the next candidate, or one that came meanwhile, keeps the text from leaving from there."""

    async def refuse_and_hear_of_a_stop(_message: object) -> Refused:
        await running.ledger.opt_out(USER, source="keyword", scope=scope)
        return Refused(Reason.SENDER_NOT_REGISTERED, Scope.SENDER)

    running = await deploy(**WITH_FALLBACK)
    running.carrier.will(refuse_and_hear_of_a_stop)
    outcome = await running.send()
    assert outcome.status is Status.REJECTED
    assert [sent.sender for sent in running.carrier.sent] == [AGENT]


async def test_a_receipt_may_tell_of_it(deployment: Deployment) -> None:
    """Some carriers take the text and report the opt-out afterwards."""
    await deployment.send()
    carrier_id = carrier_id_of(deployment.carrier.sent[0])
    await deployment.receipt(state="undelivered", carrier_id=carrier_id, reason="opted_out", code="30004")
    opt_out = await deployment.ledger.opted_out(USER)
    assert opt_out is not None
    assert (opt_out.source, opt_out.evidence) == ("carrier:acme", "receipt 30004")


async def test_lifted(deployment: Deployment) -> None:
    """Who opts in again is texted again."""
    await deployment.ledger.opt_out(USER, source="keyword")
    assert (await deployment.send()).reason is Reason.OPTED_OUT
    await deployment.ledger.lift_opt_out(USER)
    assert (await deployment.send()).status is Status.ACCEPTED


async def test_a_stop_in_the_crowd(deployment: Deployment) -> None:
    """Texts and a STOP at once: what is claimed after the STOP is durable is refused, and none of them is in doubt."""
    calls = [a_call(f"call-{number}") for number in range(40)]

    async def later(number: int) -> object:
        if number == 20:
            await deployment.ledger.opt_out(USER, source="keyword")
            return None
        return await deployment.send(calls[number])

    await asyncio.gather(*(later(number) for number in range(40)))
    stopped_at = (await deployment.ledger.opt_outs())[0].at
    sent = [m for m in await deployment.ledger.messages(limit=100) if m.state is MessageState.ACCEPTED]
    assert len(sent) == len(deployment.carrier.sent)
    assert (await deployment.send(a_call("call-last"))).reason is Reason.OPTED_OUT
    late = [m for m in sent if (m.created_at - stopped_at).total_seconds() > 1]
    assert late == []


async def test_an_opt_out_between_two_attempts(deploy: Deploy) -> None:
    """STOP comes while a repeat waits: the repeat is not made."""
    running = await deploy(tool={"budget_ms": 3_000})
    held = Held(NotProcessed(retry_after=0.1))
    running.carrier.will(held)
    sending = asyncio.create_task(running.send(id="a"))
    await held.has_it()
    await running.ledger.opt_out(USER, source="keyword")
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcome = await sending
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.OPTED_OUT)
    assert len(running.carrier.sent) == 1
