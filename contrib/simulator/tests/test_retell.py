"""The caller's side of Retell: the JSON it posts, and how it signs."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from midcall_simulator.retell import RetellCall, encode, sign, signed_headers

USER, AGENT = "+12025550142", "+12025550100"


def _call() -> RetellCall:
    return RetellCall("call_1", USER, AGENT, "inbound", {"customer_name": "John"}, started_ms=1703302407333)


def test_the_published_signature() -> None:
    """Retell's own test vector: body, key and time give its digest."""
    assert sign(b'{"event":"call_ended"}', "test-api-key", 1700000000000) == (
        "v=1700000000000,d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e"
    )


def test_signed_headers_are_of_the_bytes_given() -> None:
    """The header signs the very bytes, accents and all, not a re-serialised JSON."""
    body = encode(_call().invoke("send_sms", {"message": "Grüße"}))
    headers = signed_headers(body, key="k", at_ms=1)
    digest = hmac.new(b"k", body + b"1", hashlib.sha256).hexdigest()
    assert headers == {"Content-Type": "application/json", "X-Retell-Signature": f"v=1,d={digest}"}
    assert "Grüße".encode() in body


def test_a_custom_function_call() -> None:
    """The body has name, call and args, and the call has exactly the documented fields."""
    call = _call()
    call.say("agent", "How can I help?")
    call.say("user", "Text me the link.")
    payload = call.invoke("send_sms", {"message": "Hi"}, tool_call_id="tool_call_abc123")
    assert payload == {
        "name": "send_sms",
        "call": {
            "call_id": "call_1",
            "call_type": "phone_call",
            "agent_id": "agent_simulated",
            "agent_version": 1,
            "call_status": "ongoing",
            "from_number": USER,
            "to_number": AGENT,
            "direction": "inbound",
            "metadata": {},
            "retell_llm_dynamic_variables": {"customer_name": "John"},
            "collected_dynamic_variables": {},
            "custom_sip_headers": {},
            "start_timestamp": 1703302407333,
            "transcript": "Agent: How can I help?\nUser: Text me the link.\n",
            "transcript_object": [
                {"role": "agent", "content": "How can I help?", "words": []},
                {"role": "user", "content": "Text me the link.", "words": []},
            ],
            "transcript_with_tool_calls": [
                {"role": "agent", "content": "How can I help?", "words": []},
                {"role": "user", "content": "Text me the link.", "words": []},
                {
                    "role": "tool_call_invocation",
                    "tool_call_id": "tool_call_abc123",
                    "name": "send_sms",
                    "arguments": '{"message":"Hi"}',
                },
            ],
        },
        "args": {"message": "Hi"},
    }


def test_the_last_item_is_always_this_invocation() -> None:
    """Each invocation is the last item of its own body, under an id of its own; an earlier body does not change."""
    call = _call()
    first = call.invoke("send_sms")
    frozen = json.dumps(first)
    call.result("tool_call_call_1_1", '{"status":"accepted"}')
    call.received_sms("Here it is", multimedia=[{"url": "https://example.com/a.png", "summary": "a receipt"}])
    second = call.invoke("send_sms")
    assert json.dumps(first) == frozen
    transcripts = [json.loads(encode(body))["call"]["transcript_with_tool_calls"] for body in (first, second)]
    ids = [items[-1]["tool_call_id"] for items in transcripts]
    assert len(set(ids)) == 2
    assert [item["role"] for item in transcripts[1]] == [
        "tool_call_invocation",
        "tool_call_result",
        "sms",
        "tool_call_invocation",
    ]
    assert transcripts[1][2]["multimedia"][0]["summary"] == "a receipt"
    assert first["args"] == {}


def test_events() -> None:
    """A call starts ongoing and ends ended, with when and why."""
    call = _call()
    started, ended = call.started(), call.ended("agent_hangup", ended_ms=1703302417333)
    assert (started["event"], ended["event"]) == ("call_started", "call_ended")
    opened, closed = json.loads(encode(started))["call"], json.loads(encode(ended))["call"]
    assert (opened["call_status"], closed["call_status"]) == ("ongoing", "ended")
    assert (closed["end_timestamp"], closed["duration_ms"], closed["disconnection_reason"]) == (
        1703302417333,
        10000,
        "agent_hangup",
    )
    assert "end_timestamp" not in opened


def test_a_web_call_has_no_numbers() -> None:
    """A web call leaves out both numbers and the direction; half a phone call is an error."""
    call = json.loads(encode(RetellCall("call_2").started()))["call"]
    assert call["call_type"] == "web_call"
    assert not {"from_number", "to_number", "direction"} & call.keys()
    with pytest.raises(ValueError, match="leave out all three"):
        RetellCall("call_3", USER, AGENT)
