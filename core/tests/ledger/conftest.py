"""What the ledger's tests share: an open ledger on a file, a clock that is set by hand, and texts to claim."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from midcall import Message, Reason
from midcall.ledger import Charge, ClaimRequest, Ledger, NewMessage, Won


class Clock:
    """The time, which passes only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 20, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class ClaimOf(Protocol):
    """Makes a request; whatever is given replaces the usual."""

    def __call__(
        self, key: str = ..., *, message: dict[str, Any] | None = ..., **changes: Any
    ) -> ClaimRequest: ...


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger's file will be."""
    return tmp_path / "ledger.db"


@pytest.fixture
def url(path: Path) -> str:
    """The same, as in the settings."""
    return f"sqlite:///{path}"


@pytest.fixture
async def ledger(url: str, clock: Clock) -> AsyncIterator[Ledger]:
    """An open ledger on that file."""
    opened = await Ledger.open(url, clock=clock)
    yield opened
    await opened.aclose()


@pytest.fixture
def claim_of() -> ClaimOf:
    """A text to claim; a key and what differs from the usual may be given."""

    def make(key: str = "key", *, message: dict[str, Any] | None = None, **changes: Any) -> ClaimRequest:
        new = NewMessage(
            platform="retell",
            call_id="call-1",
            tool="send_link",
            tool_call_id="tool-1",
            account="twilio",
            carrier="twilio",
            sender="+12025550100",
            destination="+12025550142",
            text="Your link: https://example.com",
            encoding="gsm-7",
            segments=1,
        )
        return ClaimRequest(
            message=replace(new, **(message or {})),
            key=key,
            **{"arguments_hash": "a1", "request": {"To": "+12025550142"}} | changes,
        )

    return make


@pytest.fixture
def won(ledger: Ledger, claim_of: ClaimOf) -> Callable[..., Any]:
    """Claims a text that must be won, and answers its message."""

    async def claim(key: str = "key", **changes: Any) -> Message:
        answer = await ledger.claim(claim_of(key, **changes))
        assert isinstance(answer, Won), answer
        return answer.message

    return claim


@pytest.fixture
def per_call() -> Callable[[int], Charge]:
    """A limit on the texts of the one call."""

    def make(limit: int) -> Charge:
        return Charge(scope="call", subject="call-1", limit=limit, reason=Reason.LIMIT_PER_CALL)

    return make
