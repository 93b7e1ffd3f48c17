"""What carriers and platforms send us, and what a plugin makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from midcall.contract.messages import MessageState
from midcall.contract.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One HTTP request, untouched.

    `url` is the full public URL the sender used (rebuilt from `server.public_url` behind a proxy): signatures depend on
    it. Header names are lower case. `body` is the raw bytes: verify these, never re-serialised JSON.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResponse:
    """The HTTP answer a plugin wants given."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A carrier's news of a text, out of one status callback.

    `message_id` is our own id when it came back with the callback (that settles an unknown outcome), `carrier_id` the
    carrier's. `state` is one of accepted, sent, delivered, undelivered, rejected, expired. `event_id` is the same for the same
    news told twice. `of_sender` is true when the failure concerns the sender (an unregistered number): it is then
    remembered and not used again for a while.
    """

    state: MessageState
    carrier_id: str | None
    message_id: str | None = None
    attempt: int | None = None
    reason: Reason | None = None
    detail: str = ""
    code: str | None = None
    of_sender: bool = False
    at: datetime | None = None
    event_id: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMedia:
    """One attachment of a received text: where it is, and what the carrier says it is."""

    url: str
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A text somebody sent to one of our numbers. `keyword` is the carrier's own reading of STOP, START or HELP."""

    carrier_id: str
    account: str
    sender: str
    recipient: str
    text: str
    media: tuple[InboundMedia, ...] = ()
    keyword: str | None = None
    at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Fetched media: its bytes and its type as found."""

    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Found:
    """`find_sent`: the carrier has exactly this text, and it is nobody else's."""

    carrier_id: str
    state: MessageState = MessageState.ACCEPTED


@dataclass(frozen=True, slots=True)
class Absent:
    """`find_sent`: the carrier looked and has no such text."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """`find_sent`: the carrier could not be asked, or has several texts it could be."""

    detail: str = ""


FindResult = Found | Absent | CannotTell
