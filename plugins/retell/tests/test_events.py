from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from midcall import CallEventKind, Unreadable, WebhookRequest
from midcall_retell import Retell

Signed = Callable[..., WebhookRequest]
Body = dict[str, Any]


def test_a_call_opens(retell: Retell, signed: Signed, body: Body) -> None:
    """`call_started` carries the call, open."""
    event = retell.decode_event(signed({"event": "call_started", "call": body["call"]}))
    assert event.kind is CallEventKind.OPENED
    assert event.name == "call_started"
    assert event.call is not None
    assert event.call.id == "call_1"
    assert event.call.platform == "sales"
    assert event.call.open


@pytest.mark.parametrize("name", ["call_ended", "call_analyzed"])
def test_a_call_ends(retell: Retell, signed: Signed, body: Body, name: str) -> None:
    """Both events end the call, at the time Retell says, or when it told us."""
    call = {**body["call"], "call_status": "registered"}
    request = signed({"event": name, "call": call})
    event = retell.decode_event(request)
    assert event.kind is CallEventKind.ENDED
    assert event.call is not None
    assert event.call.ended_at == request.received_at
    event = retell.decode_event(signed({"event": name, "call": {**call, "end_timestamp": 1703302507000}}))
    assert event.call is not None
    assert event.call.ended_at == datetime(2023, 12, 23, 3, 35, 7, tzinfo=UTC)


def test_transcripts_and_transfers_are_other(retell: Retell, signed: Signed, body: Body) -> None:
    """What neither opens nor ends a call is passed on with its call, received texts in the transcript included."""
    body["call"]["transcript_with_tool_calls"].append(
        {
            "role": "sms",
            "content": "ok",
            "time_sec": 12.5,
            "multimedia": [{"url": "https://example.com/a", "summary": "a cat"}],
        }
    )
    for name in ("transcript_updated", "transfer_started"):
        event = retell.decode_event(signed({"event": name, "call": body["call"]}))
        assert event.kind is CallEventKind.OTHER
        assert event.name == name
        assert event.call is not None
        assert event.call.id == "call_1"


@pytest.mark.parametrize(
    "payload",
    [
        {
            "event": "chat_inbound",
            "chat_inbound": {"agent_id": "a", "from_number": "+12025550142", "to_number": "+12025550100"},
        },
        {"event": "something_new"},
        {"event": "transcript_updated", "call": {"call_id": 5}},
    ],
)
def test_events_without_a_call_are_other(retell: Retell, signed: Signed, payload: Body) -> None:
    """What core ignores is never an error, so Retell does not repeat it."""
    event = retell.decode_event(signed(payload))
    assert event.kind is CallEventKind.OTHER
    assert event.name == payload["event"]
    assert event.call is None


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"event": "call_started"}, "call is not an object"),
        ({"event": "call_ended", "call": {}}, "call.call_id is missing"),
        ({"event": 5}, "event is not text"),
        ({"call": {}}, "event is missing"),
    ],
)
def test_an_event_that_matters_must_be_readable(
    retell: Retell, signed: Signed, payload: Body, named: str
) -> None:
    """An opening or an end that cannot be read is a 400 that names the field."""
    with pytest.raises(Unreadable, match=named):
        retell.decode_event(signed(payload))
