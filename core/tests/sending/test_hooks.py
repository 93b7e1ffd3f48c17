"""Plugins in the journey: whose word counts, how words combine, and that every one is attributed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.tests.sending.deployment import AGENT, SENT_TEXT, Deploy, Deployment, a_call
from core.tests.sending.fake_carrier import WAIT_S
from midcall import (
    Call,
    Content,
    ContentRefused,
    Draft,
    Message,
    MessageEvent,
    MessageState,
    Reason,
    Sender,
    Status,
    Tool,
    Verdict,
    hookimpl,
)


class Denies:
    """A policy that objects."""

    @hookimpl
    async def midcall_check_eligibility(self) -> Verdict:
        return Verdict.deny(Reason.POLICY_DENIED, "quiet hours")


class Allows:
    """A policy that does not."""

    @hookimpl
    def midcall_check_eligibility(self) -> Verdict:
        return Verdict.allow("looked at")


class Abstains:
    """A policy that has no opinion."""

    @hookimpl
    def midcall_check_eligibility(self) -> None:
        return None


class Fails:
    """A policy with a mistake in it."""

    @hookimpl
    async def midcall_check_eligibility(self) -> Verdict:
        raise ZeroDivisionError("no consent database at +12025550142")


class AnswersYes:
    """A policy that answers something else than a verdict."""

    @hookimpl
    def midcall_check_eligibility(self) -> Any:
        return True


# Eligibility --------------------------------------------------------------------------------------------------------------


async def test_any_denial_denies(deploy: Deploy) -> None:
    """One objection is enough, whoever else is content; the outcome has its words and its name."""
    running = await deploy(policies={"allows": Allows(), "quiet-hours": Denies(), "abstains": Abstains()})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.POLICY_DENIED)
    assert (outcome.detail, outcome.plugin) == ("quiet hours", "quiet-hours")
    assert running.carrier.sent == []


async def test_all_verdicts_are_kept(deploy: Deploy) -> None:
    """With the message, each with its plugin, the allowances too; who abstains has said nothing."""
    running = await deploy(policies={"allows": Allows(), "quiet-hours": Denies(), "abstains": Abstains()})
    message = await running.message(await running.send())
    verdicts = {verdict.plugin: (verdict.allowed, verdict.detail) for verdict in message.verdicts}
    assert verdicts == {
        "acme": (True, ""),
        "allows": (True, "looked at"),
        "quiet-hours": (False, "quiet hours"),
        "rules": (True, ""),
    }


@pytest.mark.parametrize("policy", [Fails, AnswersYes])
async def test_a_broken_gate_denies(deploy: Deploy, policy: type) -> None:
    """A consent check must not fail open; the refusal names the plugin and holds no whole number."""
    running = await deploy(policies={"consent": policy()})
    outcome = await running.send()
    assert (outcome.status, outcome.reason, outcome.plugin) == (
        Status.REJECTED,
        Reason.PLUGIN_FAILED,
        "consent",
    )
    assert "midcall_check_eligibility" in outcome.detail
    assert "+12025550142" not in outcome.detail
    assert running.carrier.sent == []


async def test_a_failure_is_not_the_senders(deploy: Deploy) -> None:
    """A broken check is final: the text is not tried from sender after sender until one gets by."""
    running = await deploy(
        policies={"consent": Fails()}, numbers={AGENT: {"account": "acme", "fallback": ["+12025550101"]}}
    )
    outcome = await running.send()
    assert outcome.reason is Reason.PLUGIN_FAILED
    assert [verdict.plugin for verdict in (await running.message(outcome)).verdicts].count("consent") == 1


async def test_a_denial_of_the_text_wins_over_one_of_the_sender(deploy: Deploy) -> None:
    """When both are there another sender would not help, and is not tried."""

    class OfSender:
        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            return Verdict.deny(Reason.SENDER_BUSY, "its queue is full", of_sender=True)

    running = await deploy(
        policies={"a-queue": OfSender(), "quiet-hours": Denies()},
        numbers={AGENT: {"account": "acme", "fallback": ["+12025550101"]}},
    )
    outcome = await running.send()
    assert (outcome.reason, outcome.plugin) == (Reason.POLICY_DENIED, "quiet-hours")


async def test_a_policy_sees_the_whole_draft(deploy: Deploy) -> None:
    """Call, tool, sender, destination, content and arguments, as they would be sent."""
    seen: list[Draft] = []

    class Looks:
        @hookimpl
        async def midcall_check_eligibility(self, draft: Draft) -> None:
            seen.append(draft)

    running = await deploy(policies={"looks": Looks()})
    await running.send(a_call(language="es"))
    (draft,) = seen
    assert (draft.call.id, draft.call.language, draft.tool.name) == ("call-1", "es", "send_link")
    assert (draft.sender, draft.destination.country) == (Sender(number=AGENT, account="acme"), "US")
    assert (draft.content.text, dict(draft.arguments)) == (SENT_TEXT, {})


# Content ------------------------------------------------------------------------------------------------------------------


class Writes:
    """A renderer."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked = 0

    @hookimpl
    async def midcall_render_content(
        self, call: Call, tool: Tool, sender: Sender, arguments: Mapping[str, Any]
    ) -> Content | None:
        self.asked += 1
        return None if self.text is None else Content(text=self.text)


