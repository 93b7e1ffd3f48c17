"""What a scene is given: the world, the timeline, and ways to act, to look and to check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midcall_simulator.demo.checks import Check, SceneReport
from midcall_simulator.demo.deployment import DESK
from midcall_simulator.demo.retell_side import Answer, Line
from midcall_simulator.demo.timeline import Timeline, Tone, Who
from midcall_simulator.demo.world import World
from midcall_simulator.memory import Text
from midcall_simulator.retell import RetellCall


class Stage:
    """One demo under way. `report` is that of the scene that is being played."""

    report: SceneReport

    def __init__(self, world: World, timeline: Timeline) -> None:
        self.world = world
        self.timeline = timeline
        self._calls: dict[str, Line] = {}

    def line(self, name: str, caller: str = "", *, called: str = DESK) -> Line:
        """The call of that person: the one there is, or a new one from `caller` to `called`."""
        if name not in self._calls:
            variables = {"name": name, "time": "7:30 pm", "booking": str(4_800 + len(self._calls))}
            call = RetellCall(f"call_{name.lower()}", caller, called, "inbound", variables)
            self._calls[name] = Line(
                call,
                http=self.world.http,
                url=self.world.door.url,
                key=self.world.deployment.signing_key,
                timeline=self.timeline,
            )
        return self._calls[name]

    async def call_from(self, name: str, caller: str, *, called: str = DESK) -> Line:
        """A call comes in."""
        line = self.line(name, caller, called=called)
        await line.started()
        return line

    def check(self, what: str, seen: object, expected: str) -> None:
        """It has to be so; `expected` may say "this or that"."""
        self.report.checks.append(Check(what=what, expected=expected, seen=str(seen)))

    async def arrived(self, answer: Answer, caller: str) -> Text:
        """The text of this answer is on the phone, its receipts are in, and the ledger says so."""
        text = await self.world.text_to(caller)
        await self.world.receipt(text, "delivered")
        await self.tell_state(await self.world.message_when(answer.message_id, "delivered"))
        return text

    async def tell_state(self, message: Mapping[str, Any]) -> None:
        """How the message got where it is, from the server's own record (`GET /messages/{id}`)."""
        states = list(dict.fromkeys(str(event["state"]) for event in message["events"]))
        made = len(message["attempts_made"])
        requests = f"{made} request{'' if made == 1 else 's'}"
        self.timeline.add(
            Who.MIDCALL,
            f"its ledger: {' → '.join(states) or message['state']}, {requests}",
            tone=Tone.GOOD if message["state"] == "delivered" else Tone.PLAIN,
            message_id=message["id"],
            states=states,
            kinds=[event["kind"] for event in message["events"]],
        )

    async def catch_up(self) -> None:
        """Show what has happened until now."""
        await self.timeline.catch_up()
