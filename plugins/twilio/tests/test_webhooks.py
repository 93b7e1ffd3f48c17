"""Webhooks: Twilio's own signature vectors, and what a callback or a received text becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # no py.typed

from midcall.contract.errors import BadSignature, Unreadable
from midcall.contract.messages import MessageState
from midcall.contract.reasons import Reason
from midcall.contract.webhooks import InboundMedia, WebhookRequest
from midcall_twilio import Twilio, TwilioSettings
from midcall_twilio.webhooks import STATES, Form, _check_signature, _form

if TYPE_CHECKING:
    from plugins.twilio.tests.conftest import Kit

STATUS_URL = "https://sms.example.com/carriers/twilio/status?m=0190a1b2-0000&a=2"
INBOUND_URL = "https://sms.example.com/carriers/twilio/inbound"
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SHARED_KEY = "webhooks_sharedkey_0001"
SHARED_SECRET = "shared-secret-for-tests"


@pytest.fixture
def carrier(kit: Kit) -> Twilio:
    """An account with a token and one shared key."""
    return Twilio(
        "twilio",
        TwilioSettings.model_validate(
            {
                "account_sid": kit.ACCOUNT_SID,
                "auth_token": kit.AUTH_TOKEN,
                "shared_keys": {SHARED_KEY: SHARED_SECRET},
            }
        ),
    )


def _request(
    url: str,
    fields: list[tuple[str, str]] | dict[str, str],
    *,
    secret: str,
    headers: dict[str, str] | None = None,
    algorithm: str | None = None,
    method: str = "POST",
) -> WebhookRequest:
    """A webhook signed as Twilio signs, by the SDK's own signing."""
    pairs = list(fields.items()) if isinstance(fields, dict) else fields
    form = Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    if method == "GET":
        url, form = f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}", Form()
    signature = RequestValidator(secret).compute_signature(url, form, algorithm)
    return WebhookRequest(
        method=method,
        url=url,
        headers={"x-twilio-signature": signature, **(headers or {})},
        body=b"" if method == "GET" else urlencode(pairs).encode(),
        received_at=NOW,
    )


def _status(kit: Kit, status: str, **fields: str) -> dict[str, str]:
    return {
        "AccountSid": kit.ACCOUNT_SID,
        "MessageSid": kit.SID,
        "MessageStatus": status,
        "From": kit.OURS,
        "To": kit.CALLER,
        **fields,
    }


def _inbound(kit: Kit, **fields: str) -> dict[str, str]:
    return {
        "AccountSid": kit.ACCOUNT_SID,
        "MessageSid": kit.SID,
        "From": kit.CALLER,
        "To": kit.OURS,
        "Body": "yes please",
        "NumMedia": "0",
        **fields,
    }


# --- Signatures -------------------------------------------------------------------------------------------------------

VECTOR_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
VECTOR_FORM = (
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
)


