"""A ledger that is locked, slow or gone: before the carrier has the text it is refused, afterwards never called so."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.tests.sending.deployment import Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held
from midcall import LedgerError, MessageState, Reason, Status


@contextlib.contextmanager
def locked(running: Deployment) -> Iterator[None]:
    """Another program writes to the ledger's file and does not end."""
    other = sqlite3.connect(running.ledger_file, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


async def test_locked_at_the_claim(deploy: Deploy) -> None:
    """What cannot be written down is not sent; the answer comes about when it is due."""
    running = await deploy(tool={"budget_ms": 300})
    with locked(running):
        began = time.monotonic()
        outcome = await running.send()
        assert time.monotonic() - began < 5
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LEDGER_UNAVAILABLE)
    assert outcome.message_id is None
    assert outcome.say
    assert running.carrier.sent == []


async def test_locked_for_a_moment(deployment: Deployment) -> None:
    """A lock that goes away within the budget costs time, not the text."""
    with locked(deployment):
        sending = asyncio.create_task(deployment.send())
        done, _ = await asyncio.wait({sending}, timeout=0.2)
        assert not done
    async with asyncio.timeout(WAIT_S):
        assert (await sending).status is Status.ACCEPTED
    assert len(deployment.carrier.sent) == 1


async def test_after_the_lock(deploy: Deploy) -> None:
    """A refusal that could not be recorded leaves the tool call free: the platform's repeat sends."""
    running = await deploy(tool={"budget_ms": 300})
    with locked(running):
        assert (await running.send(id="a")).reason is Reason.LEDGER_UNAVAILABLE
    await asyncio.sleep(0)
    running = await deploy(tool={"budget_ms": 20_000})
    again = await running.send(id="a")
    assert (again.status, again.duplicate) == (Status.ACCEPTED, False)


async def test_a_refusal_is_not_held_up(deploy: Deploy) -> None:
    """The answer "not sent" is the same without its record, and does not wait for a locked ledger beyond the budget."""
    running = await deploy(tool={"budget_ms": 300})
    with locked(running):
        began = time.monotonic()
        outcome = await running.send(a_call(user_number=None))
        took = time.monotonic() - began
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.NUMBER_WITHHELD)
    assert took < 0.9  # a write alone waits a second for a lock


@pytest.mark.parametrize("reading", ["call", "answered", "opted_out", "over_limit"])
async def test_unreadable_before_the_claim(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    """A ledger that cannot be asked is not guessed about."""

    async def fails(*_arguments: Any, **_named: Any) -> None:
        raise LedgerError("the ledger is damaged")

    monkeypatch.setattr(deployment.ledger, reading, fails)
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LEDGER_UNAVAILABLE)
    assert deployment.carrier.sent == []