async def test_the_first_who_writes(deploy: Deploy) -> None:
    """Plugins are asked by name, before core; the first text is used and nobody else is asked."""
    first, second, third = Writes(None), Writes("second"), Writes("third")
    running = await deploy(policies={"a": first, "b": second, "c": third})
    await running.send()
    assert [sent.text for sent in running.carrier.sent] == ["second"]
    assert (first.asked, second.asked, third.asked) == (1, 1, 0)


async def test_the_order_of_the_settings(deploy: Deploy) -> None:
    """`order` puts a plugin before those whose names come first."""
    running = await deploy(policies={"a": Writes("a"), "b": Writes("b")}, order=["b"])
    await running.send()
    assert running.carrier.sent[0].text == "b"


async def test_nobody_writes_braces_away(deploy: Deploy) -> None:
    """What a plugin has written is never read for placeholders."""
    running = await deploy(policies={"a": Writes("Use {{name}} in your template")})
    assert (await running.send()).status is Status.ACCEPTED
    assert running.carrier.sent[0].text == "Use {{name}} in your template"


async def test_a_renderers_own_reason(deploy: Deploy) -> None:
    """`ContentRefused` refuses with words and reason of the plugin's own."""

    class Refuses:
        @hookimpl
        async def midcall_render_content(self) -> Content:
            raise ContentRefused(Reason.CONTENT_FILTERED, "the moderator said no")

    running = await deploy(policies={"moderator": Refuses()})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CONTENT_FILTERED)
    assert (outcome.detail, outcome.plugin) == ("the moderator said no", "moderator")


class Signs:
    """A transformer that adds its letter."""

    def __init__(self, letter: str) -> None:
        self.letter = letter

    @hookimpl
    async def midcall_transform_content(self, draft: Draft) -> Content | None:
        return replace(draft.content, text=draft.content.text + self.letter) if self.letter else None


async def test_transformers_are_a_chain(deploy: Deploy) -> None:
    """Each sees the last one's text; who answers nothing leaves it as it is; the rules judge the end of it."""
    running = await deploy(policies={"c": Signs("c"), "a": Signs("a"), "b": Signs("")})
    assert (await running.send()).status is Status.ACCEPTED
    assert running.carrier.sent[0].text == SENT_TEXT + "ac"
    running = await deploy(
        policies={"z": Signs(" evil.example")}, tool={"links": ["example.com"]}, ledger="other.db"
    )
    assert (await running.send()).reason is Reason.LINK_NOT_ALLOWED


@pytest.mark.parametrize(
    "hook", ["midcall_transform_content", "midcall_render_content", "midcall_resolve_sender"]
)
async def test_a_hook_that_fails_refuses(deploy: Deploy, hook: str) -> None:
    """Whatever a plugin was asked for, its failure is a refusal that names it, and nothing is sent."""

    def fail() -> None:
        raise KeyError("token")

    policy = type("Policy", (), {hook: staticmethod(hookimpl(fail, tryfirst=True))})()
    running = await deploy(policies={"faulty": policy})
    outcome = await running.send()
    assert (outcome.status, outcome.reason, outcome.plugin) == (
        Status.REJECTED,
        Reason.PLUGIN_FAILED,
        "faulty",
    )
    assert hook in outcome.detail
    assert running.carrier.sent == []