@pytest.mark.parametrize(
    ("url", "body", "signature"),
    [
        (VECTOR_URL, VECTOR_FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (VECTOR_URL.replace(".com/", ".com:1234/"), VECTOR_FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (VECTOR_URL, VECTOR_FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (VECTOR_URL.replace("https", "http"), VECTOR_FORM, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (
            VECTOR_URL.replace("https", "http").replace(".com/", ".com:1234/"),
            VECTOR_FORM,
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
        ),
        (VECTOR_URL, "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ],
)
def test_twilios_own_vectors(url: str, body: str, signature: str, kit: Kit) -> None:
    """From twilio-python's test_request_validator: with and without port, and with a repeated field. Token "12345"."""
    config = TwilioSettings.model_validate({"account_sid": kit.ACCOUNT_SID, "auth_token": "12345"})
    request = WebhookRequest(
        method="POST", url=url, headers={"x-twilio-signature": signature}, body=body.encode(), received_at=NOW
    )
    _check_signature(request, _form(body), config, "twilio")
    for forged in (body + "&Digits=9", body.replace("1234", "1235", 1)):
        with pytest.raises(BadSignature):
            _check_signature(request, _form(forged), config, "twilio")


def test_a_signed_callback_is_taken_and_every_change_is_noticed(carrier: Twilio, kit: Kit) -> None:
    """URL, query, any field and the signature itself are covered."""
    good = _request(STATUS_URL, _status(kit, "sent"), secret=kit.AUTH_TOKEN)
    assert carrier.parse_status(good)
    changed = [
        replace(good, url=STATUS_URL.replace("m=0190", "m=0191")),
        replace(good, url=STATUS_URL.replace("https:", "http:")),
        replace(good, url=STATUS_URL.replace("sms.", "www.")),
        replace(good, body=good.body.replace(b"=sent", b"=delivered")),
        replace(good, body=good.body + b"&Extra="),
        replace(good, headers={"x-twilio-signature": "AAAA"}),
        replace(good, headers={"x-twilio-signature": "é" * 28}),
        replace(good, headers={}),
        _request(STATUS_URL, _status(kit, "sent"), secret="another token"),
    ]
    for request in changed:
        with pytest.raises(BadSignature) as caught:
            carrier.parse_status(request)
        assert caught.value.status == 401
        assert caught.value.fix
        assert kit.AUTH_TOKEN not in str(caught.value) + caught.value.fix
        assert kit.CALLER not in str(caught.value) + caught.value.fix


def test_the_fix_names_the_two_settings_that_are_usually_wrong(carrier: Twilio, kit: Kit) -> None:
    """A wrong public URL and a wrong token look the same from here."""
    with pytest.raises(BadSignature) as caught:
        carrier.parse_status(_request(STATUS_URL, _status(kit, "sent"), secret="other"))
    assert "server.public_url" in caught.value.fix
    assert "accounts.twilio.auth_token" in caught.value.fix


def test_blank_and_repeated_fields_are_signed_as_twilio_signs_them(carrier: Twilio, kit: Kit) -> None:
    """An empty field counts, a repeated one counts once per value."""
    fields = [
        *_status(kit, "sent").items(),
        ("Tag", "b"),
        ("Tag", "a"),
        ("Tag", "a"),
        ("Empty", ""),
        ("Word", "€ &=+"),
    ]
    assert carrier.parse_status(_request(STATUS_URL, fields, secret=kit.AUTH_TOKEN))


def test_a_shared_key_signs_with_sha256(carrier: Twilio, kit: Kit) -> None:
    """The header names the key; its secret is looked up by that id."""
    header = {"x-twilio-webhooks-signature-settings": f"key={SHARED_KEY},algorithm=HMAC_SHA256"}
    request = _request(
        STATUS_URL, _status(kit, "sent"), secret=SHARED_SECRET, headers=header, algorithm="HMAC_SHA256"
    )
    assert carrier.parse_status(request)
    for wrong in (
        f"key={SHARED_KEY},algorithm=HMAC_SHA1",
        "key=another,algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA256",
        f"key={SHARED_KEY},algorithm=MD5",
    ):
        changed = replace(request, headers={**request.headers, "x-twilio-webhooks-signature-settings": wrong})
        with pytest.raises(BadSignature) as caught:
            carrier.parse_status(changed)
        assert SHARED_SECRET not in str(caught.value) + caught.value.fix


def test_another_accounts_webhook_is_not_ours(carrier: Twilio, kit: Kit) -> None:
    """Signed with our token and of another account (a subaccount with a shared secret): not taken."""
    fields = {**_status(kit, "sent"), "AccountSid": "AC" + "f" * 32}
    with pytest.raises(BadSignature, match="another Twilio account"):
        carrier.parse_status(_request(STATUS_URL, fields, secret=kit.AUTH_TOKEN))


def test_a_webhook_configured_as_get(carrier: Twilio, kit: Kit) -> None:
    """Its fields are in the URL, which is signed as it is."""
    (message,) = carrier.parse_inbound(
        _request(INBOUND_URL, _inbound(kit), secret=kit.AUTH_TOKEN, method="GET")
    )
    assert message.text == "yes please"


def test_a_form_of_a_thousand_fields_is_refused(carrier: Twilio, kit: Kit) -> None:
    """Nobody's webhook is that large, and it is not sorted and hashed."""
    body = "&".join(f"f{number}=1" for number in range(1_000)).encode()
    request = WebhookRequest(
        method="POST", url=STATUS_URL, headers={"x-twilio-signature": "x"}, body=body, received_at=NOW
    )
    with pytest.raises(Unreadable):
        carrier.parse_status(request)


# --- Status callbacks -------------------------------------------------------------------------------------------------


def test_every_status_of_the_sdk_is_known() -> None:
    """A status the SDK knows is one of ours, or one of a received text."""
    from twilio.rest.api.v2010.account.message import (  # type: ignore[import-untyped]  # no py.typed
        MessageInstance,
    )

    known = {value for name, value in vars(MessageInstance.Status).items() if name.isupper()}
    assert known - set(STATES) == {"receiving", "received"}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", MessageState.ACCEPTED),
        ("queued", MessageState.ACCEPTED),
        ("sending", MessageState.ACCEPTED),
        ("sent", MessageState.SENT),
        ("delivered", MessageState.DELIVERED),
        ("read", MessageState.DELIVERED),
        ("undelivered", MessageState.UNDELIVERED),
        ("failed", MessageState.UNDELIVERED),
        ("canceled", MessageState.REJECTED),
    ],
)
def test_a_status_is_a_receipt_with_our_id(
    carrier: Twilio, kit: Kit, status: str, state: MessageState
) -> None:
    """Our id and attempt come back in the URL's query: that settles an unknown outcome."""
    (receipt,) = carrier.parse_status(_request(STATUS_URL, _status(kit, status), secret=kit.AUTH_TOKEN))
    assert receipt.state is state
    assert (receipt.carrier_id, receipt.message_id, receipt.attempt) == (kit.SID, "0190a1b2-0000", 2)
    assert receipt.event_id == f"{kit.SID}:{status}:"
    assert receipt.at == NOW
    assert (receipt.reason is None) == (state.value in {"accepted", "sent", "delivered"})


@pytest.mark.parametrize(
    ("code", "reason", "of_sender"),
    [
        ("30003", Reason.UNREACHABLE, False),
        ("30006", Reason.LANDLINE, False),
        ("30007", Reason.CONTENT_FILTERED, False),
        ("30022", Reason.SENDER_BUSY, False),
        ("30018", Reason.SENDER_NOT_REGISTERED, True),
        ("30024", Reason.SENDER_NOT_REGISTERED, True),
        ("30032", Reason.SENDER_NOT_REGISTERED, True),
        ("30034", Reason.SENDER_NOT_REGISTERED, True),
        ("30035", Reason.SENDER_NOT_REGISTERED, True),
        ("21610", Reason.OPTED_OUT, False),
        ("39999", Reason.UNDELIVERED, False),
    ],
)
def test_a_code_explains_a_failure_and_says_whether_the_number_is_at_fault(
    carrier: Twilio, kit: Kit, code: str, reason: Reason, of_sender: bool
) -> None:
    """30034 and 30032 come only here, after a 201: the number is put aside then."""
    fields = _status(kit, "undelivered", ErrorCode=code)
    (receipt,) = carrier.parse_status(_request(STATUS_URL, fields, secret=kit.AUTH_TOKEN))
    assert (receipt.reason, receipt.of_sender, receipt.code) == (reason, of_sender, code)
    assert receipt.event_id == f"{kit.SID}:undelivered:{code}"
    assert receipt.detail


def test_a_validity_that_ran_out_is_expired(carrier: Twilio, kit: Kit) -> None:
    """30036 is the one failure that says: too late, and not sent."""
    fields = _status(kit, "failed", ErrorCode="30036")
    (receipt,) = carrier.parse_status(_request(STATUS_URL, fields, secret=kit.AUTH_TOKEN))
    assert (receipt.state, receipt.reason) == (MessageState.EXPIRED, Reason.EXPIRED)


def test_a_failure_that_may_have_been_delivered_is_no_failure(carrier: Twilio, kit: Kit) -> None:
    """30410: the next network did not answer. Called undelivered it would let the same text be sent once more."""
    fields = _status(kit, "undelivered", ErrorCode="30410")
    (receipt,) = carrier.parse_status(_request(STATUS_URL, fields, secret=kit.AUTH_TOKEN))
    assert (receipt.state, receipt.reason, receipt.code) == (MessageState.SENT, None, "30410")


@pytest.mark.parametrize("url", ["http://x:abc/carriers/twilio/status", "http://[::1/carriers/twilio/status"])
def test_an_address_that_is_none(carrier: Twilio, kit: Kit, url: str) -> None:
    """A Host header that makes no address cannot be signed, and is no fault of ours."""
    request = _request(STATUS_URL, _status(kit, "sent"), secret=kit.AUTH_TOKEN)
    with pytest.raises(BadSignature):
        carrier.parse_status(replace(request, url=url))


@pytest.mark.parametrize("status", ["received", "evaporated", ""])
def test_a_status_that_says_nothing_of_a_sent_text(
    carrier: Twilio, kit: Kit, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown status is ignored in the log's sight; a callback without one is unreadable."""
    request = _request(STATUS_URL, _status(kit, status), secret=kit.AUTH_TOKEN)
    if status:
        assert carrier.parse_status(request) == ()
        assert status in caplog.text
    else:
        with pytest.raises(Unreadable):
            carrier.parse_status(request)


@pytest.mark.parametrize("query", ["", "?m=&a=x", "?a=-1", "?a=²", "?a=" + "9" * 400])
def test_a_callback_without_our_id_is_still_a_receipt(carrier: Twilio, kit: Kit, query: str) -> None:
    """The carrier's id is enough to find the text."""
    url = STATUS_URL.partition("?")[0] + query
    (receipt,) = carrier.parse_status(_request(url, _status(kit, "sent"), secret=kit.AUTH_TOKEN))
    assert (receipt.message_id, receipt.attempt) == (None, None)
    assert receipt.carrier_id == kit.SID


# --- Received texts ---------------------------------------------------------------------------------------------------


def test_a_received_text_with_media(carrier: Twilio, kit: Kit) -> None:
    """Words, both numbers, and each attachment with its type."""
    media = "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME"
    fields = _inbound(
        kit, NumMedia="2", MediaUrl0=media + "0", MediaContentType0="image/jpeg", MediaUrl1=media + "1"
    )
    (message,) = carrier.parse_inbound(_request(INBOUND_URL, fields, secret=kit.AUTH_TOKEN))
    assert (message.sender, message.recipient, message.text) == (kit.CALLER, kit.OURS, "yes please")
    assert message.media == (
        InboundMedia(url=media + "0", content_type="image/jpeg"),
        InboundMedia(url=media + "1"),
    )
    assert (message.account, message.carrier_id, message.keyword, message.at) == (
        "twilio",
        kit.SID,
        None,
        NOW,
    )


@pytest.mark.parametrize("keyword", ["STOP", "START", "HELP"])
def test_twilios_own_reading_of_a_keyword_is_passed_on(carrier: Twilio, kit: Kit, keyword: str) -> None:
    """`OptOutType`, given when Advanced Opt-Out is on."""
    fields = _inbound(kit, Body=keyword.lower(), OptOutType=keyword)
    (message,) = carrier.parse_inbound(_request(INBOUND_URL, fields, secret=kit.AUTH_TOKEN))
    assert message.keyword == keyword


def test_an_empty_text_is_a_text(carrier: Twilio, kit: Kit) -> None:
    """A picture alone has an empty Body; an emoji survives."""
    for body in ("", "👍", "a+b & c"):
        (message,) = carrier.parse_inbound(
            _request(INBOUND_URL, _inbound(kit, Body=body), secret=kit.AUTH_TOKEN)
        )
        assert message.text == body


def test_a_message_of_another_channel_is_no_text(carrier: Twilio, kit: Kit) -> None:
    """WhatsApp addresses are not phone numbers one can text."""
    fields = _inbound(kit, From="whatsapp:" + kit.CALLER, To="whatsapp:" + kit.OURS)
    assert carrier.parse_inbound(_request(INBOUND_URL, fields, secret=kit.AUTH_TOKEN)) == ()


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To", "Body"])
def test_a_webhook_that_is_no_text_is_unreadable(carrier: Twilio, kit: Kit, missing: str) -> None:
    """A voice webhook pointed here, say: signed, and not understood."""
    fields = {name: value for name, value in _inbound(kit).items() if name != missing}
    with pytest.raises(Unreadable):
        carrier.parse_inbound(_request(INBOUND_URL, fields, secret=kit.AUTH_TOKEN))


@pytest.mark.parametrize("count", ["many", "-1", "99999999"])
def test_a_nonsense_count_of_media_is_unreadable(carrier: Twilio, kit: Kit, count: str) -> None:
    """Nothing is looped over on the word of a form."""
    with pytest.raises(Unreadable):
        carrier.parse_inbound(_request(INBOUND_URL, _inbound(kit, NumMedia=count), secret=kit.AUTH_TOKEN))
