"""The scenes, in order: one call from its beginning to its end, and beside it what can go wrong with a text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from midcall_simulator.demo.deployment import DESK, SPARE, SUSPECT, UNREGISTERED
from midcall_simulator.demo.stage import Stage
from midcall_simulator.demo.timeline import Tone, Who
from midcall_simulator.faults import Fault, FaultKind

ANA, BEN, CHLOE, DAN = "+12025550142", "+12025550143", "+12025550144", "+12025550145"
EMMA, FARID, GRACE, HANA = "+12025550146", "+12025550147", "+12025550148", "+12025550149"

TEN_MINUTES_MS = 600_000

TOOL_IS_CALLED = "the agent calls send_sms"


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
    await stage.world.looked_up(DESK, "Usa2p")


async def the_agent_texts(stage: Stage) -> None:
    """The agent calls the tool; the text leaves, and the agent hears what to say."""
    line = stage.line("Ana")
    answer = await line.ask(line.new_request(), TOOL_IS_CALLED)
    stage.check("the agent is told", answer.status, "accepted or pending")
    await stage.catch_up()
    text = await stage.arrived(answer, ANA)
    stage.check("the text left from", text.from_, DESK)


async def asked_twice(stage: Stage) -> None:
    """A retry has the same tool call id, a repeating model a new one. Neither is a second text."""
    line = stage.line("Ana")
    first = line.answers[0]
    retry = await line.ask(first.request, "repeats the very same request")
    stage.check("the retry is a duplicate", retry.duplicate, "True")
    stage.check("the retry is about", retry.message_id, first.message_id)
    await stage.catch_up()
    anew = await line.ask(line.new_request(), "the model calls send_sms again, under a new id")
    stage.check("the repeat is a duplicate", anew.duplicate, "True")
    stage.check("the repeat is about", anew.message_id, first.message_id)


async def opted_out(stage: Stage) -> None:
    """Only the carrier knows of a STOP, once; from then on nobody is asked."""
    stage.world.sim.phones.opt_out(BEN)
    line = await stage.call_from("Ben", BEN)
    refused = await line.ask(line.new_request(), TOOL_IS_CALLED)
    stage.check("the carrier's refusal", refused.reason, "opted_out")
    await stage.catch_up()
    seen = len(stage.world.sim.requests)
    again = await line.ask(line.new_request(), "the agent tries once more")
    stage.check("the second refusal", again.reason, "opted_out")
    stage.check("requests for the second", len(stage.world.sim.requests) - seen, "0")


async def unregistered(stage: Stage) -> None:
    """The carrier says beforehand that the sender is in no campaign."""
    line = await stage.call_from("Chloe", CHLOE, called=UNREGISTERED)
    await stage.world.looked_up(UNREGISTERED, "IncomingPhoneNumbers.json")
    answer = await line.ask(line.new_request(), TOOL_IS_CALLED)
    stage.check("the agent is told", answer.status, "rejected")
    stage.check("the reason", answer.reason, "sender_not_registered")


async def unregistered_after_all(stage: Stage) -> None:
    """The carrier says so too late: the sender is left alone, and its fallback is used."""
    stage.world.sim.faults.add(Fault(kind=FaultKind.UNREGISTERED, from_=SUSPECT))
    line = await stage.call_from("Dan", DAN, called=SUSPECT)
    answer = await line.ask(line.new_request(), TOOL_IS_CALLED)
    lost = await stage.world.text_to(DAN)
    stage.check("the first text left from", lost.from_, SUSPECT)
    await stage.world.receipt(lost, "undelivered")
    message = await stage.world.message_when(answer.message_id, "undelivered")
    stage.check("the ledger knows the reason", message["reason"], "sender_not_registered")
    await stage.tell_state(message)
    await stage.catch_up()
    anew = await line.ask(line.new_request(), "the caller has nothing yet: the agent tries again")
    stage.check("the second try is a text of its own", anew.duplicate, "False")
    text = await stage.arrived(anew, DAN)
    stage.check("the second text left from", text.from_, SPARE)


async def connection_broke(stage: Stage) -> None:
    """The carrier took the text and its answer got lost: not known, so not sent again; a receipt settles it."""
    world = stage.world
    world.sim.faults.add(Fault(kind=FaultKind.DROP_AFTER, to=EMMA, times=1))
    line = await stage.call_from("Emma", EMMA)
    world.door.hold_receipts()
    answer = await line.ask(line.new_request(), TOOL_IS_CALLED)
    stage.check("the agent is told", answer.status, "unknown or pending")
    await stage.tell_state(await world.message_when(answer.message_id, "unknown"))
    await stage.catch_up()
    anew = await line.ask(line.new_request(), "the model calls send_sms again, under a new id")
    stage.check("the repeat is about", anew.message_id, answer.message_id)
    await stage.catch_up()
    world.door.let_receipts_through()
    await stage.arrived(answer, EMMA)


async def too_busy(stage: Stage) -> None:
    """The carrier certainly took nothing: the text is tried again within the turn, and left once."""
    stage.world.sim.faults.add(Fault(kind=FaultKind.RATE_LIMITED, to=FARID, times=1))
    line = await stage.call_from("Farid", FARID)
    answer = await line.ask(line.new_request(), TOOL_IS_CALLED)
    stage.check("the agent is told", answer.status, "accepted or pending")
    await stage.arrived(answer, FARID)


async def forged(stage: Stage) -> None:
    """A tool call that Retell did not sign, and one it signed long ago."""
    line = stage.line("Grace", GRACE)
    wrong = line.new_request(key="key_of_somebody_else")
    answer = await line.ask(wrong, "a tool call, signed with another key", who=Who.STRANGER)
    stage.check("the forged one is answered", answer.http, "401")
    old = line.new_request(signed_ms_ago=TEN_MINUTES_MS)
    answer = await line.ask(old, "a tool call Retell signed ten minutes ago, played back", who=Who.STRANGER)
    stage.check("the old one is answered", answer.http, "401")


async def crash(stage: Stage) -> None:
    """The server dies between the claim and the carrier's answer, and starts again on the same ledger."""
    world, timeline = stage.world, stage.timeline
    world.sim.faults.add(Fault(kind=FaultKind.HANG_AFTER, to=HANA, times=1))
    line = await stage.call_from("Hana", HANA)
    world.door.hold_receipts()
    request = line.new_request()
    asking = asyncio.create_task(line.ask(request, TOOL_IS_CALLED))
    try:
        await world.text_to(HANA)
        at = datetime.now(UTC)
        pid = await world.server.kill()
        timeline.add(Who.MACHINE, f"kill -9: server process {pid} is gone", at=at, tone=Tone.BAD, pid=pid)
        broken = await asking
    finally:
        asking.cancel()
    stage.check("Retell hears", broken.status, "HTTP 502")
    await stage.catch_up()
    seconds = await world.start_server()
    again = f"started again as process {world.server.pid}, on the same ledger, in {seconds * 1000:,.0f} ms"
    timeline.add(Who.MACHINE, again, seconds=round(seconds, 3))
    retry = await line.ask(request, "repeats the very same request")
    stage.check("the retry is told", retry.status, "unknown")
    stage.check("because", retry.reason, "crashed")
    await stage.catch_up()
    world.door.let_receipts_through()
    await stage.arrived(retry, HANA)
    await stage.catch_up()
    settled = await line.ask(request, "repeats it once more")
    stage.check("the second retry is told", settled.status, "delivered")


