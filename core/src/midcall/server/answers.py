"""What all answers have in common: their headers, and the shape of an error."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

COMMON_HEADERS: Headers = (
    (b"cache-control", b"no-store"),  # numbers and texts have no business in a proxy's cache
    (b"x-content-type-options", b"nosniff"),
)

HANG_UP: Headers = ((b"connection", b"close"),)
"""For an answer that is given before the body was read whole: what is left of it is not waited for."""

_JSON = "application/json"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `headers` are those it has besides length, type and the common ones."""

    status: int
    body: bytes = b""
    content_type: str = _JSON
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        """Hand it to the ASGI server."""
        headers = [*COMMON_HEADERS, *self.headers]
        if self.status != 204:  # which may have neither length nor type
            headers.append((b"content-length", str(len(self.body)).encode()))
        if self.body:
            headers.append((b"content-type", self.content_type.encode("latin-1", "replace")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def problem(error: str, fix: str) -> dict[str, str]:
    """The body of every error: what is wrong, and what to do about it."""
    return {"error": error, "fix": fix}


def refusal(status: int, error: str, fix: str, *, headers: Headers = ()) -> Answer:
    """An error of a webhook. It also has the shape of an outcome, so that an agent that hears it knows that nothing was sent."""
    body = {"status": "rejected", **problem(error, fix)}
    return Answer(status, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), headers=headers)


def shown(text: str) -> str:
    """Something a stranger sent, fit for an answer or a log: on one line, and not long."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return repr(cut)
