"""Waiting that ends: for something to be so, at most so long, and with words for what was waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 15.0
"""How long anything on this machine may take. Nothing here takes a second; a busy machine may."""

_LOOK_EVERY_S = 0.01


class DemoFailed(Exception):
    """The demo cannot go on. The text says what was missing, for a person."""


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What `look` finds, asked again and again until it finds something that is not None.

    Raises `DemoFailed` naming `what` after `PATIENCE_S` seconds.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (found := await look()) is None:  # noqa: ASYNC110 - what is waited for signals nothing: it is looked at
                await asyncio.sleep(_LOOK_EVERY_S)
            return found
    except TimeoutError:
        raise DemoFailed(f"waited {PATIENCE_S:g} s for {what}, in vain") from None


async def until_true(look: Callable[[], bool], what: str) -> None:
    """Return once `look` is true. Raises `DemoFailed` naming `what` after `PATIENCE_S` seconds."""

    async def found() -> bool | None:
        return look() or None

    await until(found, what)
