"""The real Twilio SDK, pointed at the simulator, finds everything a carrier plugin asks Twilio for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]  # no py.typed
from twilio.rest import Client  # type: ignore[import-untyped]  # no py.typed

from midcall_simulator import Fault, FaultKind, Simulator


async def test_a_text_is_taken_and_remembered(sim: Simulator, sdk: Client) -> None:
    """What the SDK sends is what the simulator remembers, and what it answers is the new text."""
    answer = await asyncio.to_thread(
        sdk.messages.create,
        to="+12025550142",
        from_="+12025550100",
        body="Grüße 👋",
        validity_period=600,
        smart_encoded=True,
        message_intent="customercare",
        attempt=1,
        risk_check="disable",
    )
    [text] = sim.texts
    assert (text.sid, text.to, text.from_, text.body) == (
        answer.sid,
        "+12025550142",
        "+12025550100",
        "Grüße 👋",
    )
    assert (answer.status, answer.num_segments, answer.num_media) == ("queued", "1", "0")
    assert dict(text.asked)["ValidityPeriod"] == "600"
    assert [request.outcome for request in sim.requests] == ["accepted"]


async def test_a_text_with_media_is_an_mms(sim: Simulator, sdk: Client) -> None:
    """Every media URL is kept in order, and the id begins with MM."""
    urls = ["https://example.com/a.png", "https://example.com/b.png"]
    answer = await asyncio.to_thread(
        sdk.messages.create, to="+12025550142", from_="+12025550100", body="look", media_url=urls
    )
    assert answer.sid is not None
    assert answer.sid.startswith("MM")
    assert answer.num_media == "2"
    assert list(sim.texts[0].media) == urls


async def test_a_text_can_be_fetched_until_it_is_delivered(sim: Simulator, sdk: Client) -> None:
    """A fetch shows the status the text has now, with the time it was sent."""
    answer = await asyncio.to_thread(sdk.messages.create, to="+12025550142", from_="+12025550100", body="x")
    assert answer.date_sent is None
    await sim.settled()
    fetched = await asyncio.to_thread(sdk.messages(str(answer.sid)).fetch)
    assert fetched.status == "delivered"
    assert fetched.date_sent is not None
    assert sim.texts[0].history == ["queued", "sent", "delivered"]


async def test_a_list_can_be_narrowed(sim: Simulator, sdk: Client) -> None:
    """To, From and the sent time each narrow the list, together they meet, and the newest comes first."""

    def send_three() -> None:
        for to, sender in (("42", "100"), ("43", "100"), ("42", "101")):
            sdk.messages.create(to=f"+120255501{to}", from_=f"+12025550{sender}", body="x")

    await asyncio.to_thread(send_three)
    await sim.settled()

    def listed(**narrow: object) -> list[str]:
        return [str(found.sid) for found in sdk.messages.list(**narrow)]

    first, second, third = (text.sid for text in sim.texts)
    before, after = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)
    assert await asyncio.to_thread(listed) == [third, second, first]
    assert await asyncio.to_thread(listed, to="+12025550142") == [third, first]
    assert await asyncio.to_thread(listed, to="+12025550142", from_="+12025550100") == [first]
    assert await asyncio.to_thread(listed, from_="+12025550100") == [second, first]
    assert await asyncio.to_thread(listed, to="+12025550142", date_sent_after=before) == [third, first]
    assert await asyncio.to_thread(listed, date_sent_after=after) == []
    assert await asyncio.to_thread(listed, date_sent_before=after, limit=1) == [third]
    assert await asyncio.to_thread(listed, date_sent_before=before) == []
    assert await asyncio.to_thread(listed, to="+12025550149") == []
    same_second = sim.texts[0].sent_at
    assert first in await asyncio.to_thread(listed, date_sent=same_second)


async def test_a_text_that_was_not_sent_yet_has_no_sent_time_to_match(sdk: Client) -> None:
    """A filter on the sent time never finds a text that is still queued: a reconciler has to expect that."""
    async with Simulator(callback_delay=5) as slow:
        sdk.api.base_url = slow.url
        await asyncio.to_thread(sdk.messages.create, to="+12025550142", from_="+12025550100", body="x")
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert await asyncio.to_thread(sdk.messages.list, date_sent_after=long_ago) == []
        assert len(await asyncio.to_thread(sdk.messages.list)) == 1


async def test_pages_neither_lose_nor_double_a_text(sim: Simulator, sdk: Client) -> None:
    """Walking the pages finds every text once, even when new ones arrive between two pages."""

    def send(count: int) -> None:
        for _ in range(count):
            sdk.messages.create(to="+12025550142", from_="+12025550100", body="x")

    await asyncio.to_thread(send, 7)
    first = await asyncio.to_thread(sdk.messages.page, page_size=3)
    found = [text.sid for text in first]
    await asyncio.to_thread(send, 2)
    second = await asyncio.to_thread(first.next_page)
    found += [text.sid for text in second]
    third = await asyncio.to_thread(second.next_page)
    found += [text.sid for text in third]
    assert await asyncio.to_thread(third.next_page) is None
    assert found == [text.sid for text in reversed(sim.texts[:7])]
    back = await asyncio.to_thread(third.previous_page)
    assert [text.sid for text in back] == found[3:6]


async def test_an_owned_number_shows_its_capabilities(sdk: Client) -> None:
    """Looking a number up by itself finds that number alone, with what it can carry."""
    found = await asyncio.to_thread(sdk.incoming_phone_numbers.list, phone_number="+12025550102")
    assert [(number.phone_number, number.capabilities) for number in found] == [
        ("+12025550102", {"voice": True, "sms": True, "mms": False, "fax": False})
    ]
    again = await asyncio.to_thread(sdk.incoming_phone_numbers(str(found[0].sid)).fetch)
    assert again.phone_number == "+12025550102"
    assert await asyncio.to_thread(sdk.incoming_phone_numbers.list, phone_number="+12025550999") == []
    everyone = await asyncio.to_thread(sdk.incoming_phone_numbers.list, page_size=3)
    assert len(everyone) == 8


async def test_registration_can_be_looked_up(sdk: Client) -> None:
    """Services, their numbers, their campaigns and toll-free verifications are where the SDK looks for them."""
    services = await asyncio.to_thread(sdk.messaging.v1.services.list)
    campaigns = {}
    for service in services:
        numbers = await asyncio.to_thread(service.phone_numbers.list)
        found = await asyncio.to_thread(service.us_app_to_person.list)
        campaigns[service.friendly_name] = (
            [number.phone_number for number in numbers],
            [campaign.campaign_status for campaign in found],
        )
    assert campaigns == {
        "Front desk": (["+12025550100", "+12025550101", "+12025550102"], ["VERIFIED"]),
        "Waiting for approval": (["+12025550105"], ["IN_PROGRESS"]),
    }
    fetched = await asyncio.to_thread(sdk.messaging.v1.services(str(services[0].sid)).fetch)
    assert fetched.us_app_to_person_registered is True

    [number] = await asyncio.to_thread(sdk.incoming_phone_numbers.list, phone_number="+18885550199")
    [verification] = await asyncio.to_thread(
        sdk.messaging.v1.tollfree_verifications.list, tollfree_phone_number_sid=str(number.sid)
    )
    assert verification.status == "PENDING_REVIEW"
    approved = await asyncio.to_thread(sdk.messaging.v1.tollfree_verifications.list, status="TWILIO_APPROVED")
    assert [found.tollfree_phone_number for found in approved] == ["+18005550199"]


async def test_lists_of_registration_have_pages(sim: Simulator, sdk: Client) -> None:
    """A v1 list of more than one page is walked to its end through the links in its meta."""
    for index in range(5):
        sim.account.service(f"Desk {index}", campaign=None)
    services = await asyncio.to_thread(sdk.messaging.v1.services.list, page_size=2)
    assert [service.friendly_name for service in services] == [
        entry.name for entry in sim.account.services.values()
    ]
    bare = next(service for service in services if service.friendly_name == "Desk 0")
    assert await asyncio.to_thread(bare.us_app_to_person.list) == []


async def test_a_messaging_service_chooses_the_sender(sim: Simulator, sdk: Client) -> None:
    """Through a service a text begins as accepted without a sender, then gets one that stays with the recipient."""
    [service, _] = sim.account.services.values()

    def send(to: str) -> object:
        return sdk.messages.create(to=to, messaging_service_sid=service.sid, body="x")

    answer = await asyncio.to_thread(
        sdk.messages.create, to="+12025550142", messaging_service_sid=service.sid, body="x"
    )
    assert (answer.status, answer.from_, answer.num_segments) == ("accepted", None, "0")
    await asyncio.to_thread(send, "+12025550142")
    await sim.settled()
    assert [text.from_ for text in sim.texts] == ["+12025550100", "+12025550100"]
    fetched = await asyncio.to_thread(sdk.messages(str(answer.sid)).fetch)
    assert (fetched.status, fetched.from_, fetched.num_segments) == ("delivered", "+12025550100", "1")
    assert sim.texts[0].history == ["accepted", "queued", "sent", "delivered"]


async def test_a_content_template_is_filled_in(sim: Simulator, sdk: Client) -> None:
    """A template of the account becomes the body, with its variables replaced."""
    sid = sim.account.template("Hi {{1}}, see {{ link }} {{2}}")
    await asyncio.to_thread(
        sdk.messages.create,
        to="+12025550142",
        from_="+12025550100",
        content_sid=sid,
        content_variables='{"1": "Ann", "link": "https://example.com"}',
    )
    assert sim.texts[0].body == "Hi Ann, see https://example.com {{2}}"


async def test_a_scheduled_text_waits(sim: Simulator, sdk: Client) -> None:
    """A scheduled text is taken and stays scheduled; nothing is waited for."""
    [service, _] = sim.account.services.values()
    answer = await asyncio.to_thread(
        sdk.messages.create,
        to="+12025550142",
        messaging_service_sid=service.sid,
        body="x",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(hours=1),
    )
    await sim.settled(within=1)
    assert (answer.status, sim.texts[0].status) == ("scheduled", "scheduled")


async def test_an_api_key_signs_in(sim: Simulator, sdk: Client) -> None:
    """An API key of the account is as good as its token; a wrong secret is not."""
    sim.account.api_key("SK" + "0" * 32, "secret")
    for secret, taken in (("secret", 1), ("wrong", 0)):
        client = Client(
            "SK" + "0" * 32, secret, sim.account.sid, environment={"TEST": "1"}, http_client=sdk.http_client
        )
        client.api.base_url = sim.url
        await sim.reset()
        if taken:
            await asyncio.to_thread(client.messages.create, to="+12025550142", from_="+12025550100", body="x")
        else:
            with pytest.raises(TwilioRestException) as refused:
                await asyncio.to_thread(
                    client.messages.create, to="+12025550142", from_="+12025550100", body="x"
                )
            assert (refused.value.status, refused.value.code) == (401, 20003)
        assert len(sim.texts) == taken


async def test_the_sdk_reads_a_refusal(sim: Simulator, sdk: Client) -> None:
    """A refusal reaches the SDK's exception with HTTP status and Twilio's code."""
    sim.faults.add(Fault(kind=FaultKind.REFUSE, code=21610, to="+12025550142"))
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(sdk.messages.create, to="+12025550142", from_="+12025550100", body="x")
    assert (refused.value.status, refused.value.code) == (400, 21610)
    assert sim.texts == []


async def test_accounts_do_not_see_each_other(sim: Simulator, sdk: Client) -> None:
    """Texts, numbers and services of one account are not found by another."""
    other = sim.twilio.account("AC" + "2" * 32, "another-token")
    await asyncio.to_thread(sdk.messages.create, to="+12025550142", from_="+12025550100", body="x")
    client = Client(other.sid, "another-token", environment={"TEST": "1"}, http_client=sdk.http_client)
    client.api.base_url = client.messaging.base_url = sim.url
    assert await asyncio.to_thread(client.messages.list) == []
    assert await asyncio.to_thread(client.incoming_phone_numbers.list) == []
    assert await asyncio.to_thread(client.messaging.v1.services.list) == []
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(client.messages(sim.texts[0].sid).fetch)
    assert refused.value.code == 20404


async def test_a_recipient_keeps_its_sender(sim: Simulator, sdk: Client) -> None:
    """Who once heard from a number of the service hears from that number again, first in the pool or not."""
    service = sim.account.service("Mixed")
    sim.account.number("+12025550131", mms=False, service=service)
    sim.account.number("+12025550132", service=service)

    def send(to: str, **more: object) -> None:
        sdk.messages.create(to=to, messaging_service_sid=service.sid, body="x", **more)

    await asyncio.to_thread(send, "+12025550142", media_url=["https://example.com/a.png"])
    await asyncio.to_thread(send, "+12025550142")
    await asyncio.to_thread(send, "+12025550143")
    assert [text.from_ for text in sim.texts] == ["+12025550132", "+12025550132", "+12025550131"]
