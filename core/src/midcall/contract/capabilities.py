"""What a carrier can do. What it cannot do is declared here and refused before the wire, never ignored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Declared once per carrier class.

    `sms`, `mms`: what can be sent. `receipts`: status callbacks come. `inbound`: received texts come. `idempotency`: the
    same request with the same key is carried out once. `find_sent`: a text that may have left can be looked up.
    `check_sender`: registration and capability of a number can be looked up. `validity`: a text can be given a time after
    which it is dropped (`validity_min_s` to `validity_max_s`, seconds). `lookups`: line type of a recipient.
    `answers_stop`: the carrier itself answers STOP and HELP. `max_characters` of one text, `max_media` of one MMS;
    `charset` names the alphabet that counts as GSM-7 (`midcall.content.charsets`).
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
