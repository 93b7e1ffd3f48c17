"""Core's own verdicts on a draft."""

from __future__ import annotations

from typing import Any

import pytest

from midcall import (
    Call,
    Content,
    ContentRule,
    Destination,
    Direction,
    Draft,
    Reason,
    Sender,
    Tool,
    Trust,
    Verdict,
)
from midcall.builtin import CoreRules
from midcall.content import Segments, count_segments


def count(draft: Draft) -> Segments:
    """As a carrier with the usual alphabet would."""
    return count_segments(draft.content.text)


def judge(
    text: str, *, rule: ContentRule = ContentRule.ANY, template: str | None = None, **tool: Any
) -> Verdict:
    """The rules' word on a text."""
    number = "+12025550142"
    draft = Draft(
        call=Call(
            platform="voice",
            id="1",
            direction=Direction.INBOUND,
            user_number=number,
            agent_number="+12025550100",
        ),
        tool=Tool.model_validate({"name": "t", "sms_content": {"type": "predefined", "text": text}, **tool}),
        sender=Sender(number="+12025550100", account="acme", content=rule),
        destination=Destination(number=number, country="US", trust=Trust.SIGNALLING),
        content=Content(text=text, template=template),
    )
    return CoreRules(count).midcall_check_eligibility(draft)


def test_nothing_to_object_to() -> None:
    """An allowance, not an abstention: it stands among the verdicts."""
    assert judge("Hi") == Verdict.allow()


@pytest.mark.parametrize(("length", "segments"), [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)])
def test_segments(length: int, segments: int) -> None:
    """Exactly as many as the tool allows, in each direction."""
    assert judge("x" * length, max_segments=segments).allowed
    if segments > 1:
        verdict = judge("x" * length, max_segments=segments - 1)
        assert (verdict.allowed, verdict.reason, verdict.of_sender) == (False, Reason.CONTENT_TOO_LONG, False)
        assert f"{segments} segments in GSM-7" in verdict.detail


def test_the_first_five_characters_that_cost() -> None:
    """Enough to find them in the template, and not a page of them."""
    verdict = judge("“a” – ‘b’ …" + "x" * 100, max_segments=1)
    assert "(these make it UCS-2: “ ” – ‘ ’)" in verdict.detail


@pytest.mark.parametrize(
    ("links", "text", "allowed"),
    [
        ("any", "https://evil.example", True),
        ("none", "https://example.com", False),
        ("none", "no link", True),
        (["example.com"], "https://example.com", True),
        (["example.com"], "https://evil.example", False),
        ([], "https://example.com", False),
    ],
)
def test_links(links: Any, text: str, allowed: bool) -> None:
    """Any, none, or those listed."""
    verdict = judge(text, links=links)
    assert verdict.allowed is allowed
    if not allowed:
        assert (verdict.reason, verdict.of_sender) == (Reason.LINK_NOT_ALLOWED, False)


def test_a_sender_that_takes_templates() -> None:
    """The objection is the sender's alone, so the next one is tried."""
    verdict = judge("Hi", rule=ContentRule.TEMPLATE)
    assert (verdict.allowed, verdict.reason, verdict.of_sender) == (False, Reason.CONTENT_NOT_ALLOWED, True)
    assert judge("Hi", rule=ContentRule.TEMPLATE, template="link").allowed


def test_a_fault_of_the_text_is_told_before_one_of_the_sender() -> None:
    """Another sender would not help a text that is too long."""
    verdict = judge("x" * 161, rule=ContentRule.TEMPLATE, max_segments=1)
    assert (verdict.reason, verdict.of_sender) == (Reason.CONTENT_TOO_LONG, False)
