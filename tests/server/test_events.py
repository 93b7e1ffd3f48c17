"""Call events: a call opens, is warmed up for, ends, and is then texted no more."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from tests.server.deployment import Served

EVENTS = "/platforms/retell/events"


async def test_a_call_from_its_beginning_to_its_end(served: Served) -> None:
    """Opened, texted, ended: it is shown with its times, and a tool call after the end is refused."""
    call = served.a_call()
    assert (await served.post_signed(EVENTS, call.started())).status == 204
    shown = (await served.get(f"/calls/{call.call_id}")).json
    assert (shown["platform"], shown["ended_at"], shown["messages"]) == ("retell", None, [])
    assert (await served.call_tool(call)).json["status"] == "accepted"
    assert (await served.post_signed(EVENTS, call.ended())).status == 204
    shown = (await served.get(f"/calls/{call.call_id}")).json
    assert shown["ended_at"]
    assert len(shown["messages"]) == 1
    late = await served.call_tool(call, again="yes")
    assert (late.status, late.json["reason"]) == (200, "call_ended")


async def test_the_end_of_a_call_nobody_knew(served: Served) -> None:
    """The event that opened it was lost: its end is taken all the same."""
    call = served.a_call()
    assert (await served.post_signed(EVENTS, call.ended())).status == 204
    assert (await served.get(f"/calls/{call.call_id}")).json["ended_at"]


async def test_the_same_event_again(served: Served) -> None:
    """Platforms repeat: taken, and nothing changes."""
    call = served.a_call()
    ended = call.ended()
    for _ in range(3):
        assert (await served.post_signed(EVENTS, ended)).status == 204
    first = (await served.get(f"/calls/{call.call_id}")).json
    assert (await served.post_signed(EVENTS, call.started())).status == 204
    assert (await served.get(f"/calls/{call.call_id}")).json["ended_at"] == first["ended_at"]


async def test_an_event_of_another_kind(served: Served) -> None:
    """Events that say nothing of a call are taken, so that nobody repeats them."""
    for event in (
        {"event": "agent_published"},
        {"event": "chat_started", "chat": {}},
        {"event": "x" * 3_000},
    ):
        assert (await served.post_signed(EVENTS, event)).status == 204


async def test_an_event_that_cannot_be_kept_is_asked_for_again(served: Served, ledger: Path) -> None:
    """With the ledger locked the answer is 503, so that the platform repeats it; then it is taken."""
    call = served.a_call()
    blocker = sqlite3.connect(ledger, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(
        served.post_signed(EVENTS, call.started()), served.post_signed(EVENTS, call.ended())
    )
    blocker.close()
    assert [answer.status for answer in answers] == [503, 503]
    assert all("locked" in answer.json["error"] and answer.json["fix"] for answer in answers)
    assert asyncio.get_running_loop().time() - began < 5
    assert (await served.post_signed(EVENTS, call.ended())).status == 204
    assert (await served.get(f"/calls/{call.call_id}")).json["ended_at"]
