"""What a carrier can do. Text, media and length that it does not declare are refused before the wire, never ignored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Declared once per carrier class.

    Read by core in this version: `sms`, `mms`: what can be sent. `max_characters` of one text, `max_media` of one MMS.
    `charset` names the alphabet that counts as GSM-7 (`midcall.content.charsets`). `check_sender`: registration and
    capability of a number can be looked up. `receipts`: status callbacks come. `validity`: a text can be given a time after
    which it is dropped (`validity_min_s` to `validity_max_s`, seconds).

    Not read yet, and worth declaring truly: `inbound`: received texts come. `answers_stop`: the carrier itself answers STOP
    and HELP. `find_sent`: a text that may have left can be looked up. `idempotency`: the same request with the same key is
    carried out once. `lookups`: line type of a recipient.
    """

    sms: bool = True
    mms: bool = False
    receipts: bool = False
    inbound: bool = False
    idempotency: bool = False
    find_sent: bool = False
    check_sender: bool = False
    validity: bool = False
    validity_min_s: int = 1
    validity_max_s: int = 36_000
    lookups: bool = False
    answers_stop: bool = False
    max_characters: int = 1_600
    max_media: int = 0
    charset: str = "gsm-7"
