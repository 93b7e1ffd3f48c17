"""A plugin that answers the right class with the wrong insides, or raises what has no words: a failure of that plugin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from midcall import Content, ContentRefused, Draft, Reason, Sender, Verdict, hookimpl
from midcall.plugins import Answer, Dispatch, Failure

GATE = "midcall_check_eligibility"
MakeDispatch = Callable[..., Dispatch]


def give(answer: Any) -> Any:
    """The answer, or raise it."""
    if issubclass(type(answer), BaseException):
        raise answer
    return answer


class Answers:
    """Answers every hook with the same, or raises it."""

    def __init__(self, answer: Any) -> None:
        self._give: Callable[[], Any] = lambda: give(answer)

    @hookimpl
    def midcall_check_eligibility(self) -> Any:
        return self._give()

    @hookimpl
    def midcall_render_content(self) -> Any:
        return self._give()

    @hookimpl
    def midcall_resolve_sender(self) -> Any:
        return self._give()


class Wordless(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class WrongInside:
    """Pretends to be a list, and raises when it is looked into."""

    @property  # type: ignore[misc] # what the test is about
    def __class__(self) -> Any:
        raise ValueError("+12025550142")


async def asked(make: MakeDispatch, draft: Draft, hook: str, answer: Any, *, trusted: bool) -> Any:
    """The one plugin's answer or failure."""
    dispatch = make({"p": Answers(answer)}, trusted=["p"] if trusted else [])
    return (await dispatch.everyone(hook, deadline_s=5, draft=draft, call=draft.call, tool=draft.tool))[0]


def content(**fields: Any) -> Content:
    """A content with anything in it."""
    return Content(**{"text": "Hi"} | fields)


def sender(**fields: Any) -> Sender:
    """A sender with anything in it."""
    return Sender(**{"number": "+12025550100", "account": "acme"} | fields)


def verdict(**fields: Any) -> Verdict:
    """A denial with anything in it."""
    return Verdict(**{"allowed": False} | fields)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("hook", "answer", "field"),
    [
        (GATE, verdict(reason="quiet_hours"), "reason"),
        (GATE, verdict(allowed=True, reason="fine"), "reason"),
        (GATE, verdict(allowed=None), "allowed"),
        (GATE, verdict(allowed=1), "allowed"),
        (GATE, verdict(detail=ValueError("+12025550142")), "detail"),
        (GATE, verdict(of_sender="no"), "of_sender"),
        ("midcall_render_content", content(text=None), "text"),
        ("midcall_render_content", content(text="Hi \ud83d"), "surrogate"),
        ("midcall_render_content", content(media="https://example.com/a.png"), "media"),
        ("midcall_render_content", content(media=[b"x"]), "media"),
        ("midcall_render_content", content(template=5), "template"),
        ("midcall_render_content", content(identity=None), "identity"),
        ("midcall_resolve_sender", [sender(number=None)], "number"),
        ("midcall_resolve_sender", [sender(number="")], "number"),
        ("midcall_resolve_sender", [sender(number="+1\ud83d")], "number"),
        ("midcall_resolve_sender", [sender(account=None)], "account"),
        ("midcall_resolve_sender", [sender(content="all")], "content"),
        ("midcall_resolve_sender", {1}, ""),
        (GATE, Wordless(), "Wordless"),
        ("midcall_render_content", ContentRefused("mine", "no"), "reason"),  # type: ignore[arg-type] # the wrong reason
        ("midcall_render_content", ContentRefused(Reason.LANDLINE, None), "detail"),  # type: ignore[arg-type] # likewise
    ],
)
async def test_wrong_insides_are_a_failure(
    dispatch_of: MakeDispatch, draft: Draft, hook: str, answer: Any, field: str, trusted: bool
) -> None:
    """Each ends as a denial with `plugin_failed` that names the field, never as an exception, and tells no number."""
    failure = await asked(dispatch_of, draft, hook, answer, trusted=trusted)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.PLUGIN_FAILED
    assert not failure.as_verdict().allowed
    assert field in failure.text
    assert "5550142" not in failure.text


async def test_an_answer_that_cannot_be_looked_at_is_a_failure(
    dispatch_of: MakeDispatch, draft: Draft
) -> None:
    """Even asking for its class raises; the words of that are the plugin's, and not told."""
    failure = await asked(dispatch_of, draft, GATE, WrongInside(), trusted=False)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.PLUGIN_FAILED
    assert "0142" not in failure.text


async def test_half_a_surrogate_pair_in_a_detail_is_replaced(dispatch_of: MakeDispatch, draft: Draft) -> None:
    """The denial stands in its own words, and can be stored."""
    said = await asked(dispatch_of, draft, GATE, verdict(detail="no \ud83d"), trusted=False)
    assert said == Answer("p", Verdict(allowed=False, detail="no �", plugin="p"))


async def test_an_exceptions_words_go_to_the_log_and_not_to_the_outcome(
    dispatch_of: MakeDispatch, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    """The outcome is told to the platform: it has the class and the place; the log has the words, masked."""
    error = ValueError("12025550142 has no consent in table customers")
    with caplog.at_level(logging.ERROR, logger="midcall.plugins"):
        failure = await asked(dispatch_of, draft, GATE, error, trusted=False)
    assert "ValueError (at test_wrong_answers.py" in failure.text
    assert "consent" not in failure.text + failure.as_verdict().detail
    assert "ValueError: 1202•••0142 has no consent in table customers" in caplog.text
    assert len(caplog.records) == 1
