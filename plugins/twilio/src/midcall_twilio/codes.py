"""Twilio's error codes and what each means for a text, as a table.

Source: https://www.twilio.com/docs/api/errors/CODE, one page per code. 21635 and 21659 to 21661 are the narrower codes that
Twilio announced on 10 July 2024 (changelog, "number validation errors").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from midcall import Reason, Scope


class Becomes(StrEnum):
    """Which result a code is when it answers a send."""

    REFUSED = "refused"
    NOT_PROCESSED = "not processed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `when`: S in the answer to a send, D in a delivery receipt, SD both. `of_sender`: a receipt with it says that
    the number cannot be used for now, whoever the recipient."""

    code: int
    when: str
    reason: Reason
    scope: Scope
    meaning: str
    becomes: Becomes = Becomes.REFUSED
    of_sender: bool = False


R = Reason
SENDER, DESTINATION, CONTENT, ACCOUNT = Scope.SENDER, Scope.DESTINATION, Scope.CONTENT, Scope.ACCOUNT
UNKNOWN, NOT_PROCESSED = Becomes.UNKNOWN, Becomes.NOT_PROCESSED

_TABLE = (
    # The account
    Code(10001, "S", R.ACCOUNT_PROBLEM, ACCOUNT, "the account is not active"),
    Code(20003, "S", R.ACCOUNT_PROBLEM, ACCOUNT, "the credentials are wrong or may not do this"),
    Code(20005, "S", R.ACCOUNT_PROBLEM, ACCOUNT, "the account is not active"),
    Code(20008, "S", R.ACCOUNT_PROBLEM, ACCOUNT, "these are test credentials"),
    Code(20404, "S", R.SENDER_NOT_OWNED, SENDER, "the account or service of this number was not found"),
    Code(20429, "S", R.CARRIER_BUSY, ACCOUNT, "too many requests at once; not processed", NOT_PROCESSED),
    Code(20500, "S", R.CARRIER_SILENT, ACCOUNT, "an error inside Twilio", UNKNOWN),
    Code(20503, "S", R.CARRIER_SILENT, ACCOUNT, "Twilio is unavailable", UNKNOWN),
    Code(30002, "D", R.ACCOUNT_PROBLEM, ACCOUNT, "the account was suspended before the text left"),
    Code(63038, "SD", R.ACCOUNT_PROBLEM, ACCOUNT, "the account's daily limit of texts is used up"),
    # The recipient
    Code(21211, "S", R.INVALID_DESTINATION, DESTINATION, "the recipient is not a valid phone number"),
    Code(21610, "SD", R.OPTED_OUT, DESTINATION, "the recipient has sent STOP"),
    Code(21614, "S", R.LANDLINE, DESTINATION, "the recipient is not a mobile number"),
    Code(21635, "S", R.LANDLINE, DESTINATION, "the recipient is a landline"),
    Code(30003, "D", R.UNREACHABLE, DESTINATION, "the handset is off or out of reach"),
    Code(30004, "D", R.UNDELIVERED, DESTINATION, "the recipient's network blocked the text"),
    Code(30005, "D", R.UNKNOWN_NUMBER, DESTINATION, "the recipient's number is not in service"),
    Code(30006, "D", R.LANDLINE, DESTINATION, "a landline, or a network that cannot be reached by text"),
    Code(30008, "D", R.UNDELIVERED, DESTINATION, "not delivered; the network did not say why"),
    Code(30011, "D", R.MEDIA_NOT_SUPPORTED, DESTINATION, "the recipient cannot receive media"),
    Code(30017, "D", R.UNREACHABLE, DESTINATION, "the recipient's network is congested"),
    Code(30410, "D", R.CARRIER_SILENT, DESTINATION, "the next network did not answer; it may have been delivered", UNKNOWN),
    Code(30450, "D", R.CARRIER_REFUSED, DESTINATION, "blocked by the protection against SMS pumping"),
    # The content, and the request
    Code(21602, "S", R.CONTENT_EMPTY, CONTENT, "there is no text and no media"),
    Code(21603, "S", R.CARRIER_REFUSED, CONTENT, "the request names no sender"),
    Code(21604, "S", R.CARRIER_REFUSED, CONTENT, "the request names no recipient"),
    Code(21609, "S", R.CARRIER_REFUSED, ACCOUNT, "the status callback URL is not public: check server.public_url"),
    Code(21617, "S", R.CONTENT_TOO_LONG, CONTENT, "the text is longer than 1,600 characters"),
    Code(21618, "S", R.CARRIER_REFUSED, CONTENT, "the text cannot be sent as it is"),
    Code(21619, "S", R.CONTENT_EMPTY, CONTENT, "there is no text and no media"),
    Code(21620, "S", R.MEDIA_NOT_SUPPORTED, CONTENT, "a media URL is invalid"),
    Code(21623, "S", R.MEDIA_NOT_SUPPORTED, CONTENT, "there are more than 10 media"),
    Code(21624, "S", R.CARRIER_REFUSED, CONTENT, "the validity is not 1 to 36,000 seconds"),
    Code(30007, "D", R.CONTENT_FILTERED, CONTENT, "filtered by Twilio or by the network"),
    Code(30010, "D", R.CARRIER_REFUSED, CONTENT, "the text costs more than the maximum price"),
    Code(30019, "D", R.CONTENT_TOO_LONG, CONTENT, "the content is too large for the network"),
    Code(30036, "D", R.EXPIRED, CONTENT, "the validity ran out before the text could be sent"),
    # The sender
    Code(21212, "S", R.SENDER_NOT_CAPABLE, SENDER, "the sender is not a valid number"),
    Code(21408, "S", R.COUNTRY_NOT_ALLOWED, SENDER, "the account may not text this country: see its Messaging Geo-Permissions"),
    Code(21601, "S", R.SENDER_NOT_CAPABLE, SENDER, "the sender cannot send texts"),
    Code(21606, "S", R.SENDER_NOT_CAPABLE, SENDER, "the sender is not a Twilio number that can text this recipient"),
    Code(21608, "S", R.ACCOUNT_PROBLEM, SENDER, "a trial account texts only numbers that were verified with it"),
    Code(21611, "S", R.SENDER_BUSY, SENDER, "the sender's queue is full"),
    Code(21612, "S", R.SENDER_NOT_CAPABLE, SENDER, "the recipient cannot be reached from this sender"),
    Code(21621, "S", R.MEDIA_NOT_SUPPORTED, SENDER, "the sender cannot send media"),
    Code(21622, "S", R.MEDIA_NOT_SUPPORTED, SENDER, "the sender's account cannot send media"),
    Code(21659, "S", R.SENDER_NOT_OWNED, SENDER, "the sender is not a Twilio number"),
    Code(21660, "S", R.SENDER_NOT_OWNED, SENDER, "the sender does not belong to this account"),
    Code(21661, "S", R.SENDER_NOT_CAPABLE, SENDER, "the sender cannot send texts"),
    Code(21701, "S", R.SENDER_NOT_CAPABLE, SENDER, "the Messaging Service does not exist"),
    Code(21702, "S", R.SENDER_NOT_CAPABLE, SENDER, "the Messaging Service cannot send now"),
    Code(21703, "SD", R.SENDER_NOT_CAPABLE, SENDER, "the Messaging Service has no number for this recipient"),
    Code(21704, "SD", R.SENDER_NOT_CAPABLE, SENDER, "the Messaging Service has no numbers", of_sender=True),
    Code(21705, "SD", R.SENDER_NOT_CAPABLE, SENDER, "the Messaging Service is not valid", of_sender=True),
    Code(21711, "S", R.SENDER_NOT_CAPABLE, SENDER, "the sender is not in the Messaging Service"),
    Code(21712, "SD", R.SENDER_NOT_CAPABLE, SENDER, "the sender belongs to another Messaging Service", of_sender=True),
    Code(30001, "D", R.SENDER_BUSY, SENDER, "the sender's queue overflowed"),
    Code(30018, "D", R.SENDER_NOT_REGISTERED, SENDER, "the recipient's network wants the sender registered first", of_sender=True),
    Code(30022, "D", R.SENDER_BUSY, SENDER, "the 10DLC campaign is sending too fast"),
    Code(30023, "D", R.SENDER_BUSY, SENDER, "the 10DLC campaign's daily allowance is used up", of_sender=True),
    Code(30024, "D", R.SENDER_NOT_REGISTERED, SENDER, "the number is not set up on the recipient's network", of_sender=True),
    Code(30027, "D", R.SENDER_BUSY, SENDER, "T-Mobile's daily allowance of the 10DLC campaign is used up", of_sender=True),
    Code(30032, "D", R.SENDER_NOT_REGISTERED, SENDER, "the toll-free number is not verified", of_sender=True),
    Code(30033, "D", R.SENDER_NOT_REGISTERED, SENDER, "the 10DLC campaign is suspended", of_sender=True),
    Code(30034, "D", R.SENDER_NOT_REGISTERED, SENDER, "the number is not registered in a 10DLC campaign", of_sender=True),
    Code(30035, "D", R.SENDER_NOT_REGISTERED, SENDER, "the number is still being set up for its 10DLC campaign", of_sender=True),
)  # fmt: skip  # one code a line reads as the table it is

CODES: Mapping[int, Code] = {entry.code: entry for entry in _TABLE}
"""Every code that is read, by number. A code that is not here is read by the HTTP status of the answer."""


def code_table() -> tuple[tuple[str, str, str, str, str, str], ...]:
    """The table for the documentation: code, when (S answer, D receipt), result, reason, scope, meaning; sorted by code."""
    return tuple(
        (
            str(entry.code),
            entry.when,
            entry.becomes.value,
            entry.reason.value,
            entry.scope.value,
            entry.meaning,
        )
        for entry in sorted(CODES.values(), key=lambda entry: entry.code)
    )
