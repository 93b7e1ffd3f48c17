"""Status callbacks: signed as Twilio signs, in order, to loopback only, and lost, doubled or reordered on demand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator, get_signature_algorithm  # type: ignore[import-untyped]  # no py.typed

from midcall_simulator import DEFAULT_AUTH_TOKEN, Fault, FaultKind, NotLoopbackError, SharedKey, Simulator
from midcall_simulator.twilio import sign
from midcall_simulator.twilio.receipts import retry_policy

if TYPE_CHECKING:
    from contrib.simulator.tests.conftest import Receiver, Wire

K = FaultKind
CALLER = "+12025550142"


async def test_sent_then_delivered(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """A text posts sent, then delivered, each with the fields of Twilio's callback."""
    sid = (await wire.send(CALLER, StatusCallback=receiver.url)).json["sid"]
    await sim.settled()
    assert receiver.statuses == ["sent", "delivered"]
    _, form = receiver.receipts[1]
    assert form.pop("RawDlrDoneDate").isdecimal()
    assert form == {
        "AccountSid": sim.account.sid,
        "ApiVersion": "2010-04-01",
        "From": "+12025550100",
        "MessageSid": sid,
        "MessageStatus": "delivered",
        "SmsSid": sid,
        "SmsStatus": "delivered",
        "To": CALLER,
    }
    assert [(record.result, record.http_status) for record in sim.callbacks] == [("answered", 200)] * 2


async def test_no_callback_was_asked_for(sim: Simulator, wire: Wire) -> None:
    """Without a StatusCallback the text is delivered and nobody is told."""
    await wire.send(CALLER)
    await sim.settled()
    assert sim.texts[0].status == "delivered"
    assert sim.callbacks == []


@pytest.mark.parametrize("query", ["", "?foo=1&bar=2&foo=3"])
async def test_the_sdk_accepts_the_signature(
    sim: Simulator, wire: Wire, receiver: Receiver, query: str
) -> None:
    """Twilio's own validator accepts every receipt, and not with another token."""
    url = receiver.url + query
    await wire.send(CALLER, StatusCallback=url)
    await sim.settled()
    for headers, form in receiver.receipts:
        signature = headers["X-Twilio-Signature"]
        assert RequestValidator(DEFAULT_AUTH_TOKEN).validate(url, form, signature)
        assert not RequestValidator("another").validate(url, form, signature)
        assert "X-Twilio-Webhooks-Signature-Settings" not in headers


