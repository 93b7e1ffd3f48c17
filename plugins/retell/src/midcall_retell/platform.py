"""`Retell`: one Retell workspace whose agents call Midcall's tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from pydantic import Field, SecretStr

from midcall import (
    CallEvent,
    CallEventKind,
    Outcome,
    Platform,
    PlatformSettings,
    Tool,
    ToolCall,
    Unreadable,
    WebhookRequest,
    WebhookResponse,
)
from midcall_retell.export import custom_function
from midcall_retell.payload import invocation_id, object_in, read_body, read_call, text_in, without_spoken
from midcall_retell.signature import HEADER, verify

LONGEST_ANSWER: Final = 15_000
"""Characters of an answer that reach the model (docs.retellai.com/build/conversation-flow/custom-function)."""

_KINDS: Final = {
    "call_started": CallEventKind.OPENED,
    "call_ended": CallEventKind.ENDED,
    "call_analyzed": CallEventKind.ENDED,
}


class RetellSettings(PlatformSettings):
    """`[platforms.retell]`. `api_key`: the workspace's API key with the webhook badge, the only one that signs.
    `tolerance_s`: how far, in seconds, a signature's time may be from ours, either way; Retell's own SDK says 300."""

    customary: ClassVar[Mapping[str, str]] = {"api_key": "RETELL_API_KEY"}

    api_key: SecretStr = Field(min_length=1)
    tolerance_s: int = Field(default=300, ge=1, le=3_600)


class Retell(Platform[RetellSettings]):
    """Decodes Retell's custom functions and call webhooks, and answers them.

    It cannot put words into a live call: that needs Retell's API, and this plugin talks to nobody.
    """

    name: ClassVar[str] = "retell"
    settings: ClassVar[type[PlatformSettings]] = RetellSettings

    def decode_tool_call(self, request: WebhookRequest, tool: str) -> ToolCall:
        """Verify and read one custom function's request; `tool` is the name in the URL.

        Raises `BadSignature`, or `Unreadable` when the body is not what Retell sends with the call in it, or names another
        tool than the URL does.
        """
        body = self._verified(request)
        if body.get("call") is None:
            raise Unreadable(
                "the body has no call, so there is nobody to text",
                fix="turn off 'Payload: args only' in the Retell function's settings",
            )
        called = text_in(body, "name", path="name")
        if called is None:
            raise Unreadable("name, the tool's name, is missing", fix="send what Retell sends, unchanged")
        if called != tool:
            raise Unreadable(
                f"the function is called {called[:80]!r} in Retell, and its URL is of the tool {tool!r}",
                fix="rename the function in Retell, or give it the URL of the tool it is named like",
            )
        call = read_call(body["call"], platform=self.instance, received_at=request.received_at)
        arguments = without_spoken(object_in(body, "args", path="args"))
        return ToolCall(
            call=call,
            tool=tool,
            arguments=arguments,
            id=invocation_id(body["call"], tool=tool, arguments=arguments),
            raw=body,
        )

    def encode_outcome(self, outcome: Outcome, tool_call: ToolCall) -> WebhookResponse:
        """HTTP 200 and the outcome's JSON, refusals too: anything else reads as a failure to Retell, and is repeated.

        At most 15,000 characters, which is all that reaches the model: `detail` is cut first, `say` last.
        """
        answer = outcome.as_json()
        for field in ("detail", "plugin", "say"):
            if len(_json(answer)) <= LONGEST_ANSWER:
                break
            if field in answer:
                answer[field] = _cut(answer[field], LONGEST_ANSWER - len(_json({**answer, field: ""})))
        return WebhookResponse(status=200, body=_json(answer).encode("utf-8", "replace"))

    def decode_event(self, request: WebhookRequest) -> CallEvent:
        """Verify and read one agent webhook, `{"event": ..., "call": {...}}`.

        `call_started` opens the call; `call_ended` ends it, and so does `call_analyzed`, which comes after it, or alone when
        the former was lost. Everything else, events of chats included, is `other`, with the call if there is one.
        Raises `BadSignature` or `Unreadable`.
        """
        body = self._verified(request)
        name = text_in(body, "event", path="event")
        if name is None:
            raise Unreadable(
                "event is missing", fix="give Retell this URL as the agent's webhook, not as a function's"
            )
        kind = _KINDS.get(name, CallEventKind.OTHER)
        if kind is CallEventKind.OTHER:
            # Core ignores these: one that looks odd is not worth Retell's three repeats.
            try:
                call = read_call(body.get("call"), platform=self.instance, received_at=request.received_at)
            except Unreadable:
                return CallEvent(kind=kind, name=name, call=None)
            return CallEvent(kind=kind, name=name, call=call)
        call = read_call(body.get("call"), platform=self.instance, received_at=request.received_at)
        if kind is CallEventKind.ENDED and call.ended_at is None:
            call = replace(call, ended_at=request.received_at)
        return CallEvent(kind=kind, name=name, call=call)

    def export_tool(self, tool: Tool, *, url: str) -> Mapping[str, Any]:
        """Retell's JSON of a custom function that calls `url`: see `midcall_retell.export`."""
        return custom_function(tool, url=url)

    def _verified(self, request: WebhookRequest) -> dict[str, Any]:
        verify(
            request.body,
            request.headers.get(HEADER),
            key=self.config.api_key.get_secret_value(),
            now=request.received_at,
            tolerance_s=self.config.tolerance_s,
        )
        return read_body(request.body)


def _json(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str, room: int) -> str:
    """As much of `text` as fits into `room` characters of JSON, with an ellipsis where it was cut."""
    used = 0
    for at, char in enumerate(text):
        used += (
            len(json.dumps(char, ensure_ascii=False)) - 2
        )  # a quote or a line break takes two characters, some six
        if used > room - 1:
            return f"{text[:at]}…" if room > 0 else ""
    return text
