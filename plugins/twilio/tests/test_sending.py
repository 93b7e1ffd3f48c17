"""What a send puts on the wire, and what an accepted text looks like."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, Refused, Scope, Unknown

if TYPE_CHECKING:
    from midcall_twilio import Twilio
    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen

SERVICE = "MG" + "0" * 32


async def test_a_text_is_one_post_with_everything_twilio_needs(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """Number, recipient, words, validity and our callback; Basic auth with the account's SID and token."""
    result = await twilio.send(kit.text(text="héllo & +1 = €"))
    assert isinstance(result, Accepted)
    assert result.carrier_id == kit.SID
    (post,) = server.posts
    assert post.path == f"/2010-04-01/Accounts/{kit.ACCOUNT_SID}/Messages.json"
    assert post.form == {
        "To": [kit.CALLER],
        "From": [kit.OURS],
        "Body": ["héllo & +1 = €"],
        "ValidityPeriod": ["600"],
        "StatusCallback": ["https://sms.example.com/carriers/twilio/status?m=0190a1b2&a=1"],
    }
    login = base64.b64encode(f"{kit.ACCOUNT_SID}:{kit.AUTH_TOKEN}".encode()).decode()
    assert post.headers["authorization"] == f"Basic {login}"
    assert post.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_media_urls_are_repeated_fields(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """An MMS is the same POST with one MediaUrl per attachment, in order, and may have no words."""
    await twilio.send(kit.text(text="", media=("https://example.com/a.png", "https://example.com/b.png")))
    (post,) = server.posts
    assert post.form["MediaUrl"] == ["https://example.com/a.png", "https://example.com/b.png"]
    assert "Body" not in post.form


async def test_what_is_not_given_is_not_sent(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """No callback address and no validity: the account's own settings hold."""
    await twilio.send(kit.text(status_url=None, validity_s=None))
    assert set(server.posts[0].form) == {"To", "From", "Body"}


async def test_a_validity_longer_than_twilios_longest_is_its_longest(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """36,000 s is how long Twilio keeps any text."""
    await twilio.send(kit.text(validity_s=90_000))
    assert server.posts[0].form["ValidityPeriod"] == ["36000"]


async def test_through_a_messaging_service_the_text_still_leaves_from_our_number(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """Service and number are both named: the service's rules, the call's own number."""
    await make_carrier(messaging_service_sid=SERVICE).send(kit.text())
    form = server.posts[0].form
    assert form["MessagingServiceSid"] == [SERVICE]
    assert form["From"] == [kit.OURS]


async def test_a_sender_that_is_a_service_chooses_its_own_number(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """A service's id as sender: no From at all."""
    await twilio.send(kit.text(sender=SERVICE))
    form = server.posts[0].form
    assert form["MessagingServiceSid"] == [SERVICE]
    assert "From" not in form


async def test_an_api_key_signs_requests_when_there_is_one(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """The key authenticates; the path stays the account's."""
    key = "SK" + "a" * 32
    await make_carrier(api_key=key, api_key_secret="hush").send(kit.text())
    (post,) = server.posts
    assert post.headers["authorization"] == "Basic " + base64.b64encode(f"{key}:hush".encode()).decode()
    assert kit.ACCOUNT_SID in post.path


async def test_edge_and_region_of_the_environment_do_not_move_our_host(
    server: RawServer, twilio: Twilio, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would turn 127.0.0.1 into 127.dublin.ie1.0.1; `base_url` is the only setting of the host."""
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    assert isinstance(await twilio.send(kit.text()), Accepted)
    assert len(server.posts) == 1


async def test_the_raw_answer_is_kept_without_the_words_and_the_numbers(twilio: Twilio, kit: Kit) -> None:
    """Results are logged and shown; words and numbers are the ledger's."""
    result = await twilio.send(kit.text())
    assert isinstance(result, Accepted)
    assert result.raw["num_segments"] == "1"
    shown = repr(result)
    assert kit.CALLER not in shown
    assert kit.OURS not in shown
    assert "hello" not in shown


@pytest.mark.parametrize(
    ("status", "code", "reason", "scope"),
    [
        ("failed", 30034, Reason.SENDER_NOT_REGISTERED, Scope.SENDER),
        ("undelivered", 30005, Reason.UNKNOWN_NUMBER, Scope.DESTINATION),
        ("failed", 30007, Reason.CONTENT_FILTERED, Scope.CONTENT),
        ("failed", None, Reason.CARRIER_REFUSED, Scope.CONTENT),
        ("canceled", None, Reason.CARRIER_REFUSED, Scope.CONTENT),
    ],
)
async def test_a_201_that_already_failed_is_refused(
    server: RawServer, twilio: Twilio, kit: Kit, status: str, code: int | None, reason: Reason, scope: Scope
) -> None:
    """An id is no promise: a text that Twilio already gave up is certainly not on its way."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(201, kit.message_json(status=status, error_code=code))

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, Refused)
    assert (result.reason, result.scope) == (reason, scope)


async def test_a_201_that_failed_because_the_network_was_silent_is_unknown(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """30410: Twilio itself does not repeat it, "to avoid duplicate message delivery"."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(201, kit.message_json(status="failed", error_code=30410))

    server.script = answer
    assert isinstance(await twilio.send(kit.text()), Unknown)


async def test_numbers_in_twilios_own_words_are_masked(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """Details reach logs and tools."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(
            400, {"code": 21211, "message": f"The 'To' number {kit.CALLER} is not valid.", "status": 400}
        )

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, Refused)
    assert kit.CALLER not in repr(result)
    assert "+1202•••0142" in result.detail
    assert result.code == "21211"
