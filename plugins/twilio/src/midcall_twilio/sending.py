"""Handing one text to Twilio, and reading what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # no py.typed

from midcall import Accepted, NotProcessed, OutboundMessage, SendResult, Unknown
from midcall_twilio.errors import Complaint, as_code, result_of, shown
from midcall_twilio.sdk import Exchange, complaint_of, open_client
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.wire import Answer, MaybeWritten, NotWritten, Wire

LONGEST_VALIDITY_S = 36_000
"""Twilio's longest, and its default [twilio.com/docs/messaging/api/message-resource, ValidityPeriod]."""

_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})
_IN_THE_LEDGER = frozenset({"body", "to", "from"})


async def send(wire: Wire, config: TwilioSettings, message: OutboundMessage) -> SendResult:
    """One POST to Messages.json. Raises nothing of the network's: every end of the request is one of the four results."""
    exchange = Exchange(wire, config)
    client = open_client(exchange, config)
    try:
        created = await client.messages.create_async(to=message.destination, **_parameters(config, message))
    except NotWritten as error:
        return NotProcessed(detail=f"Twilio was not reached: {error}")
    except MaybeWritten as error:
        return Unknown(detail=f"Twilio gave no complete answer: {error}")
    except TwilioException as error:
        if exchange.answer is None:
            raise
        return result_of(complaint_of(error, exchange.answer))
    except (ValueError, AttributeError, TypeError, KeyError):
        if exchange.answer is None:  # not the answer but we are at fault
            raise
        return Unknown(detail=f"HTTP {exchange.answer.status} with an answer that could not be read")
    assert exchange.answer is not None
    return _result(created, exchange.answer)


def _parameters(config: TwilioSettings, message: OutboundMessage) -> dict[str, Any]:
    """The SDK's arguments; what is not given is left out.

    With a Messaging Service both `messaging_service_sid` and `from_` are passed: the service's rules apply and the text
    leaves from the call's own number ["you can provide a specific sender from your Sender Pool", Message resource, From]. A
    sender that is itself a service's id leaves the choice of number to the service.
    """
    parameters: dict[str, Any] = {}
    if message.sender.startswith("MG"):
        parameters["messaging_service_sid"] = message.sender
    else:
        parameters["from_"] = message.sender
        if config.messaging_service_sid:
            parameters["messaging_service_sid"] = config.messaging_service_sid
    if message.text:
        parameters["body"] = message.text
    if message.media:
        parameters["media_url"] = list(message.media)
    if message.validity_s is not None:
        parameters["validity_period"] = min(message.validity_s, LONGEST_VALIDITY_S)
    if message.status_url is not None:
        parameters["status_callback"] = message.status_url
    return parameters


def _result(created: Any, answer: Answer) -> SendResult:
    """Read a 2xx. Without an id nothing is known; with one, its first status may already be the end of it."""
    raw = _raw(answer)
    if not isinstance(created.sid, str) or not created.sid:
        return Unknown(detail=f"HTTP {answer.status} without an id", raw=raw)
    if created.status in _NOT_SENT:
        said = created.error_message if isinstance(created.error_message, str) else ""
        return result_of(
            # As a 400: Twilio took the request and says that the text will not leave.
            Complaint(
                400, as_code(created.error_code), said or f"Twilio answered {shown(created.status)}", raw=raw
            )
        )
    return Accepted(created.sid, raw=raw)


def _raw(answer: Answer) -> Mapping[str, Any]:
    """Twilio's answer without the text and the two numbers: the ledger has them, and results are logged."""
    try:
        payload = json.loads(answer.text)
    except ValueError:
        return {}
    if not isinstance(payload, dict):
        return {}
    return {name: value for name, value in payload.items() if name not in _IN_THE_LEDGER}
