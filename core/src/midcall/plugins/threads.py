"""Where plain (not async) hooks run: a few threads, shared fairly, that a hanging plugin cannot use up."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class _Job:
    plugin: str
    work: Callable[[], Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    begun: Callable[[], None]
    running: bool = False
    given_up: bool = False


class HookThreads:
    """At most `size` jobs at once, at most `per_plugin` of them by one plugin; the rest wait in line.

    A job whose asker has given up keeps its thread, for Python cannot stop one, but no longer counts towards `size`: another
    thread takes its place. It still counts towards `per_plugin`, so there are never more than `size` threads and `per_plugin`
    more for each plugin that hangs.

    The threads are daemons, unlike those of `concurrent.futures`, which are joined at exit: a hanging plugin would then keep
    the process from ending. All bookkeeping happens on the event loop; the threads only run jobs and say when they are done.
    """

    def __init__(self, *, size: int = 8, per_plugin: int = 4) -> None:
        if size < 1 or per_plugin < 1:
            raise ValueError("size and per_plugin are at least 1")
        self._size = size
        self._per_plugin = min(per_plugin, size)
        self._waiting: deque[_Job] = deque()
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._busy = 0
        self._idle = 0
        self._started = 0
        self._running_of: Counter[str] = Counter()
        self._hanging_of: Counter[str] = Counter()
        self._closed = False

    def hanging(self, plugin: str) -> int:
        """How many threads `plugin` keeps with work nobody waits for any more."""
        return self._hanging_of[plugin]

    async def run(self, plugin: str, work: Callable[[], Any], *, begun: Callable[[], None]) -> Any:
        """Run `work` in a thread, with a copy of the caller's context, and answer what it returns or raise what it raises.

        `begun` is called, on the event loop, when it gets its thread: from then on it may have done anything. When cancelled, work that has not begun never does; work that has begun is left to itself.
        """
        if self._closed:
            raise RuntimeError("the plugin host is closed")
        loop = asyncio.get_running_loop()
        job = _Job(plugin, work, contextvars.copy_context(), loop, loop.create_future(), begun)
        self._waiting.append(job)
        self._start_what_fits()
        try:
            return await job.answer
        except asyncio.CancelledError:
            self._give_up(job)
            raise

    def close(self) -> None:
        """Let idle threads end. One that hangs ends with the process."""
        self._closed = True
        for _ in range(self._idle):
            self._inbox.put(None)
        self._idle = 0

    def _start_what_fits(self) -> None:
        passed_over = []
        while self._waiting and self._busy < self._size:
            job = self._waiting.popleft()
            if self._running_of[job.plugin] >= self._per_plugin:
                passed_over.append(job)
            else:
                self._start(job)
        self._waiting.extendleft(reversed(passed_over))

    def _start(self, job: _Job) -> None:
        job.running = True
        job.begun()
        self._busy += 1
        self._running_of[job.plugin] += 1
        if self._idle:
            self._idle -= 1
        else:
            self._started += 1
            name = f"midcall-hooks-{self._started}"
            threading.Thread(target=_serve, args=(self._inbox, self._done), name=name, daemon=True).start()
        self._inbox.put(job)

    def _give_up(self, job: _Job) -> None:
        if not job.running:
            if job in self._waiting:
                self._waiting.remove(job)
            return
        job.given_up = True
        self._busy -= 1
        self._hanging_of[job.plugin] += 1
        self._start_what_fits()

    def _done(self, job: _Job, value: Any, error: BaseException | None) -> None:
        job.running = False
        self._running_of[job.plugin] -= 1
        if job.given_up:
            self._hanging_of[job.plugin] -= 1
            if inspect.iscoroutine(value):
                value.close()  # nobody is left to await it
        else:
            self._busy -= 1
        if not job.answer.done():
            if error is None:
                job.answer.set_result(value)
            else:
                job.answer.set_exception(error)
        # A thread that came back after it was replaced is one too many.
        if self._closed or self._busy + self._idle >= self._size:
            self._inbox.put(None)
        else:
            self._idle += 1
        self._start_what_fits()


def _serve(
    inbox: queue.SimpleQueue[_Job | None], done: Callable[[_Job, Any, BaseException | None], None]
) -> None:
    """The life of one thread: take a job, run it, say so; end at None, or when the event loop has gone."""
    while (job := inbox.get()) is not None:
        value, error = None, None
        try:
            value = job.context.run(job.work)
        except BaseException as raised:  # noqa: BLE001 - SystemExit too: a plugin may raise anything, and must not end us
            error = _carriable(raised)
        try:
            job.loop.call_soon_threadsafe(done, job, value, error)
        except RuntimeError:
            return
        # A waiting thread must not keep the last answer, or its traceback, alive.
        del job, value, error


def _carriable(error: BaseException) -> Exception:
    """`error` as something a future and a task can carry: they refuse StopIteration, and let SystemExit end the loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    carried = RuntimeError(f"the hook raised {type(error).__name__}: {error}")
    return carried.with_traceback(error.__traceback__)
