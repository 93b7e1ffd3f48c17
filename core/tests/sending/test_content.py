"""Step 5 and core's own rules: what a text says, and what it may not say."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.sending.deployment import WRITTEN_BY_MODEL, Deploy, Deployment, a_call, texting
from midcall import Outcome, Reason, Status

BELL = chr(7)
OVERRIDE = chr(0x202E)


def refused(outcome: Outcome, reason: Reason, running: Deployment) -> None:
    """It is a refusal with that reason and with words, and no carrier has heard of it."""
    assert (outcome.status, outcome.reason) == (Status.REJECTED, reason), outcome
    assert outcome.say
    assert running.carrier.sent == []


async def test_an_unresolved_placeholder(deployment: Deployment) -> None:
    """A text with a hole in it is not sent, and the hole is named."""
    outcome = await deployment.send(a_call(variables={}))
    refused(outcome, Reason.UNRESOLVED_VARIABLE, deployment)
    assert "{{name}}" in outcome.detail


async def test_an_unresolved_placeholder_in_media(deploy: Deploy) -> None:
    """The address of a picture is a text too."""
    running = await deploy(accounts={"picto": {}}, tool={"media": ["https://example.com/{{map}}.png"]})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.UNRESOLVED_VARIABLE)
    assert "{{map}}" in outcome.detail
    assert running.account("picto").sent == []


async def test_a_value_may_hold_braces(deployment: Deployment) -> None:
    """What was put in is never read again: neither a hole nor another variable."""
    await deployment.send(a_call(variables={"name": "{{user_number}} {{nobody}}"}))
    assert (
        deployment.carrier.sent[0].text == "Hi {{user_number}} {{nobody}}, your link: https://example.com/b"
    )


async def test_braces_of_the_model_are_plain_text(deploy: Deploy) -> None:
    """A model's text is not a template: it must not be able to read the call's variables out."""
    running = await deploy(tool={"sms_content": WRITTEN_BY_MODEL})
    await running.send(message="Your code is {{secret}}, {{user_number}}")
    assert running.carrier.sent[0].text == "Your code is {{secret}}, {{user_number}}"


async def test_collected_values_win(deployment: Deployment) -> None:
    """What was collected in the call is newer than what the server set, and that than the agent's default."""
    await deployment.send(a_call("1", defaults={"name": "you"}, variables={}))
    await deployment.send(a_call("2", defaults={"name": "you"}, variables={"name": "Ada"}))
    await deployment.send(a_call("3", defaults={"name": "you"}, collected={"name": "Grace"}))
    names = [sent.text.split(",")[0] for sent in deployment.carrier.sent]
    assert names == ["Hi you", "Hi Ada", "Hi Grace"]


@pytest.mark.parametrize("value", ["", "   "])
async def test_empty_once_rendered(deploy: Deploy, value: str) -> None:
    """A text of nothing but empty values is not sent."""
    running = await deploy(tool={"sms_content": texting("{{words}}")})
    refused(await running.send(a_call(variables={"words": value})), Reason.CONTENT_EMPTY, running)


async def test_too_many_segments(deploy: Deploy) -> None:
    """The detail says what the text takes and what the tool allows."""
    running = await deploy(tool={"sms_content": texting("x" * 307), "max_segments": 2})
    outcome = await running.send()
    refused(outcome, Reason.CONTENT_TOO_LONG, running)
    assert (outcome.segments, outcome.plugin) == (3, "rules")
    assert "3 segments in GSM-7" in outcome.detail


async def test_the_characters_that_cost(deploy: Deploy) -> None:
    """A text that is long because of a typographic quote names it: nobody would find it otherwise."""
    running = await deploy(tool={"sms_content": texting("It’s " + "x" * 130 + " — …"), "max_segments": 1})
    outcome = await running.send()
    refused(outcome, Reason.CONTENT_TOO_LONG, running)
    assert "UCS-2" in outcome.detail
    assert "’ — …" in outcome.detail


async def test_as_many_segments_as_allowed(deploy: Deploy) -> None:
    """The limit is the last one that is allowed."""
    running = await deploy(tool={"sms_content": texting("x" * 306), "max_segments": 2})
    assert (await running.send()).segments == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, Reason.INVALID_ARGUMENTS),
        ({"message": None}, Reason.INVALID_ARGUMENTS),
        ({"message": 7}, Reason.INVALID_ARGUMENTS),
        ({"message": "  \n"}, Reason.INVALID_ARGUMENTS),
        ({"message": "x" * 101}, Reason.INVALID_ARGUMENTS),
        ({"message": BELL}, Reason.CONTENT_EMPTY),
    ],
)
async def test_a_message_the_tool_does_not_take(
    deploy: Deploy, arguments: dict[str, Any], reason: Reason
) -> None:
    """What the model writes is a string, within bounds, and not nothing."""
    running = await deploy(tool={"sms_content": WRITTEN_BY_MODEL, "max_characters": 100})
    refused(await running.send(**arguments), reason, running)


