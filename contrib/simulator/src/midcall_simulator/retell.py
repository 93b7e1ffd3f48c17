"""The caller's side of Retell: the very JSON Retell posts to a tool server and to an agent's webhook.

Source: Retell's documentation of custom functions and webhooks. Nothing here opens a connection; post the
bytes with any client:

    call = RetellCall("call_1", from_number="+12025550142", to_number="+12025550100", direction="inbound")
    body = encode(call.invoke("send_sms", {"message": "Hi"}))
    headers = signed_headers(body, key="webhook-key", at_ms=now_ms())
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from typing import Literal

SIGNATURE_HEADER = "X-Retell-Signature"


def now_ms() -> int:
    """The time as Retell writes it: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def encode(payload: Mapping[str, object]) -> bytes:
    """The payload as the compact JSON that goes on the wire; sign these bytes and post these bytes."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def sign(body: bytes, key: str, at_ms: int) -> str:
    """The value of X-Retell-Signature: HMAC-SHA256 with the webhook key over the raw body and the time."""
    digest = hmac.new(key.encode(), body + str(at_ms).encode(), hashlib.sha256).hexdigest()
    return f"v={at_ms},d={digest}"


def signed_headers(body: bytes, *, key: str, at_ms: int) -> dict[str, str]:
    """The headers of a POST of this body: content type and signature."""
    return {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, key, at_ms)}


class RetellCall:
    """One call on Retell, as its webhooks and tool calls describe it.

    A phone call has both numbers and a direction; leave all three out for a web call. The transcript grows with
    `say`, `invoke`, `result` and `received_sms`, as it does in a real call. Raises `ValueError` when a phone call
    lacks a number or a direction.
    """

    def __init__(
        self,
        call_id: str,
        from_number: str | None = None,
        to_number: str | None = None,
        direction: Literal["inbound", "outbound"] | None = None,
        variables: Mapping[str, str] | None = None,
        *,
        collected: Mapping[str, str] | None = None,
        metadata: Mapping[str, object] | None = None,
        agent_id: str = "agent_simulated",
        agent_version: int = 1,
        started_ms: int | None = None,
    ) -> None:
        given = (from_number, to_number, direction)
        if any(item is not None for item in given) and None in given:
            raise ValueError(
                "a phone call needs from_number, to_number and direction; leave out all three for a web call"
            )
        self.call_id = call_id
        self.from_number = from_number
        self.to_number = to_number
        self.direction = direction
        self.variables = dict(variables or {})
        self.collected = dict(collected or {})
        self.metadata = dict(metadata or {})
        self.agent_id = agent_id
        self.agent_version = agent_version
        self.started_ms = now_ms() if started_ms is None else started_ms
        self.transcript: list[dict[str, object]] = []
        self._tool_calls = itertools.count(1)

    def say(self, role: Literal["agent", "user"], content: str) -> None:
        """Add an utterance to the transcript."""
        self.transcript.append({"role": role, "content": content, "words": []})

    def received_sms(self, content: str, *, multimedia: Sequence[Mapping[str, str]] = ()) -> None:
        """Add a text the caller sent during the call; `multimedia` items have `url` and `summary`."""
        seconds = max(0.0, (now_ms() - self.started_ms) / 1000)
        self.transcript.append(
            {
                "role": "sms",
                "content": content,
                "time_sec": seconds,
                "multimedia": [dict(item) for item in multimedia],
            }
        )

    def result(self, tool_call_id: str, content: str) -> None:
        """Add what a tool answered to the transcript."""
        self.transcript.append({"role": "tool_call_result", "tool_call_id": tool_call_id, "content": content})

    def invoke(
        self, name: str, args: Mapping[str, object] | None = None, *, tool_call_id: str | None = None
    ) -> dict[str, object]:
        """One invocation of a custom function: the body Retell posts.

        The last transcript item is this invocation; without `tool_call_id` it gets a new one. A retry by Retell is
        the same bytes again, so encode once and post twice.
        """
        arguments = dict(args or {})
        identity = tool_call_id or f"tool_call_{self.call_id}_{next(self._tool_calls)}"
        self.transcript.append(
            {
                "role": "tool_call_invocation",
                "tool_call_id": identity,
                "name": name,
                "arguments": json.dumps(arguments, separators=(",", ":"), ensure_ascii=False),
            }
        )
        return {"name": name, "call": self._call("ongoing"), "args": arguments}

    def started(self) -> dict[str, object]:
        """The `call_started` event."""
        return {"event": "call_started", "call": self._call("ongoing")}

    def ended(self, reason: str = "user_hangup", *, ended_ms: int | None = None) -> dict[str, object]:
        """The `call_ended` event, with Retell's `disconnection_reason`."""
        end = now_ms() if ended_ms is None else ended_ms
        call = self._call("ended")
        call |= {
            "end_timestamp": end,
            "duration_ms": max(0, end - self.started_ms),
            "disconnection_reason": reason,
        }
        return {"event": "call_ended", "call": call}

    def _call(self, status: str) -> dict[str, object]:
        spoken = [item for item in self.transcript if item["role"] in ("agent", "user")]
        names = {"agent": "Agent", "user": "User"}
        call: dict[str, object] = {
            "call_id": self.call_id,
            "call_type": "web_call" if self.direction is None else "phone_call",
            "agent_id": self.agent_id,
            "agent_version": self.agent_version,
            "call_status": status,
        }
        if self.direction is not None:
            call |= {
                "from_number": self.from_number,
                "to_number": self.to_number,
                "direction": self.direction,
            }
        return call | {
            "metadata": dict(self.metadata),
            "retell_llm_dynamic_variables": dict(self.variables),
            "collected_dynamic_variables": dict(self.collected),
            "custom_sip_headers": {},
            "start_timestamp": self.started_ms,
            "transcript": "".join(f"{names[str(item['role'])]}: {item['content']}\n" for item in spoken),
            "transcript_object": [dict(item) for item in spoken],
            "transcript_with_tool_calls": [dict(item) for item in self.transcript],
        }