async def test_a_claim_that_breaks(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a fault nobody thought of is an answer: nothing was claimed, so nothing is sent."""

    async def fails(*_arguments: Any, **_named: Any) -> None:
        raise RuntimeError("a fault in the ledger")

    monkeypatch.setattr(deployment.ledger, "claim", fails)
    async with asyncio.timeout(WAIT_S):
        outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LEDGER_UNAVAILABLE)
    assert deployment.carrier.sent == []


async def test_closed_under_our_feet(deployment: Deployment) -> None:
    """A ledger that has been closed takes no claim."""
    await deployment.ledger.aclose()
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LEDGER_UNAVAILABLE)
    assert deployment.carrier.sent == []


async def test_locked_when_the_carrier_answers(deploy: Deploy) -> None:
    """The carrier has the text: the agent is told it goes on, and the acceptance is written when the lock is gone."""
    running = await deploy(tool={"budget_ms": 400})
    held = Held()
    running.carrier.will(held)
    sending = asyncio.create_task(running.send())
    await held.has_it()
    with locked(running):
        held.release()
        async with asyncio.timeout(WAIT_S):
            outcome = await sending
    assert outcome.status is Status.PENDING
    assert outcome.message_id is not None
    message = await running.ledger.wait_for_change(
        outcome.message_id, since=MessageState.SENDING, timeout=WAIT_S
    )
    assert message.state is MessageState.ACCEPTED
    assert len(running.carrier.sent) == 1


async def test_locked_when_the_opt_out_is_learnt(deployment: Deployment) -> None:
    """A carrier's opt-out is not lost because the ledger was busy when it came."""
    from midcall import Refused, Scope

    held = Held(Refused(Reason.OPTED_OUT, Scope.DESTINATION))
    deployment.carrier.will(held)
    sending = asyncio.create_task(deployment.send())
    await held.has_it()
    with locked(deployment):
        held.release()
        await asyncio.wait({sending}, timeout=0.2)
    async with asyncio.timeout(WAIT_S):
        assert (await sending).reason is Reason.OPTED_OUT
    assert await deployment.ledger.opted_out("+12025550142") is not None


@pytest.mark.parametrize("error", [LedgerError("the disk is full"), RuntimeError("a fault")])
async def test_a_result_that_cannot_be_recorded(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Once the carrier may have it no failure of ours is called "rejected", now or when it is asked again."""
    monkeypatch.setattr("midcall.sending.transport.RECORDING_S", 0.4)
    running = await deploy()

    async def fails(*_arguments: Any, **_named: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(running.ledger, "record_result", fails)
        async with asyncio.timeout(WAIT_S):
            outcome = await running.send(id="a")
    assert (outcome.status, outcome.reason) == (Status.UNKNOWN, Reason.CARRIER_SILENT)
    assert len(running.carrier.sent) == 1
    await running.midcall.aclose()  # it is nobody's any more, and the next start says so
    running = await deploy()
    again = await running.send(id="a")
    assert (again.status, again.reason, again.duplicate) == (Status.UNKNOWN, Reason.CRASHED, True)
    assert running.carrier.sent == []


async def test_an_attempt_that_cannot_be_recorded_is_not_made(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat is written down before it is made, or it is not made; and nobody says it was sent."""
    from core.tests.sending.fake_carrier import says
    from midcall import NotProcessed

    async def fails(*_arguments: Any, **_named: Any) -> bool:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(deployment.ledger, "begin_attempt", fails)
    deployment.carrier.will(says(NotProcessed()))
    async with asyncio.timeout(WAIT_S):
        outcome = await deployment.send()
    assert outcome.status in {Status.UNKNOWN, Status.REJECTED}
    assert len(deployment.carrier.sent) == 1


async def test_a_message_that_is_no_longer_ours(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody else has moved the message meanwhile (a receipt, a recovery) no further attempt is made."""
    from core.tests.sending.fake_carrier import carrier_id_of
    from midcall import NotProcessed, OutboundMessage

    async def busy_but_delivered(message: OutboundMessage) -> NotProcessed:
        await deployment.receipt(
            state="delivered", carrier_id=carrier_id_of(message), message_id=message.id, attempt=1
        )
        return NotProcessed()

    deployment.carrier.will(busy_but_delivered)
    outcome = await deployment.send()
    assert outcome.status is Status.DELIVERED
    assert len(deployment.carrier.sent) == 1


async def test_a_replay_of_an_unreadable_message(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat that cannot follow the message is told what was last known of it."""

    async def fails(*_arguments: Any, **_named: Any) -> None:
        raise LedgerError("the ledger is damaged")

    held = Held()
    deployment.carrier.will(held)
    first = asyncio.create_task(deployment.send(id="a"))
    await held.has_it()
    with monkeypatch.context() as patched:
        patched.setattr(deployment.ledger, "wait_for_change", fails)
        again = await deployment.send(id="a")
    assert (again.status, again.duplicate) == (Status.PENDING, True)
    held.release()
    assert (await first).status is Status.ACCEPTED


async def test_a_repeat_while_the_ledger_fails(deploy: Deploy) -> None:
    """What this process has sent is not called refused because the ledger cannot be asked about it just now."""
    running = await deploy(tool={"budget_ms": 300})
    assert (await running.send(id="a")).status is Status.ACCEPTED

    async def fails(*_arguments: Any, **_named: Any) -> None:
        raise LedgerError("the disk is gone")

    running.ledger.answered = fails  # type: ignore[method-assign]  # the disk cannot be pulled out here
    again = await running.send(id="a")
    assert (again.status, again.duplicate) == (Status.UNKNOWN, True)
    new = await running.send(id="b")
    assert (new.status, new.reason) == (Status.REJECTED, Reason.LEDGER_UNAVAILABLE)
    assert len(running.carrier.sent) == 1
