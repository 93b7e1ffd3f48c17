"""What the carrier says of our numbers, and what it asks Twilio to know it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from midcall.contract.errors import MidcallError
from midcall.contract.reasons import Reason
from midcall.contract.senders import Known
from midcall_twilio.registration import BAD_FOR_S, GOOD_FOR_S, TOLL_FREE

if TYPE_CHECKING:
    from midcall_twilio import Twilio
    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen

LOCAL, TOLL_FREE_NUMBER, CANADIAN, BRITISH = "+12025550100", "+18005550199", "+14165550100", "+442079460000"
DESK, WAITING = "MG" + "1" * 32, "MG" + "2" * 32


class World:
    """A small Twilio: numbers with capabilities, services with numbers and a campaign, toll-free verifications."""

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, bool] | None] = {
            number: {"voice": True, "sms": True, "mms": True}
            for number in (LOCAL, TOLL_FREE_NUMBER, CANADIAN, BRITISH)
        }
        self.services: dict[str, list[str]] = {WAITING: [], DESK: [LOCAL]}
        self.campaigns: dict[str, list[str]] = {DESK: ["VERIFIED"], WAITING: ["IN_PROGRESS"]}
        self.toll_free: list[str] = ["TWILIO_APPROVED"]

    async def __call__(self, seen: Seen, connection: Connection) -> None:
        await connection.reply(200, self._answer(seen))

    def _answer(self, seen: Seen) -> dict[str, Any]:
        path = seen.path
        if path.endswith("/IncomingPhoneNumbers.json"):
            asked = seen.query["PhoneNumber"][0]
            # As Twilio does: the filter matches parts of numbers.
            found: list[dict[str, Any]] = [
                {"sid": "PN" + "9" * 32, "phone_number": "+1" + asked.strip("+") + "7", "capabilities": {}}
            ]
            if asked in self.numbers:
                found.append(
                    {"sid": "PN" + "0" * 32, "phone_number": asked, "capabilities": self.numbers[asked]}
                )
            return {"incoming_phone_numbers": found, "page": 0, "page_size": 20}
        if path == "/v1/Services":
            return self._page("services", [{"sid": sid} for sid in self.services])
        if path.endswith("/PhoneNumbers"):
            return self._page(
                "phone_numbers", [{"phone_number": n} for n in self.services[path.split("/")[3]]]
            )
        if path.endswith("/Usa2p"):
            campaigns = self.campaigns.get(path.split("/")[3], [])
            return self._page("compliance", [{"sid": "QE", "campaign_status": one} for one in campaigns])
        assert path == "/v1/Tollfree/Verifications"
        assert seen.query["TollfreePhoneNumberSid"] == ["PN" + "0" * 32]
        return self._page("verifications", [{"sid": "HH", "status": one} for one in self.toll_free])

    @staticmethod
    def _page(key: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {key: items, "meta": {"key": key, "page": 0, "page_size": 50, "next_page_url": None}}


@pytest.fixture
def world(server: RawServer) -> World:
    """The world that the server answers from."""
    made = World()
    server.script = made
    return made


async def test_a_local_number_in_a_verified_campaign(world: World, twilio: Twilio) -> None:
    """Owned, capable, registered, and remembered for hours."""
    check = await twilio.check_sender(LOCAL)
    assert (check.owned, check.sms, check.mms, check.registered) == (Known.YES,) * 4
    assert (check.reason, check.good_for_s) == (None, GOOD_FOR_S)
    assert check.checked_at is not None


async def test_a_number_that_is_not_ours(world: World, twilio: Twilio) -> None:
    """Another number that merely contains the digits does not count."""
    check = await twilio.check_sender("+12025550177")
    assert (check.owned, check.reason, check.good_for_s) == (Known.NO, Reason.SENDER_NOT_OWNED, BAD_FOR_S)


@pytest.mark.parametrize(
    ("capabilities", "sms", "mms", "reason"),
    [
        ({"voice": True, "sms": False, "mms": False}, Known.NO, Known.NO, Reason.SENDER_NOT_CAPABLE),
        ({"SMS": True, "MMS": False}, Known.YES, Known.NO, None),
        ({}, Known.UNKNOWN, Known.UNKNOWN, None),
        (None, Known.UNKNOWN, Known.UNKNOWN, None),
    ],
)
async def test_capabilities_are_what_twilio_says(
    world: World, twilio: Twilio, capabilities: dict[str, bool] | None, sms: Known, mms: Known, reason: Reason
) -> None:
    """In either spelling; what is not said is not known."""
    world.numbers[LOCAL] = capabilities
    check = await twilio.check_sender(LOCAL)
    assert (check.sms, check.mms, check.reason) == (sms, mms, reason)


@pytest.mark.parametrize(
    ("campaigns", "detail"),
    [(["IN_PROGRESS"], "IN_PROGRESS"), (["FAILED"], "FAILED"), ([], "the service has none")],
)
async def test_a_campaign_that_is_not_verified(
    world: World, twilio: Twilio, campaigns: list[str], detail: str
) -> None:
    """Twilio would take the text and fail it later with 30034: said before, with the campaign's state."""
    world.campaigns[DESK] = campaigns
    check = await twilio.check_sender(LOCAL)
    assert (check.registered, check.reason) == (Known.NO, Reason.SENDER_NOT_REGISTERED)
    assert detail in check.detail
    assert check.good_for_s == BAD_FOR_S


