"""Retell's JSON: a body from its raw bytes, a call object, and the invocation a request belongs to.

Everything here raises `Unreadable`, naming the field, and nothing else. Unknown fields are ignored: Retell adds some
every month.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from midcall import Call, CallKind, Direction, Unreadable

SPOKEN_ARGUMENT: Final = "execution_message"
"""With "talk while waiting" written as a prompt, Retell's model gives the words it says as one more argument of the tool.
Retell does not document it; it is in `args` and in the transcript's `arguments` of real requests."""

_OVER: Final = frozenset({"ended", "error", "not_connected"})


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`."""
    if not body:
        raise Unreadable("the body is empty", fix="set the method of the function to POST in Retell")
    data = _parse(body)
    if not isinstance(data, dict):
        raise Unreadable("the body is not a JSON object", fix="send what Retell sends, unchanged")
    return data


def _parse(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        pass
    # JavaScript cuts a text in the middle of an emoji and writes half of it, `\ud83d`. The strict parser refuses that, and
    # so would every encoder after us; a question mark in a transcript is better than no text for the caller.
    try:
        whole = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
        return from_json(whole, allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON", fix="send what Retell sends, unchanged") from None


def text_in(data: Mapping[str, Any], key: str, *, path: str) -> str | None:
    """`data[key]` when it is text; None when it is absent, null or empty."""
    value = data.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unreadable(f"{path} is not text")
    return value


def object_in(data: Mapping[str, Any], key: str, *, path: str) -> dict[str, Any]:
    """`data[key]` when it is an object; empty when it is absent or null."""
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{path} is not an object")
    return value


def read_call(call: object, *, platform: str, received_at: datetime) -> Call:
    """Retell's call object.

    The user is `from_number` on an inbound call and `to_number` on an outbound one. Where `direction` is missing, as on web
    calls, the call counts as inbound: the person came to the agent. Should that be wrong for a phone call, the text
    would leave from a number that is not ours, and is refused. A call is over when it has an `end_timestamp` or its
    status says so; then, without that timestamp, it ended by `received_at`.
    """
    if not isinstance(call, dict):
        raise Unreadable("call is not an object", fix="send what Retell sends, unchanged")
    call_id = text_in(call, "call_id", path="call.call_id")
    if call_id is None:
        raise Unreadable("call.call_id is missing", fix="send what Retell sends, unchanged")
    caller = text_in(call, "from_number", path="call.from_number")
    called = text_in(call, "to_number", path="call.to_number")
    direction = _direction(call)
    inbound = direction is Direction.INBOUND
    web = _is_web(call, has_numbers=caller is not None or called is not None)
    ended_at = _time(call, "end_timestamp")
    if ended_at is None and text_in(call, "call_status", path="call.call_status") in _OVER:
        ended_at = received_at
    return Call(
        platform=platform,
        id=call_id,
        direction=direction,
        user_number=None if web else caller if inbound else called,
        agent_number=None if web else called if inbound else caller,
        kind=CallKind.WEB if web else CallKind.PHONE,
        variables=object_in(call, "retell_llm_dynamic_variables", path="call.retell_llm_dynamic_variables"),
        collected=object_in(call, "collected_dynamic_variables", path="call.collected_dynamic_variables"),
        began_at=_time(call, "start_timestamp"),
        ended_at=ended_at,
    )


def invocation_id(call: Mapping[str, Any], *, tool: str, arguments: Mapping[str, Any]) -> str | None:
    """The globally unique id of this invocation of `tool`, out of `transcript_with_tool_calls`.

    Retell puts the invocation last. When a model calls a tool several times at once, others of the same name stand beside
    it, and to take another's id would swallow a text. So only invocations of this tool that have no result yet count;
    of these the last with equal arguments is taken, or the transcript's last item if it is the only one. None when it
    cannot be told: the text is then known by call, tool and arguments.
    """
    path = "call.transcript_with_tool_calls"
    items = call.get("transcript_with_tool_calls")
    if items is None:
        return None
    if not isinstance(items, list):
        raise Unreadable(f"{path} is not a list")
    transcript = [item for item in items if isinstance(item, dict)]
    answered = {
        item.get("tool_call_id")
        for item in transcript
        if item.get("role") == "tool_call_result" and isinstance(item.get("tool_call_id"), str)
    }
    waiting = [
        item
        for item in transcript
        if item.get("role") == "tool_call_invocation"
        and item.get("name") == tool
        and isinstance(item.get("tool_call_id"), str)
        and item["tool_call_id"]
        and item["tool_call_id"] not in answered
    ]
    equal = [item for item in waiting if _arguments(item) == arguments]
    if equal:
        return str(equal[-1]["tool_call_id"])
    if len(waiting) == 1 and waiting[0] is items[-1]:
        return str(waiting[0]["tool_call_id"])
    return None


def without_spoken(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the tool itself: without what the agent said while calling it."""
    return {name: value for name, value in arguments.items() if name != SPOKEN_ARGUMENT}


def _arguments(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """An invocation's arguments: a string of JSON, as published; an object is taken as well."""
    written = item.get("arguments")
    if isinstance(written, str):
        try:
            written = from_json(written, allow_inf_nan=False) if written else {}
        except ValueError:
            return None
    return without_spoken(written) if isinstance(written, dict) else None


def _direction(call: Mapping[str, Any]) -> Direction:
    written = text_in(call, "direction", path="call.direction")
    if written is None:
        return Direction.INBOUND
    try:
        return Direction(written)
    except ValueError:
        raise Unreadable(f"call.direction is {written[:40]!r}, neither inbound nor outbound") from None


def _is_web(call: Mapping[str, Any], *, has_numbers: bool) -> bool:
    kind = text_in(call, "call_type", path="call.call_type")
    if kind in {"web_call", "phone_call"}:
        return kind == "web_call"
    return not has_numbers


def _time(call: Mapping[str, Any], key: str) -> datetime | None:
    """A time in milliseconds since 1970."""
    value = call.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"call.{key} is not a number of milliseconds")
    try:
        return datetime.fromtimestamp(value / 1_000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        raise Unreadable(f"call.{key} is not a time in milliseconds since 1970") from None
