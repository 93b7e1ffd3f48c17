"""Core's renderer: what it makes of a tool's content, and what makes two texts the same."""

from __future__ import annotations

from typing import Any

import pytest

from midcall import Call, Content, ContentRefused, Direction, Reason, Tool
from midcall.builtin import CoreContent
from midcall.content import Layer, SystemVariables, Variables
from midcall.numbers import mask

TEMPLATES = {"link": "Hello {{name}}"}


def call_with(**variables: Any) -> Call:
    """A call with these variables."""
    return Call(
        platform="voice",
        id="1",
        direction=Direction.INBOUND,
        user_number="+12025550142",
        agent_number="+12025550100",
        variables=variables,
    )


def variables_of(call: Call) -> Variables:
    """The call's variables, at a time that stands still."""
    from datetime import UTC, datetime

    now = datetime(2026, 11, 23, 20, 0, second=call.variables.get("second", 0), tzinfo=UTC)
    return Variables([Layer("server", call.variables)], system=SystemVariables(now=now, session_started=now))


def render(content: dict[str, Any], call: Call | None = None, **given: Any) -> Content:
    """What the renderer answers for a tool with this content."""
    arguments = given.pop("arguments", {})
    tool = Tool.model_validate({"name": "send_link", "sms_content": content, **given})
    renderer = CoreContent(TEMPLATES, variables_of)
    return renderer.midcall_render_content(call or call_with(name="Ada"), tool, arguments)


def text(words: str) -> dict[str, Any]:
    """Static text."""
    return {"type": "predefined", "text": words}


def test_each_kind_of_content() -> None:
    """Static text, a template of the operator's by name, the model's own words."""
    assert render(text("Hi {{name}}")).text == "Hi Ada"
    made = render({"type": "template", "template": "link"})
    assert (made.text, made.template) == ("Hello Ada", "link")
    assert render({"type": "inferred", "prompt": "p"}, arguments={"message": " Hi "}).text == "Hi"


def test_only_a_template_has_its_name() -> None:
    """A sender that takes templates only tells them by it."""
    assert render(text("Hello {{name}}")).template is None
    assert render({"type": "inferred"}, arguments={"message": "Hello"}).template is None


def test_values_keep_their_words() -> None:
    """Numbers and booleans as JSON has them."""
    assert render(text("{{a}} {{b}} {{c}}"), call_with(a=3, b=True, c=1.5)).text == "3 true 1.5"


@pytest.mark.parametrize("value", [None, {"a": 1}, [1]])
def test_what_has_no_words_is_missing(value: object) -> None:
    """Null, objects and lists are no text."""
    with pytest.raises(ContentRefused) as refused:
        render(text("{{a}}"), call_with(a=value))
    assert refused.value.reason is Reason.UNRESOLVED_VARIABLE


def test_every_hole_is_named() -> None:
    """Each once, with where it is, and what to do; no value is repeated."""
    with pytest.raises(ContentRefused) as refused:
        render(text("{{a}} {{b}} {{a}} {{name}}"))
    assert "sms_content.text needs {{a}}, {{b}}, which" in refused.value.detail
    assert "Ada" not in refused.value.detail
    with pytest.raises(ContentRefused) as refused:
        render({"type": "template", "template": "link"}, call_with())
    assert "templates.link needs {{name}}" in refused.value.detail


def test_identity_is_what_was_said_to_whom() -> None:
    """The text before its variables and their values: the same values, the same text; other values, another."""
    first = render(text("Hi {{name}}"))
    assert first.identity == render(text("Hi {{name}}")).identity
    assert first.identity != render(text("Hi {{name}}"), call_with(name="Grace")).identity
    assert first.identity != render(text("Hey {{name}}")).identity


def test_identity_knows_no_clock() -> None:
    """Texts that differ by the time alone are one text."""
    words = text("{{name}} at {{current_time}}, {{current_hour_Asia/Tokyo}}, {{session_duration_ms}}")
    first = render(words, call_with(name="Ada", second=1))
    second = render(words, call_with(name="Ada", second=59))
    assert first.identity == second.identity


def test_identity_knows_no_variable_that_is_not_in_the_text() -> None:
    """What a call collects besides does not make another text."""
    first = render(text("Hi {{name}}"), call_with(name="Ada"))
    assert first.identity == render(text("Hi {{name}}"), call_with(name="Ada", mood="good")).identity


def test_names_formed_by_values() -> None:
    """A placeholder inside a placeholder counts with its value, and the text is the same only when both are."""
    words = text("{{greeting_{{language}}}}")
    first = render(words, call_with(language="en", greeting_en="Hi"))
    assert first.text == "Hi"
    other = render(words, call_with(language="fr", greeting_en="Hi", greeting_fr="Hi"))
    assert first.identity != other.identity


def test_media() -> None:
    """Addresses are filled in like texts; a hole in one is a refusal."""
    made = render(text("Hi"), media=["https://example.com/{{name}}.png", "https://example.com/b.png"])
    assert made.media == ("https://example.com/Ada.png", "https://example.com/b.png")
    with pytest.raises(ContentRefused) as refused:
        render(text("Hi"), media=["https://example.com/{{map}}.png"])
    assert "media needs {{map}}" in refused.value.detail


@pytest.mark.parametrize(
    "source",
    [
        "{{photo}}",
        "https://{{photo}}",
        "https://{{photo}}/a.png",
        "https://{{photo}}.example.com/a.png",
        "https://example.com{{photo}}",
        "https://example.com:{{photo}}/a.png",
        "{{photo}}://example.com/a.png",
        "https://{{{{photo}}}}/a.png",
        "https://ada{{photo}}@example.com/a.png",
    ],
)
def test_a_value_never_chooses_the_host_of_media(source: str) -> None:
    """A caller could say it: what is fetched in the operator's name comes from a host that the tool itself names."""
    with pytest.raises(ContentRefused) as refused:
        render(text("Hi"), call_with(photo="evil", evil="evil.test"), media=[source])
    assert refused.value.reason is Reason.MEDIA_NOT_SUPPORTED
    assert "media.0" in refused.value.detail
    assert "evil" not in refused.value.detail


@pytest.mark.parametrize("value", ["a", "/evil.test", "@evil.test", "?x=https://evil.test", ""])
def test_a_value_may_fill_the_path_of_media(value: str) -> None:
    """After the host's slash it changes the file and nothing else."""
    made = render(text("Hi"), call_with(photo=value), media=["https://example.com/{{photo}}"])
    assert made.media == (f"https://example.com/{value}",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "nothing"),
        ({"message": 7}, "int"),
        ({"message": ["a"]}, "list"),
        ({"message": "x" * 481}, "481 characters"),
    ],
)
def test_messages_that_are_none(arguments: dict[str, Any], said: str) -> None:
    """The refusal says what the model sent, and not what was in it."""
    with pytest.raises(ContentRefused) as refused:
        render({"type": "inferred"}, arguments=arguments)
    assert said in refused.value.detail


def test_a_number_in_a_refusal_would_be_masked() -> None:
    """No refusal of the renderer repeats a value, so none can repeat a number."""
    with pytest.raises(ContentRefused) as refused:
        render(text("{{user}} {{missing}}"), call_with(user="+12025550142"))
    assert "+12025550142" not in refused.value.detail
    assert mask("+12025550142") not in refused.value.detail