async def the_call_is_over(stage: Stage) -> None:
    """Nobody is texted who has hung up."""
    line = stage.line("Ana")
    await line.ended()
    answer = await line.ask(line.new_request(), "a tool call comes after the end of its call")
    stage.check("the agent is told", answer.status, "rejected")
    stage.check("the reason", answer.reason, "call_ended")


SCENES = (
    Scene(
        title="A call comes in",
        about="Before anybody asks for a text, connections are open and the sender has been looked up.",
        requests=0,
        texts=0,
        play=a_call_comes_in,
    ),
    Scene(
        title="The agent sends a text",
        about="While the caller is on the line. The agent is told what to say, and never more than is known.",
        requests=1,
        texts=1,
        play=the_agent_texts,
    ),
    Scene(
        title="Asked twice",
        about="Retell repeats its request, then the model repeats itself. Both are answered from the ledger.",
        requests=0,
        texts=0,
        play=asked_twice,
    ),
    Scene(
        title="A caller who has sent STOP",
        about="The carrier knows it and refuses. The second time Midcall knows it, and nothing reaches the wire.",
        requests=1,
        texts=0,
        play=opted_out,
    ),
    Scene(
        title="A number not registered",
        about="Called on a number without a campaign: refused before the wire.",
        requests=0,
        texts=0,
        play=unregistered,
    ),
    Scene(
        title="Unregistered after all",
        about="The carrier takes the text, then says 30034. That number is left alone; the next one is used.",
        requests=2,
        texts=2,
        play=unregistered_after_all,
    ),
    Scene(
        title="The connection breaks",
        about="Did the text leave? Nobody knows, so it is not sent again. The carrier's receipt settles it.",
        requests=1,
        texts=1,
        play=connection_broke,
    ),
    Scene(
        title="The carrier is too busy",
        about="429 means that certainly nothing was taken: repeated at once, inside the agent's turn.",
        requests=2,
        texts=1,
        play=too_busy,
    ),
    Scene(
        title="Forged tool calls",
        about="Whoever knows the address and not the key gets nothing sent.",
        requests=0,
        texts=0,
        play=forged,
    ),
    Scene(
        title="The server is killed",
        about="Between claim and answer. The ledger is on disk, so the retry finds the text and does not send it.",
        requests=1,
        texts=1,
        play=crash,
    ),
    Scene(
        title="The call is over",
        about="What comes after it is refused.",
        requests=0,
        texts=0,
        play=the_call_is_over,
    ),
)
