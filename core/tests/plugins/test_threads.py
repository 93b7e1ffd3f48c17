"""The threads of plain hooks: how many, for whom, and what is left of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from midcall.plugins.threads import HookThreads


def nothing() -> None:
    """Nobody needs to know when this work begins."""


async def run(threads: HookThreads, plugin: str, work: Callable[[], Any]) -> Any:
    """`work` in a thread, within a bound no test should reach."""
    async with asyncio.timeout(20):
        return await threads.run(plugin, work, begun=nothing)


async def test_what_work_returns_or_raises_comes_back() -> None:
    """Exceptions too, and those that asyncio cannot carry as something it can."""
    threads = HookThreads()

    def raises(error: BaseException) -> None:
        raise error

    assert await run(threads, "a", lambda: 42) == 42
    with pytest.raises(KeyError):
        await run(threads, "a", lambda: raises(KeyError()))
    for hard in (StopIteration(), SystemExit(1), KeyboardInterrupt()):
        with pytest.raises(RuntimeError, match=f"raised {type(hard).__name__}"):
            await run(threads, "a", lambda error=hard: raises(error))  # type: ignore[misc] # bound now, not later
    threads.close()


async def test_no_more_than_size_at_once_and_all_get_done() -> None:
    """Work waits in line; threads are used again."""
    threads = HookThreads(size=3, per_plugin=3)
    lock, now, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.002)
        with lock:
            now -= 1

    await asyncio.gather(*(run(threads, f"p{n % 5}", work) for n in range(60)))
    assert 1 <= most <= 3
    threads.close()


async def test_one_plugin_gets_no_more_than_its_share() -> None:
    """The others are served past its waiting work, in the order they came."""
    threads = HookThreads(size=4, per_plugin=2)
    release = threading.Event()
    greedy = [asyncio.create_task(run(threads, "greedy", lambda: release.wait(20))) for _ in range(6)]
    await asyncio.sleep(0)
    assert await asyncio.gather(*(run(threads, "other", lambda n=n: n) for n in range(3))) == [0, 1, 2]  # type: ignore[misc] # bound now
    assert not any(task.done() for task in greedy)
    release.set()
    assert await asyncio.gather(*greedy) == [True] * 6
    threads.close()


async def test_work_that_has_not_begun_never_does_once_given_up() -> None:
    """Whoever is told that it was not asked can rely on it."""
    threads = HookThreads(size=1)
    release = threading.Event()
    ran: list[str] = []
    first = asyncio.create_task(run(threads, "a", lambda: release.wait(20)))
    second = asyncio.create_task(threads.run("b", lambda: ran.append("b"), begun=lambda: ran.append("begun")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    release.set()
    await first
    await run(threads, "c", nothing)
    assert ran == []
    threads.close()


async def test_hanging_work_is_counted_until_it_ends() -> None:
    """Given up it takes nobody's place; when it comes back at last, nobody hears of it."""
    threads = HookThreads(size=1)
    release = threading.Event()
    hanging = asyncio.create_task(run(threads, "a", lambda: release.wait(20)))
    await asyncio.sleep(0.01)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert threads.hanging("a") == 1
    assert await run(threads, "b", lambda: "served") == "served"
    release.set()
    async with asyncio.timeout(20):
        while threads.hanging("a"):
            await asyncio.sleep(0.001)
    assert await run(threads, "a", lambda: "again") == "again"
    threads.close()


async def test_closing_lets_the_threads_end() -> None:
    """Idle ones at once; nothing new is taken."""
    threads = HookThreads()
    where = await run(threads, "a", threading.current_thread)
    assert where.daemon
    threads.close()
    where.join(20)
    assert not where.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        await run(threads, "a", nothing)
