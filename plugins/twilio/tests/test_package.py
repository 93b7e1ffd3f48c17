"""The package from outside: settings, what importing costs, and secrets that stay secret."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from midcall.contract.carrier import Carrier
from midcall.contract.errors import MidcallError
from midcall.contract.results import NotProcessed
from midcall_twilio import Twilio, TwilioSettings

if TYPE_CHECKING:
    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen

GOOD = {"account_sid": "AC" + "0" * 32, "auth_token": "hush-hush"}


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_plugin_imports_no_sdk() -> None:
    """The SDK and aiohttp cost 0.4 s; a plugin that is only listed must not."""
    heavy = _python(
        "import sys, midcall_twilio; midcall_twilio.Twilio; midcall_twilio.code_table()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('twilio', 'aiohttp', 'requests', 'yarl')])"
    )
    assert heavy == "[]"


def test_verifying_a_webhook_imports_only_the_validator() -> None:
    """A process that only receives needs no HTTP client."""
    heavy = _python(
        "import sys, datetime as d\n"
        "from midcall_twilio import Twilio, TwilioSettings\n"
        "from midcall.contract.errors import BadSignature\n"
        "from midcall.contract.webhooks import WebhookRequest\n"
        "c = Twilio('t', TwilioSettings(account_sid='AC' + '0' * 32, auth_token='x'))\n"
        "r = WebhookRequest(method='POST', url='https://a.example/', headers={'x-twilio-signature': 'x'},"
        " body=b'', received_at=d.datetime.now(d.UTC))\n"
        "try: c.parse_status(r)\n"
        "except BadSignature: pass\n"
        "print([m for m in ('twilio.rest', 'aiohttp', 'requests') if m in sys.modules],"
        " 'twilio.request_validator' in sys.modules)"
    )
    assert heavy == "[] True"


def test_after_load_sdk_a_send_imports_nothing_more() -> None:
    """All import time is paid at start, in the host's thread."""
    more = _python(
        "import asyncio, sys\n"
        "from midcall_twilio import Twilio, TwilioSettings\n"
        "from midcall.contract.messages import OutboundMessage\n"
        "Twilio.load_sdk()\n"
        "c = Twilio('t', TwilioSettings(account_sid='AC' + '0' * 32, auth_token='x', base_url='http://127.0.0.1:9'))\n"
        "m = OutboundMessage(id='1', attempt=1, account='t', sender='+12025550100', destination='+12025550142', text='x')\n"
        "before = set(sys.modules)\n"
        "async def main():\n"
        "    print(type(await c.send(m)).__name__)\n"
        "    try: await c.check_sender('+12025550100')\n"
        "    except Exception as e: print(type(e).__name__)\n"
        "    await c.aclose()\n"
        "asyncio.run(main())\n"
        "print([m for m in set(sys.modules) - before if m.split('.')[0] in ('twilio', 'aiohttp', 'midcall_twilio')])"
    )
    assert more.splitlines() == ["NotProcessed", "AskingFailed", "[]"]


def test_it_is_a_carrier_with_everything_declared_and_implemented() -> None:
    """What is declared is there: every method of the contract is the plugin's own."""
    assert issubclass(Twilio, Carrier)
    assert Twilio.name == "twilio"
    capabilities = Twilio.capabilities
    assert capabilities.sms
    assert capabilities.mms
    assert capabilities.find_sent
    assert not capabilities.idempotency
    assert (capabilities.validity_min_s, capabilities.validity_max_s) == (1, 36_000)
    own = vars(Twilio)
    for name in (
        "send",
        "check_sender",
        "find_sent",
        "parse_status",
        "parse_inbound",
        "fetch_media",
        "health",
    ):
        assert name in own
    assert {"warm_up", "aclose", "load_sdk"} <= set(own)


@pytest.mark.parametrize(
    "changes",
    [
        {"account_sid": "hush-hush"},
        {"account_sid": "AC123"},
        {"account_sid": "AC" + "0" * 32 + "\n"},
        {"auth_token": ""},
        {"api_key": "SK" + "0" * 32},
        {"api_key_secret": "hush-hush"},
        {"api_key": "hush-hush", "api_key_secret": "hush-hush"},
        {"messaging_service_sid": "hush-hush"},
        {"base_url": "hush-hush"},
        {"base_url": "ftp://example.com"},
        {"base_url": "https://user:hush-hush@example.com"},
        {"timeout": 0},
        {"timeout": 60},
        {"auth_tokn": "hush-hush"},
    ],
)
def test_wrong_settings_are_refused_without_showing_what_was_given(changes: dict[str, object]) -> None:
    """A token pasted into the wrong field is still a token."""
    with pytest.raises(ValidationError) as caught:
        TwilioSettings.model_validate({**GOOD, **changes})
    assert "hush" not in str(caught.value)


def test_the_customary_variables_are_fields() -> None:
    """Each names a field there is."""
    assert set(TwilioSettings.customary) <= set(TwilioSettings.model_fields)
    assert TwilioSettings.customary["auth_token"] == "TWILIO_AUTH_TOKEN"


def test_without_a_base_url_requests_go_to_twilio(kit: Kit) -> None:
    """Its own hosts, by https, and no others see the credentials."""
    from midcall_twilio.sdk import Exchange, open_client
    from midcall_twilio.wire import Wire

    config = TwilioSettings.model_validate(GOOD)
    client = open_client(Exchange(Wire(timeout=1), config), config)
    assert client.api.base_url == "https://api.twilio.com"
    assert client.messaging.base_url == "https://messaging.twilio.com"
    assert config.is_own("https://api.twilio.com/2010-04-01/x")
    assert not config.is_own("https://example.com/2010-04-01/x")
    elsewhere = TwilioSettings.model_validate({**GOOD, "base_url": "http://127.0.0.1:9001/"})
    assert elsewhere.base_url == "http://127.0.0.1:9001"
    assert not elsewhere.is_own("https://api.twilio.com/x")


async def test_no_secret_number_or_word_reaches_logs_reprs_or_errors(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level, through successes and every kind of failure."""
    caplog.set_level(logging.DEBUG)
    secrets = (kit.AUTH_TOKEN, kit.CALLER, "the words of the text", "shared-secret")
    carrier = make_carrier(shared_keys={"k": "shared-secret"}, timeout=0.5)
    shown = [repr(carrier), repr(carrier.config), str(carrier.config)]
    shown.append(repr(await carrier.send(kit.text(text="the words of the text"))))

    async def fail(_seen: Seen, connection: Connection) -> None:
        await connection.reply(400, {"code": 21211, "message": f"bad {kit.CALLER}", "status": 400})

    server.script = fail
    shown.append(repr(await carrier.send(kit.text(text="the words of the text"))))
    try:
        await carrier.check_sender(kit.CALLER)
    except MidcallError:
        shown.append(traceback.format_exc())
    await server.aclose()
    await carrier.aclose()
    result = await carrier.send(kit.text(text="the words of the text"))
    assert isinstance(result, NotProcessed)
    shown.append(repr(result))
    try:
        await carrier.check_sender(kit.CALLER)
    except MidcallError as error:
        shown += [traceback.format_exc(), repr(error)]
    shown.append(caplog.text)
    everything = "\n".join(shown)
    assert [secret for secret in secrets if secret in everything] == []


def test_a_carrier_opens_nothing_when_it_is_made(kit: Kit) -> None:
    """Made outside any event loop; the first request opens the first connection."""
    carrier = Twilio("t", TwilioSettings.model_validate(GOOD))
    assert carrier._wire._pools == {}
    assert repr(carrier) == "<Twilio account 't'>"
