"""What makes two tool calls the same: the key of a tool call, and the slot of a text (design: never twice)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from midcall.contract.calls import Call, ToolCall

DERIVED_KEY_S = 60.0
"""Seconds a key derived from the arguments holds, so that a later honest second text is possible."""


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of a tool call: `value`, how long it holds in seconds (None: for ever), the hash of its arguments."""

    value: str
    seconds: float | None
    arguments_hash: str


def _digest(parts: Iterable[str]) -> str:
    """A hash no two different lists of parts share: each part is preceded by its length."""
    joined = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        joined.update(f"{len(encoded)}:".encode())
        joined.update(encoded)
    return joined.hexdigest()


def hash_of_arguments(arguments: Mapping[str, Any]) -> str:
    """The same for the same arguments in any order."""
    return _digest([json.dumps(arguments, sort_keys=True, ensure_ascii=True, default=str)])


def key_of(tool_call: ToolCall) -> Key:
    """Platform instance, call, tool and tool call id; without an id, the arguments stand in for it and the key expires."""
    call, arguments = tool_call.call, hash_of_arguments(tool_call.arguments)
    if tool_call.id:
        value = _digest(["id", call.platform, call.id, tool_call.tool, tool_call.id])
        return Key(value=value, seconds=None, arguments_hash=arguments)
    value = _digest(["derived", call.platform, call.id, tool_call.tool, arguments])
    return Key(value=value, seconds=DERIVED_KEY_S, arguments_hash=arguments)


def slot_of(call: Call, destination: str, identity: str, media: Iterable[str]) -> str:
    """The slot that one text holds in one call: a model that asks again under a new id finds it taken."""
    return _digest([call.platform, call.id, destination, identity, *media])
