"""Calling a plugin's method outside a hook (opening, closing) without trusting it to return, or to return in peace."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from midcall.plugins.wording import kind_of

_log = logging.getLogger("midcall.plugins")


async def call_bounded(call: Callable[[], Any], *, seconds: float, what: str) -> None:
    """Call it, and await what it gives, for at most `seconds`; log under the name `what` what it raises, or that it hangs.

    When the time is over it is cancelled and not waited for, since it may swallow that.
    """

    async def run() -> None:
        try:
            done = call()
            if inspect.isawaitable(done):
                await done
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one plugin's failure must not keep others from closing
            _log.error("%s failed: %s", what, kind_of(error))

    task = asyncio.get_running_loop().create_task(run(), name=what)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _unfinished.add(task)
            task.add_done_callback(_unfinished.discard)
    if not task.done():
        _log.error("%s did not end within %g s", what, seconds)


_unfinished: set[asyncio.Task[None]] = set()
"""Tasks that were given up: the event loop keeps weak references only, and would drop them half-way with a warning."""
