"""Plugins that hang: deadlines, quarantine, and what becomes of cancelled work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from midcall import Draft, Reason, Verdict, hookimpl
from midcall.plugins import Answer, Dispatch, Failure

MakeDispatch = Callable[..., Dispatch]

GATE = "midcall_check_eligibility"
SHORT_S = 0.05
LONG_S = 20.0


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Lets hanging threads go, at the latest when the test ends."""
    event = threading.Event()
    yield event
    event.set()


class HangsInThread:
    """A plain gate that hangs until it is released, while `hangs` is true."""

    def __init__(self, release: threading.Event) -> None:
        self.release = release
        self.hangs = True
        self.asked = 0

    @hookimpl
    def midcall_check_eligibility(self) -> Verdict:
        self.asked += 1
        if self.hangs:
            self.release.wait(LONG_S)
        return Verdict.allow()


class HangsOnLoop:
    """An async gate that hangs while `hangs` is true."""

    def __init__(self) -> None:
        self.hangs = True
        self.asked = 0
        self.cancelled = 0

    @hookimpl
    async def midcall_check_eligibility(self) -> Verdict:
        self.asked += 1
        try:
            if self.hangs:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Verdict.allow()


class Quick:
    @hookimpl
    def midcall_check_eligibility(self) -> Verdict:
        return Verdict.allow()


async def ask(dispatch: Dispatch, draft: Draft, deadline_s: float = SHORT_S) -> list[Answer | Failure]:
    """Everyone, asked within a bound no test should reach."""
    async with asyncio.timeout(LONG_S):
        return list(await dispatch.everyone(GATE, deadline_s=deadline_s, draft=draft))


