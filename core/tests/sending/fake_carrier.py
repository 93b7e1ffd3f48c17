"""A carrier for tests: it answers what it is told to, counts what reaches it, and never leaves the process."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from midcall import (
    Accepted,
    BadSignature,
    Capabilities,
    Carrier,
    CarrierSettings,
    Known,
    MessageState,
    OutboundMessage,
    Reason,
    Receipt,
    SenderCheck,
    WebhookRequest,
)

Answer = Callable[[OutboundMessage], Awaitable[Any]]
"""What one request is answered with; it may hang, raise, or answer something that is no result."""

SECRET = "acme-secret"
REGISTERED = SenderCheck(owned=Known.YES, sms=Known.YES, mms=Known.YES, registered=Known.YES)
WAIT_S = 20.0
"""The longest a test waits for something that must happen: far more than it takes."""


def says(result: object) -> Answer:
    """Answer `result` at once, whatever it is."""

    async def answer(_message: OutboundMessage) -> object:
        return result

    return answer


def raises(error: BaseException) -> Answer:
    """Raise `error`."""

    async def answer(_message: OutboundMessage) -> object:
        raise error

    return answer


class Held:
    """A request the carrier has and does not answer until `release`, with `result` or, if None, with an acceptance."""

    def __init__(self, result: object | None = None) -> None:
        self.reached = asyncio.Event()
        self.cancelled = False
        self._result = result
        self._released = asyncio.Event()

    async def __call__(self, message: OutboundMessage) -> object:
        self.reached.set()
        try:
            await self._released.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return accepted(message) if self._result is None else self._result

    def release(self) -> None:
        """Let it answer."""
        self._released.set()

    async def has_it(self) -> None:
        """Wait until the carrier has the request."""
        async with asyncio.timeout(WAIT_S):
            await self.reached.wait()


def accepted(message: OutboundMessage) -> Accepted:
    """An acceptance under an id that is this attempt's alone."""
    return Accepted(carrier_id_of(message), raw={"sid": carrier_id_of(message)})


def carrier_id_of(message: OutboundMessage) -> str:
    """The carrier's own id of an attempt."""
    return f"SM{message.id[-12:]}.{message.attempt}"


class AcmeSettings(CarrierSettings):
    """`[accounts.acme]`."""

    base_url: str = "http://127.0.0.1:9"
    secret: str = SECRET


class Acme(Carrier[AcmeSettings]):
    """SMS only; it knows its numbers, and sends receipts."""

    name = "acme"
    settings = AcmeSettings
    capabilities = Capabilities(sms=True, receipts=True, check_sender=True, validity=True)

    def __init__(self, account: str, config: AcmeSettings) -> None:
        super().__init__(account, config)
        self.sent: list[OutboundMessage] = []
        self.answers: deque[Answer] = deque()
        self.checks: dict[str, SenderCheck | Exception] = {}
        self.usual_check = REGISTERED
        self.checked: list[str] = []
        self.warmed_up = 0
        self.closed = 0

    async def send(self, message: OutboundMessage) -> Any:
        """The next answer of the script; once it is used up, an acceptance."""
        self.sent.append(message)
        if not self.answers:
            return accepted(message)
        return await self.answers.popleft()(message)

    def will(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self.answers.extend(answers)

    async def check_sender(self, number: str) -> SenderCheck:
        self.checked.append(number)
        check = self.checks.get(number, self.usual_check)
        if isinstance(check, Exception):
            raise check
        return check

    def parse_status(self, request: WebhookRequest) -> tuple[Receipt, ...]:
        """A JSON list of receipts, signed with the account's secret."""
        if request.headers.get("x-acme-secret") != self.config.secret:
            raise BadSignature("the callback is not signed with this account's secret")
        return tuple(_receipt(each) for each in json.loads(request.body))

    async def warm_up(self) -> None:
        self.warmed_up += 1

    async def aclose(self) -> None:
        self.closed += 1


class Picto(Acme):
    """A carrier of pictures too, with an alphabet of its own; it cannot look its numbers up."""

    name = "picto"
    capabilities = Capabilities(sms=True, mms=True, max_media=2, receipts=True, charset="gsm-7-telnyx")


_REASONS = {reason.value: reason for reason in Reason}


def _receipt(told: dict[str, Any]) -> Receipt:
    reason = told.pop("reason", None)
    return Receipt(
        state=MessageState(told.pop("state")),
        carrier_id=told.pop("carrier_id", None),
        reason=None if reason is None else _REASONS[reason],
        **told,
    )
