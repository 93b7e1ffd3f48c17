"""What the simulator refuses, and with which of Twilio's codes: every refusal takes nothing and is remembered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, Simulator

if TYPE_CHECKING:
    from contrib.simulator.tests.conftest import Wire

MESSAGES = f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/Messages.json"


def message(to: str = "+12025550142", **others: str) -> list[tuple[str, str]]:
    """The form of an ordinary text, with other parameters added."""
    return [("To", to), ("From", "+12025550100"), ("Body", "hello"), *others.items()]


SERVICE = "MG" + "0" * 32

FORMS = [
    pytest.param([("From", "+12025550100"), ("Body", "x")], 400, 21604, id="no recipient"),
    pytest.param(message("2025550142"), 400, 21211, id="recipient without a plus"),
    pytest.param(message("+1202555014a"), 400, 21211, id="recipient with a letter"),
    pytest.param(message("+02025550142"), 400, 21211, id="recipient beginning with 0"),
    pytest.param([("To", "+12025550142"), ("Body", "x")], 400, 21603, id="no sender"),
    pytest.param([("To", "+12025550142"), ("From", ""), ("Body", "x")], 400, 21603, id="empty sender"),
    pytest.param(
        [("To", "+12025550142"), ("From", "ACME"), ("Body", "x")], 400, 21212, id="sender no number"
    ),
    pytest.param(
        [("To", "+12025550142"), ("From", "+12025550199"), ("Body", "x")], 400, 21606, id="not our number"
    ),
    pytest.param(
        [("To", "+12025550142"), ("From", "+12025550104"), ("Body", "x")], 400, 21606, id="voice only"
    ),
    pytest.param(
        [("To", "+12025550142"), ("From", "12345"), ("Body", "x")], 400, 21606, id="short code not ours"
    ),
    pytest.param([("To", "+12025550142"), ("From", "+12025550100")], 400, 21602, id="no content"),
    pytest.param(
        [("To", "+12025550142"), ("From", "+12025550100"), ("Body", "")], 400, 21602, id="empty body"
    ),
    pytest.param([*message()[:2], ("Body", "x" * 1601)], 400, 21617, id="1601 characters"),
    pytest.param([*message(), *[("MediaUrl", "https://example.com/a.png")] * 11], 400, 21623, id="11 media"),
    pytest.param(message(MediaUrl="example.com/a.png"), 400, 21620, id="media without a scheme"),
    pytest.param(
        [("To", "+12025550142"), ("From", "+12025550102"), ("MediaUrl", "https://example.com/a.png")],
        400,
        21621,
        id="MMS from an SMS number",
    ),
    pytest.param(message(ValidityPeriod="0"), 400, 21624, id="validity 0"),
    pytest.param(message(ValidityPeriod="36001"), 400, 21624, id="validity 36001"),
    pytest.param(message(ValidityPeriod="ten"), 400, 21624, id="validity no number"),
    pytest.param(message(Attempt="1.5"), 422, 20422, id="attempt no integer"),
    pytest.param(message(SmartEncoded="yes"), 422, 20422, id="boolean"),
    pytest.param(message(RiskCheck="maybe"), 422, 20422, id="enum"),
    pytest.param(message(SendAt="tomorrow"), 422, 20422, id="time"),
    pytest.param(message(ApplicationSid="AP1"), 422, 20422, id="application SID"),
    pytest.param(message(StatusCallback="not a url"), 400, 21609, id="callback no URL"),
    pytest.param(
        message(StatusCallback="https://a_b.example.com/"), 400, 21609, id="callback with underscore"
    ),
    pytest.param(
        message(StatusCallback="http://127.0.0.1:99999/"), 400, 21609, id="callback with a bad port"
    ),
    pytest.param(message(MessagingServiceSid="MG1"), 400, 21705, id="service SID malformed"),
    pytest.param(message(MessagingServiceSid=SERVICE), 400, 21705, id="service unknown"),
    pytest.param(message(ContentSid="HX" + "0" * 32), 400, 21655, id="template unknown"),
    pytest.param(message(ContentVariables="{}"), 400, 21656, id="variables without a template"),
    pytest.param(message(ContentVariables="[1]"), 400, 21656, id="variables no object"),
    pytest.param(message(ScheduleType="fixed"), 400, 35111, id="schedule without a time"),
    pytest.param(message(SendAt="2026-12-01T10:00:00Z"), 422, 20422, id="time without a schedule"),
    pytest.param(
        message(SendAt="2026-12-01T10:00:00Z", ScheduleType="fixed"),
        400,
        35118,
        id="schedule without a service",
    ),
    pytest.param(message(FallbackFrom="+12025550101"), 422, 20422, id="fallback without a service"),
    pytest.param(message(ShortenUrls="true"), 422, 20422, id="short links without a service"),
    pytest.param(message(Text="x"), 400, 20001, id="unknown parameter"),
    pytest.param(message(body="x"), 400, 20001, id="parameter in the wrong case"),
    pytest.param([*message(), ("Body", "twice")], 400, 20001, id="parameter twice"),
    pytest.param(message(TrafficType=""), 422, 20422, id="empty parameter"),
]


@pytest.mark.parametrize(("form", "status", "code"), FORMS)
async def test_a_form_that_twilio_would_refuse(
    sim: Simulator, wire: Wire, form: list[tuple[str, str]], status: int, code: int
) -> None:
    """Each broken rule has its HTTP status and code; nothing is taken; the request is remembered as refused."""
    heard = await wire.post(form)
    assert (heard.status, heard.json["code"], heard.json["status"]) == (status, code, status)
    assert heard.json["message"]
    assert heard.json["more_info"].endswith(f"/{code}")
    assert sim.texts == []
    assert [(request.outcome, request.sid) for request in sim.requests] == [(f"refused {code}", None)]


async def test_limits_are_the_documented_ones(sim: Simulator, wire: Wire) -> None:
    """1600 characters, 10 media, and a validity from 1 to 36000 are all still taken."""
    assert (await wire.post([*message()[:2], ("Body", "x" * 1600)])).status == 201
    assert (await wire.post([*message(), *[("MediaUrl", "https://example.com/a.png")] * 10])).status == 201
    for validity in ("1", "36000"):
        assert (await wire.send(ValidityPeriod=validity)).status == 201
    assert len(sim.texts) == 4


async def test_a_sender_has_to_be_in_the_service_it_names(sim: Simulator, wire: Wire) -> None:
    """From with a service is taken when the number is in it, and refused when it is in another or in none."""
    [desk, waiting] = sim.account.services.values()
    assert (await wire.send(MessagingServiceSid=desk.sid)).json["from"] == "+12025550100"
    assert (await wire.send(MessagingServiceSid=waiting.sid)).json["code"] == 21712
    lone = [
        ("To", "+12025550142"),
        ("From", "+12025550103"),
        ("Body", "x"),
        ("MessagingServiceSid", desk.sid),
    ]
    assert (await wire.post(lone)).json["code"] == 21606
    assert len(sim.texts) == 1


async def test_a_service_without_an_able_number_is_refused(sim: Simulator, wire: Wire) -> None:
    """No number at all is 21704; none that can carry this text is 21703."""
    empty = sim.account.service("Empty")
    form = [("To", "+12025550142"), ("Body", "x"), ("MessagingServiceSid", empty.sid)]
    assert (await wire.post(form)).json["code"] == 21704
    sim.account.number("+12025550120", service=empty, mms=False)
    assert (await wire.post([*form, ("MediaUrl", "https://example.com/a.png")])).json["code"] == 21703
    assert (await wire.post(form)).status == 201


async def test_stop_and_landlines(sim: Simulator, wire: Wire) -> None:
    """STOP holds for the sender it was said to, START lifts it, and a landline takes no texts."""
    sim.phones.opt_out("+12025550142", sender="+12025550100")
    assert (await wire.send()).json["code"] == 21610
    form = [("To", "+12025550142"), ("From", "+12025550103"), ("Body", "x")]
    assert (await wire.post(form)).status == 201
    sim.phones.opt_in("+12025550142", sender="+12025550100")
    assert (await wire.send()).status == 201
    sim.phones.opt_out("+12025550142")
    assert (await wire.post(form)).json["code"] == 21610
    sim.phones.landline("+12025550143")
    assert (await wire.send("+12025550143")).json["code"] == 21614


async def test_stop_said_to_a_service_holds_for_its_numbers(sim: Simulator, wire: Wire) -> None:
    """Who said STOP to a messaging service gets nothing from any number in it."""
    [desk, _] = sim.account.services.values()
    sim.phones.opt_out("+12025550142", sender=desk.sid)
    assert (await wire.send()).json["code"] == 21610


@pytest.mark.parametrize(
    "auth",
    [
        None,
        (DEFAULT_ACCOUNT_SID, "wrong"),
        ("AC" + "9" * 32, DEFAULT_AUTH_TOKEN),
        (DEFAULT_ACCOUNT_SID, ""),
        ("", ""),
    ],
)
async def test_wrong_credentials(sim: Simulator, wire: Wire, auth: tuple[str, str] | None) -> None:
    """Without the account's own credentials everything is 401 with 20003, and nothing is taken."""
    heard = await wire.post(message(), auth=auth)
    assert (heard.status, heard.json["code"]) == (401, 20003)
    assert heard.headers["www-authenticate"].startswith("Basic")
    listed = await wire.ask("GET", "/v1/Services", auth=auth)
    assert (listed.status, listed.json["code"]) == (401, 20003)
    assert sim.texts == []


