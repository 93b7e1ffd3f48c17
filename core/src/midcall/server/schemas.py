"""The shapes of what the server answers, for its description: built from the same enums the code uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from midcall.contract.calls import CallKind, Direction
from midcall.contract.messages import MessageState
from midcall.contract.outcomes import Status
from midcall.contract.reasons import Reason

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
STATE: Final[Schema] = {"type": "string", "enum": [state.value for state in MessageState]}

_NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
_YES_OR_NO: Final[Schema] = {"type": "boolean"}
_ANYTHING: Final[Schema] = {"type": "object", "additionalProperties": True}
_REASON: Final[Schema] = {"type": "string", "enum": [reason.value for reason in Reason]}
_NULLABLE_REASON: Final[Schema] = {"type": ["string", "null"], "enum": [*_REASON["enum"], None]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_NULLABLE_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_NUMBER: Final[Schema] = {
    "type": ["string", "null"],
    "description": "In E.164; a call's may be what the network gave in its place, such as `anonymous`.",
}


def reference(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(properties: Mapping[str, Schema], *, optional: Iterable[str] = (), words: str = "") -> Schema:
    """An object whose properties are always there, but for the `optional` ones."""
    left_out = set(optional)
    schema: Schema = {
        "type": "object",
        "required": [name for name in properties if name not in left_out],
        "properties": dict(properties),
    }
    return schema | ({"description": words} if words else {})


def schemas() -> dict[str, Schema]:
    """Every schema, by name."""
    message = _message()
    calls = {
        "platform": TEXT | {"description": "The instance under `[platforms]`, or `cli`."},
        "id": TEXT | {"description": "The platform's own id."},
        "kind": {"type": "string", "enum": [kind.value for kind in CallKind]},
        "direction": {"type": "string", "enum": [direction.value for direction in Direction]},
        "user_number": _NUMBER,
        "agent_number": _NUMBER,
        "began_at": _NULLABLE_TIME,
        "ended_at": _NULLABLE_TIME | {"description": "Null while the call is open."},
        "messages": _list(reference("Message")),
    }
    attempts = {"attempts_made": _list(reference("Attempt")), "events": _list(reference("Event"))}
    return {
        "Outcome": _outcome(),
        "Message": _object(message, words="One text. Numbers and words are whole."),
        "MessageInFull": _object(message | attempts, words="One text with its attempts and its timeline."),
        "Messages": _object({"messages": _list(reference("Message"))}),
        "Verdict": _object(
            {"plugin": TEXT, "allowed": _YES_OR_NO, "reason": _NULLABLE_REASON, "detail": TEXT}
        ),
        "Attempt": _attempt(),
        "Event": _object({"at": _TIME, "kind": TEXT, "state": STATE, "data": _ANYTHING}),
        "Call": _object(calls, words="One call with its texts, newest first."),
        "Problem": _object({"error": TEXT, "fix": TEXT}),
        "Refusal": _object(
            {"status": {"const": "rejected"}, "error": TEXT, "fix": TEXT},
            words="A problem in the shape of an outcome: nothing was sent because of this request.",
        ),
        "Health": _object({"status": {"const": "ok"}}),
        "Readiness": _object(
            {"status": {"type": "string", "enum": ["ready", "not ready"]}, "problems": _list(TEXT)}
        ),
    }


def _outcome() -> Schema:
    properties = {
        "status": {"type": "string", "enum": [status.value for status in Status]},
        "say": TEXT | {"description": "What the agent should say, in the call's language."},
        "speak": _YES_OR_NO | {"description": "Whether the tool asks the agent to speak afterwards."},
        "message_id": TEXT,
        "reason": _REASON,
        "detail": TEXT | {"description": "For a developer."},
        "plugin": TEXT | {"description": "Who refused."},
        "segments": _WHOLE,
        "duplicate": _YES_OR_NO | {"description": "This was answered before, and nothing was sent again."},
    }
    optional = ("message_id", "reason", "detail", "plugin", "segments")
    return _object(properties, optional=optional, words="What the agent is told.")


def _message() -> dict[str, Schema]:
    return {
        "id": TEXT,
        "state": STATE,
        "reason": _NULLABLE_REASON,
        "detail": TEXT,
        "plugin": TEXT,
        "platform": TEXT,
        "call_id": TEXT,
        "tool": TEXT,
        "tool_call_id": _NULLABLE_TEXT,
        "account": _NULLABLE_TEXT,
        "from": _NULLABLE_TEXT,
        "to": _NULLABLE_TEXT,
        "text": TEXT,
        "media": _list(TEXT),
        "encoding": TEXT,
        "segments": _WHOLE,
        "carrier_id": _NULLABLE_TEXT,
        "carrier_code": _NULLABLE_TEXT,
        "attempts": _WHOLE | {"description": "How many there were."},
        "verdicts": _list(reference("Verdict")),
        "created_at": _TIME,
        "updated_at": _TIME,
    }


def _attempt() -> Schema:
    properties = {
        "n": {"type": "integer", "minimum": 1},
        "account": _NULLABLE_TEXT,
        "from": _NULLABLE_TEXT,
        "result": {
            "type": ["string", "null"],
            "enum": ["accepted", "not_processed", "refused", "unknown", None],
            "description": "Null while it is under way.",
        },
        "code": _NULLABLE_TEXT | {"description": "The carrier's own."},
        "started_at": _TIME,
        "ended_at": _NULLABLE_TIME,
        "request": _ANYTHING | {"description": "What was handed to the carrier."},
        "response": _ANYTHING | {"description": "What it answered, as it answered it."},
    }
    return _object(properties, words="One try to hand the text to its carrier.")
