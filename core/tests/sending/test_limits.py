"""How many texts at most: per call, per number, per tool and hour."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from core.tests.sending.deployment import OTHER_USER, WRITTEN_BY_MODEL, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import Held, carrier_id_of, says
from midcall import Draft, Limits, Reason, Refused, Scope, Status, Tool, Unknown, Verdict, hookimpl
from midcall.contract.tool import PredefinedContent

FREELY = {"sms_content": WRITTEN_BY_MODEL}


async def test_per_call_by_default(deploy: Deploy) -> None:
    """Three texts per call, then words that say so; another call has its own three."""
    running = await deploy(tool=FREELY)
    outcomes = [await running.send(message=f"text {number}") for number in range(4)]
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 3 + [Status.REJECTED]
    assert outcomes[3].reason is Reason.LIMIT_PER_CALL
    assert outcomes[3].say == "I've sent as many texts to you as I can for now."
    assert (await running.send(a_call("call-2"), message="text 0")).status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"per_call": 5, "per_number": 100}, Reason.LIMIT_PER_CALL),
        ({"per_call": 100, "per_number": 5}, Reason.LIMIT_PER_NUMBER),
        ({"per_call": 100, "per_number": 100, "per_hour": 5}, Reason.LIMIT_PER_HOUR),
    ],
)
async def test_no_crowd_gets_past_a_limit(deploy: Deploy, limits: dict[str, int], reason: Reason) -> None:
    """Of forty different texts at once exactly the limit is sent; all others are refused with that limit's reason."""
    running = await deploy(tool={**FREELY, "limits": limits})
    outcomes = await asyncio.gather(*(running.send(message=f"text {number}") for number in range(40)))
    assert len(running.carrier.sent) == 5
    assert Counter(outcome.reason for outcome in outcomes) == {None: 5, reason: 35}


async def test_per_number_counts_over_calls(deploy: Deploy) -> None:
    """One person who calls ten times is still one person; somebody else is not."""
    running = await deploy(tool={"limits": {"per_number": 2}})
    outcomes = [await running.send(a_call(f"call-{number}")) for number in range(3)]
    assert [outcome.reason for outcome in outcomes] == [None, None, Reason.LIMIT_PER_NUMBER]
    assert (await running.send(a_call("call-9", user_number=OTHER_USER))).status is Status.ACCEPTED


async def test_per_number_ends_with_the_hour(deploy: Deploy) -> None:
    """Limits by the hour look back an hour."""
    running = await deploy(tool={"limits": {"per_number": 1}})
    clock = running.set_clock()
    await running.send(a_call("call-1"))
    assert (await running.send(a_call("call-2"))).reason is Reason.LIMIT_PER_NUMBER
    clock.advance(3_600 + 60)
    assert (await running.send(a_call("call-3"))).status is Status.ACCEPTED


async def test_per_hour_is_the_tools_own(deploy: Deploy) -> None:
    """One tool's hour does not use up another's."""
    limits = {"limits": {"per_hour": 1}, "budget_ms": 20_000}
    running = await deploy(tool=limits, tools={"other": {**FREELY, **limits}})
    await running.send()
    assert (await running.send(a_call("call-2"))).reason is Reason.LIMIT_PER_HOUR
    assert (await running.send(tool="other", message="Hello")).status is Status.ACCEPTED


async def test_per_call_counts_whatever_tool_sent(deploy: Deploy) -> None:
    """A call has had so many texts, whichever of the agent's tools sent them."""
    running = await deploy(
        tool={"limits": {"per_call": 1}}, tools={"other": {**FREELY, "limits": {"per_call": 1}}}
    )
    await running.send()
    assert (await running.send(tool="other", message="Hello")).reason is Reason.LIMIT_PER_CALL


async def test_a_certain_refusal_is_not_counted(deploy: Deploy) -> None:
    """What was certainly not sent is given back; what may have been sent is not."""
    running = await deploy(tool={**FREELY, "limits": {"per_call": 1}})
    running.carrier.will(says(Refused(Reason.CONTENT_FILTERED, Scope.CONTENT)), says(Unknown()))
    assert (await running.send(message="one")).reason is Reason.CONTENT_FILTERED
    assert (await running.send(message="two")).status is Status.UNKNOWN
    assert (await running.send(message="three")).reason is Reason.LIMIT_PER_CALL


async def test_an_undelivered_text_counts(deploy: Deploy) -> None:
    """The carrier took it and it cost money: a caller with a dead handset does not get one after another."""
    running = await deploy(tool={**FREELY, "limits": {"per_call": 1}})
    await running.send(message="one")
    await running.receipt(state="undelivered", carrier_id=carrier_id_of(running.carrier.sent[0]))
    assert (await running.send(message="two")).reason is Reason.LIMIT_PER_CALL


async def test_one_on_the_wire_counts(deploy: Deploy) -> None:
    """A limit is charged before the wire, not after."""
    running = await deploy(tool={**FREELY, "limits": {"per_call": 1}})
    held = Held()
    running.carrier.will(held)
    first = asyncio.create_task(running.send(message="one"))
    await held.has_it()
    assert (await running.send(message="two")).reason is Reason.LIMIT_PER_CALL
    held.release()
    assert (await first).status is Status.ACCEPTED


async def test_a_limit_that_others_use_up_meanwhile(deploy: Deploy) -> None:
    """Between the early look and the claim another call may take the last place: then the claim refuses, and says who."""

    class LetsAnotherGoFirst:
        first = True

        @hookimpl
        async def midcall_check_eligibility(self, draft: Draft) -> Verdict | None:
            if self.first:
                self.first = False
                assert (await running.send(a_call("call-2"))).status is Status.ACCEPTED
            return None

    running = await deploy(tool={"limits": {"per_hour": 1}}, policies={"slow": LetsAnotherGoFirst()})
    outcome = await running.send(a_call("call-1"))
    assert (outcome.status, outcome.reason, outcome.plugin) == (
        Status.REJECTED,
        Reason.LIMIT_PER_HOUR,
        "midcall",
    )
    assert len(running.carrier.sent) == 1


async def test_duplicates_are_not_counted(deployment: Deployment) -> None:
    """Asking again costs nothing, whatever the id."""
    for _ in range(5):
        await deployment.send(id="a")
        await deployment.send()
    assert await deployment.ledger.over_limit([]) is None
    assert (await deployment.send(a_call(variables={"name": "Grace"}))).status is Status.ACCEPTED
    assert (await deployment.send(a_call(variables={"name": "Edith"}))).status is Status.ACCEPTED


async def test_a_tool_without_limits_counts_for_the_others(deploy: Deploy) -> None:
    """A limit per call is of the call's texts, whichever tool sent them."""
    running = await deploy(tool={"limits": {"per_call": 1}})
    # Null in JSON means Retell's "never set"; in Python None is Midcall's "no limit".
    free = Tool(
        name="free",
        sms_content=PredefinedContent(type="predefined", text="Something else"),
        limits=Limits(per_call=None, per_number=None),
    )
    assert (await running.send(tool=free)).status is Status.ACCEPTED
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LIMIT_PER_CALL)