async def test_garbage_for_credentials(wire: Wire) -> None:
    """An Authorization header that is not Basic, or not base64, is a 401 and not a crash."""
    for header in ("Bearer abc", "Basic ???", "Basic " + "/w=="):
        raw = f"GET {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode()
        assert (await wire.raw(raw)).status == 401


@pytest.mark.parametrize(
    "path",
    [
        f"/2010-04-01/Accounts/AC{'9' * 32}/Messages.json",
        MESSAGES.replace(".json", f"/SM{'0' * 32}.json"),
        f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/IncomingPhoneNumbers/PN{'0' * 32}.json",
        f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/Calls.json",
        f"/v1/Services/MG{'0' * 32}",
        f"/v1/Services/MG{'0' * 32}/PhoneNumbers",
        f"/v1/Services/MG{'0' * 32}/Compliance/Usa2p",
        "/v1/Tollfree/Nothing",
    ],
)
async def test_what_is_not_there_is_404(wire: Wire, path: str) -> None:
    """An unknown account, text, number, service or resource is 404 with 20404."""
    heard = await wire.ask("GET", path)
    assert (heard.status, heard.json["code"]) == (404, 20404)


async def test_the_body_has_to_be_a_form(sim: Simulator, wire: Wire) -> None:
    """JSON, broken UTF-8 and parameters in the query are refused."""
    body = json.dumps(dict(message())).encode()
    assert (await wire.ask("POST", MESSAGES, body=body, content_type="application/json")).json[
        "code"
    ] == 20001
    assert (await wire.ask("POST", MESSAGES, body=b"To=%ff")).json["code"] == 20001
    assert (await wire.ask("POST", MESSAGES + "?Body=x", form=message())).json["code"] == 20001
    assert sim.texts == []
    assert len(sim.requests) == 3


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("PageSize=0", 422, 20422),
        ("PageSize=1001", 422, 20422),
        ("PageSize=x", 422, 20422),
        ("Page=-1", 422, 20422),
        ("PageToken=guess", 422, 20422),
        ("Sender=x", 400, 20001),
        ("To=%2B12025550142&To=%2B12025550143", 400, 20001),
        ("DateSent=yesterday", 422, 20422),
        ("DateSent%3C=2026-13-45", 422, 20422),
    ],
)
async def test_a_list_is_as_strict(wire: Wire, query: str, status: int, code: int) -> None:
    """Unknown, repeated and impossible parameters of a list are refused."""
    heard = await wire.ask("GET", f"{MESSAGES}?{query}")
    assert (heard.status, heard.json["code"]) == (status, code)


