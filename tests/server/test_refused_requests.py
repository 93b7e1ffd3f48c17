"""Requests that are not taken: every one is answered in JSON, with what is wrong and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from midcall_simulator.retell import encode, now_ms, signed_headers
from tests.server.deployment import KEY, Served, quoted

TOOL = "/platforms/retell/tools/send_sms"
EVENTS = "/platforms/retell/events"


def _refused(answer: Any, status: int) -> str:
    """Its words, once it is known to be a refusal of this status that says what to do and that nothing was sent."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["status"] == "rejected"
    assert answer.json["fix"]
    return f"{answer.json['error']} -- {answer.json['fix']}"


# Signatures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TOOL, EVENTS])
async def test_a_request_that_is_not_signed(served: Served, path: str) -> None:
    """No signature, somebody else's, one of yesterday or one that is unreadable: 401, and nothing is done."""
    call = served.a_call()
    body = encode(call.invoke("send_sms") if path == TOOL else call.started())
    missing = await served.ask("POST", path, body=body)
    assert "X-Retell-Signature" in _refused(missing, 401)
    wrong = await served.post_signed(path, body, key="another key")
    assert "api_key" in _refused(wrong, 401)
    stale = await served.post_signed(path, body, late_s=400)
    assert "clock" in _refused(stale, 401)
    changed = await served.ask(
        "POST", path, body=body + b" ", headers=signed_headers(body, key=KEY, at_ms=now_ms())
    )
    _refused(changed, 401)
    twice = signed_headers(body, key=KEY, at_ms=now_ms())
    odd = await served.ask("POST", path, body=body, headers=twice | {"X-Retell-Signature": "v=1,d=2"})
    _refused(odd, 401)
    assert served.sim.requests == []
    assert (await served.get("/messages")).json["messages"] == []


async def test_two_signatures_are_none(served: Served) -> None:
    """A request with the header twice, one of them right, is not taken: which one counts would be a guess."""
    from multidict import CIMultiDict

    body = encode(served.a_call().invoke("send_sms"))
    right = signed_headers(body, key=KEY, at_ms=now_ms())["X-Retell-Signature"]
    headers = CIMultiDict([("X-Retell-Signature", f"v=1,d={'0' * 64}"), ("X-Retell-Signature", right)])
    _refused(await served.ask("POST", TOOL, body=body, headers=headers), 401)


# Payloads -------------------------------------------------------------------------------------------------------------


async def test_arguments_alone(served: Served) -> None:
    """With "Payload: args only" the call is lost; the answer names the switch to turn off."""
    assert "args only" in _refused(await served.post_signed(TOOL, {"message": "hello"}), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe{}",
        b"[]",
        b'"text"',
        b"null",
        b"1e999",
        b'{"call": NaN}',
        b"[" * 100_000,
        b'{"name": "send_sms", "call": []}',
        b'{"name": "send_sms", "call": {"call_id": 7}}',
        b'{"name": 7, "call": {"call_id": "x"}}',
        b'{"name": "send_sms", "args": [], "call": {"call_id": "x"}}',
        b'{"name": "send_sms", "args": {}, "call": {"call_id": "x", "direction": "sideways"}}',
        b'{"name": "send_sms", "args": {}, "call": {"call_id": "x", "from_number": 12025550142}}',
        b'{"name": "send_sms", "args": {}, "call": {"call_id": "x", "start_timestamp": 1e30}}',
        b'{"name": "send_sms", "args": {}, "call": {"call_id": "x", "transcript_with_tool_calls": {}}}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
async def test_what_is_signed_and_still_unreadable(served: Served, body: bytes) -> None:
    """Not JSON, no object, or fields of the wrong type: 400 and never a 500."""
    _refused(await served.post_signed(TOOL, body), 400)


async def test_an_address_of_another_tool(served: Served) -> None:
    """The function's name in the body and the tool in the address must agree; the answer names both."""
    words = _refused(await served.post_signed(TOOL, served.a_call().invoke("send_offer")), 400)
    assert "send_offer" in words
    assert "send_sms" in words


async def test_an_event_at_the_wrong_address(served: Served) -> None:
    """A function's request sent to the events, and an event sent to a tool, are both told so."""
    assert "event" in _refused(await served.post_signed(EVENTS, served.a_call().invoke("send_sms")), 400)
    assert "name" in _refused(await served.post_signed(TOOL, served.a_call().started()), 400)


# Places ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sales", "Retell", "retell ", "re/tell", "rétell", "x" * 5_000, "..", "%"])
async def test_an_unknown_instance(served: Served, name: str) -> None:
    """404 that names the ones there are, for tool calls and events; what was asked for is not repeated at length."""
    for rest in ("tools/send_sms", "events"):
        answer = await served.ask(
            "POST", f"/platforms/{quoted(name)}/{rest}", body=b"{}", described=name != ".."
        )
        assert "retell" in _refused(answer, 404)
        assert len(answer.body) < 1_000


async def test_an_unknown_account(served: Served) -> None:
    """404 that names the ones there are."""
    answer = await served.ask("POST", "/carriers/eu/status", body=b"")
    assert "twilio" in _refused(answer, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/platforms",
        "/platforms/",
        "/platforms/retell",
        "/platforms/retell/",
        "/platforms/retell/tools",
        "/platforms/retell/tools/",
        "/platforms/retell/tools/send_sms/",
        "/platforms/retell/tools/send_sms/more",
        "/platforms/retell/tools%2Fsend_sms",
        "/platforms%2Fretell/tools/send_sms",
        "/platforms/retell//tools/send_sms",
        "//platforms/retell/tools/send_sms",
        "/platforms/retell/events/",
        "/carriers/twilio",
        "/carriers/twilio/status/",
        "/carriers/twilio/inbound",
        "/messages/",
        "/",
        "//",
        "/nowhere",
        "/" + "x" * 20_000,
        "/%F0%9F%91%8B",
        "/platforms/%00/tools/send_sms",
        "/platforms/../healthz",
    ],
    ids=lambda path: path[:60],
)
async def test_a_path_that_is_no_route(served: Served, path: str) -> None:
    """404 in JSON with a fix, whatever stands in it; no slash is overlooked, none redirects."""
    answer = await served.ask("POST", path, body=b"{}", described=False)
    assert answer.status == 404
    assert {"error", "fix"} <= set(answer.json)
    assert len(answer.body) < 1_000


