"""The plugin against Midcall's simulated Twilio, where it is installed: whole sends, receipts and look-ups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from midcall.contract.messages import MessageState, OutboundMessage
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Unknown
from midcall.contract.senders import Known
from midcall.contract.webhooks import Absent, Found
from midcall_twilio import Twilio, TwilioSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plugins.twilio.tests.conftest import Kit

simulator = pytest.importorskip("midcall_simulator", reason="midcall-simulator is not installed")


@pytest.fixture
async def sim() -> AsyncIterator[Any]:
    """A simulated Twilio, furnished as out of the box."""
    async with simulator.Simulator(callback_delay=0.01) as started:
        yield started


@pytest.fixture
async def carrier(sim: Any) -> AsyncIterator[Twilio]:
    """The plugin, pointed at it."""
    made = Twilio(
        "twilio",
        TwilioSettings.model_validate(
            {
                "account_sid": simulator.DEFAULT_ACCOUNT_SID,
                "auth_token": simulator.DEFAULT_AUTH_TOKEN,
                "base_url": sim.url,
                "timeout": 1.0,
            }
        ),
    )
    yield made
    await made.aclose()


def _text(kit: Kit, **changes: Any) -> OutboundMessage:
    return kit.text(**{"status_url": None, **changes})


async def test_a_text_is_taken_and_found_again(sim: Any, carrier: Twilio, kit: Kit) -> None:
    """Sent once, and the look-up for unknown outcomes finds exactly it."""
    began = datetime.now(UTC)
    result = await carrier.send(_text(kit))
    assert isinstance(result, Accepted)
    (text,) = sim.texts
    assert (text.sid, text.body, text.to, text.from_) == (result.carrier_id, "hello", kit.CALLER, kit.OURS)
    found = await carrier.find_sent(_as_message(kit, "hello"), since=began)
    assert isinstance(found, Found)
    assert found.carrier_id == result.carrier_id
    assert await carrier.find_sent(_as_message(kit, "other"), since=began) == Absent()
    assert await carrier.find_sent(_as_message(kit, "hello"), since=began + timedelta(hours=1)) == Absent()


def _as_message(kit: Kit, text: str) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(sender=kit.OURS, destination=kit.CALLER, text=text, media=())


@pytest.mark.parametrize(
    ("last_two", "expected", "reason", "taken"),
    [
        ("10", Refused, Reason.OPTED_OUT, 0),
        ("11", Refused, Reason.LANDLINE, 0),
        ("20", NotProcessed, None, 0),
        ("30", Unknown, None, 0),
        ("31", Unknown, None, 1),
        ("32", Unknown, None, 0),
        ("33", Unknown, None, 0),
        ("34", Unknown, None, 0),
        ("40", Unknown, None, 0),
        ("41", Unknown, None, 1),
        ("42", Unknown, None, 0),
        ("43", Unknown, None, 1),
        ("50", Unknown, None, 0),
        ("51", Unknown, None, 1),
        ("53", Unknown, None, 1),
    ],
)
async def test_the_simulators_faults(
    sim: Any, carrier: Twilio, kit: Kit, last_two: str, expected: type, reason: Reason | None, taken: int
) -> None:
    """Each magic number fails as it says, the plugin says what is known, and posts once."""
    result = await carrier.send(_text(kit, destination=f"+170255501{last_two}"))
    assert isinstance(result, expected)
    assert getattr(result, "reason", None) is reason
    assert len(sim.requests) == 1
    assert len(sim.texts) == taken


@pytest.mark.parametrize(
    ("number", "owned", "sms", "mms", "registered"),
    [
        ("+12025550100", Known.YES, Known.YES, Known.YES, Known.YES),
        ("+12025550102", Known.YES, Known.YES, Known.NO, Known.YES),
        ("+12025550103", Known.YES, Known.YES, Known.YES, Known.NO),
        ("+12025550104", Known.YES, Known.NO, Known.NO, Known.NO),
        ("+12025550105", Known.YES, Known.YES, Known.YES, Known.NO),
        ("+18005550199", Known.YES, Known.YES, Known.YES, Known.YES),
        ("+18885550199", Known.YES, Known.YES, Known.YES, Known.NO),
        ("+12025550166", Known.NO, Known.UNKNOWN, Known.UNKNOWN, Known.UNKNOWN),
    ],
)
async def test_the_simulators_numbers(
    carrier: Twilio, number: str, owned: Known, sms: Known, mms: Known, registered: Known
) -> None:
    """One of every kind a sender check can meet."""
    check = await carrier.check_sender(number)
    assert (check.owned, check.sms, check.mms, check.registered) == (owned, sms, mms, registered)


async def test_receipts_of_the_simulator_are_verified_and_read(sim: Any, carrier: Twilio, kit: Kit) -> None:
    """Signed by the simulator for the public URL, arriving in order, ending in a delivery."""
    from aiohttp import web

    from midcall.contract.webhooks import Receipt, WebhookRequest

    public = "https://sms.example.com"
    receipts: list[Receipt] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        taken = WebhookRequest(
            method=request.method,
            url=public + request.path_qs,
            headers=headers,
            body=await request.read(),
            received_at=datetime.now(UTC),
        )
        receipts.extend(carrier.parse_status(taken))
        return web.Response()

    app = web.Application()
    app.router.add_post("/carriers/twilio/status", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with simulator.Simulator(
            callback_delay=0.01, routes={public: f"http://127.0.0.1:{port}"}
        ) as routed:
            config = carrier.config.model_copy(update={"base_url": routed.url})
            sender = Twilio("twilio", config)
            try:
                url = f"{public}/carriers/twilio/status?m=0190a1b2&a=1"
                result = await sender.send(_text(kit, status_url=url))
                assert isinstance(result, Accepted)
                await routed.settled()
            finally:
                await sender.aclose()
    finally:
        await runner.cleanup()
    assert receipts
    assert {receipt.carrier_id for receipt in receipts} == {result.carrier_id}
    assert {(receipt.message_id, receipt.attempt) for receipt in receipts} == {("0190a1b2", 1)}
    assert receipts[-1].state is MessageState.DELIVERED
