"""The Twilio carrier: what Midcall asks of a carrier, each answered by the module of that name."""

from __future__ import annotations

import logging
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from midcall import (
    Capabilities,
    Carrier,
    FindResult,
    Health,
    InboundMedia,
    InboundMessage,
    Media,
    Message,
    OutboundMessage,
    Receipt,
    SenderCheck,
    SendResult,
    WebhookRequest,
)
from midcall_twilio import webhooks
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.wire import Wire

if TYPE_CHECKING:
    from midcall_twilio.registration import Registrations

log = logging.getLogger("midcall_twilio")

WARM_S = 30.0
"""A connection used this recently is still open."""


class Twilio(Carrier[TwilioSettings]):
    """One Twilio account, on Twilio's own SDK. May be used from several event loops, each with connections of its own."""

    name = "twilio"
    settings = TwilioSettings
    capabilities = Capabilities(
        sms=True,
        mms=True,
        receipts=True,
        inbound=True,
        find_sent=True,
        check_sender=True,
        validity=True,
        validity_min_s=1,
        validity_max_s=36_000,
        answers_stop=True,
        max_characters=1_600,
        max_media=10,
        charset="gsm-7",
    )

    def __init__(self, account: str, config: TwilioSettings) -> None:
        super().__init__(account, config)
        self._wire = Wire(timeout=config.timeout)
        self._registrations: Registrations | None = None

    def __repr__(self) -> str:
        return f"<Twilio account {self.account!r}>"

    @classmethod
    def load_sdk(cls) -> None:
        """Import the SDK and what stands on it: 0.4 s, once."""
        for module in ("sending", "registration", "lookup", "media"):
            import_module(f"midcall_twilio.{module}")
        import_module("midcall_twilio.sdk").load()

    async def send(self, message: OutboundMessage) -> SendResult:
        """Hand one text to Twilio, in one POST."""
        from midcall_twilio.sending import send

        return await send(self._wire, self.config, message)

    async def check_sender(self, number: str) -> SenderCheck:
        """Ownership, capabilities and US registration of a number. Raises `MidcallError` when Twilio cannot be asked."""
        from midcall_twilio.registration import Registrations

        if self._registrations is None:
            self._registrations = Registrations(self._wire, self.config)
        return await self._registrations.check(number)

    async def find_sent(self, message: Message, *, since: datetime) -> FindResult:
        """Look for a text by both numbers and its exact words, among those created since then."""
        from midcall_twilio.lookup import find_sent

        return await find_sent(self._wire, self.config, message, since=since)

    def parse_status(self, request: WebhookRequest) -> tuple[Receipt, ...]:
        """Verify and read one status callback."""
        return webhooks.read_status(webhooks.verified(request, self.config, self.account), request)

    def parse_inbound(self, request: WebhookRequest) -> tuple[InboundMessage, ...]:
        """Verify and read one received text."""
        return webhooks.read_inbound(
            webhooks.verified(request, self.config, self.account), request, self.account
        )

    async def fetch_media(self, media: InboundMedia, *, max_bytes: int) -> Media:
        """Fetch an attachment of a received text. Raises `MidcallError`, also when it is larger than `max_bytes`."""
        from midcall_twilio.media import fetch

        return await fetch(self._wire, self.config, media, max_bytes=max_bytes)

    async def health(self) -> Health:
        """Whether Twilio answers these credentials, by asking for one of the account's numbers.

        Not by asking for the account itself: ordinary API keys may not.
        """
        from midcall_twilio.sdk import AskingFailed

        try:
            owned = await self._one_number()
        except AskingFailed as error:
            return Health(ok=False, detail=str(error))
        return Health(
            ok=True, detail="Twilio answers" if owned else "Twilio answers; the account owns no number"
        )

    async def warm_up(self) -> None:
        """Open a connection, unless one is open. Costs one small reading request; never raises."""
        if self._wire.used_within(WARM_S):
            return
        try:
            await self._one_number()
        except Exception as error:  # noqa: BLE001 - a call has just opened; a cold connection must not disturb it
            log.info("account %s was not warmed up: %s", self.account, type(error).__name__)

    async def aclose(self) -> None:
        """Close all connections. A later request opens new ones."""
        await self._wire.aclose()

    async def _one_number(self) -> bool:
        from midcall_twilio.sdk import Exchange, asking, open_client

        exchange = Exchange(self._wire, self.config)
        client = open_client(exchange, self.config)
        with asking("which numbers the account has", exchange):
            return bool(await client.incoming_phone_numbers.list_async(limit=1))
