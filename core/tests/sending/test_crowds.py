"""Never twice, in a crowd: many callers at once, each asking several times."""

from __future__ import annotations

import asyncio
from collections import Counter

from core.tests.sending.deployment import Deploy, a_call
from midcall import Call, Status

CALLS = 500
EACH = 3
BUDGET_MS = 30_000
AREAS = (201, 202, 203, 205, 206)  # each has a hundred numbers that nobody has


def call_of(number: int) -> Call:
    """The call of one of five hundred different people."""
    area, line = divmod(number, 100)
    return a_call(f"call-{number}", user_number=f"+1{AREAS[area]}55501{line:02}")


async def test_five_hundred_tool_calls_three_times_each(deploy: Deploy) -> None:
    """Of 1,500 requests at once 500 send, and the others are told so."""
    running = await deploy(tool={"budget_ms": BUDGET_MS})
    outcomes = await asyncio.gather(
        *(running.send(call_of(number), id=f"id-{number}") for _ in range(EACH) for number in range(CALLS))
    )
    assert Counter(outcome.status for outcome in outcomes) == {Status.ACCEPTED: CALLS * EACH}
    assert Counter(outcome.duplicate for outcome in outcomes) == {False: CALLS, True: CALLS * (EACH - 1)}
    assert len(running.carrier.sent) == CALLS
    assert len({sent.id for sent in running.carrier.sent}) == CALLS


async def test_five_hundred_texts_under_three_ids_each(deploy: Deploy) -> None:
    """The same with new ids every time: the window sees to it."""
    running = await deploy(tool={"budget_ms": BUDGET_MS})
    outcomes = await asyncio.gather(
        *(running.send(call_of(number)) for _ in range(EACH) for number in range(CALLS))
    )
    assert Counter(outcome.status for outcome in outcomes) == {Status.ACCEPTED: CALLS * EACH}
    assert len(running.carrier.sent) == CALLS
    assert len({sent.destination for sent in running.carrier.sent}) == CALLS