async def test_a_local_number_in_no_service(world: World, twilio: Twilio) -> None:
    """No service, no campaign."""
    world.services[DESK] = []
    check = await twilio.check_sender(LOCAL)
    assert (check.registered, check.reason) == (Known.NO, Reason.SENDER_NOT_REGISTERED)


async def test_with_a_service_configured_only_that_one_counts(
    world: World, make_carrier: MakeCarrier, server: RawServer
) -> None:
    """Texts go through it, so its sender pool and campaign decide."""
    check = await make_carrier(messaging_service_sid=WAITING).check_sender(LOCAL)
    assert check.registered is Known.NO
    assert WAITING in check.detail
    assert not any(seen.path == "/v1/Services" for seen in server.seen)
    assert (await make_carrier(messaging_service_sid=DESK).check_sender(LOCAL)).registered is Known.YES


@pytest.mark.parametrize(
    ("statuses", "registered"),
    [
        (["TWILIO_APPROVED"], Known.YES),
        (["TWILIO_REJECTED", "TWILIO_APPROVED"], Known.YES),
        (["PENDING_REVIEW"], Known.NO),
        (["IN_REVIEW"], Known.NO),
        (["TWILIO_REJECTED"], Known.NO),
        ([], Known.NO),
    ],
)
async def test_a_toll_free_number_needs_an_approved_verification(
    world: World, twilio: Twilio, statuses: list[str], registered: Known
) -> None:
    """Looked up by the number's own id; anything but TWILIO_APPROVED fails later with 30032."""
    world.toll_free = statuses
    check = await twilio.check_sender(TOLL_FREE_NUMBER)
    assert check.registered is registered


def test_every_toll_free_area_code_is_known() -> None:
    """Those in use in North America; libphonenumber agrees."""
    import phonenumbers

    for code in TOLL_FREE:
        number = phonenumbers.parse(f"+1{code}2345678")
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.TOLL_FREE


@pytest.mark.parametrize("number", [CANADIAN, BRITISH])
async def test_elsewhere_registration_is_not_known(world: World, twilio: Twilio, number: str) -> None:
    """Canada needs a campaign only towards the US, and of other countries Twilio does not say: no guess either way."""
    check = await twilio.check_sender(number)
    assert (check.owned, check.sms, check.registered, check.reason) == (
        Known.YES,
        Known.YES,
        Known.UNKNOWN,
        None,
    )
    assert check.detail


async def test_a_canadian_number_in_a_campaign_is_registered(world: World, twilio: Twilio) -> None:
    """A yes is a yes wherever the number is from."""
    world.services[DESK].append(CANADIAN)
    assert (await twilio.check_sender(CANADIAN)).registered is Known.YES


@pytest.mark.parametrize("sender", ["MG" + "0" * 32, "ACME", "24273"])
async def test_what_is_no_phone_number_is_not_looked_up(
    world: World, twilio: Twilio, server: RawServer, sender: str
) -> None:
    """Services, names and short codes: nothing is known, nothing is asked."""
    check = await twilio.check_sender(sender)
    assert check.owned is Known.UNKNOWN
    assert not server.seen


async def test_many_numbers_at_once_read_the_services_once(
    world: World, twilio: Twilio, server: RawServer
) -> None:
    """At start every number is checked: the map of services is shared, not read for each."""
    checks = await asyncio.gather(*(twilio.check_sender(LOCAL) for _ in range(10)))
    assert all(check.registered is Known.YES for check in checks)
    assert sum(seen.path == "/v1/Services" for seen in server.seen) == 1


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_when_twilio_cannot_be_asked_nothing_is_guessed(
    server: RawServer, twilio: Twilio, kit: Kit, status: int
) -> None:
    """An error is raised, in words without number or token."""

    async def fail(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status, {"code": 20003, "message": f"no {LOCAL} for you", "status": status})

    server.script = fail
    with pytest.raises(MidcallError) as caught:
        await twilio.check_sender(LOCAL)
    assert "20003" in str(caught.value)
    assert LOCAL not in str(caught.value)
    assert kit.AUTH_TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_next_page_on_another_host_is_not_followed(
    world: World, twilio: Twilio, server: RawServer
) -> None:
    """Where a list goes on is said by the answer: our credentials go to our hosts only."""
    page = world._page("services", [{"sid": DESK}])
    page["meta"]["next_page_url"] = "http://127.0.0.2:9/v1/Services?Page=1"

    async def answer(seen: Seen, connection: Connection) -> None:
        if seen.path == "/v1/Services":
            await connection.reply(200, page)
        else:
            await world(seen, connection)

    server.script = answer
    with pytest.raises(MidcallError, match="host"):
        await twilio.check_sender(LOCAL)


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        (200, {"incoming_phone_numbers": [{"sid": "PN"}]}, True),
        (200, {"incoming_phone_numbers": []}, True),
        (200, b"<html>", False),
        (401, {"code": 20003, "message": "Authenticate", "status": 401}, False),
        (503, b"", False),
    ],
)
async def test_health_is_one_reading_request(
    server: RawServer, twilio: Twilio, status: int, body: object, ok: bool
) -> None:
    """Ok when the credentials are answered; else one sentence with Twilio's own words."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status, body)

    server.script = answer
    health = await twilio.health()
    assert health.ok is ok
    assert health.detail
    assert [(seen.method, seen.query) for seen in server.seen] == [("GET", {"PageSize": ["1"]})]
