"""The scenes, in order: one call from its beginning to its end, and beside it what can go wrong with a text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from midcall_simulator.demo.deployment import DESK, SPARE, SUSPECT, UNREGISTERED
from midcall_simulator.demo.stage import Stage
from midcall_simulator.demo.timeline import Tone, Who
from midcall_simulator.demo.waiting import DemoFailed, until
from midcall_simulator.faults import Fault, FaultKind

ANA, BEN, CHLOE, DAN = "+12025550142", "+12025550143", "+12025550144", "+12025550145"
EMMA, FARID, GRACE, HANA = "+12025550146", "+12025550147", "+12025550148", "+12025550149"

TEN_MINUTES_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene, and what the carrier must see of it: POSTs received whole, and texts taken."""

    title: str
    about: str
    requests: int
    texts: int
    play: Callable[[Stage], Awaitable[None]]


async def a_call_comes_in(stage: Stage) -> None:
    """The call is remembered, connections are opened, and the sender is looked up before anybody needs it."""
    await stage.call_from("Ana", ANA)
    await stage.world.looked_up()


async def the_agent_texts(stage: Stage) -> None:
    """The agent calls the tool; the text leaves, and the agent hears what to say."""
    line = stage.line("Ana")
    answer = await line.ask(line.new_request(), "the agent calls send_sms")
    stage.check("the agent is told", answer.status, "accepted or pending")
    await stage.catch_up()
    text = await stage.arrived(answer, ANA)
    stage.check("the text left from", text.from_, DESK)


async def asked_twice(stage: Stage) -> None:
    """A retry has the same tool call id, a repeating model a new one. Neither is a second text."""
    line = stage.line("Ana")
    first = line.new_request()
    request = stage.requests["Ana"]
    again = await line.ask(request.request, f"repeats the very same request ({request.request.tool_call_id})")
    stage.check("the retry is a duplicate", again.duplicate, "True")
    stage.check("the retry is about", again.message_id, request.message_id)
    await stage.catch_up()
    anew = await line.ask(first, f"the model calls send_sms once more ({first.tool_call_id})")
    stage.check("the repeat is a duplicate", anew.duplicate, "True")
    stage.check("the repeat is about", anew.message_id, request.message_id)
