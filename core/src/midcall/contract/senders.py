"""The number a text leaves from, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from midcall.contract.reasons import Reason


class ContentRule(StrEnum):
    """What content a sender allows: `any`, or `template` only (Retell's shared pool, an operator's pool)."""

    ANY = "any"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a text asks of its sender: `mms` when it carries media, `pool` when the tool asks for the pool's number."""

    mms: bool = False
    pool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A candidate: the number (E.164, or a carrier's service id), the account it belongs to, what content it allows."""

    number: str
    account: str
    content: ContentRule = ContentRule.ANY


class Known(StrEnum):
    """Three-valued: a carrier says yes, says no, or cannot say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderCheck:
    """What a carrier knows of a number: is it `owned` by the account, can it carry `sms` and `mms`, is it `registered`
    (10DLC campaign, toll-free verification, or whatever its country asks for; `unknown` is a legal answer).

    `reason` and `detail` explain a no. `good_for_s` is how long, in seconds, the answer may be remembered.
    """

    owned: Known = Known.UNKNOWN
    sms: Known = Known.UNKNOWN
    mms: Known = Known.UNKNOWN
    registered: Known = Known.UNKNOWN
    reason: Reason | None = None
    detail: str = ""
    checked_at: datetime | None = None
    good_for_s: float = 3_600.0
