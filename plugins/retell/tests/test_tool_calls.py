from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import BadSignature, CallKind, Direction, ToolCall, Unreadable, WebhookError, WebhookRequest
from midcall_retell import Retell

Signed = Callable[..., WebhookRequest]
Body = dict[str, Any]


def invocation(call_id: str, arguments: Any, *, name: str = "send_sms") -> Body:
    """One item of a transcript: the model calls a tool."""
    return {
        "role": "tool_call_invocation",
        "tool_call_id": call_id,
        "name": name,
        "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
        "type": "custom",
    }


def test_the_published_payload(retell: Retell, signed: Signed, body: Body) -> None:
    """Every field of Retell's published request finds its place."""
    tool_call = retell.decode_tool_call(signed(body), "send_sms")
    assert tool_call.tool == "send_sms"
    assert tool_call.id == "tool_call_abc123"
    assert tool_call.arguments == {"message": "See you at 3"}
    assert tool_call.raw == body
    call = tool_call.call
    assert call.platform == "sales"
    assert call.id == "call_1"
    assert call.kind is CallKind.PHONE
    assert call.direction is Direction.INBOUND
    assert call.user_number == "+12025550142"
    assert call.agent_number == "+12025550100"
    assert call.variables == {"customer_name": "John"}
    assert call.collected == {"city": "Boston"}
    assert call.began_at == datetime(2023, 12, 23, 3, 33, 27, 333_000, tzinfo=UTC)
    assert call.open


def test_on_an_outbound_call_the_numbers_change_sides(retell: Retell, signed: Signed, body: Body) -> None:
    """The user is who was called; texting the other one would text ourselves."""
    body["call"]["direction"] = "outbound"
    call = retell.decode_tool_call(signed(body), "send_sms").call
    assert call.direction is Direction.OUTBOUND
    assert call.user_number == "+12025550100"
    assert call.agent_number == "+12025550142"


def test_a_web_call_has_no_numbers(retell: Retell, signed: Signed, body: Body) -> None:
    """A call in a browser has neither numbers nor direction, and is still a call."""
    for field in ("from_number", "to_number", "direction"):
        del body["call"][field]
    body["call"]["call_type"] = "web_call"
    call = retell.decode_tool_call(signed(body), "send_sms").call
    assert call.kind is CallKind.WEB
    assert call.user_number is None
    assert call.agent_number is None
    assert call.direction is Direction.INBOUND


@pytest.mark.parametrize("word", ["anonymous", "Restricted", "+266696687", "sip:anonymous@anonymous.invalid"])
def test_a_withheld_number_is_passed_on_as_it_is(
    retell: Retell, signed: Signed, body: Body, word: str
) -> None:
    """What a withheld number means is for core to say; the platform gives what the signalling gave."""
    body["call"]["from_number"] = word
    call = retell.decode_tool_call(signed(body), "send_sms").call
    assert call.user_number == word
    assert call.kind is CallKind.PHONE


def test_without_direction_or_type_a_call_with_numbers_is_an_inbound_phone_call(
    retell: Retell, signed: Signed, body: Body
) -> None:
    """The documented fallback."""
    del body["call"]["direction"]
    del body["call"]["call_type"]
    call = retell.decode_tool_call(signed(body), "send_sms").call
    assert (call.kind, call.direction) == (CallKind.PHONE, Direction.INBOUND)
    assert call.user_number == "+12025550142"


@pytest.mark.parametrize("missing", ["args", "null"])
def test_a_function_without_parameters_sends_no_arguments(
    retell: Retell, signed: Signed, body: Body, missing: str
) -> None:
    """No `args` is no arguments, as long as the call is there."""
    if missing == "args":
        del body["args"]
    else:
        body["args"] = None
    assert retell.decode_tool_call(signed(body), "send_sms").arguments == {}


def test_a_call_that_is_over_says_so(retell: Retell, signed: Signed, body: Body) -> None:
    """A tool call after the end, with or without the time of it, is not of an open call."""
    body["call"]["call_status"] = "ended"
    request = signed(body)
    assert retell.decode_tool_call(request, "send_sms").call.ended_at == request.received_at
    body["call"]["end_timestamp"] = 1703302507000
    ended_at = retell.decode_tool_call(signed(body), "send_sms").call.ended_at
    assert ended_at == datetime(2023, 12, 23, 3, 35, 7, tzinfo=UTC)


def test_what_the_agent_says_while_calling_is_no_argument(retell: Retell, signed: Signed, body: Body) -> None:
    """With "talk while waiting" as a prompt Retell adds `execution_message` to args and transcript; the tool never asked."""
    body["args"]["execution_message"] = "One moment"
    body["call"]["transcript_with_tool_calls"] = [
        invocation("t1", {"message": "See you at 3", "execution_message": "One moment"}),
        invocation("t2", {"message": "another", "execution_message": "One moment"}),
    ]
    tool_call = retell.decode_tool_call(signed(body), "send_sms")
    assert tool_call.arguments == {"message": "See you at 3"}
    assert tool_call.id == "t1"
    assert tool_call.raw["args"]["execution_message"] == "One moment"


