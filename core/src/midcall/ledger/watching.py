"""Telling of changes: to subscribers, and to whoever waits for one message to move."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable

from midcall.contract.errors import LedgerError
from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.ledger.moving import Change

POLL_S = 0.1
"""How often a waiter looks for what another process wrote, in seconds."""

_log = logging.getLogger("midcall.ledger")


class Watch:
    """Who wants to hear of changes of one open ledger. Waiters may be on several event loops."""

    def __init__(self) -> None:
        """Nobody, at first."""
        self._callbacks: list[Callable[[Message, MessageEvent], None]] = []
        self._waiting: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._gate = threading.Lock()

    def subscribe(self, callback: Callable[[Message, MessageEvent], None]) -> Callable[[], None]:
        """See `Ledger.on_change`."""
        self._callbacks.append(callback)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks.remove(callback)

        return stop

    def publish(self, changes: tuple[Change, ...]) -> None:
        """Tell everybody, waiters first."""
        for message, _ in changes:
            with self._gate:
                waiting = list(self._waiting.get(message.id, ()))
            for loop, moved in waiting:
                with contextlib.suppress(RuntimeError):  # its loop was closed meanwhile
                    loop.call_soon_threadsafe(moved.set)
        for message, event in changes:
            for callback in tuple(self._callbacks):
                try:
                    callback(message, event)
                except Exception:  # noqa: BLE001 - the write stands, and the others want to hear of it
                    _log.exception("a subscriber to the ledger's changes failed on message %s", message.id)

    async def wait(
        self,
        message_id: str,
        *,
        since: MessageState,
        until: float,
        look: Callable[[str], Awaitable[Message | None]],
    ) -> Message:
        """See `Ledger.wait_for_change`; `until` is on `time.monotonic()`."""
        moved = asyncio.Event()
        waiter = (asyncio.get_running_loop(), moved)
        # Registered before the first look: a move in between is not missed.
        with self._gate:
            self._waiting.setdefault(message_id, []).append(waiter)
        try:
            while True:
                moved.clear()
                message = await look(message_id)
                if message is None:
                    raise LedgerError(f"there is no message {message_id} in the ledger")
                left = until - time.monotonic()
                if message.state is not since or left <= 0:
                    return message
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(moved.wait(), min(left, POLL_S))
        finally:
            with self._gate:
                waiters = self._waiting[message_id]
                waiters.remove(waiter)
                if not waiters:
                    del self._waiting[message_id]
