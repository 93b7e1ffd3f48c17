"""Reading the form of a new Message as strictly as Twilio's published description.

Sources: Twilio's OpenAPI description of CreateMessage (twilio-oai, api v2010) and the parameters the twilio SDK
9.13 sends (`MessageIntent` is in the SDK, not yet in the description). Twilio itself ignores parameters it does
not know; here they are refused, because in a test they are always a mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from midcall_simulator.phones import is_e164
from midcall_simulator.twilio.errors import RefusedError

MAX_BODY = 1600
MAX_MEDIA = 10
_SHORT_CODE = re.compile(r"\d{5,6}")
_REPEATED = frozenset({"MediaUrl", "PersistentAction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """The form of a new Message, each parameter of the right shape. Nothing is known yet of the account."""

    to: str
    from_: str | None
    service: str | None
    body: str
    media: tuple[str, ...]
    content: str | None
    content_variables: dict[str, str]
    as_mms: bool
    status_callback: str | None
    scheduled: bool


def _anything(name: str, value: str) -> None:
    """Free text."""


def _pattern(pattern: str, code: int = 20422) -> Callable[[str, str], None]:
    compiled = re.compile(pattern)

    def check(name: str, value: str) -> None:
        if compiled.fullmatch(value) is None:
            raise RefusedError(code, f"{name} does not match {pattern}", status=422 if code == 20422 else 400)

    return check


def _one_of(*allowed: str) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value not in allowed:
            raise RefusedError(20422, f"{name} is not one of {', '.join(allowed)}", status=422)

    return check


def _validity(name: str, value: str) -> None:
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 36000:
        raise RefusedError(21624, f"{name} is {value[:20]!r}")


def _url(code: int) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        try:
            parts = urlsplit(value)
            good = (
                parts.scheme in ("http", "https")
                and bool(parts.hostname)
                and "_" not in (parts.hostname or "")
            )
            _ = parts.port  # a malformed port raises only when it is read
        except ValueError:
            good = False
        if not good:
            raise RefusedError(code, f"{name} is not an http(s) URL with a host name")

    return check


def _moment(name: str, value: str) -> None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise RefusedError(20422, f"{name} is not an ISO 8601 time", status=422) from None


def _variables(name: str, value: str) -> None:
    try:
        good = isinstance(json.loads(value), dict)
    except ValueError:
        good = False
    if not good:
        raise RefusedError(21656, f"{name} is not a JSON object")


_boolean = _one_of("true", "false")
_integer = _pattern(r"-?\d{1,18}")

PARAMETERS: dict[str, Callable[[str, str], None]] = {
    "AddressRetention": _one_of("retain", "obfuscate"),
    "ApplicationSid": _pattern(r"AP[0-9a-fA-F]{32}"),
    "Attempt": _integer,
    "Body": _anything,
    "ContentRetention": _one_of("retain", "discard"),
    "ContentSid": _pattern(r"HX[0-9a-fA-F]{32}", 21655),
    "ContentVariables": _variables,
    "FallbackFrom": _anything,
    "ForceDelivery": _boolean,
    "From": _anything,
    "MaxPrice": _pattern(r"-?\d+(\.\d+)?"),
    "MediaUrl": _url(21620),
    "MessageIntent": _pattern(r"[a-z]+"),
    "MessagingServiceSid": _pattern(r"MG[0-9a-fA-F]{32}", 21705),
    "PersistentAction": _anything,
    "ProvideFeedback": _boolean,
    "RiskCheck": _one_of("enable", "disable"),
    "ScheduleType": _one_of("fixed"),
    "SendAsMms": _boolean,
    "SendAt": _moment,
    "ShortenUrls": _boolean,
    "SmartEncoded": _boolean,
    "StatusCallback": _url(21609),
    "To": _anything,
    "TrafficType": _one_of("free"),
    "ValidityPeriod": _validity,
}


def read_new_message(pairs: Sequence[tuple[str, str]]) -> NewMessage:
    """The new Message these form fields ask for. Raises `RefusedError` with the code Twilio would give."""
    single: dict[str, str] = {}
    media: list[str] = []
    for name, value in pairs:
        check = PARAMETERS.get(name)
        if check is None:
            raise RefusedError(20001, f"{name!r} is not a parameter of a new Message")
        if name in single and name not in _REPEATED:
            raise RefusedError(20001, f"{name} is given twice")
        if not value and name not in ("Body", "From", "To"):
            raise RefusedError(20422, f"{name} is empty", status=422)
        check(name, value)
        single[name] = value
        if name == "MediaUrl":
            media.append(value)
    _check_recipient(single)
    _check_sender(single)
    _check_content(single, media)
    _check_pairs(single)
    return NewMessage(
        to=single["To"],
        from_=single.get("From") or None,
        service=single.get("MessagingServiceSid"),
        body=single.get("Body", ""),
        media=tuple(media),
        content=single.get("ContentSid"),
        content_variables={
            str(key): str(value) for key, value in json.loads(single.get("ContentVariables", "{}")).items()
        },
        as_mms=bool(media) or single.get("SendAsMms") == "true",
        status_callback=single.get("StatusCallback"),
        scheduled="ScheduleType" in single,
    )


def _check_recipient(single: dict[str, str]) -> None:
    to = single.get("To", "")
    if not to:
        raise RefusedError(21604)
    if not is_e164(to):
        raise RefusedError(21211, to[:40])


def _check_sender(single: dict[str, str]) -> None:
    sender = single.get("From", "")
    if not sender and "MessagingServiceSid" not in single:
        raise RefusedError(21603)
    if sender and not is_e164(sender) and _SHORT_CODE.fullmatch(sender) is None:
        raise RefusedError(21212, sender[:40])


def _check_content(single: dict[str, str], media: list[str]) -> None:
    body = single.get("Body", "")
    if not body and not media and "ContentSid" not in single:
        raise RefusedError(21602)
    if len(body) > MAX_BODY:
        raise RefusedError(21617, f"{len(body)} characters")
    if len(media) > MAX_MEDIA:
        raise RefusedError(21623, f"{len(media)} files")


def _check_pairs(single: dict[str, str]) -> None:
    """The rules that join two parameters, each from the description of the first."""
    if "ContentVariables" in single and "ContentSid" not in single:
        raise RefusedError(21656, "ContentVariables needs ContentSid")
    if "SendAt" in single or "ScheduleType" in single:
        if "SendAt" not in single:
            raise RefusedError(35111)
        if "ScheduleType" not in single:
            raise RefusedError(20422, "SendAt needs ScheduleType=fixed", status=422)
        if "MessagingServiceSid" not in single:
            raise RefusedError(35118)
    for name in ("FallbackFrom", "ShortenUrls"):
        if single.get(name, "false") != "false" and "MessagingServiceSid" not in single:
            raise RefusedError(20422, f"{name} needs MessagingServiceSid", status=422)
