"""Every request the plugin makes is one that Twilio's published API description allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from midcall_twilio import Twilio
    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen

# The descriptions are Twilio's data and lie beside the checkout, not in it.
DESCRIPTIONS = Path(__file__).resolve().parents[3].parent / "shared" / "openapi"


def _described(name: str) -> Any:
    openapi_core = pytest.importorskip("openapi_core", reason="openapi-core is not installed")
    path = DESCRIPTIONS / name
    if not path.is_file():
        pytest.skip(f"Twilio's API description {name} is not beside the checkout (../shared/openapi)")
    description = json.loads(path.read_text(encoding="utf-8"))
    for operations in description["paths"].values():
        for operation in operations.values():
            _repeat_media_url(operation)
    return openapi_core.OpenAPI.from_dict(description)


def _repeat_media_url(operation: Any) -> None:
    """The description leaves out how a list is written in a form; Twilio's own SDKs repeat the field."""
    content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
    for media in content.values():
        media.setdefault("encoding", {})["MediaUrl"] = {"style": "form", "explode": True}


def _check(description: Any, host: str, seen: Seen) -> None:
    from openapi_core.testing import MockRequest

    request = MockRequest(
        host,
        seen.method.lower(),
        seen.path,
        path_pattern=None,
        args=dict(parse_qsl(seen.target.partition("?")[2])),
        headers={"Authorization": seen.headers["authorization"]},
        data=seen.body,
        content_type=seen.headers.get("content-type", "application/json"),
    )
    description.validate_request(request)


@pytest.fixture(scope="module")
def api() -> Any:
    """The description of api.twilio.com."""
    return _described("twilio_api_v2010_messaging.json")


@pytest.fixture(scope="module")
def messaging() -> Any:
    """The description of messaging.twilio.com."""
    return _described("twilio_messaging_v1.json")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"validity_s": None, "status_url": None},
        {"media": ("https://example.com/a.png", "https://example.com/b.png")},
        {"text": "", "media": ("https://example.com/a.png",)},
        {"text": "ünï👍 & = + %"},
        {"sender": "MG" + "0" * 32},
    ],
)
async def test_sends_fit_the_description(
    api: Any, server: RawServer, make_carrier: MakeCarrier, kit: Kit, changes: dict[str, Any]
) -> None:
    """Path, form fields, types and authentication of a send, with and without a Messaging Service."""
    await make_carrier().send(kit.text(**changes))
    await make_carrier(messaging_service_sid="MG" + "1" * 32).send(kit.text(**changes))
    assert len(server.posts) == 2
    for seen in server.posts:
        _check(api, "https://api.twilio.com", seen)


async def test_a_request_that_does_not_fit_is_noticed(
    api: Any, server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """The check can fail: a validity that is no number does not pass it."""
    from openapi_core.exceptions import OpenAPIError

    await twilio.send(kit.text(validity_s=600))
    (seen,) = server.posts
    broken = type(seen)(seen.method, seen.target, seen.headers, seen.body.replace(b"=600", b"=soon"))
    with pytest.raises(OpenAPIError):
        _check(api, "https://api.twilio.com", broken)


async def test_lookups_fit_the_descriptions(
    api: Any, messaging: Any, server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """Numbers, services, campaigns, verifications, the list of texts, health and warming up."""
    service = "MG" + "0" * 32
    lists: dict[str, Callable[[], dict[str, object]]] = {
        "IncomingPhoneNumbers.json": lambda: {
            "incoming_phone_numbers": [
                {"sid": "PN" + "0" * 32, "phone_number": number, "capabilities": {"sms": True, "mms": True}}
                for number in (kit.OURS, "+18005550199")
            ]
        },
        "Messages.json": lambda: {"messages": []},
        "Services": lambda: {"meta": {"key": "services"}, "services": [{"sid": service}]},
        "PhoneNumbers": lambda: {
            "meta": {"key": "phone_numbers"},
            "phone_numbers": [{"phone_number": kit.OURS}],
        },
        "Usa2p": lambda: {"meta": {"key": "compliance"}, "compliance": [{"campaign_status": "VERIFIED"}]},
        "Verifications": lambda: {"meta": {"key": "verifications"}, "verifications": []},
    }

    async def answer(seen: Seen, connection: Connection) -> None:
        await connection.reply(200, lists[seen.path.rpartition("/")[2]]())

    server.script = answer
    await twilio.warm_up()
    assert (await twilio.health()).ok
    await twilio.check_sender(kit.OURS)
    await twilio.check_sender("+18005550199")
    await twilio.find_sent(_sent(kit), since=datetime.now(UTC))
    assert {seen.path.rpartition("/")[2] for seen in server.seen} == set(lists)
    for seen in server.seen:
        if seen.path.startswith("/v1/"):
            _check(messaging, "https://messaging.twilio.com", seen)
        else:
            _check(api, "https://api.twilio.com", seen)


def _sent(kit: Kit) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(sender=kit.OURS, destination=kit.CALLER, text="x", media=())
