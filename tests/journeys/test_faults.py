"""Whatever the carrier does, one attempt is one POST, and only what certainly did nothing is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from midcall import MessageState, Reason, Settings, Status
from midcall_simulator import Fault, FaultKind, Simulator
from tests.journeys.deployment import CALLER, a_call, deployment

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Case:
    """One fault that never goes away: what the agent hears, how often it may be tried, how many texts left."""

    name: str
    fault: Fault
    status: Status
    texts: int
    reason: Reason | None = None
    repeats: bool = False


CASES = [
    Case("closed before it was taken", Fault(kind=FaultKind.DROP_BEFORE), Status.UNKNOWN, 0),
    Case("closed after it was taken", Fault(kind=FaultKind.DROP_AFTER), Status.UNKNOWN, 1),
    Case("reset before it was taken", Fault(kind=FaultKind.RESET_BEFORE), Status.UNKNOWN, 0),
    Case("reset after it was taken", Fault(kind=FaultKind.RESET_AFTER), Status.UNKNOWN, 1),
    Case("hangs, not taken", Fault(kind=FaultKind.HANG_BEFORE, seconds=8), Status.UNKNOWN, 0),
    Case("hangs, taken", Fault(kind=FaultKind.HANG_AFTER, seconds=8), Status.UNKNOWN, 1),
    Case("half an answer", Fault(kind=FaultKind.UNREADABLE), Status.UNKNOWN, 1),
    Case("500, not taken", Fault(kind=FaultKind.STATUS, status=500), Status.UNKNOWN, 0),
    Case("500, taken", Fault(kind=FaultKind.STATUS, status=500, taken=True), Status.UNKNOWN, 1),
    Case("502, taken", Fault(kind=FaultKind.STATUS, status=502, taken=True), Status.UNKNOWN, 1),
    Case("503, not taken", Fault(kind=FaultKind.STATUS, status=503), Status.UNKNOWN, 0),
    Case("503, taken", Fault(kind=FaultKind.STATUS, status=503, taken=True), Status.UNKNOWN, 1),
    Case("408, taken", Fault(kind=FaultKind.STATUS, status=408, taken=True), Status.UNKNOWN, 1),
    Case("409, taken", Fault(kind=FaultKind.STATUS, status=409, taken=True), Status.UNKNOWN, 1),
    Case(
        "429",
        Fault(kind=FaultKind.RATE_LIMITED),
        Status.REJECTED,
        0,
        reason=Reason.CARRIER_BUSY,
        repeats=True,
    ),
    Case("opted out", Fault(kind=FaultKind.OPTED_OUT), Status.REJECTED, 0, reason=Reason.OPTED_OUT),
    Case("landline", Fault(kind=FaultKind.LANDLINE), Status.REJECTED, 0, reason=Reason.LANDLINE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_one_post_per_attempt_and_no_attempt_after_one_that_may_have_left(
    case: Case, sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """Under each fault: POSTs seen equal attempts made; a second attempt only after "not processed"; a replay adds none."""
    sim.faults.add(case.fault)
    sim.faults.add(Fault(kind=FaultKind.CALLBACK_LOST))  # nothing but the answer tells
    async with deployment(settings_for(budget_ms=4_000)) as midcall:
        outcome = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
        posts = len(sim.requests)
        assert outcome.message_id is not None
        attempts = await midcall.ledger.attempts(outcome.message_id)
        again = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
    assert outcome.status is case.status
    if case.reason:
        assert outcome.reason is case.reason
    assert len(attempts) == posts
    assert (posts > 1) is case.repeats
    assert len(sim.texts) == case.texts
    assert (again.status, again.duplicate) == (case.status, True)
    assert len(sim.requests) == posts


async def test_not_processed_once_is_repeated_and_leaves_once(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """A 429 and then an acceptance: two attempts, one text, "accepted"."""
    sim.faults.add(Fault(kind=FaultKind.RATE_LIMITED, times=1))
    async with deployment(settings_for()) as midcall:
        outcome = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
        assert outcome.message_id is not None
        results = [attempt.result for attempt in await midcall.ledger.attempts(outcome.message_id)]
    assert outcome.status is Status.ACCEPTED
    assert results == ["not_processed", "accepted"]
    assert (len(sim.requests), len(sim.texts)) == (2, 1)


async def test_retry_after_beyond_the_budget_is_not_waited_for(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """A carrier that asks for more time than the agent has is not asked again."""
    sim.faults.add(Fault(kind=FaultKind.RATE_LIMITED, retry_after=30))
    async with deployment(settings_for()) as midcall:
        outcome = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CARRIER_BUSY)
    assert len(sim.requests) == 1


async def test_a_carrier_that_is_not_there_is_not_processed(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """Connection refused: nothing was written, so it is repeated within the budget and then certainly rejected."""
    settings = settings_for(budget_ms=800)
    async with deployment(settings) as midcall:
        await sim.aclose()
        outcome = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
        assert outcome.message_id is not None
        attempts = await midcall.ledger.attempts(outcome.message_id)
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CARRIER_BUSY)
    assert len(attempts) > 1
    assert sim.texts == []


async def test_a_slow_carrier_is_pending_and_the_send_goes_on(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """At the budget the agent hears "pending"; the request is not cancelled and the ledger learns the truth."""
    sim.faults.add(Fault(kind=FaultKind.LATE_ANSWER, seconds=1.0))
    async with deployment(settings_for(budget_ms=300)) as midcall:
        outcome = await midcall.send(a_call(), "send_sms", tool_call_id="t1")
        assert outcome.status is Status.PENDING
        assert outcome.message_id is not None
        message = await midcall.ledger.wait_for_change(
            outcome.message_id, since=MessageState.SENDING, timeout=5
        )
    assert message.state is MessageState.ACCEPTED
    assert (len(sim.requests), len(sim.texts_to(CALLER))) == (1, 1)


async def test_five_hundred_tool_calls_three_times_each_at_once(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """500 tool calls, each repeated 3 times at once under its id: 500 texts, one to each caller."""
    async with deployment(settings_for(budget_ms=30_000, timeout=15.0)) as midcall:
        outcomes = await asyncio.gather(
            *(
                midcall.send(a_call(f"call_{n}", caller=caller(n)), "send_sms", tool_call_id=f"t{n}")
                for n in range(500)
                for _ in range(3)
            )
        )
    assert {(outcome.status, outcome.detail) for outcome in outcomes} == {(Status.ACCEPTED, "")}
    assert sum(not outcome.duplicate for outcome in outcomes) == 500
    assert len(sim.requests) == 500
    assert sorted(text.to for text in sim.texts) == sorted(caller(n) for n in range(500))


async def test_five_hundred_texts_that_a_model_repeats_under_new_ids(
    sim: Simulator, settings_for: Callable[..., Settings]
) -> None:
    """The same with a new id for every repeat: the window makes them one text each."""
    async with deployment(settings_for(budget_ms=30_000, timeout=15.0)) as midcall:
        outcomes = await asyncio.gather(
            *(
                midcall.send(a_call(f"call_{n}", caller=caller(n)), "send_sms", tool_call_id=f"t{n}-{again}")
                for n in range(500)
                for again in range(3)
            )
        )
    assert sum(not outcome.duplicate for outcome in outcomes) == 500
    assert len(sim.requests) == 500
    assert len({text.to for text in sim.texts}) == 500


def caller(n: int) -> str:
    """One of 500 fictional callers."""
    area = (202, 203, 205, 206, 207)[n // 100]
    return f"+1{area}55501{n % 100:02d}"
