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
    text: str,
    *,
    rule: ContentRule = ContentRule.ANY,
    template: str | None = None,
    sent: tuple[str, ...] = (),
    **tool: Any,
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
        content=Content(text=text, template=template, media=sent),
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


def test_a_link_that_cannot_be_read() -> None:
    """It is refused in words of ours: its own might be anything."""
    verdict = judge("https://+12025550142;x/", links=["example.com"])
    assert verdict.reason is Reason.LINK_NOT_ALLOWED
    assert verdict.detail == "tool 't' does not allow links to an unreadable host"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "example.com/a.png",
        "//example.com/a.png",
        "/a.png",
        "https://",
        "https:///a.png",
        "https:example.com/a.png",
        "https://example.com/a b.png",
        "https://example.com/a.png\n",
        "https://evil.test\\@example.com/a.png",
        "https://evil.test;.example.com/a.png",
        "http://example.com/a.png",
        "data:image/png;base64,AA",
    ],
)
@pytest.mark.parametrize("links", ["any", "none", ["example.com"]])
def test_media_are_addresses_on_the_web(url: str, links: Any) -> None:
    """A carrier fetches nothing else; and http only where the tool asks for it."""
    verdict = judge("Hi", sent=("https://example.com/a.png", url), links=links)
    assert (verdict.allowed, verdict.reason, verdict.of_sender) == (False, Reason.MEDIA_NOT_SUPPORTED, False)
    assert "media.1" in verdict.detail


@pytest.mark.parametrize("url", ["http://localhost:8000/a", "http://127.0.0.1/a", "http://[::1]:8000/a"])
def test_media_over_http_on_this_machine(url: str) -> None:
    """For trying things out: nobody is in between."""
    assert judge("Hi", sent=(url,)).allowed


def test_media_over_http_as_the_tool_has_it() -> None:
    """Written by the operator, it is meant; for another host it is not."""
    media = ["http://example.com/{{name}}.png"]
    assert judge("Hi", sent=("http://example.com/Ada.png",), media=media).allowed
    assert not judge("Hi", sent=("http://example.com.evil.test/Ada.png",), media=media).allowed


@pytest.mark.parametrize(
    ("links", "url", "allowed"),
    [
        ("any", "https://evil.test/a.png", True),
        ("none", "https://example.com/a.png", True),
        (["example.com"], "https://img.example.com/a.png", True),
        (["example.com"], "https://evil.test/a.png", False),
        (["example.com"], "https://example.com@evil.test/a.png", False),
        ([], "https://example.com/a.png", False),
    ],
)
def test_media_and_the_list_of_links(links: Any, url: str, allowed: bool) -> None:
    """A list is for pictures too; `none` is about the text."""
    verdict = judge("Hi", sent=(url,), links=links)
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