async def test_a_text_emptied_by_a_transformer(deploy: Deploy) -> None:
    """Nothing is not sent, whoever made it so."""

    class Empties:
        @hookimpl
        async def midcall_transform_content(self, draft: Draft) -> Content:
            return Content(text="  ")

    running = await deploy(policies={"empties": Empties()})
    assert (await running.send()).reason is Reason.CONTENT_EMPTY


async def test_half_a_character_of_a_plugin(deploy: Deploy) -> None:
    """A text that cannot be stored is refused in time; the request does not wait for ever."""
    running = await deploy(policies={"writes": Writes("See \ud83d")})
    async with asyncio.timeout(WAIT_S):
        outcome = await running.send()
    assert outcome.status is Status.REJECTED
    assert running.carrier.sent == []


# Observers ----------------------------------------------------------------------------------------------------------------


class Observer:
    """Hears of every move."""

    def __init__(self, *, fails: bool = False) -> None:
        self.moves: list[tuple[MessageState, str]] = []
        self.fails = fails

    @hookimpl
    async def midcall_message_changed(self, message: Message, event: MessageEvent) -> None:
        self.moves.append((message.state, event.kind))
        if self.fails:
            raise OSError("the metrics are down")


async def test_observers_hear_of_every_move(deploy: Deploy) -> None:
    """A text's whole way, and a refusal."""
    observer = Observer()
    running = await deploy(policies={"metrics": observer})
    outcome = await running.send()
    await running.receipt(state="delivered", carrier_id=None, message_id=outcome.message_id, attempt=1)
    await running.send(a_call("call-2", user_number=None))
    await running.midcall.aclose()
    assert observer.moves == [
        (MessageState.SENDING, "claimed"),
        (MessageState.ACCEPTED, "result"),
        (MessageState.DELIVERED, "receipt"),
        (MessageState.REJECTED, "refused"),
    ]


async def test_an_observer_that_fails_costs_nothing(deploy: Deploy, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its name, and never raised."""
    observer = Observer(fails=True)
    running = await deploy(policies={"metrics": observer})
    assert (await running.send()).status is Status.ACCEPTED
    await running.midcall.aclose()
    assert "metrics" in caplog.text
    assert len(observer.moves) == 2


async def test_a_quarantined_gate_denies(deploy: Deploy) -> None:
    """A gate that kept hanging is not asked for a while, and all texts are refused: fail closed, and at once."""

    class Hangs:
        asked = 0

        @hookimpl
        async def midcall_check_eligibility(self) -> None:
            self.asked += 1
            await asyncio.Event().wait()

    gate = Hangs()
    running = await deploy(policies={"consent": gate}, hooks={"deadline_ms": 50, "content_deadline_ms": 50})
    for number in range(5):
        outcome = await running.send(a_call(f"call-{number}"))
        assert (outcome.reason, outcome.plugin) == (Reason.PLUGIN_TIMED_OUT, "consent")
    assert gate.asked == 3
    assert running.carrier.sent == []


async def test_preview_sends_and_writes_nothing(deployment: Deployment) -> None:
    """What would be sent, from where, at what cost, and everybody's verdict."""
    preview = await deployment.midcall.preview(a_call(), "send_link")
    assert preview.refusal is None
    assert preview.draft is not None
    assert preview.counted is not None
    assert (preview.draft.content.text, preview.draft.sender.number) == (SENT_TEXT, AGENT)
    assert (preview.counted.segments, preview.counted.encoding) == (1, "GSM-7")
    assert {verdict.plugin for verdict in preview.verdicts} == {"acme", "rules"}
    assert deployment.carrier.sent == []
    assert await deployment.ledger.messages() == ()


async def test_preview_of_a_refusal(deploy: Deploy) -> None:
    """The refusal is the one the agent would hear; it has no id, because it is written nowhere."""
    running = await deploy(policies={"quiet-hours": Denies()})
    preview = await running.midcall.preview(a_call(), "send_link")
    assert preview.refusal is not None
    assert (preview.refusal.reason, preview.refusal.plugin) == (Reason.POLICY_DENIED, "quiet-hours")
    assert preview.refusal.message_id is None
    assert await running.ledger.messages() == ()
