"""Asking plugins: order, combination, attribution, and where their code runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from midcall import Content, ContentRefused, Draft, Reason, Refused, Scope, Sender, Unknown, Verdict, hookimpl
from midcall.plugins import Answer, Dispatch, Failure, Origin, as_send_result

MakeDispatch = Callable[..., Dispatch]

GATE = "midcall_check_eligibility"
RENDER = "midcall_render_content"
RESOLVE = "midcall_resolve_sender"
TRANSFORM = "midcall_transform_content"


class Gate:
    """A plain gate with a fixed answer, which may be an exception to raise."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    @hookimpl
    def midcall_check_eligibility(self, draft: Draft) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class AsyncGate(Gate):
    @hookimpl
    async def midcall_check_eligibility(self, draft: Draft) -> Any:
        await asyncio.sleep(0)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class ReturnsAwaitable(Gate):
    """A plain function that returns an awaitable."""

    @hookimpl
    def midcall_check_eligibility(self, draft: Draft) -> Awaitable[Any]:
        async def later() -> Any:
            return self.answer

        return later()


class Renderer:
    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0

    @hookimpl
    async def midcall_render_content(self) -> Any:
        self.asked += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Transformer:
    def __init__(self, suffix: str | None) -> None:
        self.suffix = suffix

    @hookimpl
    def midcall_transform_content(self, draft: Draft) -> Content | None:
        if self.suffix is None:
            return None
        return replace(draft.content, text=draft.content.text + self.suffix)