THIS = {"message": "See you at 3"}
OTHER = {"message": "Bring your papers"}


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        ([invocation("a", THIS)], "a"),
        # Several at once: each finds its own, whichever stands last.
        ([invocation("a", THIS), invocation("b", OTHER)], "a"),
        ([invocation("a", OTHER), invocation("b", THIS)], "b"),
        ([invocation("a", THIS), invocation("b", {"x": 1}, name="look_up")], "a"),
        # Asked twice in the same words: the later one.
        ([invocation("a", THIS), invocation("b", THIS)], "b"),
        # One that was answered is not this one.
        ([invocation("a", THIS), {"role": "tool_call_result", "tool_call_id": "a", "content": "{}"}], None),
        (
            [
                invocation("a", THIS),
                {"role": "tool_call_result", "tool_call_id": "a", "content": "{}"},
                invocation("b", THIS),
            ],
            "b",
        ),
        # Arguments written otherwise, or not readable: only the last item, and only if there is no other.
        ([{"role": "user", "content": "ok"}, invocation("a", OTHER)], "a"),
        ([invocation("a", "not json")], "a"),
        ([invocation("a", "[" * 10_000)], "a"),
        ([invocation("a", OTHER), invocation("b", "not json")], None),
        ([invocation("a", OTHER), {"role": "user", "content": "ok"}], None),
        ([{**invocation("a", ""), "arguments": THIS}], "a"),
        # Nothing to go by.
        ([invocation("a", THIS, name="look_up")], None),
        ([invocation("", THIS)], None),
        ([{**invocation("a", THIS), "tool_call_id": 5}], None),
        ([{**invocation("a", THIS), "tool_call_id": []}], None),
        ([None, 5, "x", []], None),
        ([], None),
        (None, None),
    ],
)
def test_the_id_is_this_invocations_own_or_none(
    retell: Retell, signed: Signed, body: Body, transcript: Any, expected: str | None
) -> None:
    """Another invocation's id would swallow a text; no id costs nothing, core then derives a key."""
    body["call"]["transcript_with_tool_calls"] = transcript
    assert retell.decode_tool_call(signed(body), "send_sms").id == expected


def test_parallel_invocations_get_different_ids(retell: Retell, signed: Signed, body: Body) -> None:
    """Two texts asked for at once are two texts, though both requests carry the same transcript."""
    body["call"]["transcript_with_tool_calls"] = [invocation("a", THIS), invocation("b", OTHER)]
    ids = [retell.decode_tool_call(signed({**body, "args": args}), "send_sms").id for args in (THIS, OTHER)]
    assert ids == ["a", "b"]


@pytest.mark.parametrize(
    "bare", [{"message": "See you"}, {}, {"name": "send_sms", "args": {}}, {"call": None}]
)
def test_args_only_is_answered_with_the_switch_to_turn_off(
    retell: Retell, signed: Signed, bare: Body
) -> None:
    """Without the call nobody can be texted, and the person who ticked the box is told which one."""
    with pytest.raises(Unreadable) as caught:
        retell.decode_tool_call(signed(bare), "send_sms")
    assert caught.value.fix == "turn off 'Payload: args only' in the Retell function's settings"
    assert caught.value.status == 400


