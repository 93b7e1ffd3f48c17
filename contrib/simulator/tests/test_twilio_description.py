"""Held against Twilio's published OpenAPI description: what the SDK sends to us, and what we answer.

The description lies beside the repository and is read by tests only; without it these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from midcall_simulator import DEFAULT_ACCOUNT_SID, SeenRequest, Simulator

if TYPE_CHECKING:
    from openapi_core import OpenAPI
    from twilio.rest import Client  # type: ignore[import-untyped]  # no py.typed

    from contrib.simulator.tests.conftest import Wire

FOLDER = Path(__file__).resolve().parents[3] / ".." / "shared" / "openapi"
ACCOUNT = f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}"


def _description(name: str) -> OpenAPI:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"Twilio's published description is not here: put it at ../shared/openapi/{name}")
    pytest.importorskip(
        "openapi_core", reason="openapi-core reads the description: pip install openapi-core werkzeug"
    )
    from openapi_core import OpenAPI

    spec: dict[str, Any] = json.loads(path.read_text())
    for item in spec["paths"].values():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        for form in content.values():
            if "MediaUrl" in form["schema"].get("properties", {}):
                # The description leaves out how an array is written; Twilio repeats the parameter.
                form["encoding"] = {"MediaUrl": {"style": "form", "explode": True}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # openapi-core's own use of its dependencies
        return OpenAPI.from_dict(spec)


@pytest.fixture(scope="module")
def api() -> OpenAPI:
    """The description of api.twilio.com."""
    return _description("twilio_api_v2010_messaging.json")


@pytest.fixture(scope="module")
def messaging() -> OpenAPI:
    """The description of messaging.twilio.com."""
    return _description("twilio_messaging_v1.json")


def _request(seen: SeenRequest) -> Any:
    from openapi_core.testing import MockRequest
    from werkzeug.datastructures import MultiDict

    host = "https://messaging.twilio.com" if seen.path.startswith("/v1/") else "https://api.twilio.com"
    return MockRequest(
        host,
        seen.method,
        seen.path,
        args=MultiDict(seen.query),
        headers=dict(seen.headers),
        data=seen.body,
        content_type=seen.header("content-type") or "",
    )


def _check(description: OpenAPI, seen: SeenRequest, status: int, body: bytes) -> None:
    from openapi_core.testing import MockResponse

    description.validate_response(_request(seen), MockResponse(body, status_code=status))


async def test_what_the_sdk_sends(sim: Simulator, sdk: Client, api: OpenAPI, messaging: OpenAPI) -> None:
    """Every request of the real SDK that we accept, the description accepts too."""
    [desk, _] = sim.account.services.values()

    def everything() -> None:
        sdk.messages.create(
            to="+12025550142",
            from_="+12025550100",
            body="x",
            media_url=["https://example.com/a.png", "https://example.com/b.png"],
            validity_period=600,
            smart_encoded=True,
            attempt=1,
            risk_check="disable",
            status_callback="http://127.0.0.1:1/status",
            message_intent="customercare",
        )
        answer = sdk.messages.create(to="+12025550142", messaging_service_sid=desk.sid, body="x")
        sdk.messages(str(answer.sid)).fetch()
        sdk.messages.list(to="+12025550142", from_="+12025550100", page_size=20)
        sdk.incoming_phone_numbers.list(phone_number="+12025550100", limit=1)
        for service in sdk.messaging.v1.services.list():
            service.phone_numbers.list()
            service.us_app_to_person.list()
        sdk.messaging.v1.tollfree_verifications.list(status="TWILIO_APPROVED")

    await asyncio.to_thread(everything)
    seen = [*sim.requests, *sim.lookups]
    assert len(seen) == 11
    assert {request.outcome for request in seen} == {"accepted", "answered"}
    for request in seen:
        (messaging if request.path.startswith("/v1/") else api).validate_request(_request(request))


@pytest.mark.parametrize(
    "form",
    [
        [("To", "+12025550142"), ("From", "+12025550100"), ("Body", "hello 👋")],
        [("To", "+12025550142"), ("From", "+12025550100"), ("MediaUrl", "https://example.com/a.png")],
        [("To", "+12025550142"), ("From", "+12025550103"), ("Body", "unregistered")],
        [("To", "+12025550142"), ("From", "+12025550100"), ("MessagingServiceSid", "desk"), ("Body", "x")],
        [("To", "+12025550142"), ("MessagingServiceSid", "desk"), ("Body", "x")],
        [
            ("To", "+12025550142"),
            ("MessagingServiceSid", "desk"),
            ("Body", "x"),
            ("ScheduleType", "fixed"),
            ("SendAt", "2026-12-24T10:00:00Z"),
        ],
    ],
)
async def test_a_message_at_every_age(
    sim: Simulator, wire: Wire, api: OpenAPI, form: list[tuple[str, str]]
) -> None:
    """A Message holds to the description when it is new, when it is fetched at its end, and in a list."""
    [desk, _] = sim.account.services.values()
    filled = [(name, desk.sid if value == "desk" else value) for name, value in form]
    created = await wire.post(filled)
    assert created.status == 201
    _check(api, sim.requests[-1], 201, created.body)
    await sim.settled()
    for path in (f"{ACCOUNT}/Messages/{created.json['sid']}.json", f"{ACCOUNT}/Messages.json?PageSize=1"):
        heard = await wire.ask("GET", path)
        assert heard.status == 200
        _check(api, sim.lookups[-1], 200, heard.body)


async def test_numbers_and_registration(sim: Simulator, wire: Wire, api: OpenAPI, messaging: OpenAPI) -> None:
    """Every list and resource of numbers, services, campaigns and verifications holds to the description."""
    sim.account.verify_toll_free("+18885550199", "TWILIO_REJECTED")
    services = list(sim.account.services)
    paths = [f"{ACCOUNT}/IncomingPhoneNumbers.json", f"{ACCOUNT}/IncomingPhoneNumbers.json?PageSize=3&Page=1"]
    paths += [f"{ACCOUNT}/IncomingPhoneNumbers/{owned.sid}.json" for owned in sim.account.numbers.values()]
    paths += ["/v1/Services", "/v1/Services?PageSize=1", "/v1/Tollfree/Verifications"]
    for sid in services:
        paths += [f"/v1/Services/{sid}{part}" for part in ("", "/PhoneNumbers", "/Compliance/Usa2p")]
    for path in paths:
        heard = await wire.ask("GET", path)
        assert heard.status == 200, path
        _check(messaging if path.startswith("/v1/") else api, sim.lookups[-1], 200, heard.body)


async def test_a_wrong_answer_would_be_noticed(sim: Simulator, wire: Wire, api: OpenAPI) -> None:
    """The description does judge: an answer with a status of its own invention does not pass."""
    created = await wire.send()
    broken = json.dumps({**created.json, "status": "posted"}).encode()
    with pytest.raises(Exception, match="Invalid") as wrong:
        _check(api, sim.requests[-1], 201, broken)
    assert type(wrong.value).__module__.startswith("openapi_core")


async def test_every_parameter_of_the_description_is_known(api: OpenAPI) -> None:
    """Our table of parameters is the description's, plus those of the newer SDK."""
    from midcall_simulator.twilio.form import PARAMETERS

    spec = api.spec.read_value()
    post = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    properties = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert set(PARAMETERS) - set(properties) == {"MessageIntent"}
    assert set(properties) <= set(PARAMETERS)
