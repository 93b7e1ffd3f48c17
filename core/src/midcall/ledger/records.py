"""What goes into the ledger and what comes out of it. Plain frozen values; times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from midcall.contract.messages import Message, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.senders import SenderCheck
from midcall.ledger.ids import new_message_id

LONGEST_WINDOW_MINUTES = 1_440
"""Charges may look back one day at most; older ones are tidied away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A text that is about to be claimed, or a refusal that is about to be recorded.

    `id` is made here, before the claim, because the exact request of the first attempt carries it. `reason`, `detail`,
    `plugin` and `carrier_code` say why a refusal was one; a claim leaves them alone. `carrier` is the carrier's name, for
    people who read the ledger.
    """

    id: str = field(default_factory=new_message_id)
    platform: str
    call_id: str
    tool: str
    tool_call_id: str | None = None
    account: str | None = None
    carrier: str | None = None
    sender: str | None = None
    destination: str | None = None
    text: str = ""
    media: tuple[str, ...] = ()
    template: str | None = None
    encoding: str = ""
    segments: int = 0
    reason: Reason | None = None
    detail: str = ""
    plugin: str = ""
    carrier_code: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    validity_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One limit and what it counts: at most `limit` texts for `subject` within `scope`.

    `per_minutes` None counts for ever (per call, say). Otherwise the limit holds in every window of that many minutes: the
    count is kept by the minute, and every minute that the window touches counts whole, so a text may be refused up to one
    minute early and never sent too many. `reason` is what a refusal by this limit is recorded with.
    """

    scope: str
    subject: str
    limit: int
    reason: Reason
    per_minutes: int | None = None

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"Charge.limit is {self.limit}; it cannot be below 0")
        if self.per_minutes is not None and not 1 <= self.per_minutes <= LONGEST_WINDOW_MINUTES:
            raise ValueError(
                f"Charge.per_minutes is {self.per_minutes}; give 1 to {LONGEST_WINDOW_MINUTES}, or None for ever"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The window in which the same text in the same call is one text. `key` is any string, `seconds` how long it is held."""

    key: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """All that one claim writes, in one transaction.

    `key` is the tool call's key. `key_seconds` None keeps it for ever (the platform sent an id); a derived key is held for
    that many seconds. `arguments_hash` tells a replay from the same id with other arguments. `slot` is the content window
    (None: no window), `replace_slot` takes it over from whoever has it (`resend: true`). `request` is the exact request of
    attempt 1. `lease_s` is how long, in seconds, the message may stay `sending` before anybody may call it unknown; keep it
    above the longest time one request may take.
    """

    message: NewMessage
    key: str
    key_seconds: float | None = None
    arguments_hash: str = ""
    slot: Slot | None = None
    replace_slot: bool = False
    charges: tuple[Charge, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    lease_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Won:
    """The claim is ours: `message` is `sending`, durable, and nobody else will send it."""

    message: Message


@dataclass(frozen=True, slots=True)
class Lost:
    """Another tool call was first. `message` is what it became so far.

    `by` is `key` (the same tool call again) or `slot` (the same text within the window). `same_arguments` is false when the
    arguments' hash differs from the first one's. Nothing is noted on the message; `Ledger.note` is for that.
    """

    message: Message
    by: Literal["key", "slot"]
    same_arguments: bool


@dataclass(frozen=True, slots=True)
class Denied:
    """The text was refused and the refusal is recorded under the key: `message` is `rejected`, with its reason."""

    message: Message


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt did. `message` is the message it concerns, None if none is known yet (the receipt is kept).

    `moved` tells whether the state changed, `duplicate` whether the same news had been told before.
    """

    message: Message | None
    moved: bool
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to hand a message to a carrier. `result` is accepted, not_processed, refused or unknown; None while it is
    under way, and for ever if the process died meanwhile."""

    message_id: str
    n: int
    sender: str | None
    account: str | None
    request: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None
    result: str | None
    code: str | None
    response: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """A person does not want texts. `scope` is `*` (from anybody here) or one account or sender; `source` says who told us
    (`keyword`, `carrier`, `person`, `import`, ...), `evidence` what they said. `lifted_at` is None while it holds."""

    number: str
    source: str
    at: datetime
    scope: str = "*"
    evidence: str = ""
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """What an import of opt-outs did: how many were `added`, how many held `already`."""

    added: int
    already: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedSender:
    """What is remembered of one of our numbers: the carrier's last `check`, and a block until `blocked_until`, if any.

    Both may be out of date: compare `check.checked_at` and `check.good_for_s`, and `blocked_until`, with the time.
    """

    account: str
    number: str
    check: SenderCheck | None
    blocked_reason: Reason | None
    blocked_detail: str
    blocked_until: datetime | None
    updated_at: datetime
