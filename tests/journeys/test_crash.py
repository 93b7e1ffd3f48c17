"""`kill -9` at every step between claim and answer: nothing twice, nothing accepted forgotten, the unsure says so."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the SDK ships no types

from midcall import Call, Direction, MessageState, Midcall, Outcome, Status, WebhookRequest, load_settings
from midcall_simulator import Fault, FaultKind, Simulator
from midcall_simulator.twilio import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN
from tests.journeys.deployment import AGENT, CALLER

pytestmark = pytest.mark.timeout(180)

CHILD = Path(__file__).with_name("dying_child.py")
PUBLIC = "https://sms.example.com"
CALL = {
    "platform": "retell",
    "id": "call_1",
    "user_number": CALLER,
    "agent_number": AGENT,
    "variables": {"name": "Ann"},
}


@pytest.mark.parametrize(
    ("step", "afterwards", "texts"),
    [
        ("before the claim", Status.ACCEPTED, 1),
        ("claimed, nothing on the wire", Status.UNKNOWN, 0),
        ("waiting for the carrier", Status.UNKNOWN, 1),
        ("answered, not written down", Status.UNKNOWN, 1),
        ("written down, the agent not told", Status.ACCEPTED, 1),
    ],
)
async def test_after_kill_9_the_same_tool_call_is_answered_truthfully_and_sends_nothing_twice(
    step: str, afterwards: Status, texts: int, sim: Simulator, tmp_path: Path
) -> None:
    """Only before the claim may the platform's repeat send; after it the ledger answers, at once, with what is known."""
    sim.faults.add(Fault(kind=FaultKind.CALLBACK_LOST))
    await send_and_die(step, sim, tmp_path)
    outcome = await send_again(sim, tmp_path)
    assert outcome.status is afterwards
    assert len(sim.texts) == texts
    assert len(sim.requests) <= 1
    once_more = await send_again(sim, tmp_path)
    assert (once_more.status, once_more.duplicate) == (afterwards, True)
    assert len(sim.requests) <= 1


@pytest.mark.parametrize("step", ["waiting for the carrier", "answered, not written down"])
async def test_what_a_crash_left_unknown_is_settled_by_the_carriers_callback(
    step: str, sim: Simulator, tmp_path: Path
) -> None:
    """The callback brings our id back: the message is delivered, though nobody ever read the carrier's answer."""
    sim.faults.add(Fault(kind=FaultKind.CALLBACK_LOST))
    await send_and_die(step, sim, tmp_path)
    async with Midcall(load_settings(environ={}, overrides=overrides(sim, tmp_path))) as midcall:
        (message,) = await midcall.ledger.messages()
        assert message.state is MessageState.UNKNOWN
        (applied,) = await midcall.take_status("twilio", callback(sim, message.id, "delivered"))
        assert applied.moved
        (settled,) = await midcall.ledger.messages()
    assert settled.state is MessageState.DELIVERED
    assert settled.carrier_id == sim.texts[0].sid


async def send_and_die(step: str, sim: Simulator, folder: Path) -> None:
    """Start the child, and see that it died of SIGKILL and of nothing else."""
    if step == "waiting for the carrier":
        sim.faults.add(Fault(kind=FaultKind.HANG_AFTER, seconds=20))
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdin is not None
        child.stdin.write(
            json.dumps({"step": step, "overrides": overrides(sim, folder), "call": CALL}).encode()
        )
        child.stdin.close()
        if step == "waiting for the carrier":
            async with asyncio.timeout(30):
                while not sim.texts:
                    await asyncio.sleep(0.01)
            child.kill()
        assert child.stderr is not None
        said = (await asyncio.wait_for(child.stderr.read(), 40)).decode()
        assert await child.wait() == -signal.SIGKILL, said
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def send_again(sim: Simulator, folder: Path) -> Outcome:
    """The platform repeats its request to a server that has been started again on the same ledger."""
    sim.faults.clear()
    sim.faults.add(Fault(kind=FaultKind.CALLBACK_LOST))
    async with Midcall(load_settings(environ={}, overrides=overrides(sim, folder))) as midcall:
        call = Call(direction=Direction.INBOUND, **CALL)  # type: ignore[arg-type]  # plain JSON, as the child gets it
        return await midcall.send(call, "send_sms", tool_call_id="the only tool call")


def overrides(sim: Simulator, folder: Path) -> dict[str, Any]:
    """The deployment's settings, for this process and the child."""
    account = {"account_sid": DEFAULT_ACCOUNT_SID, "auth_token": DEFAULT_AUTH_TOKEN, "base_url": sim.url}
    content = {"type": "predefined", "text": "Hi {{name}}, here is your link: https://example.com/b"}
    return {
        "server": {"ledger": f"sqlite:///{folder / 'midcall.db'}", "public_url": PUBLIC},
        "accounts": {"twilio": account},
        "tools": {"send_sms": {"type": "send_sms", "sms_content": content, "budget_ms": 5_000}},
    }


def callback(sim: Simulator, message_id: str, status: str) -> WebhookRequest:
    """Twilio's callback for the one text, signed with the account's token."""
    form = {
        "MessageSid": sim.texts[0].sid,
        "MessageStatus": status,
        "AccountSid": DEFAULT_ACCOUNT_SID,
        "To": CALLER,
        "From": AGENT,
    }
    url = f"{PUBLIC}/carriers/twilio/status?m={message_id}&a=1"
    signature = RequestValidator(DEFAULT_AUTH_TOKEN).compute_signature(url, form)
    return WebhookRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature},
        body=urlencode(form).encode(),
        received_at=datetime.now(UTC),
    )
