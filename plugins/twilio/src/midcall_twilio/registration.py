"""What Twilio knows of one of our numbers: owned, capable, registered for texting in the US."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from midcall import Known, NumberError, Reason, SenderCheck, parse_number
from midcall_twilio.sdk import Exchange, asking, open_client
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.wire import Wire

GOOD_FOR_S = 6 * 3_600.0
"""How long a number that may be used is remembered. Losing a registration shows in receipts as well."""

BAD_FOR_S = 300.0
"""How long a number that may not be used is: somebody may be registering it right now."""

TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
"""The toll-free area codes of North America (nationalnanpa.com)."""

TEN_DLC_REGIONS = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})
"""Where a ten-digit number needs a 10DLC campaign to text at all. Other +1 numbers need one only towards the US."""

MAX_SERVICES = 200
MAX_NUMBERS = 1_000


@dataclass(frozen=True, slots=True)
class _Services:
    """Which Messaging Service each number is in. Twilio has no way to ask that of a number."""

    of_number: Mapping[str, str]
    complete: bool
    read_at: float


class Registrations:
    """Asks Twilio about our numbers; keeps the map of Messaging Services for as long as a no is remembered."""

    def __init__(self, wire: Wire, config: TwilioSettings) -> None:
        self._wire = wire
        self._config = config
        self._services: _Services | None = None
        self._locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    async def check(self, number: str) -> SenderCheck:
        """Raises `AskingFailed` when Twilio cannot be asked: what is not known is not guessed."""
        now = datetime.now(UTC)
        if not number.startswith("+"):
            return SenderCheck(detail="Twilio can be asked only about phone numbers", checked_at=now)
        exchange = Exchange(self._wire, self._config)
        client = open_client(exchange, self._config)
        with asking("whether the number is ours", exchange):
            listed = await client.incoming_phone_numbers.list_async(phone_number=number, limit=20)
            # The filter matches parts of numbers as well.
            found = next((one for one in listed if one.phone_number == number), None)
        if found is None:
            return SenderCheck(
                owned=Known.NO,
                reason=Reason.SENDER_NOT_OWNED,
                detail=f"Twilio account {self._config.account_sid[:6]}… does not own the number",
                checked_at=now,
                good_for_s=BAD_FOR_S,
            )
        sms, mms = _capable(found.capabilities, "sms"), _capable(found.capabilities, "mms")
        registered, detail = await self._registered(client, exchange, number, found.sid)
        reason = None
        if sms is Known.NO:
            reason, detail = Reason.SENDER_NOT_CAPABLE, "the number cannot send SMS"
        elif registered is Known.NO:
            reason = Reason.SENDER_NOT_REGISTERED
        return SenderCheck(
            owned=Known.YES,
            sms=sms,
            mms=mms,
            registered=registered,
            reason=reason,
            detail=detail,
            checked_at=now,
            good_for_s=GOOD_FOR_S if reason is None else BAD_FOR_S,
        )

    async def _registered(self, client: Any, exchange: Exchange, number: str, sid: str) -> tuple[Known, str]:
        if not number.startswith("+1"):
            return Known.UNKNOWN, "Twilio does not say whether numbers of this country need registration"
        if number[2:5] in TOLL_FREE:
            return await self._toll_free(client, exchange, sid)
        registered, detail = await self._campaign(client, exchange, number)
        if registered is Known.NO and _region(number) not in TEN_DLC_REGIONS:
            return Known.UNKNOWN, f"{detail}; a number outside the US needs one only to text the US"
        return registered, detail

    async def _toll_free(self, client: Any, exchange: Exchange, sid: str) -> tuple[Known, str]:
        with asking("whether the toll-free number is verified", exchange):
            verifications = await client.messaging.v1.tollfree_verifications.list_async(
                tollfree_phone_number_sid=sid, limit=20
            )
            statuses = [str(one.status) for one in verifications]
        if "TWILIO_APPROVED" in statuses:
            return Known.YES, "toll-free verification approved"
        said = f"it is {statuses[0]}" if statuses else "none was asked for"
        return Known.NO, f"no approved toll-free verification: {said}"

    async def _campaign(self, client: Any, exchange: Exchange, number: str) -> tuple[Known, str]:
        services = await self._read_services(client, exchange)
        service = services.of_number.get(number)
        if service is None:
            if not services.complete:
                return (
                    Known.UNKNOWN,
                    f"more than {MAX_SERVICES} Messaging Services: not all were looked through",
                )
            return Known.NO, f"no 10DLC campaign: the number is not in {services_name(self._config)}"
        with asking("whether the 10DLC campaign is verified", exchange):
            campaigns = await client.messaging.v1.services(service).us_app_to_person.list_async(limit=20)
            statuses = [str(one.campaign_status) for one in campaigns]
        if "VERIFIED" in statuses:
            return Known.YES, f"10DLC campaign of {service} verified"
        said = f"it is {statuses[0]}" if statuses else "the service has none"
        return Known.NO, f"no verified 10DLC campaign in {service}: {said}"

    async def _read_services(self, client: Any, exchange: Exchange) -> _Services:
        # One reader at a time: fifty numbers checked at start would each read the whole map.
        async with self._lock():
            known = self._services
            if known is not None and time.monotonic() - known.read_at < BAD_FOR_S:
                return known
            with asking("which Messaging Services there are", exchange):
                sids, complete = await self._service_sids(client)
                of_number: dict[str, str] = {}
                for sid in sids:
                    pool = await client.messaging.v1.services(sid).phone_numbers.list_async(
                        limit=MAX_NUMBERS, page_size=200
                    )
                    complete = complete and len(pool) < MAX_NUMBERS
                    of_number.update((one.phone_number, sid) for one in pool)
            self._services = _Services(of_number, complete, time.monotonic())
            return self._services

    async def _service_sids(self, client: Any) -> tuple[list[str], bool]:
        if self._config.messaging_service_sid:  # texts go through this one, whatever others there are
            return [self._config.messaging_service_sid], True
        services = await client.messaging.v1.services.list_async(limit=MAX_SERVICES, page_size=100)
        return [one.sid for one in services], len(services) < MAX_SERVICES

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if loop not in self._locks:
            self._locks = {kept: lock for kept, lock in self._locks.items() if not kept.is_closed()}
            self._locks[loop] = asyncio.Lock()
        return self._locks[loop]


def services_name(config: TwilioSettings) -> str:
    """How the places that were looked in are called in a sentence."""
    sid = config.messaging_service_sid
    return f"Messaging Service {sid}" if sid else "any Messaging Service of the account"


def _capable(capabilities: object, name: str) -> Known:
    """Twilio writes `sms`, and `SMS` in older answers."""
    if not isinstance(capabilities, Mapping):
        return Known.UNKNOWN
    value = {str(key).lower(): value for key, value in capabilities.items()}.get(name)
    return Known.UNKNOWN if not isinstance(value, bool) else Known.YES if value else Known.NO


def _region(number: str) -> str | None:
    try:
        return parse_number(number).region
    except NumberError:
        return None