async def test_a_tool_name_of_any_kind_is_a_matter_for_the_agent(served: Served) -> None:
    """Whatever stands where the tool does, signed, is an unknown tool: a 200 with words, never a 500."""
    for name in ("send%2Fsms", "a b", "é", "%", "x" * 3_000):
        call = served.a_call()
        answer = await served.post_signed(f"/platforms/retell/tools/{quoted(name)}", call.invoke(name))
        assert (answer.status, answer.json["reason"]) == (200, "unknown_tool")


# Methods --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "allowed"), [(TOOL, "POST"), (EVENTS, "POST"), ("/carriers/twilio/status", "POST, GET")]
)
async def test_other_methods_of_webhooks(served: Served, path: str, allowed: str) -> None:
    """405 with `Allow`; a GET of a carrier is a callback, which then lacks its signature."""
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        answer = await served.ask(method, path)
        if method in allowed:
            assert answer.status == 401
            continue
        assert answer.status == 405
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/messages", "/messages/x", "/calls/x", "/healthz", "/readyz", "/openapi.json"]
)
async def test_other_methods_of_pages(served: Served, path: str) -> None:
    """405 in JSON with `Allow`, where Starlette would answer in plain text."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await served.ask(method, path)
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"
        assert answer.json["fix"]


async def test_head_of_pages(served: Served) -> None:
    """HEAD is GET without the body, for whoever watches."""
    answer = await served.ask("HEAD", "/healthz")
    assert (answer.status, answer.body) == (200, b"")


# Faults of ours -------------------------------------------------------------------------------------------------------


async def test_a_fault_inside_says_nothing_of_the_inside(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A plugin that raises anything at all is a 500 in JSON; the cause stands in the log and nowhere else."""

    def broken(*_args: object, **_named: object) -> Mapping[str, str]:
        raise RuntimeError("the inside of Midcall")

    monkeypatch.setattr(served.midcall.platforms["retell"], "decode_tool_call", broken)
    monkeypatch.setattr(served.midcall.ledger, "messages", broken)
    for answer in (await served.call_tool(served.a_call()), await served.get("/messages")):
        assert answer.status == 500
        assert "inside of Midcall" not in answer.body.decode()
        assert json.loads(answer.body)["fix"]
    assert "the inside of Midcall" in caplog.text


async def test_a_plugin_that_takes_no_such_requests(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier without receipts, or a platform without events, leaves the method out: 501 with words."""
    from midcall import Carrier, Platform

    monkeypatch.setattr(type(served.midcall.platforms["retell"]), "decode_event", Platform.decode_event)
    monkeypatch.setattr(type(served.midcall.accounts["twilio"]), "parse_status", Carrier.parse_status)
    _refused(await served.post_signed(EVENTS, served.a_call().started()), 501)
    _refused(await served.callback({"MessageSid": "SM1"}), 501)
