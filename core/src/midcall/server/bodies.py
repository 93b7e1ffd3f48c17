"""Reading a request's body: never more than the limit, never longer than there is patience, and in its raw bytes.

uvicorn bounds neither, so a sender that announces a body and lets it trickle would hold its connection for ever.
"""

from __future__ import annotations

import asyncio

from midcall.server.answers import Receive, Scope

PATIENCE_S = 10.0
"""How long a body may take to arrive, in seconds. Carriers and platforms send theirs with the headers."""


class TooLargeError(Exception):
    """The body is over the limit, or says that it will be; reading stopped there."""


class TooSlowError(Exception):
    """The body did not arrive within the patience there is."""


class HungUpError(Exception):
    """The sender has gone before its body was complete. Nobody is there to be answered."""


async def read_body(scope: Scope, receive: Receive, *, limit: int, patience_s: float) -> bytes:
    """The whole body, at most `limit` bytes, within `patience_s` seconds. Raises the errors above."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and _over(announced, limit):
        raise TooLargeError
    try:
        async with asyncio.timeout(patience_s):
            return await _collect(receive, limit)
    except TimeoutError:
        raise TooSlowError from None


def _over(announced: bytes, limit: int) -> bool:
    """Compared by length first: a number of five thousand digits is more than Python reads."""
    digits = announced.lstrip(b"0")
    return len(digits) > len(str(limit)) or int(digits or b"0") > limit


async def _collect(receive: Receive, limit: int) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HungUpError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
