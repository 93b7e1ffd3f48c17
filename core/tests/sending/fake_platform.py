"""Voice platforms for tests: one that reaches live calls and remembers what it put into them, and one that does not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from midcall import (
    BadSignature,
    Call,
    CallEvent,
    CallEventKind,
    Direction,
    Outcome,
    Platform,
    PlatformSettings,
    ToolCall,
    Unreadable,
    WebhookRequest,
    WebhookResponse,
)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was put into a live call."""

    call_id: str
    text: str
    respond: bool


class Voice(Platform[PlatformSettings]):
    """Its requests are plain JSON, signed with the word "voice"."""

    name = "voice"
    reaches_live_calls = True

    def __init__(self, instance: str, config: PlatformSettings) -> None:
        super().__init__(instance, config)
        self.told: list[Told] = []
        self.failure: Exception | None = None

    def decode_tool_call(self, request: WebhookRequest, tool: str) -> ToolCall:
        told = self._read(request)
        if "call" not in told:
            raise Unreadable("the request has no call", fix="send the call with it")
        return ToolCall(
            call=self._call(told["call"]), tool=tool, arguments=told.get("arguments", {}), id=told.get("id")
        )

    def encode_outcome(self, outcome: Outcome, tool_call: ToolCall) -> WebhookResponse:
        return WebhookResponse(body=json.dumps({"id": tool_call.id, **outcome.as_json()}).encode())

    def decode_event(self, request: WebhookRequest) -> CallEvent:
        told = self._read(request)
        kinds = {"started": CallEventKind.OPENED, "hung_up": CallEventKind.ENDED}
        call = self._call(told["call"]) if "call" in told else None
        return CallEvent(kind=kinds.get(told["event"], CallEventKind.OTHER), name=told["event"], call=call)

    async def tell_call(self, call: Call, text: str, *, respond: bool) -> bool:
        if self.failure is not None:
            raise self.failure
        self.told.append(Told(call.id, text, respond))
        return True

    def _read(self, request: WebhookRequest) -> dict[str, Any]:
        if request.headers.get("x-voice") != "voice":
            raise BadSignature("the request is not signed")
        told: dict[str, Any] = json.loads(request.body)
        return told

    def _call(self, told: dict[str, Any]) -> Call:
        return Call(platform=self.instance, direction=Direction.INBOUND, **told)


class Distant(Voice):
    """A platform that cannot put words into a call that is going on."""

    name = "distant"
    reaches_live_calls = False
