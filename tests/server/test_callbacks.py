"""Status callbacks of the carrier: verified against the public address, kept, and harmless when they come again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from midcall_simulator import DEFAULT_AUTH_TOKEN
from midcall_simulator.twilio.signatures import signature_headers
from tests.server.deployment import PUBLIC, Served, receipt, serving


async def _sent(served: Served) -> tuple[str, str]:
    """A text whose receipts do not come by themselves: our id and the carrier's."""
    from midcall_simulator import Fault, FaultKind

    served.sim.faults.add(Fault(kind=FaultKind.CALLBACK_LOST))
    answer = await served.call_tool(served.a_call())
    return answer.json["message_id"], served.sim.texts[-1].sid


async def _state(served: Served, message_id: str) -> str:
    return str((await served.get(f"/messages/{message_id}")).json["state"])


async def test_signed_for_the_public_address(served: Served) -> None:
    """Behind a proxy scheme and host differ from what the server sees; the signature is over what the carrier calls."""
    message_id, sid = await _sent(served)
    answer = await served.callback(receipt(sid, "delivered"), query=f"?m={message_id}&a=1")
    assert (answer.status, answer.body) == (204, b"")
    assert await _state(served, message_id) == "delivered"


@pytest.mark.parametrize("public", ["https://sms.example.com:8443", "http://sms.example.com"])
async def test_signed_for_another_public_address(ledger: Path, public: str) -> None:
    """Port and scheme belong to the address: a signature for it fits `public_url` as it is written, and no other."""
    async with serving(ledger, public_url=public) as served:
        form = receipt("SM" + "0" * 32, "delivered")
        assert (await served.callback(form, public=public)).status == 204
        assert (await served.callback(form, public="https://elsewhere.example.com")).status == 401


async def test_without_a_public_address_the_host_of_the_request_counts(ledger: Path) -> None:
    """On one's own machine there is no proxy: the address is the one the request came to."""
    async with serving(ledger, public_url=None) as served:
        form = receipt("SM" + "0" * 32, "delivered")
        assert (await served.callback(form, public=served.url)).status == 204
        assert (await served.callback(form, public=PUBLIC)).status == 401


async def test_not_signed_or_wrongly(served: Served) -> None:
    """401 with the fix, and the text stays as it was; a query that was added later does not fit either."""
    message_id, sid = await _sent(served)
    form = receipt(sid, "delivered")
    missing = await served.callback(form, signed=False)
    wrong = await served.callback(form, token="another token")
    other_account = await served.callback(form | {"AccountSid": "AC" + "9" * 32})
    path = "/carriers/twilio/status"
    headers = signature_headers(PUBLIC + path, form.items(), auth_token=DEFAULT_AUTH_TOKEN)
    moved = await served.ask("POST", f"{path}?m={message_id}", body=b"", headers=headers)
    for answer in (missing, wrong, other_account, moved):
        assert answer.status == 401
        assert answer.json["fix"]
    assert await _state(served, message_id) == "accepted"


async def test_a_signature_is_not_looked_for_in_a_changed_path(served: Served) -> None:
    """The path is taken as it came over the wire: %74wilio is the same account and another address."""
    form = receipt("SM" + "0" * 32, "sent")
    path = "/carriers/%74wilio/status"
    right = signature_headers(PUBLIC + path, form.items(), auth_token=DEFAULT_AUTH_TOKEN)
    wrong = signature_headers(PUBLIC + "/carriers/twilio/status", form.items(), auth_token=DEFAULT_AUTH_TOKEN)
    from urllib.parse import urlencode

    for headers, status in ((right, 204), (wrong, 401)):
        answer = await served.ask("POST", path, body=urlencode(form).encode(), headers=headers)
        assert answer.status == status


async def test_a_callback_by_get(served: Served) -> None:
    """A carrier that is set to GET has its fields in the address, and is answered the same."""
    message_id, sid = await _sent(served)
    query = f"MessageSid={sid}&MessageStatus=delivered&AccountSid={receipt(sid, '')['AccountSid']}"
    path = f"/carriers/twilio/status?m={message_id}&a=1&{query}"
    headers = signature_headers(PUBLIC + path, [], auth_token=DEFAULT_AUTH_TOKEN)
    assert (await served.ask("GET", path, headers=headers)).status == 204
    assert await _state(served, message_id) == "delivered"


async def test_of_a_text_nobody_knows(served: Served, ledger: Path) -> None:
    """It may be early: 204, and it is kept for the text to come."""
    answer = await served.callback(receipt("SM" + "1" * 32, "delivered"))
    assert answer.status == 204
    with sqlite3.connect(ledger) as look:
        kept = look.execute("SELECT carrier_id FROM orphans").fetchall()
    look.close()
    assert kept == [("SM" + "1" * 32,)]


async def test_the_same_news_again_and_late_news(served: Served) -> None:
    """Doubled and late callbacks are taken and change nothing."""
    message_id, sid = await _sent(served)
    for status in ("delivered", "delivered", "sent", "delivered"):
        answer = await served.callback(receipt(sid, status), query=f"?m={message_id}&a=1")
        assert answer.status == 204
        assert await _state(served, message_id) == "delivered"
    events = (await served.get(f"/messages/{message_id}")).json["events"]
    assert [event["state"] for event in events if event["kind"] == "receipt"].count("delivered") == 2


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{}", b"a=1&" * 600])
async def test_what_is_no_form(served: Served, body: bytes) -> None:
    """A body with nothing of a callback in it is 400 or 401, and never a 500."""
    headers = signature_headers(PUBLIC + "/carriers/twilio/status", [], auth_token=DEFAULT_AUTH_TOKEN)
    answer = await served.ask("POST", "/carriers/twilio/status", body=body, headers=headers)
    assert answer.status in (400, 401)
    assert answer.json["fix"]


async def test_one_that_cannot_be_kept_is_asked_for_again(served: Served, ledger: Path) -> None:
    """With the ledger locked the answer is 503, so that the carrier repeats it; nothing is half done."""
    message_id, sid = await _sent(served)
    form, query = receipt(sid, "delivered"), f"?m={message_id}&a=1"
    blocker = sqlite3.connect(ledger, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    answer = await served.callback(form, query=query)
    blocker.close()
    assert answer.status == 503
    assert "locked" in answer.json["error"]
    assert await _state(served, message_id) == "accepted"
    assert (await served.callback(form, query=query)).status == 204
    assert await _state(served, message_id) == "delivered"
