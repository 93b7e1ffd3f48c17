"""Tasks that outlive the request that started them, and that a stop waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from midcall.masking import cause

T = TypeVar("T")

log = logging.getLogger("midcall")

GRACE_S = 16.0
"""How long a stop waits: a request to a carrier ends by itself within 15 s."""


class Tasks:
    """Keeps a reference to every task until it is done; what one raises is logged, never lost."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[Any]] = set()
        self.closing = False

    def open(self) -> None:
        """Take tasks (again)."""
        self.closing = False

    def start(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """Start `work` as a task of its own."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    @contextmanager
    def request(self) -> Iterator[None]:
        """Somebody else's task is answering a request: a stop waits for that too, so that nothing is closed under it."""
        ended = asyncio.get_running_loop().create_future()
        self._running.add(ended)
        ended.add_done_callback(self._done)
        try:
            yield
        finally:
            if not ended.done():
                ended.set_result(None)

    async def finish(self) -> None:
        """Wait for what is running, and for what that starts; cancel what is left after the grace."""
        self.closing = True
        until = asyncio.get_running_loop().time() + GRACE_S
        while self._running and (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._running), timeout=left)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A traceback has the words as they are, numbers included: only for those who ask for it.
            log.error(
                "a task failed: %s", cause(error), exc_info=error if log.isEnabledFor(logging.DEBUG) else None
            )
