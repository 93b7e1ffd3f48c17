"""A text: before it may be sent (a draft), as a carrier is handed it, and as the ledger remembers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from midcall.contract.calls import Call
from midcall.contract.reasons import Reason
from midcall.contract.senders import Sender

if TYPE_CHECKING:
    from midcall.contract.tool import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a text says: `text`, and the URLs of its `media` (an MMS when there are any).

    `template` names the template the text was rendered from, None when it was written freely; a sender that allows
    templates only refuses the latter. `identity` is what makes it the same text when a model asks twice: the text before its
    variables were put in, and the variables that are not the clock's. Empty: the text itself.
    """

    text: str
    media: tuple[str, ...] = ()
    template: str | None = None
    identity: str = ""


class Trust(StrEnum):
    """Where a destination came from, most trusted first."""

    SIGNALLING = "signalling"
    CONFIGURATION = "configuration"
    SERVER = "server"
    COLLECTED = "collected"
    ARGUMENT = "argument"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Who a text goes to: the number in E.164, its country (ISO 3166-1 alpha-2, None if it has none), and its source."""

    number: str
    country: str | None
    trust: Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A text before it may be sent: what policies look at. Change it with `dataclasses.replace`."""

    call: Call
    tool: Tool
    sender: Sender
    destination: Destination
    content: Content
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One plugin's answer to "may this draft be sent".

    `of_sender` is true when a denial concerns only the sender: the next candidate is then tried. `plugin` is filled in by
    the host.
    """

    allowed: bool
    reason: Reason | None = None
    detail: str = ""
    of_sender: bool = False
    plugin: str = ""

    @classmethod
    def allow(cls, detail: str = "") -> Verdict:
        """The plugin has looked and does not object."""
        return cls(allowed=True, detail=detail)

    @classmethod
    def deny(
        cls, reason: Reason = Reason.POLICY_DENIED, detail: str = "", *, of_sender: bool = False
    ) -> Verdict:
        """The plugin objects; any denial denies."""
        return cls(allowed=False, reason=reason, detail=detail, of_sender=of_sender)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What a carrier is handed: one attempt at one message.

    `id` is Midcall's message id (a UUID, 36 characters), `attempt` counts from 1. `status_url` is where the carrier
    should send receipts, with our id in its query, or None when Midcall has no public address. `client_ref` is our id in
    at most 40 characters for carriers that echo a reference; `idempotency_key` is the same for every repeat of the same
    attempt. `validity_s`: seconds after which the text is of no use, None for no limit.
    """

    id: str
    attempt: int
    account: str
    sender: str
    destination: str
    text: str
    media: tuple[str, ...] = ()
    validity_s: int | None = None
    status_url: str | None = None

    @property
    def client_ref(self) -> str:
        """Midcall's id of this attempt, for carriers that echo a reference in their receipts."""
        return f"{self.id}.{self.attempt}"

    @property
    def idempotency_key(self) -> str:
        """The key for carriers that carry out one request per key; one per attempt."""
        return f"midcall-{self.id}-{self.attempt}"


class MessageState(StrEnum):
    """Where a text is. `midcall.ledger.states` holds the rank table that says which event may move which state."""

    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    PARKED = "parked"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text in the ledger. `reason`, `detail`, `plugin` and `carrier_code` explain a text that did not arrive."""

    id: str
    platform: str
    call_id: str
    tool: str
    tool_call_id: str | None
    state: MessageState
    account: str | None
    sender: str | None
    destination: str | None
    text: str
    media: tuple[str, ...]
    encoding: str
    segments: int
    reason: Reason | None
    detail: str
    plugin: str
    carrier_id: str | None
    carrier_code: str | None
    attempts: int
    verdicts: tuple[Verdict, ...]
    validity_s: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """One line of a message's timeline. `kind` is a short word, `state` the state after it, `data` what came with it.

    ::

        claimed      the text is to be sent, and no one else may send it
        refused      it will not be sent: `reason`, `detail`
        attempt      it is handed to a carrier: `n`, `account`, `sender`
        result       the carrier's answer to attempt `n`
        receipt      the carrier's report on what became of it
        recovered    whoever was sending it is gone, or took too long: `why`
        settled      what an unknown text came to: `reason`, `detail`
        eligibility  what the plugins said when they were asked again before another attempt: `verdicts`
        warning      something does not fit: `why`
    """

    message_id: str
    at: datetime
    kind: str
    state: MessageState
    data: Mapping[str, Any] = field(default_factory=dict)