async def test_a_shared_key_signs_with_sha256(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """An account with a shared key signs with it, and says so in the header the SDK reads."""
    sim.twilio.account(
        sim.account.sid, DEFAULT_AUTH_TOKEN, shared_key=SharedKey("webhooks_sharedkey_1", "shared-secret")
    )
    await wire.send(CALLER, StatusCallback=receiver.url)
    await sim.settled()
    headers, form = receiver.receipts[0]
    algorithm = get_signature_algorithm(headers["X-Twilio-Webhooks-Signature-Settings"])
    assert algorithm == "HMAC_SHA256"
    assert headers["X-Twilio-Webhooks-Signature-Settings"].startswith("key=webhooks_sharedkey_1,")
    signature = headers["X-Twilio-Signature"]
    assert RequestValidator("shared-secret").validate(receiver.url, form, signature, algorithm)
    assert not RequestValidator("shared-secret").validate(receiver.url, form, signature)


def test_the_published_vectors() -> None:
    """Our own signature gives what the vectors in Twilio's SDK give."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert sign(url, form.items(), "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    repeated = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert sign(url, repeated, "12345") == "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    assert sign(url, [*reversed(repeated), ("Digits", "1234")], "12345") == "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    assert sign(url + "#rc=2", form.items(), "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("sender", "code"), [("+12025550103", 30034), ("+12025550105", 30034), ("+18885550199", 30032)]
)
async def test_an_unregistered_sender_learns_it_late(
    sim: Simulator, wire: Wire, receiver: Receiver, sender: str, code: int
) -> None:
    """201 first; the receipt says undelivered, with 30034 or 30032."""
    form = [("To", CALLER), ("From", sender), ("Body", "x"), ("StatusCallback", receiver.url)]
    assert (await wire.post(form)).status == 201
    await sim.settled()
    assert receiver.statuses == ["sent", "undelivered"]
    assert "ErrorCode" not in receiver.receipts[0][1]
    assert receiver.receipts[1][1]["ErrorCode"] == str(code)
    assert (sim.texts[0].status, sim.texts[0].error_code) == ("undelivered", code)


async def test_registering_the_sender_helps(sim: Simulator, wire: Wire) -> None:
    """Once its campaign or its verification is there, the same number's texts are delivered."""
    sim.account.service("Waiting for approval", campaign="VERIFIED")
    sim.account.verify_toll_free("+18885550199", "TWILIO_APPROVED")
    sim.account.number("+12025550103")
    for sender in ("+12025550103", "+12025550105", "+18885550199"):
        await wire.post([("To", CALLER), ("From", sender), ("Body", "x")])
    await sim.settled()
    assert [text.status for text in sim.texts] == ["delivered"] * 3


async def test_registration_is_a_north_american_matter(sim: Simulator, wire: Wire) -> None:
    """An unregistered number reaches a recipient outside +1."""
    await wire.post([("To", "+442079460123"), ("From", "+12025550103"), ("Body", "x")])
    await sim.settled()
    assert sim.texts[0].status == "delivered"


@pytest.mark.parametrize(
    ("fault", "statuses", "code"),
    [
        (Fault(kind=K.UNREGISTERED), ["sent", "undelivered"], 30034),
        (Fault(kind=K.UNREGISTERED, code=30035), ["sent", "undelivered"], 30035),
        (Fault(kind=K.UNDELIVERED), ["sent", "undelivered"], 30003),
        (Fault(kind=K.UNDELIVERED, code=30007), ["sent", "undelivered"], 30007),
        (Fault(kind=K.UNDELIVERED, final="failed"), ["failed"], 30008),
        (Fault(kind=K.UNDELIVERED, final="failed", code=30001), ["failed"], 30001),
    ],
    ids=str,
)
async def test_a_text_that_does_not_arrive(  # pytest passes by name
    sim: Simulator, wire: Wire, receiver: Receiver, fault: Fault, statuses: list[str], code: int
) -> None:
    """After a 201 the last receipt carries the code, and a fetch agrees with it."""
    sim.faults.add(fault)
    assert (await wire.send(CALLER, StatusCallback=receiver.url)).status == 201
    await sim.settled()
    assert receiver.statuses == statuses
    assert receiver.receipts[-1][1]["ErrorCode"] == str(code)
    path = f"/2010-04-01/Accounts/{sim.account.sid}/Messages/{sim.texts[0].sid}.json"
    fetched = (await wire.ask("GET", path)).json
    assert (fetched["status"], fetched["error_code"]) == (statuses[-1], code)


@pytest.mark.parametrize(
    ("fault", "arrived", "recorded"),
    [
        (Fault(kind=K.CALLBACK_LOST), [], ["lost", "lost"]),
        (Fault(kind=K.CALLBACK_LOST, only="delivered"), ["sent"], ["answered", "lost"]),
        (Fault(kind=K.CALLBACK_DOUBLED), ["sent", "sent", "delivered", "delivered"], ["answered"] * 4),
        (
            Fault(kind=K.CALLBACK_DOUBLED, only="delivered"),
            ["sent", "delivered", "delivered"],
            ["answered"] * 3,
        ),
        (Fault(kind=K.CALLBACK_REORDERED), ["delivered", "sent"], ["answered", "answered"]),
        (Fault(kind=K.CALLBACK_LATE, seconds=0.2), ["sent", "delivered"], ["answered", "answered"]),
    ],
    ids=str,
)
async def test_receipts_that_go_astray(  # pytest passes by name
    sim: Simulator, wire: Wire, receiver: Receiver, fault: Fault, arrived: list[str], recorded: list[str]
) -> None:
    """Lost, doubled, reordered and late receipts; the text itself is delivered all the same."""
    sim.faults.add(fault)
    await wire.send(CALLER, StatusCallback=receiver.url)
    await sim.settled()
    assert receiver.statuses == arrived
    assert [record.result for record in sim.callbacks] == recorded
    assert sim.texts[0].history == ["queued", "sent", "delivered"]


async def test_late_receipts_come_late(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """A late receipt keeps nobody waiting but its reader: the text is delivered long before."""
    sim.faults.add(Fault(kind=K.CALLBACK_LATE, seconds=0.4))
    await wire.send(CALLER, StatusCallback=receiver.url)
    await asyncio.sleep(0.2)
    assert (sim.texts[0].status, receiver.statuses) == ("delivered", [])
    await sim.settled()
    assert receiver.statuses == ["sent", "delivered"]


async def test_an_answer_fault_and_a_receipt_fault_meet(
    sim: Simulator, wire: Wire, receiver: Receiver
) -> None:
    """One text may meet one fault of each moment: here nobody answers, and each receipt comes twice."""
    sim.faults.add(Fault(kind=K.DROP_AFTER, to=CALLER))
    sim.faults.add(Fault(kind=K.CALLBACK_DOUBLED, to=CALLER))
    assert (await wire.send(CALLER, StatusCallback=receiver.url)).ended == "fin"
    await sim.settled()
    assert receiver.statuses == ["sent", "sent", "delivered", "delivered"]


@pytest.mark.parametrize(
    "url",
    [
        "https://sms.example.com/status",
        "http://192.0.2.7/status",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://[2001:db8::1]/",
    ],
)
async def test_only_loopback_is_called(
    sim: Simulator, wire: Wire, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """A callback that would leave this machine is refused, loudly, and kept in the record."""
    with caplog.at_level(logging.ERROR, logger="midcall_simulator"):
        assert (await wire.send(CALLER, StatusCallback=url)).status == 201
        await sim.settled()
    assert [(record.result, record.attempts) for record in sim.callbacks] == [("refused", 0)] * 2
    assert "not a loopback address" in sim.callbacks[0].reason
    assert len(caplog.records) == 2
    assert sim.texts[0].status == "delivered"


async def test_localhost_is_this_machine(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """`localhost` is called, without asking any name server."""
    await wire.send(CALLER, StatusCallback=receiver.url.replace("127.0.0.1", "localhost"))
    await sim.settled()
    assert receiver.statuses == ["sent", "delivered"]


async def test_a_redirect_is_not_followed(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """A redirect is an answer like any other: nothing leads a callback off this machine."""
    receiver.answers[:] = [307, 307]
    await wire.send(CALLER, StatusCallback=receiver.url)
    await sim.settled()
    assert [record.http_status for record in sim.callbacks] == [307, 307]
    assert receiver.paths == ["/status", "/status"]


async def test_a_public_url_can_lead_inside(receiver: Receiver, wire_to: Callable[[Simulator], Wire]) -> None:
    """With a route the receipt arrives on loopback and is signed for the public URL, as behind a proxy."""
    inside = receiver.url.removesuffix("/status")
    public = "https://sms.example.com/hooks/status?m=1"
    async with Simulator(callback_delay=0.01, routes={"https://sms.example.com/hooks": inside}) as sim:
        wire = wire_to(sim)
        await wire.send(CALLER, StatusCallback=public)
        await wire.send(CALLER, StatusCallback="https://sms.example.com/hooksville")
        await sim.settled()
        headers, form = receiver.receipts[0]
        assert RequestValidator(DEFAULT_AUTH_TOKEN).validate(public, form, headers["X-Twilio-Signature"])
        assert sorted(record.result for record in sim.callbacks) == [
            "answered",
            "answered",
            "refused",
            "refused",
        ]


def test_a_route_cannot_lead_off_this_machine() -> None:
    """A route to anything but loopback stops the set-up."""
    with pytest.raises(NotLoopbackError, match="not a loopback address"):
        Simulator(routes={"https://sms.example.com": "http://192.0.2.7"})


async def test_nobody_at_home_is_tried_once_more(sim: Simulator, wire: Wire) -> None:
    """A callback that finds nobody is tried again once, as Twilio does, and recorded as failed."""
    unused = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    await unused.wait_closed()
    await wire.send(CALLER, StatusCallback=f"http://127.0.0.1:{port}/")
    await sim.settled()
    assert [(record.result, record.attempts) for record in sim.callbacks] == [("failed", 2)] * 2


async def test_the_url_says_how_often_to_try(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """`#rc=` and `#rp=` of the URL are obeyed, and are no part of what is signed."""
    receiver.answers[:] = [500, 503, 200]
    await wire.send(CALLER, StatusCallback=receiver.url + "#rc=3&rp=5xx")
    await sim.settled()
    assert [(record.status, record.attempts, record.http_status) for record in sim.callbacks] == [
        ("sent", 3, 200),
        ("delivered", 1, 200),
    ]
    headers, form = receiver.receipts[2]
    assert RequestValidator(DEFAULT_AUTH_TOKEN).validate(receiver.url, form, headers["X-Twilio-Signature"])


def test_retry_policies() -> None:
    """Once after a failed connection unless the URL says more; at most five times; nonsense counts as unsaid."""
    assert retry_policy("http://127.0.0.1/") == (1, frozenset({"ct"}))
    assert retry_policy("http://127.0.0.1/#rc=9&rp=ct,5xx") == (5, frozenset({"ct", "5xx"}))
    assert retry_policy("http://127.0.0.1/#rp=all") == (1, frozenset({"ct", "rt", "4xx", "5xx"}))
    assert retry_policy("http://127.0.0.1/#rc=many&rp=no") == (1, frozenset())


async def test_a_service_has_a_callback_of_its_own(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """A text through a service goes to the service's callback unless it names another, and says queued first."""
    service = sim.account.service("Night desk", status_callback=receiver.url + "/service")
    sim.account.number("+12025550130", service=service)
    form = [("To", CALLER), ("Body", "x"), ("MessagingServiceSid", service.sid)]
    await wire.post(form)
    await sim.settled()
    assert receiver.statuses == ["queued", "sent", "delivered"]
    assert receiver.receipts[0][1]["MessagingServiceSid"] == service.sid
    await wire.post([*form, ("StatusCallback", receiver.url)])
    await sim.settled()
    assert {record.url for record in sim.callbacks} == {receiver.url + "/service", receiver.url}


async def test_a_callback_of_many_texts(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """Every one of many texts at once gets its two receipts, in its own order."""
    await asyncio.gather(*(wire.send(f"+120255501{n:02}", StatusCallback=receiver.url) for n in range(60)))
    await sim.settled()
    by_sid: dict[str, list[str]] = {}
    for _, form in receiver.receipts:
        by_sid.setdefault(form["MessageSid"], []).append(form["MessageStatus"])
    assert by_sid == {text.sid: ["sent", "delivered"] for text in sim.texts}
    assert len(by_sid) == 60


async def test_settled_gives_up_in_time(wire: Wire, sim: Simulator, receiver: Receiver) -> None:
    """Waiting for receipts that are still held back ends with TimeoutError, not never."""
    sim.faults.add(Fault(kind=K.CALLBACK_LATE, seconds=30))
    await wire.send(CALLER, StatusCallback=receiver.url)
    with pytest.raises(TimeoutError):
        await sim.settled(within=0.1)


async def test_the_request_is_remembered_whole_but_for_the_token(sim: Simulator, wire: Wire) -> None:
    """Form and headers are as they came, except that the credentials are hidden."""
    await wire.send(CALLER)
    [request] = sim.requests
    assert dict(parse_qsl(request.body.decode()))["Body"] == "hello"
    assert request.header("authorization") == "Basic (hidden)"
    assert request.sid == sim.texts[0].sid
    assert CALLER not in repr(sim.texts[0])


async def test_a_server_that_hangs_up_is_not_asked_again(sim: Simulator, wire: Wire) -> None:
    """A connection lost after the callback was written is not repeated by default: it may have been read."""
    asked = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await wire.send(CALLER, StatusCallback=f"http://127.0.0.1:{port}/")
    await sim.settled()
    server.close()
    await server.wait_closed()
    assert asked == 2
    assert [(record.result, record.attempts) for record in sim.callbacks] == [("failed", 1)] * 2