def test_another_tools_url_names_both(retell: Retell, signed: Signed, body: Body) -> None:
    """A function that calls the wrong tool's address must not send that tool's text."""
    with pytest.raises(Unreadable, match=r"'send_sms'.*'send_form'"):
        retell.decode_tool_call(signed(body), "send_form")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("name",), None, "name"),
        (("name",), 5, "name"),
        (("call",), [], "call is not an object"),
        (("call",), "call_1", "call is not an object"),
        (("args",), "x", "args is not an object"),
        (("args",), [1], "args is not an object"),
        (("call", "call_id"), None, "call.call_id is missing"),
        (("call", "call_id"), "", "call.call_id is missing"),
        (("call", "call_id"), 5, "call.call_id is not text"),
        (("call", "from_number"), 12025550142, "call.from_number is not text"),
        (("call", "to_number"), {}, "call.to_number is not text"),
        (("call", "direction"), "sideways", "call.direction is 'sideways'"),
        (("call", "direction"), 1, "call.direction is not text"),
        (("call", "call_type"), [], "call.call_type is not text"),
        (("call", "call_status"), [], "call.call_status is not text"),
        (("call", "start_timestamp"), "yesterday", "call.start_timestamp"),
        (("call", "start_timestamp"), True, "call.start_timestamp"),
        (("call", "start_timestamp"), 1e300, "call.start_timestamp"),
        (("call", "start_timestamp"), 10**400, "call.start_timestamp"),
        (("call", "retell_llm_dynamic_variables"), "x", "call.retell_llm_dynamic_variables is not an object"),
        (("call", "collected_dynamic_variables"), [], "call.collected_dynamic_variables is not an object"),
        (("call", "transcript_with_tool_calls"), "x", "call.transcript_with_tool_calls is not a list"),
    ],
)
def test_a_wrong_type_is_unreadable_and_named(
    retell: Retell, signed: Signed, body: Body, *, path: tuple[str, ...], value: Any, named: str
) -> None:
    """The field is named, and no number is shown."""
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(Unreadable) as caught:
        retell.decode_tool_call(signed(body), "send_sms")
    assert named in str(caught.value)
    assert "5550142" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"call": NaN}',
        b"9" * 10_000,
    ],
)
def test_a_body_that_is_no_json_object(retell: Retell, signed: Signed, raw: bytes) -> None:
    """Signed nonsense is a 400 for both kinds of request."""
    with pytest.raises(Unreadable, match=r"not JSON|not a JSON object"):
        retell.decode_tool_call(signed(raw), "send_sms")
    with pytest.raises(Unreadable, match=r"not JSON|not a JSON object"):
        retell.decode_event(signed(raw))


def test_an_empty_body_is_a_get(retell: Retell, signed: Signed) -> None:
    """Retell signs the empty body of GET and DELETE; the fix is the method."""
    with pytest.raises(Unreadable, match="empty") as caught:
        retell.decode_tool_call(signed(b""), "send_sms")
    assert "POST" in caught.value.fix


def test_half_an_emoji_in_a_transcript_does_not_cost_the_text(
    retell: Retell, signed: Signed, body: Body
) -> None:
    """JavaScript cuts texts inside an emoji; the rest is read, and nothing that cannot be encoded is passed on."""
    body["call"]["transcript"] = "Agent: \ud83d"
    body["call"]["retell_llm_dynamic_variables"]["mood"] = "\ude00"
    tool_call = retell.decode_tool_call(signed(body), "send_sms")
    assert tool_call.id == "tool_call_abc123"
    assert tool_call.call.variables["mood"] == "?"
    json.dumps(tool_call.raw, ensure_ascii=False).encode()


def test_an_unsigned_or_changed_request_is_not_read(retell: Retell, signed: Signed, body: Body) -> None:
    """The signature comes before everything, for tool calls and events."""
    request = signed(body)
    bad = [
        replace(request, headers={}),
        replace(request, body=request.body.replace(b"+12025550142", b"+12025550143")),
        replace(request, received_at=request.received_at + timedelta(seconds=301)),
        replace(request, body=b"not json"),
    ]
    for forged in bad:
        with pytest.raises(BadSignature):
            retell.decode_tool_call(forged, "send_sms")
        with pytest.raises(BadSignature):
            retell.decode_event(forged)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from(["inbound", "outbound", "web_call", "phone_call", "ended", "+12025550142"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
items = st.fixed_dictionaries(
    {"role": st.just("tool_call_invocation"), "name": st.just("send_sms")},
    optional={"tool_call_id": json_values, "arguments": json_values},
)
calls = st.fixed_dictionaries(
    {"call_id": st.just("call_1") | json_values},
    optional={
        "call_type": json_values,
        "call_status": json_values,
        "direction": json_values,
        "from_number": json_values,
        "to_number": json_values,
        "start_timestamp": json_values,
        "end_timestamp": json_values,
        "retell_llm_dynamic_variables": json_values,
        "collected_dynamic_variables": json_values,
        "transcript_with_tool_calls": st.lists(items | json_values, max_size=3) | json_values,
    },
)
bodies = (
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.just("send_sms") | json_values,
            "event": st.sampled_from(["call_started", "call_ended", "transcript_updated"]) | json_values,
            "call": calls | json_values,
            "args": json_values,
        },
    )
    | json_values
)


@given(bodies | st.binary(max_size=40))
def test_decoding_never_fails_otherwise(retell: Retell, signed: Signed, body: Any) -> None:
    """Whatever is signed is a decoded value or a `WebhookError`: an unexpected payload is never a traceback."""
    request = signed(body)
    try:
        tool_call: ToolCall | None = retell.decode_tool_call(request, "send_sms")
    except WebhookError:
        tool_call = None
    try:
        event = retell.decode_event(request)
    except WebhookError:
        event = None
    if tool_call is not None:
        assert tool_call.call.id
        assert tool_call.id is None or tool_call.id
    if event is not None:
        assert event.name
