"""Never twice, by key: the same tool call is answered the same, however often it comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from core.tests.sending.deployment import OTHER_USER, USER, WRITTEN_BY_MODEL, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of, says
from midcall import Reason, Refused, Scope, Status

FREELY = {"sms_content": WRITTEN_BY_MODEL, "limits": {"per_call": 1_000, "per_number": 1_000}}


async def test_any_number_of_times(deployment: Deployment) -> None:
    """One text; every repeat is told the first outcome, marked as a duplicate, in words that do not promise another."""
    first = await deployment.send(id="a")
    for _ in range(20):
        again = await deployment.send(id="a")
        assert (again.status, again.duplicate, again.message_id) == (Status.ACCEPTED, True, first.message_id)
        assert again.say == "I've already sent you that text."
    assert len(deployment.carrier.sent) == 1


async def test_many_at_once(deployment: Deployment) -> None:
    """Whoever claims first sends; all the others wait and are told what became of it."""
    outcomes = await asyncio.gather(*(deployment.send(id="a") for _ in range(50)))
    assert len(deployment.carrier.sent) == 1
    assert {outcome.message_id for outcome in outcomes} == {deployment.carrier.sent[0].id}
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 50
    assert sorted(outcome.duplicate for outcome in outcomes) == [False] + [True] * 49


async def test_ids_are_the_calls_own(deploy: Deploy) -> None:
    """The same id in another call, of another tool or on another platform is another tool call."""
    running = await deploy(
        tools={"other": {"sms_content": {"type": "predefined", "text": "Hi"}, "budget_ms": 9_000}}
    )
    await running.send(id="a")
    await running.send(a_call("call-2"), id="a")
    await running.send(a_call(platform="distant"), id="a")
    await running.send(id="a", tool="other")
    assert len(running.carrier.sent) == 4


async def test_a_refusal_is_repeated_too(deployment: Deployment) -> None:
    """The first answer stands, even when what it was refused for is gone: a model must not get through by asking again."""
    await deployment.ledger.opt_out(USER, source="person")
    first = await deployment.send(id="a")
    await deployment.ledger.lift_opt_out(USER)
    again = await deployment.send(id="a")
    assert (first.status, first.reason, first.duplicate) == (Status.REJECTED, Reason.OPTED_OUT, False)
    assert (again.status, again.reason, again.duplicate) == (Status.REJECTED, Reason.OPTED_OUT, True)
    assert (again.message_id, again.say, again.detail) == (first.message_id, first.say, first.detail)
    assert deployment.carrier.sent == []


async def test_a_carriers_refusal_is_repeated_too(deployment: Deployment) -> None:
    """The carrier is not asked again by a repeat."""
    deployment.carrier.will(says(Refused(Reason.CONTENT_FILTERED, Scope.CONTENT, code="30007")))
    first = await deployment.send(id="a")
    again = await deployment.send(id="a")
    assert (first.reason, again.reason, again.duplicate) == (
        Reason.CONTENT_FILTERED,
        Reason.CONTENT_FILTERED,
        True,
    )
    assert len(deployment.carrier.sent) == 1


async def test_other_arguments_under_the_same_id(deploy: Deploy) -> None:
    """They are not sent: the first outcome is answered, and a warning is written down for people."""
    running = await deploy(tool=FREELY)
    first = await running.send(id="a", message="At noon")
    again = await running.send(id="a", message="At one o'clock")
    assert (again.status, again.duplicate, again.message_id) == (Status.ACCEPTED, True, first.message_id)
    assert [sent.text for sent in running.carrier.sent] == ["At noon"]
    async with asyncio.timeout(WAIT_S):
        while not (warnings := await running.events(first, "warning")):
            await asyncio.sleep(0.01)  # it is written beside the answer
    assert "other arguments" in warnings[0].data["why"]


async def test_the_same_arguments_leave_no_warning(deploy: Deploy) -> None:
    """The order of a JSON object's keys is nobody's choice."""
    running = await deploy(tool={**FREELY, "trust": ["signalling", "argument"]})
    first = await running.send(id="a", message="At noon", to=OTHER_USER)
    await running.send(id="a", to=OTHER_USER, message="At noon")
    await running.midcall.aclose()  # what is written beside the answer is written now
    running = await deploy()
    assert await running.events(first, "warning") == []


async def test_one_in_flight_is_waited_for(deployment: Deployment) -> None:
    """A repeat that comes while the carrier has the text is answered when the carrier answers."""
    held = Held()
    deployment.carrier.will(held)
    first = asyncio.create_task(deployment.send(id="a"))
    await held.has_it()
    again = asyncio.create_task(deployment.send(id="a"))
    done, _ = await asyncio.wait({again}, timeout=0.05)
    assert not done
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcomes = (await first, await again)
    assert [(outcome.status, outcome.duplicate) for outcome in outcomes] == [
        (Status.ACCEPTED, False),
        (Status.ACCEPTED, True),
    ]
    assert len(deployment.carrier.sent) == 1


async def test_one_in_flight_is_waited_for_within_the_budget(deploy: Deploy) -> None:
    """Each request has its own budget: when that is over the repeat is told that sending goes on."""
    running = await deploy(tool={"budget_ms": 300})
    held = Held()
    running.carrier.will(held)
    first = await running.send(id="a")
    again = await running.send(id="a")
    assert [(outcome.status, outcome.duplicate) for outcome in (first, again)] == [
        (Status.PENDING, False),
        (Status.PENDING, True),
    ]
    held.release()


async def test_replays_show_the_current_state(deployment: Deployment) -> None:
    """Pending becomes accepted, accepted delivered: a repeat is told what is known now."""
    first = await deployment.send(id="a")
    sent = deployment.carrier.sent[0]
    await deployment.receipt(state="delivered", carrier_id=carrier_id_of(sent))
    again = await deployment.send(id="a")
    assert (again.status, again.duplicate, again.message_id) == (Status.DELIVERED, True, first.message_id)


async def test_a_replay_of_a_text_that_did_not_arrive(deployment: Deployment) -> None:
    """What was accepted and then reported undelivered is told as rejected, with the carrier's reason."""
    await deployment.send(id="a")
    sent = deployment.carrier.sent[0]
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(sent), reason="unreachable")
    again = await deployment.send(id="a")
    assert (again.status, again.reason, again.duplicate) == (Status.REJECTED, Reason.UNREACHABLE, True)


