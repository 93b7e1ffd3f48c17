"""A tool call over HTTP, through the real Retell and Twilio plugins, to the simulated carrier."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from midcall_simulator.retell import encode
from tests.server.deployment import AGENT, CALLER, Served, serving

TOOL = "/platforms/retell/tools/send_sms"


async def test_a_text_is_sent_and_delivered(served: Served) -> None:
    """The agent hears "accepted", the carrier gets one text, and its receipts come back signed and settle it."""
    answer = await served.call_tool(served.a_call())
    assert (answer.status, answer.json["status"], answer.json["duplicate"]) == (200, "accepted", False)
    assert answer.json["say"]
    (text,) = served.sim.texts
    assert (text.from_, text.to) == (AGENT, CALLER)
    assert text.body == "Hi Ann, here is your link: https://example.com/b"
    await served.sim.settled()
    assert [record.status for record in served.sim.callbacks][-1] == "delivered"
    shown = (await served.get(f"/messages/{answer.json['message_id']}")).json
    assert shown["state"] == "delivered"


async def test_a_repeat_is_answered_again_and_not_sent_again(served: Served) -> None:
    """The same bytes a second time: the same outcome, marked as a duplicate, and one text."""
    body = encode(served.a_call().invoke("send_sms"))
    first, second = [await served.post_signed(TOOL, body) for _ in range(2)]
    assert first.json["message_id"] == second.json["message_id"]
    assert (first.json["duplicate"], second.json["duplicate"]) == (False, True)
    assert len(served.sim.requests) == 1


async def test_repeats_at_once_send_once(served: Served) -> None:
    """Twenty copies of one request at the same time are one text, and all hear of that one."""
    body = encode(served.a_call().invoke("send_sms"))
    answers = await asyncio.gather(*(served.post_signed(TOOL, body) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["message_id"] for answer in answers}) == 1
    assert len(served.sim.requests) == 1


async def test_a_refusal_is_a_200_with_words(served: Served) -> None:
    """To a platform anything but 200 is a failure to be repeated; the carrier's refusal is not one."""
    answer = await served.call_tool(served.a_call(caller="+17025550111"))  # the simulator's landline
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (200, "rejected", "landline")
    assert answer.json["say"]


async def test_an_unknown_tool_is_a_200_with_words(served: Served) -> None:
    """The agent can say something; the developer is told which tools there are."""
    answer = await served.call_tool(served.a_call(), "send_smss")
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (200, "rejected", "unknown_tool")
    assert answer.json["say"]
    assert "send_sms" in answer.json["detail"]


async def test_a_web_call_has_nobody_to_text(served: Served) -> None:
    """A call from a browser has no number: refused with words, nothing leaves."""
    answer = await served.call_tool(served.a_call(web=True))
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (
        200,
        "rejected",
        "no_caller_number",
    )
    assert answer.json["say"]
    assert served.sim.requests == []


@pytest.mark.parametrize("withheld", ["anonymous", "+266696687", "Restricted"])
async def test_a_withheld_number_cannot_be_texted(served: Served, withheld: str) -> None:
    """Networks write a hidden number in several ways; all are refused with words."""
    answer = await served.call_tool(served.a_call(caller=withheld))
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (
        200,
        "rejected",
        "number_withheld",
    )
    assert served.sim.requests == []


async def test_an_agent_that_hangs_up_does_not_stop_its_text(served: Served) -> None:
    """The platform goes away while the carrier is thinking: the text is sent and recorded all the same."""
    import aiohttp

    from midcall_simulator import Fault, FaultKind
    from midcall_simulator.retell import now_ms, signed_headers
    from tests.server.deployment import KEY

    served.sim.faults.add(Fault(kind=FaultKind.LATE_ANSWER, seconds=1.0))
    body = encode(served.a_call().invoke("send_sms"))
    headers = signed_headers(body, key=KEY, at_ms=now_ms())
    with pytest.raises(TimeoutError):
        async with served.session.post(
            served.url + TOOL, data=body, headers=headers, timeout=aiohttp.ClientTimeout(total=0.5)
        ):
            pass
    async with asyncio.timeout(10):
        while not (found := (await served.get("/messages")).json["messages"]) or found[0]["state"] in (
            "sending",
            "unknown",
        ):
            await asyncio.sleep(0.05)
    assert len(served.sim.texts) == 1
    assert found[0]["state"] in ("accepted", "sent", "delivered")


async def test_a_ledger_that_cannot_be_used_is_told_to_the_agent(ledger: Path) -> None:
    """With the ledger locked by another program nothing is sent, and the agent has words for it: still a 200."""
    import sqlite3

    async with serving(ledger) as served:
        blocker = sqlite3.connect(ledger, isolation_level=None)
        try:
            blocker.execute("BEGIN IMMEDIATE")
            answer = await served.call_tool(served.a_call())
        finally:
            blocker.close()
        assert (answer.status, answer.json["reason"]) == (200, "ledger_unavailable")
        assert answer.json["say"]
        assert served.sim.requests == []
