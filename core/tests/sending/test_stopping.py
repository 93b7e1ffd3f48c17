"""Starting, stopping, crashing, and two at once on one ledger."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from core.tests.sending.deployment import WRITTEN_BY_MODEL, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S, Held
from midcall import MessageState, MidcallError, NotProcessed, Reason, Status, hookimpl

_ROOT = Path(__file__).parents[3]


async def test_stopping_waits_for_a_text_in_flight(deploy: Deploy) -> None:
    """What the carrier has is waited for and recorded before anything is closed."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held()
    running.carrier.will(held)
    carrier = running.carrier
    outcome = await running.send(id="a")
    assert outcome.status is Status.PENDING
    stopping = asyncio.create_task(running.midcall.aclose())
    done, _ = await asyncio.wait({stopping}, timeout=0.1)
    assert not done
    assert (carrier.closed, held.cancelled) == (0, False)
    held.release()
    async with asyncio.timeout(WAIT_S):
        await stopping
    assert carrier.closed == 1
    running = await deploy()
    again = await running.send(id="a")
    assert (again.status, again.duplicate) == (Status.ACCEPTED, True)


async def test_no_new_texts_while_stopping(deploy: Deploy) -> None:
    """They are refused with words, in the call's language."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held()
    running.carrier.will(held)
    await running.send()
    stopping = asyncio.create_task(running.midcall.aclose())
    await asyncio.sleep(0)
    outcome = await running.send(a_call("call-2", language="de"))
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.SHUTTING_DOWN)
    assert outcome.say == "Es tut mir leid, ich konnte die SMS nicht senden."
    held.release()
    async with asyncio.timeout(WAIT_S):
        await stopping


async def test_a_request_that_is_being_checked_when_the_stop_comes(deploy: Deploy) -> None:
    """It is waited for like one on the wire: neither ledger nor carrier is closed under it."""

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
    carrier = running.carrier
    sending = asyncio.create_task(running.send(id="a"))
    async with asyncio.timeout(WAIT_S):
        await policy.asked.wait()
        stopping = asyncio.create_task(running.midcall.aclose())
        done, _ = await asyncio.wait({stopping}, timeout=0.1)
        assert (done, carrier.closed) == (set(), 0)
        policy.answer.set()
        outcome = await sending
        await stopping
    assert outcome.status is Status.ACCEPTED
    assert len(carrier.sent) == carrier.closed == 1


async def test_stopped_is_stopped(deployment: Deployment) -> None:
    """Closing twice is no mistake; sending afterwards is one, and says what to do."""
    await deployment.midcall.aclose()
    await deployment.midcall.aclose()
    assert not deployment.midcall.running
    with pytest.raises(MidcallError, match="async with Midcall"):
        await deployment.send()


async def test_started_again(deployment: Deployment) -> None:
    """One Midcall may be stopped and started again."""
    first = await deployment.send(id="a")
    await deployment.midcall.aclose()
    await deployment.midcall.start()
    assert (await deployment.send(id="a")).message_id == first.message_id
    assert (await deployment.send(a_call("call-2"))).status is Status.ACCEPTED


# Crashes ------------------------------------------------------------------------------------------------------------------

_DIES = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import pytest
from core.tests.sending.deployment import Deploy
from core.tests.sending.fake_carrier import Held

async def main():
    with pytest.MonkeyPatch.context() as patch:
        running = await Deploy(Path(sys.argv[2]), patch)()
        held = Held()
        running.carrier.will(held)
        sending = asyncio.create_task(running.send(id="a"))
        await held.has_it()
        print("the carrier has it", flush=True)
        await sending

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the lease tells, not the death")
async def test_killed_while_sending(deploy: Deploy) -> None:
    """Nobody knows what became of the text: unknown from the next start on, told so, and never sent again."""
    dying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DIES, str(_ROOT), str(deploy.folder)), stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout is not None
    async with asyncio.timeout(WAIT_S):
        assert await dying.stdout.readline() == b"the carrier has it\n"
        os.kill(dying.pid, signal.SIGKILL)
        await dying.wait()
    running = await deploy()
    (message,) = await running.ledger.messages()
    assert (message.state, message.reason) == (MessageState.UNKNOWN, Reason.CRASHED)
    again = await running.send(id="a")
    assert (again.status, again.reason, again.duplicate) == (Status.UNKNOWN, Reason.CRASHED, True)
    assert (again.plugin, again.say) == ("midcall", "The text should arrive in a moment.")
    assert (await running.send()).duplicate  # a new id finds the window taken
    assert running.carrier.sent == []


async def test_dead_while_others_live(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running Midcall notices a dead neighbour by itself, and leaves the living alone."""
    monkeypatch.setattr("midcall.app.SWEEP_S", 0.05)
    living, dying = await deploy(), await deploy()
    hers, his = Held(), Held()
    living.carrier.will(hers)
    dying.carrier.will(his)
    sending = [
        asyncio.create_task(living.send(a_call("living"))),
        asyncio.create_task(dying.send(a_call("dying"))),
    ]
    await hers.has_it()
    await his.has_it()
    dying.ledger._ownership.release()  # what the system does when a process dies
    async with asyncio.timeout(WAIT_S):
        while not (lost := await living.ledger.messages(state=MessageState.UNKNOWN)):
            await asyncio.sleep(0.01)
    assert [message.call_id for message in lost] == ["dying"]
    hers.release()
    his.release()
    async with asyncio.timeout(WAIT_S):
        outcomes = await asyncio.gather(*sending)
    # The carrier's word, which came after all, is worth more than the suspicion.
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.ACCEPTED]