async def test_a_path_of_no_carrier_is_remembered_too(sim: Simulator, wire: Wire) -> None:
    """A POST to a wrong base URL is answered 404 in words, and counted among the POSTs seen."""
    heard = await wire.ask("POST", "/api/2010-04-01/oops", form=message())
    assert heard.status == 404
    assert "base URL" in heard.json["error"]
    assert [(request.outcome, request.path) for request in sim.requests] == [
        ("refused 404", "/api/2010-04-01/oops")
    ]


def test_a_malformed_account_is_refused() -> None:
    """A SID or number that could not be Twilio's stops the set-up, in words."""
    with pytest.raises(ValueError, match="account SID"):
        Simulator(account_sid="AC123")
    with pytest.raises(ValueError, match=r"write it as \+12025550100"):
        Simulator(numbers=["2025550100"])
    with pytest.raises(ValueError, match="callback_delay"):
        Simulator(callback_delay=-1)


async def test_registration_cannot_be_set_up_wrong(sim: Simulator) -> None:
    """A registered number in a service without a verified campaign is a contradiction, and said to be one."""
    waiting = sim.account.service("Later", campaign="IN_PROGRESS")
    with pytest.raises(ValueError, match="no verified campaign"):
        sim.account.number("+12025550121", service=waiting)
    with pytest.raises(ValueError, match="campaign is"):
        sim.account.service("Odd", campaign="FINE")
    with pytest.raises(ValueError, match="not toll-free"):
        sim.account.verify_toll_free("+12025550100", "TWILIO_APPROVED")
    with pytest.raises(ValueError, match="status is"):
        sim.account.verify_toll_free("+18005550199", "OK")
