"""The simulated Twilio: `Twilio` is what `sim.twilio` is."""

from __future__ import annotations

from midcall_simulator.exchange import Exchange
from midcall_simulator.twilio.api import TwilioApi
from midcall_simulator.twilio.signatures import SharedKey, sign
from midcall_simulator.twilio.world import (
    DEFAULT_ACCOUNT_SID,
    DEFAULT_AUTH_TOKEN,
    MessagingService,
    OwnedNumber,
    TwilioAccount,
    TwilioWorld,
    furnish,
)

__all__ = [
    "DEFAULT_ACCOUNT_SID",
    "DEFAULT_AUTH_TOKEN",
    "MessagingService",
    "OwnedNumber",
    "SharedKey",
    "Twilio",
    "TwilioAccount",
    "furnish",
    "sign",
]


class Twilio(TwilioWorld):
    """The accounts of the simulated Twilio, and its API."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.api = TwilioApi(exchange, self)