async def test_what_does_nothing_on_a_phone_is_left_out(deploy: Deploy) -> None:
    """Control characters and overrides of direction go, line ends are one kind, the rest stays."""
    running = await deploy(tool={"sms_content": WRITTEN_BY_MODEL})
    await running.send(message=f" See{BELL} us:\r\nexample.com/{OVERRIDE}gnp.exe\tnow ")
    assert running.carrier.sent[0].text == "See us:\nexample.com/gnp.exe now"


async def test_half_a_character(deploy: Deploy) -> None:
    """Half of a surrogate pair, which models do send, is neither an exception nor in the way of the rest."""
    running = await deploy(tool={"sms_content": WRITTEN_BY_MODEL})
    outcome = await running.send(message="See you \ud83d")
    assert outcome.status is Status.ACCEPTED
    assert running.carrier.sent[0].text.startswith("See you")
    running.carrier.sent[0].text.encode()


async def test_a_template_that_is_not_there(deploy: Deploy) -> None:
    """Retell's own wording is not ours to send: the operator writes it, or nothing is sent."""
    running = await deploy(tool={"sms_content": {"type": "template", "template": "info_collection"}})
    outcome = await running.send()
    refused(outcome, Reason.UNKNOWN_TEMPLATE, running)
    assert "[templates]" in outcome.detail


# Links --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.com",
        "see HTTPS://EXAMPLE.COM/a",
        "see example.com/a",
        "see (example.com).",
        "see www.example.com!",
        "see 192.0.2.1/a",
        "see “example.com”",
        "see https://example.com@evil.example",
    ],
)
async def test_no_links(deploy: Deploy, text: str) -> None:
    """`links = "none"`: neither with a scheme nor without, in whatever punctuation."""
    running = await deploy(tool={"links": "none", "sms_content": WRITTEN_BY_MODEL})
    refused(await running.send(message=text), Reason.LINK_NOT_ALLOWED, running)


@pytest.mark.parametrize(
    "text", ["Costs 3.50, see you at 10.30", "Hello.Goodbye", "mail ada@example.com", "Dr. A. B."]
)
async def test_what_is_no_link(deploy: Deploy, text: str) -> None:
    """Numbers, times, initials, and an address of e-mail are not links; a missing space is one only if it reads as one."""
    running = await deploy(tool={"links": "none", "sms_content": WRITTEN_BY_MODEL})
    outcome = await running.send(message=text)
    expected = Status.REJECTED if text == "Hello.Goodbye" else Status.ACCEPTED
    assert outcome.status is expected


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("https://example.com/b", True),
        ("https://book.example.com/b?next=evil.example", True),
        ("example.com", True),
        ("example.com.", True),
        ("https://EXAMPLE.com:8443/b", True),
        ("https://example.com@evil.example/b", False),
        ("https://example.com:pw@evil.example", False),
        ("https://example.com.evil.example/b", False),
        ("https://badexample.com", False),
        ("https://evil.example/example.com", False),
        ("evil.example", False),
        ("https://example.com/b and evil.example", False),
        ("tel:https://evil.example", False),
    ],
)
async def test_links_to_listed_hosts(deploy: Deploy, text: str, allowed: bool) -> None:
    """A list allows those hosts and what is below them; nothing that only looks like them."""
    running = await deploy(tool={"links": ["example.com"], "sms_content": WRITTEN_BY_MODEL})
    outcome = await running.send(message=f"See {text}")
    if allowed:
        assert outcome.status is Status.ACCEPTED
    else:
        refused(outcome, Reason.LINK_NOT_ALLOWED, running)


async def test_links_that_come_with_a_value(deploy: Deploy) -> None:
    """The rule looks at the text as it would be sent, so a variable cannot bring a link in."""
    running = await deploy(tool={"links": ["example.com"]})
    outcome = await running.send(a_call(collected={"name": "Ada evil.example"}))
    refused(outcome, Reason.LINK_NOT_ALLOWED, running)
    assert "evil.example" in outcome.detail