async def test_a_hanging_async_hook_is_cancelled_at_its_deadline(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """It is a failure that says so, and the task ends."""
    gate = HangsOnLoop()
    (answer,) = await ask(dispatch_of({"hangs": gate}), draft)
    assert isinstance(answer, Failure)
    assert (answer.timed_out, answer.asked, answer.reason) == (True, True, Reason.PLUGIN_TIMED_OUT)
    await asyncio.sleep(0)
    assert gate.cancelled == 1


async def test_a_hook_that_swallows_its_cancellation_holds_nobody_up(
    dispatch_of: MakeDispatch, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left behind, named when the host closes, and does not keep it from closing."""
    end = asyncio.Event()

    class Swallows:
        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            while not end.is_set():
                try:
                    await end.wait()
                except asyncio.CancelledError:
                    continue

    dispatch = dispatch_of({"swallows": Swallows()})
    try:
        (answer,) = await ask(dispatch, draft)
        assert isinstance(answer, Failure)
        async with asyncio.timeout(LONG_S):
            await dispatch.aclose()
    finally:
        end.set()  # else the loop waits for it for ever, and a failure above is never told
        await asyncio.sleep(0.01)
    assert "plugin 'swallows' in midcall_check_eligibility does not end when it is cancelled" in caplog.text


async def test_a_hanging_plain_hook_is_left_in_its_thread(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event
) -> None:
    """The answer comes at the deadline although the thread cannot be stopped."""
    (answer,) = await ask(dispatch_of({"hangs": HangsInThread(release)}), draft)
    assert isinstance(answer, Failure)
    assert (answer.timed_out, answer.asked) == (True, True)


async def test_a_hanging_plugin_does_not_starve_the_others(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event
) -> None:
    """With two threads and a plugin that hangs in each it gets, everyone else is still answered; never quarantined here."""
    dispatch = dispatch_of(
        {"hangs": HangsInThread(release), "quick": Quick()},
        threads=2,
        threads_per_plugin=2,
        quarantine_after=10_000,
    )
    for _ in range(6):
        hanging, quick = await ask(dispatch, draft, 0.2)
        assert isinstance(hanging, Failure)
        assert isinstance(quick, Answer)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("midcall-hooks-")]
    assert len(names) <= 2 + 2


@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_a_plugin_that_keeps_hanging_is_quarantined_and_probed(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event, kind: str
) -> None:
    """Three misses in a row: then it is denied without being asked, until a probe after a minute; its answer ends it."""
    clock = Clock()
    gate: Any = HangsInThread(release) if kind == "thread" else HangsOnLoop()
    dispatch = dispatch_of({"hangs": gate}, clock=clock)
    for _ in range(3):
        assert dispatch.quarantined("hangs") == ()
        (answer,) = await ask(dispatch, draft)
        assert isinstance(answer, Failure)
        assert answer.asked
        clock.now += 1
    assert dispatch.quarantined("hangs") == (GATE,)

    (answer,) = await ask(dispatch, draft, LONG_S)
    assert isinstance(answer, Failure)
    assert (answer.asked, answer.timed_out, gate.asked) == (False, True, 3)
    assert "quarantined" in answer.text
    assert answer.as_verdict().reason is Reason.PLUGIN_TIMED_OUT

    clock.now += 60  # a probe that hangs renews it
    (answer,) = await ask(dispatch, draft)
    assert isinstance(answer, Failure)
    assert (answer.asked, gate.asked) == (True, 4)
    (answer,) = await ask(dispatch, draft, LONG_S)
    assert gate.asked == 4

    clock.now += 60  # a probe that is answered ends it
    gate.hangs = False
    release.set()
    (answer,) = await ask(dispatch, draft, LONG_S)
    assert isinstance(answer, Answer)
    assert dispatch.quarantined("hangs") == ()


async def test_only_one_question_is_the_probe(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """While the probe is under way everybody else is denied at once."""
    clock = Clock()
    gate = HangsOnLoop()
    dispatch = dispatch_of({"hangs": gate}, clock=clock, quarantine_after=1)
    await ask(dispatch, draft)
    clock.now += 60
    probe = asyncio.create_task(ask(dispatch, draft, LONG_S))
    await asyncio.sleep(0.01)
    (other,) = await ask(dispatch, draft, LONG_S)
    assert isinstance(other, Failure)
    assert (other.asked, gate.asked) == (False, 2)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe


async def test_a_probe_whose_caller_went_away_may_be_tried_again(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """A cancelled turn does not leave a plugin in quarantine for ever."""
    clock = Clock()
    gate = HangsOnLoop()
    dispatch = dispatch_of({"hangs": gate}, clock=clock, quarantine_after=1)
    await ask(dispatch, draft)
    clock.now += 60
    probe = asyncio.create_task(ask(dispatch, draft, LONG_S))
    await asyncio.sleep(0.01)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    gate.hangs = False
    (answer,) = await ask(dispatch, draft, LONG_S)
    assert isinstance(answer, Answer)


async def test_an_answer_in_between_starts_the_count_again(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """Only misses in a row are a habit; an exception is an answer too."""
    gate = HangsOnLoop()
    dispatch = dispatch_of({"hangs": gate})
    for _ in range(3):
        for _ in range(2):
            await ask(dispatch, draft)
        gate.hangs = False
        await ask(dispatch, draft, LONG_S)
        gate.hangs = True
    assert dispatch.quarantined("hangs") == ()


async def test_one_outage_under_load_counts_once(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """Thirty turns that miss together are one miss: a hiccup of half a second must not cost a minute of texts."""
    dispatch = dispatch_of({"hangs": HangsOnLoop()})
    await asyncio.gather(*(ask(dispatch, draft) for _ in range(30)))
    assert dispatch.quarantined("hangs") == ()


async def test_a_deadline_others_have_used_up_says_nothing(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """The rest of a turn may be a millisecond; missing that is a denial and no habit."""
    dispatch = dispatch_of({"hangs": HangsOnLoop()}, fair_deadline_s=1.0)
    for _ in range(5):
        (answer,) = await ask(dispatch, draft)
        assert isinstance(answer, Failure)
        assert answer.asked
    assert dispatch.quarantined("hangs") == ()


async def test_waiting_for_a_thread_is_not_the_plugins_fault(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event
) -> None:
    """With all threads taken by healthy work the question is refused as never asked, and nobody is quarantined."""
    slow = HangsInThread(release)
    dispatch = dispatch_of({"slow": slow}, threads=1, quarantine_after=1)
    first = asyncio.create_task(ask(dispatch, draft, LONG_S))
    await asyncio.sleep(0.01)
    (second,) = await ask(dispatch, draft)
    assert isinstance(second, Failure)
    assert (second.asked, slow.asked) == (False, 1)
    assert "no thread was free" in second.text
    release.set()
    assert isinstance((await first)[0], Answer)
    assert dispatch.quarantined("slow") == ()


async def test_a_quarantined_observer_is_passed_over(
    dispatch_of: MakeDispatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told nothing, and the log is not filled with it."""

    class Observer:
        told = 0

        @hookimpl
        async def midcall_message_changed(self) -> None:
            self.told += 1
            await asyncio.Event().wait()

    observer = Observer()
    dispatch = dispatch_of({"crm": observer}, quarantine_after=1)
    await dispatch.notify("midcall_message_changed", deadline_s=SHORT_S)
    caplog.clear()
    await dispatch.notify("midcall_message_changed", deadline_s=SHORT_S)
    assert observer.told == 1
    assert caplog.text == ""


async def test_the_callers_cancellation_is_not_swallowed(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event
) -> None:
    """It goes through at once, cancels what was asked, and is not held against the plugins."""
    loop_gate, thread_gate = HangsOnLoop(), HangsInThread(release)
    dispatch = dispatch_of({"loop": loop_gate, "thread": thread_gate}, quarantine_after=1)
    asking = asyncio.create_task(ask(dispatch, draft, LONG_S))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert loop_gate.cancelled == 1
    assert dispatch.quarantined("loop") == dispatch.quarantined("thread") == ()


async def test_a_hook_that_cancels_itself_is_a_failure_not_a_cancellation(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """A CancelledError that escapes a plugin must not look as if our caller had been cancelled."""

    class Cancels:
        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            raise asyncio.CancelledError

    (answer,) = await ask(dispatch_of({"cancels": Cancels()}), draft, LONG_S)
    assert isinstance(answer, Failure)
    assert (answer.timed_out, answer.reason) == (False, Reason.PLUGIN_FAILED)


async def test_an_error_after_the_deadline_is_nobodys_unhandled_exception(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """What a cancelled hook raises on its way out is looked at, so that asyncio has nothing to complain of."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))

    class RaisesLate:
        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("too late")

    dispatch = dispatch_of({"late": RaisesLate()})
    await ask(dispatch, draft)
    await asyncio.sleep(0.01)
    import gc

    gc.collect()
    assert complaints == []


async def test_a_thread_that_comes_back_late_harms_nobody(
    dispatch_of: MakeDispatch, draft: Draft, release: threading.Event
) -> None:
    """Its answer is dropped, its thread is used again, and the plugin can be asked as before."""
    gate = HangsInThread(release)
    dispatch = dispatch_of({"hangs": gate}, threads=1)
    await ask(dispatch, draft)
    gate.hangs = False
    release.set()
    async with asyncio.timeout(LONG_S):
        while not isinstance((await ask(dispatch, draft, 1.0))[0], Answer):
            await asyncio.sleep(0.01)
    assert isinstance((await ask(dispatch, draft, LONG_S))[0], Answer)