# Two on one ledger --------------------------------------------------------------------------------------------------------


async def test_two_on_one_ledger(deploy: Deploy) -> None:
    """However tool calls are spread over two processes, each is one text."""
    both = [await deploy(), await deploy()]
    outcomes = await asyncio.gather(
        *(both[number % 2].send(a_call(f"call-{number % 10}"), id="a") for number in range(60))
    )
    sent = [*both[0].carrier.sent, *both[1].carrier.sent]
    assert len(sent) == len({message.id for message in sent}) == 10
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
    assert sum(not outcome.duplicate for outcome in outcomes) == 10


async def test_one_waits_for_the_other(deploy: Deploy) -> None:
    """A repeat that lands at the other process waits there for the text in flight here."""
    here, there = await deploy(), await deploy()
    held = Held()
    here.carrier.will(held)
    first = asyncio.create_task(here.send(id="a"))
    await held.has_it()
    again = asyncio.create_task(there.send(id="a"))
    done, _ = await asyncio.wait({again}, timeout=0.15)
    assert not done
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcomes = [await first, await again]
    assert [(outcome.status, outcome.duplicate) for outcome in outcomes] == [
        (Status.ACCEPTED, False),
        (Status.ACCEPTED, True),
    ]
    assert there.carrier.sent == []


async def test_limits_are_shared(deploy: Deploy) -> None:
    """A limit is the deployment's, not the process's."""
    tool = {"sms_content": WRITTEN_BY_MODEL, "limits": {"per_call": 4}}
    both = [await deploy(tool=tool), await deploy(tool=tool)]
    await asyncio.gather(*(both[number % 2].send(message=f"text {number}") for number in range(20)))
    assert len(both[0].carrier.sent) + len(both[1].carrier.sent) == 4


async def test_one_starts_while_the_other_sends(deploy: Deploy) -> None:
    """A second process does not take the first one's texts for a dead one's."""
    here = await deploy()
    held = Held()
    here.carrier.will(held)
    sending = asyncio.create_task(here.send())
    await held.has_it()
    there = await deploy()
    (message,) = await there.ledger.messages()
    assert message.state is MessageState.SENDING
    held.release()
    assert (await sending).status is Status.ACCEPTED


async def test_a_repeat_while_stopping_is_told_what_became_of_it(deploy: Deploy) -> None:
    """What was accepted is not called refused because Midcall is stopping."""
    running = await deploy(tool={"budget_ms": 200, "limits": {"per_call": 10}})
    first = await running.send(id="a")
    held = Held()
    running.carrier.will(held)
    await running.send(a_call("call-2"), id="b")
    stopping = asyncio.create_task(running.midcall.aclose())
    await asyncio.sleep(0)
    again = await running.send(id="a")
    assert (again.status, again.duplicate, again.message_id) == (Status.ACCEPTED, True, first.message_id)
    held.release()
    async with asyncio.timeout(WAIT_S):
        await stopping


async def test_nothing_is_repeated_once_stopping(deploy: Deploy) -> None:
    """A text that waits for its repeat is certainly not sent: it is said so, and the stop does not wait for the budget."""
    running = await deploy(tool={"budget_ms": 30_000})
    held = Held(NotProcessed(retry_after=1.0))
    running.carrier.will(held)
    sending = asyncio.create_task(running.send(id="a"))
    await held.has_it()
    stopping = asyncio.create_task(running.midcall.aclose())
    await asyncio.sleep(0)
    carrier = running.carrier  # nobody can ask for it any more once it is closed
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcome = await sending
        await stopping
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CARRIER_BUSY)
    assert len(carrier.sent) == 1


async def test_the_sweep_outlives_what_it_trips_over(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failed look must not be the last: the sweep is what finds the dead."""
    monkeypatch.setattr("midcall.app.SWEEP_S", 0.01)
    running = await deploy()
    looked = asyncio.Event()
    times = 0

    async def trips(**_named: object) -> tuple[()]:
        nonlocal times
        times += 1
        if times > 1:
            looked.set()
        raise RuntimeError("a fault")

    monkeypatch.setattr(running.ledger, "recover", trips)
    async with asyncio.timeout(WAIT_S):
        await looked.wait()