async def test_replays_after_the_call(deployment: Deployment) -> None:
    """A platform may repeat a tool call when the call is over: it is told what became of it, not "call ended"."""
    await deployment.send(id="a")
    await deployment.midcall.call_ended(a_call())
    again = await deployment.send(id="a")
    assert (again.status, again.duplicate) == (Status.ACCEPTED, True)


async def test_platforms_without_ids(deploy: Deploy) -> None:
    """Without an id the arguments are the key: the same ones are the same tool call, in any order, others are another."""
    running = await deploy(tool={**FREELY, "window_s": 0})
    first = await running.send(id=None, message="At noon")
    again = await running.send(id=None, message="At noon")
    other = await running.send(id=None, message="At one")
    assert (again.message_id, again.duplicate) == (first.message_id, True)
    assert (other.status, other.duplicate) == (Status.ACCEPTED, False)
    assert [sent.text for sent in running.carrier.sent] == ["At noon", "At one"]


async def test_derived_keys_expire(deploy: Deploy) -> None:
    """After a minute the same wish is an honest second one; a key with an id holds for ever."""
    running = await deploy(tool=FREELY)
    clock = running.set_clock()
    await running.send(id=None, message="At noon")
    clock.advance(59)
    assert (await running.send(id=None, message="At noon")).duplicate
    clock.advance(2)
    second = await running.send(id=None, message="At noon")
    assert (second.status, second.duplicate) == (Status.ACCEPTED, False)
    await running.send(id="a", message="At one")
    clock.advance(86_400)
    assert (await running.send(id="a", message="At one")).duplicate
    assert [sent.text for sent in running.carrier.sent] == ["At noon", "At noon", "At one"]


async def test_a_restart_remembers(deploy: Deploy) -> None:
    """Keys are durable: a platform that repeats to the next process gets the first one's answer."""
    running = await deploy()
    first = await running.send(id="a")
    await running.midcall.aclose()
    running = await deploy()
    again = await running.send(id="a")
    assert (again.status, again.duplicate, again.message_id) == (Status.ACCEPTED, True, first.message_id)
    assert running.carrier.sent == []


async def test_what_is_known_of_the_call_is_used(deploy: Deploy) -> None:
    """A tool call that says little of its call is completed from what opened it: number and variables."""
    running = await deploy()
    await running.midcall.call_opened(a_call())
    bare = replace(a_call(), user_number=None, variables={})
    outcome = await running.send(bare)
    assert outcome.status is Status.ACCEPTED
    (sent,) = running.carrier.sent
    assert sent.destination == a_call().user_number
