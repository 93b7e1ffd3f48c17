"""What the simulator remembers: every text it took, every request it saw.

Nothing here costs more as the memory grows: a text is appended to a few lists, and found by dictionary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from midcall_simulator.phones import mask


@dataclass(slots=True, kw_only=True, eq=False)
class Text:
    """A text a carrier took. Its `status` moves; everything else is as it was asked for."""

    carrier: str
    sid: str
    account: str
    to: str
    from_: str
    body: str
    media: tuple[str, ...] = ()
    service: str | None = None
    """The messaging service it was sent through, if any."""
    segments: int = 1
    status: str = "queued"
    error_code: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was taken, UTC."""
    sent_at: datetime | None = None
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    callback_url: str | None = None
    asked: tuple[tuple[str, str], ...] = ()
    """Every parameter of the request, in order."""
    history: list[str] = field(default_factory=list)
    """Every status it has had, in order."""
    number: int = -1
    """Its place in the memory, from 0."""

    def __post_init__(self) -> None:
        self.history.append(self.status)

    def move(self, status: str, *, error_code: int | None = None) -> None:
        """Give it its next status, now."""
        now = datetime.now(UTC)
        self.status = status
        self.error_code = error_code
        self.updated_at = now
        self.history.append(status)
        if self.sent_at is None and status in ("sent", "delivered", "undelivered", "failed"):
            self.sent_at = now

    def as_json(self) -> dict[str, object]:
        """The text as `GET /_sim/texts` shows it."""
        return {
            "carrier": self.carrier,
            "sid": self.sid,
            "account": self.account,
            "to": self.to,
            "from": self.from_,
            "body": self.body,
            "media": list(self.media),
            "service": self.service,
            "segments": self.segments,
            "status": self.status,
            "error_code": self.error_code,
            "history": list(self.history),
            "at": self.at.isoformat(),
        }

    def __repr__(self) -> str:
        return f"<Text {self.sid} {mask(self.from_)} -> {mask(self.to)} {self.status}>"


@dataclass(slots=True, kw_only=True, eq=False)
class SeenRequest:
    """A request a carrier received whole, whether it was accepted or not."""

    carrier: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    """As received, but the Authorization header shows only its scheme."""
    body: bytes
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcome: str = "answered"
    """`accepted`, `answered`, `refused <code>` or `fault <kind>`."""
    sid: str | None = None
    """The text this request made, if it made one."""

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def as_json(self) -> dict[str, object]:
        """The request as `GET /_sim/requests` shows it."""
        return {
            "carrier": self.carrier,
            "method": self.method,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "headers": [list(pair) for pair in self.headers],
            "body": self.body.decode("utf-8", "replace"),
            "at": self.at.isoformat(),
            "outcome": self.outcome,
            "sid": self.sid,
        }

    def __repr__(self) -> str:
        return f"<SeenRequest {self.method} {self.path} {self.outcome}>"


class Memory:
    """All texts and requests, with the indexes that finding them needs."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.posts: list[SeenRequest] = []
        self.lookups: list[SeenRequest] = []
        self._by_sid: dict[str, Text] = {}
        self._by_recipient: defaultdict[str, list[Text]] = defaultdict(list)
        self._by_sender: defaultdict[str, list[Text]] = defaultdict(list)
        self._by_account: defaultdict[str, list[Text]] = defaultdict(list)

    def take(self, text: Text) -> None:
        """Remember a text that was just taken."""
        text.number = len(self.texts)
        self.texts.append(text)
        self._by_sid[text.sid] = text
        self._by_recipient[text.to].append(text)
        self._by_sender[text.from_].append(text)
        self._by_account[text.account].append(text)

    def see(self, request: SeenRequest) -> None:
        """Remember a request that was received whole."""
        (self.posts if request.method == "POST" else self.lookups).append(request)

    def text(self, sid: str) -> Text | None:
        """The text with this id, if there is one."""
        return self._by_sid.get(sid)

    def find(self, *, account: str, to: str | None = None, from_: str | None = None) -> Sequence[Text]:
        """The shortest list, in order of taking, that holds every text asked for (and maybe others)."""
        lists = [self._by_account.get(account, [])]
        if to is not None:
            lists.append(self._by_recipient.get(to, []))
        if from_ is not None:
            lists.append(self._by_sender.get(from_, []))
        return min(lists, key=len)

    def texts_to(self, number: str) -> list[Text]:
        """The texts to this recipient, in order of taking."""
        return list(self._by_recipient.get(number, ()))

    def reset(self) -> None:
        """Forget everything."""
        self.texts.clear()
        self.posts.clear()
        self.lookups.clear()
        self._by_sid.clear()
        self._by_recipient.clear()
        self._by_sender.clear()
        self._by_account.clear()
