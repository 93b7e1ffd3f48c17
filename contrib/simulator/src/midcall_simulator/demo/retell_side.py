"""Retell's part: one call, whose events and tool calls are posted, signed, to the public address."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientError, ClientSession

from midcall_simulator.demo.deployment import TOOL
from midcall_simulator.demo.timeline import Form, Timeline, Tone, Who
from midcall_simulator.demo.waiting import DemoFailed
from midcall_simulator.phones import mask
from midcall_simulator.retell import RetellCall, encode, now_ms, signed_headers

EVENTS = "/platforms/retell/events"
TOOL_CALLS = f"/platforms/retell/tools/{TOOL}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What Retell posts: kept, because a retry is the same request again."""

    body: bytes
    headers: Mapping[str, str]
    tool_call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the HTTP status, and the outcome where there is one."""

    http: int
    outcome: Mapping[str, Any]
    request: Request

    @property
    def status(self) -> str:
        """The outcome's status; `HTTP nnn` when there is none."""
        return str(self.outcome.get("status", f"HTTP {self.http}"))

    @property
    def reason(self) -> str:
        """The outcome's reason, empty when there is none."""
        return str(self.outcome.get("reason", ""))

    @property
    def duplicate(self) -> bool:
        """Whether it is said to have been answered before."""
        return self.outcome.get("duplicate") is True

    @property
    def message_id(self) -> str:
        """The message it is about. Raises `DemoFailed` when the answer names none."""
        identity = self.outcome.get("message_id")
        if not isinstance(identity, str):
            raise DemoFailed(f"the answer to a tool call names no message: HTTP {self.http}, {self.status}")
        return identity


class Line:
    """One call on Retell. Every request it posts, and every answer, goes on the timeline."""

    def __init__(
        self, call: RetellCall, *, http: ClientSession, url: str, key: str, timeline: Timeline
    ) -> None:
        self.call = call
        self._http = http
        self._url = url
        self._key = key
        self._timeline = timeline
        self._over = False
        self.answers: list[Answer] = []
        """What its tool calls were answered, in order."""

    async def started(self) -> None:
        """The event `call_started`."""
        caller, called = mask(self.call.from_number or ""), mask(self.call.to_number or "")
        await self._event(self.call.started(), f"call_started: {caller} calls {called}")

    async def ended(self) -> None:
        """The event `call_ended`."""
        await self._event(self.call.ended(), "call_ended: the caller hung up")
        self._over = True

    def new_request(self, *, key: str | None = None, signed_ms_ago: int = 0) -> Request:
        """The model calls the tool: a new tool call, with an id of its own. `key` signs in place of the right one."""
        payload = self.call.invoke(TOOL)
        identity = str(self.call.transcript[-1]["tool_call_id"])
        body = encode(payload)
        headers = signed_headers(body, key=key or self._key, at_ms=now_ms() - signed_ms_ago)
        return Request(body=body, headers=headers, tool_call_id=identity)

    async def ask(self, request: Request, words: str, *, who: Who = Who.RETELL) -> Answer:
        """Post a tool call and hear what comes back; `words` say what is being done."""
        self._timeline.add(who, words, tool_call_id=request.tool_call_id)
        http, content, ms = await self._post(TOOL_CALLS, request.body, request.headers)
        answer = Answer(http=http, outcome=_json_object(content), request=request)
        if http == 200:
            self.call.result(request.tool_call_id, content)
        self.answers.append(answer)
        self._show(answer, ms, who)
        return answer

    def _show(self, answer: Answer, ms: float, who: Who) -> None:
        outcome, at = answer.outcome, datetime.now(UTC)
        if answer.http == 502:
            words = f"the connection broke after {ms:,.0f} ms: no answer"
            self._timeline.add(who, words, at=at, tone=Tone.BAD, http=502)
            return
        said = [str(answer.status)]
        if answer.reason:
            said.append(answer.reason)
        if answer.duplicate:
            said.append("answered before")
        elif answer.status == "accepted" and (segments := outcome.get("segments")):
            said.append(f"{segments} segment{'' if segments == 1 else 's'}")
        detail = outcome.get("detail") or outcome.get("error")
        about = f" ({detail})" if detail else ""
        self._timeline.add(
            Who.MIDCALL,
            f"answers {answer.http} in {ms:,.0f} ms: {', '.join(said)}{about}",
            at=at,
            tone=Tone.BAD if answer.status == "rejected" else Tone.PLAIN,
            http=answer.http,
            ms=round(ms, 1),
            outcome={name: outcome[name] for name in sorted(outcome) if name != "fix"},
        )
        if answer.http == 200 and outcome.get("speak") is not False and not self._over:
            self._timeline.add(Who.AGENT, str(outcome.get("say", "")), at=at, form=Form.SPEECH)

    async def _event(self, payload: Mapping[str, object], words: str) -> None:
        body = encode(payload)
        at = datetime.now(UTC)
        headers = signed_headers(body, key=self._key, at_ms=now_ms())
        http, content, ms = await self._post(EVENTS, body, headers)
        if http != 204:
            raise DemoFailed(f"the event {payload['event']} was answered {http}: {content[:200]}")
        self._timeline.add(Who.RETELL, f"{words} → {http} in {ms:,.0f} ms", at=at, http=http, ms=round(ms, 1))

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, float]:
        began = time.perf_counter()
        try:
            async with self._http.post(self._url + path, data=body, headers=headers) as answer:
                content = await answer.text()
        except (ClientError, OSError) as error:  # TimeoutError is an OSError
            raise DemoFailed(f"POST {path} got no answer: {type(error).__name__}") from None
        return answer.status, content, (time.perf_counter() - began) * 1000


def _json_object(content: str) -> Mapping[str, Any]:
    try:
        read = json.loads(content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