async def test_every_answer_and_failure_knows_its_plugin(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """Abstentions, denials, exceptions and late answers of several plugins are each told of the right one, in order."""

    class Hanging:
        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            await asyncio.Event().wait()

    dispatch = dispatch_of(
        {
            "e-late": Hanging(),
            "c-raises": AsyncGate(KeyError("consent")),
            "a-abstains": Gate(None),
            "d-denies": AsyncGate(Verdict.deny(detail="no")),
            "b-allows": ReturnsAwaitable(Verdict.allow()),
        },
        origins={"c-raises": Origin("midcall-policies", "0.3")},
    )
    answers = await dispatch.everyone(GATE, deadline_s=0.3, draft=draft)
    assert [answer.plugin for answer in answers] == [
        "a-abstains",
        "b-allows",
        "c-raises",
        "d-denies",
        "e-late",
    ]
    abstained, allowed, raised, denied, late = answers
    assert abstained == Answer("a-abstains", None)
    assert allowed == Answer("b-allows", replace(Verdict.allow(), plugin="b-allows"))
    assert denied == Answer("d-denies", replace(Verdict.deny(detail="no"), plugin="d-denies"))
    assert isinstance(raised, Failure)
    assert isinstance(raised.error, KeyError)
    assert not raised.timed_out
    assert raised.text.startswith(
        "plugin 'c-raises' (midcall-policies 0.3) failed in midcall_check_eligibility: KeyError (at test_dispatch"
    )
    assert isinstance(late, Failure)
    assert late.timed_out
    assert late.text == "plugin 'e-late' failed in midcall_check_eligibility: no answer within 0.3 s"


@pytest.mark.parametrize(
    ("failure", "reason"), [(KeyError("x"), Reason.PLUGIN_FAILED), (SystemExit(1), Reason.PLUGIN_FAILED)]
)
@pytest.mark.parametrize("kind", [Gate, AsyncGate])
async def test_a_failed_gate_denies(
    dispatch_of: MakeDispatch, draft: Draft, kind: type[Gate], failure: BaseException, reason: Reason
) -> None:
    """Whatever a check raises, exiting the process included, becomes a denial that is not of the sender only."""
    dispatch = dispatch_of({"gate": kind(failure)})
    (answer,) = await dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert isinstance(answer, Failure)
    verdict = answer.as_verdict()
    assert (verdict.allowed, verdict.reason, verdict.of_sender, verdict.plugin) == (
        False,
        reason,
        False,
        "gate",
    )


@pytest.mark.parametrize("wrong", [False, True, "deny", {"allowed": True}, 0])
@pytest.mark.parametrize("trusted", [(), ("gate",)])
async def test_a_gate_that_answers_something_else_is_a_failure(
    dispatch_of: MakeDispatch, draft: Draft, wrong: object, trusted: tuple[str, ...]
) -> None:
    """`return False` is meant as a denial by whoever writes it, and must not pass as no objection."""
    dispatch = dispatch_of({"gate": Gate(wrong)}, trusted=trusted)
    (answer,) = await dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert isinstance(answer, Failure)
    assert "not a Verdict or None" in answer.text


async def test_a_verdict_cannot_be_given_in_anothers_name(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """The host fills in who said it."""
    dispatch = dispatch_of({"mallory": Gate(Verdict(allowed=True, plugin="quiet-hours"))})
    (answer,) = await dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert isinstance(answer, Answer)
    assert answer.value.plugin == "mallory"


async def test_the_first_answer_is_found_after_awaiting(dispatch_of: MakeDispatch) -> None:
    """A coroutine is not an answer: an async hook that resolves to None passes the question on."""
    last = Renderer(Content(text="last"))
    dispatch = dispatch_of({"a": Renderer(None), "b": Renderer(Content(text="second")), "c": last})
    assert await dispatch.first_in_order(RENDER, deadline_s=5) == Answer("b", Content(text="second"))
    assert last.asked == 0


async def test_an_empty_list_passes_the_question_on(dispatch_of: MakeDispatch) -> None:
    """No candidates is no answer; a list is taken for what it holds."""

    class Resolver:
        def __init__(self, *senders: Sender) -> None:
            self.senders = list(senders)

        @hookimpl
        def midcall_resolve_sender(self) -> list[Sender]:
            return self.senders

    sender = Sender(number="+12025550100", account="acme")
    dispatch = dispatch_of({"a": Resolver(), "b": Resolver(sender)})
    assert await dispatch.first_in_order(RESOLVE, deadline_s=5) == Answer("b", (sender,))


async def test_nobody_answers(dispatch_of: MakeDispatch) -> None:
    """None, and not a failure, when everybody passes."""
    dispatch = dispatch_of({"a": Renderer(None)})
    assert await dispatch.first_in_order(RENDER, deadline_s=5) is None


async def test_a_failure_ends_the_asking(dispatch_of: MakeDispatch) -> None:
    """The next plugin's text is not used in place of one that could not be written."""
    second = Renderer(Content(text="second"))
    dispatch = dispatch_of({"a": Renderer(OSError("down")), "b": second})
    answer = await dispatch.first_in_order(RENDER, deadline_s=5)
    assert isinstance(answer, Failure)
    assert (answer.plugin, second.asked) == ("a", 0)


async def test_content_refused_keeps_its_own_reason(dispatch_of: MakeDispatch) -> None:
    """A content hook refuses with words of its own."""
    refusal = ContentRefused(Reason.LINK_NOT_ALLOWED, "only example.com")
    dispatch = dispatch_of({"a": Renderer(refusal)})
    answer = await dispatch.first_in_order(RENDER, deadline_s=5)
    assert isinstance(answer, Failure)
    assert (answer.reason, answer.detail) == (Reason.LINK_NOT_ALLOWED, "only example.com")


async def test_each_transform_sees_what_the_last_one_made(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """Content goes through in order; None leaves it; the rest of the draft stays."""
    dispatch = dispatch_of({"b": Transformer(" two"), "a": Transformer(" one"), "c": Transformer(None)})
    result = await dispatch.chain(TRANSFORM, draft, deadline_s=5)
    assert result == replace(draft, content=Content(text="Hi one two"))


async def test_a_broken_transform_ends_the_chain(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """A half-transformed text is not sent."""

    class Broken:
        @hookimpl
        def midcall_transform_content(self, draft: Draft) -> str:
            return draft.content.text

    dispatch = dispatch_of({"a": Transformer(" one"), "b": Broken()})
    result = await dispatch.chain(TRANSFORM, draft, deadline_s=5)
    assert isinstance(result, Failure)
    assert (result.plugin, result.reason) == ("b", Reason.PLUGIN_FAILED)


async def test_only_asks_one(dispatch_of: MakeDispatch) -> None:
    """The others are not asked."""
    first, second = Renderer(Content(text="a")), Renderer(Content(text="b"))
    dispatch = dispatch_of({"a": first, "b": second})
    assert await dispatch.only(RENDER, "b", deadline_s=5) == Answer("b", Content(text="b"))
    assert (first.asked, second.asked) == (0, 1)


async def test_only_of_nobody_is_a_failure_that_asked_nobody(dispatch_of: MakeDispatch) -> None:
    """A text of an account that is no longer loaded was certainly not sent, and another sender may be tried."""
    dispatch = dispatch_of({})
    answer = await dispatch.only("midcall_send_message", "gone", deadline_s=5)
    assert isinstance(answer, Failure)
    assert not answer.asked
    result = as_send_result(answer)
    assert isinstance(result, Refused)
    assert result.scope is Scope.SENDER


async def test_a_failed_send_is_unknown(dispatch_of: MakeDispatch) -> None:
    """An exception, a wrong answer and no answer at all may each hide a text that has left."""

    class Sends:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        @hookimpl
        async def midcall_send_message(self) -> Any:
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

    dispatch = dispatch_of({"a": Sends(OSError("reset")), "b": Sends("ok"), "c": Sends(None)})
    for plugin in "abc":
        answer = await dispatch.only("midcall_send_message", plugin, deadline_s=5)
        assert isinstance(as_send_result(answer), Unknown)


async def test_observers_errors_are_logged_and_not_raised(
    dispatch_of: MakeDispatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One observer's failure reaches neither the caller nor the other observers."""
    told: list[str] = []

    class Observer:
        def __init__(self, name: str, error: BaseException | None) -> None:
            self.name, self.error = name, error

        @hookimpl
        def midcall_message_changed(self, message: object) -> None:
            if self.error is not None:
                raise self.error
            told.append(self.name)

    dispatch = dispatch_of(
        {"crm": Observer("crm", ValueError("+12025550142 is unknown")), "metrics": Observer("m", None)}
    )
    await dispatch.notify("midcall_message_changed", message=object(), event=object())
    assert told == ["m"]
    assert (
        "plugin 'crm' failed in midcall_message_changed: ValueError: +1202•••0142 is unknown" in caplog.text
    )


async def test_order_of_asking(dispatch_of: MakeDispatch) -> None:
    """Sorted by name whoever registered first; `tryfirst` before, `trylast` after, core's own inside both; then `order`."""

    class First:
        @hookimpl(tryfirst=True)
        def midcall_check_eligibility(self) -> None: ...

    class Plain:
        @hookimpl
        def midcall_check_eligibility(self) -> None: ...

    class Last:
        @hookimpl(trylast=True)
        def midcall_check_eligibility(self) -> None: ...

    plugins = {
        "q-last": Last(),
        "b-last": Last(),
        "core-last": Last(),
        "z": Plain(),
        "core": Plain(),
        "a": Plain(),
        "y-first": First(),
        "core-first": First(),
        "x-first": First(),
    }
    cores = ["core", "core-first", "core-last"]
    expected = ["x-first", "y-first", "core-first", "a", "core", "z", "b-last", "q-last", "core-last"]
    dispatch = dispatch_of(plugins, trusted=cores)
    assert list(dispatch.asked_in_order(GATE)) == expected
    again = dispatch_of({}, trusted=cores, order=["z", "q-last"])
    assert list(again.asked_in_order(GATE)) == [
        "z",
        "q-last",
        *(name for name in expected if name not in ("z", "q-last")),
    ]


async def test_only_the_arguments_that_are_named_are_passed(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """The same on every pluggy: arguments with defaults and keyword-only ones are filled, unknown ones keep their default."""
    seen: list[tuple[object, object]] = []

    class Picky:
        @hookimpl
        def midcall_check_eligibility(self, *, draft: Draft | None = None, other: int = 7) -> None:
            seen.append((draft, other))

    await dispatch_of({"picky": Picky()}).everyone(GATE, deadline_s=5, draft=draft)
    assert seen == [(draft, 7)]


async def test_a_plain_hook_runs_in_a_thread_with_the_callers_context(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """Context variables (a trace id, a tenant) are seen; what the hook sets stays its own."""
    tenant = contextvars.ContextVar("tenant", default="nobody")
    seen: list[tuple[str, bool]] = []

    class Reads:
        @hookimpl
        def midcall_check_eligibility(self) -> None:
            seen.append((tenant.get(), threading.current_thread() is threading.main_thread()))
            tenant.set("changed")

    dispatch = dispatch_of({"reads": Reads()})
    tenant.set("acme")
    await dispatch.everyone(GATE, deadline_s=5, draft=draft)
    await dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert seen == [("acme", False), ("acme", False)]
    assert tenant.get() == "acme"


async def test_cores_own_hooks_run_at_once_on_the_event_loop(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """What is pure and ours does not pay for a thread."""
    where: list[threading.Thread] = []

    class Rules:
        @hookimpl
        def midcall_check_eligibility(self) -> None:
            where.append(threading.current_thread())

    await dispatch_of({"rules": Rules()}, trusted=["rules"]).everyone(GATE, deadline_s=5, draft=draft)
    assert where == [threading.main_thread()]


async def test_a_blocking_hook_does_not_block_the_event_loop(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """The loop goes round while a plain hook blocks; counted in rounds, not in time."""
    release = threading.Event()

    class Blocks:
        @hookimpl
        def midcall_check_eligibility(self) -> Verdict:
            assert release.wait(20)
            return Verdict.allow()

    asking = asyncio.create_task(dispatch_of({"blocks": Blocks()}).everyone(GATE, deadline_s=20, draft=draft))
    rounds = 0
    while rounds < 200:
        await asyncio.sleep(0)
        rounds += 1
    assert not asking.done()
    release.set()
    (answer,) = await asking
    assert isinstance(answer, Answer)


async def test_everyone_is_asked_at_once(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """Plain and async gates meet at a barrier that only all of them together pass."""
    barrier = threading.Barrier(2, timeout=20)
    met = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Plain:
        @hookimpl
        def midcall_check_eligibility(self) -> Verdict:
            barrier.wait()
            loop.call_soon_threadsafe(met.set)
            return Verdict.allow()

    class OnLoop:
        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            await met.wait()
            return Verdict.allow()

    dispatch = dispatch_of({"a": OnLoop(), "b": Plain(), "c": Plain()})
    answers = await dispatch.everyone(GATE, deadline_s=20, draft=draft)
    assert [isinstance(answer, Answer) for answer in answers] == [True] * 3
