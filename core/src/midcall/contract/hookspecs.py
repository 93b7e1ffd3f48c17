"""The hooks, in the order of a text's life. This file is the manual for policy authors.

A policy is a module (or class instance) of functions marked `@hookimpl`, named in an entry point of group `midcall`. Every
hook may be `async def`; a plain function runs in a bounded thread pool with the context copied, never on the event loop.
Take only the arguments you need, by name. Answer small frozen records; have no side effects. Order: those named in `order`
of the settings; then those with `tryfirst`, the ordinary ones and those with `trylast`, each sorted by plugin name.

Deadlines: inside the agent's turn a hook has 500 ms (`hooks.deadline_ms`, or `hooks.content_deadline_ms` for the two that
write the text), and never more than the agent has left. Handing a text to its carrier has 15 s, an observer 5 s.

A whole policy::

    from midcall import Draft, Reason, Verdict, hookimpl

    @hookimpl
    def midcall_check_eligibility(draft: Draft) -> Verdict | None:
        if draft.destination.country == "US" and draft.call.variables.get("consent") != "yes":
            return Verdict.deny(Reason.POLICY_DENIED, "no consent on record")
        return None
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from midcall.contract.calls import Call
from midcall.contract.markers import hookspec
from midcall.contract.messages import (
    Content,
    Destination,
    Draft,
    Message,
    MessageEvent,
    OutboundMessage,
    Verdict,
)
from midcall.contract.results import SendResult
from midcall.contract.senders import Needs, Sender
from midcall.contract.tool import Tool
from midcall.contract.webhooks import InboundMessage


@hookspec
def midcall_resolve_sender(
    call: Call, tool: Tool, destination: Destination, needs: Needs
) -> Sequence[Sender] | None:
    """Which numbers may this text leave from, best first?

    Asked: every plugin in order, one after the other. Combined: the first non-empty answer is used. None or an empty answer
    passes the question on. An error or a missed deadline (500 ms) refuses the text with `plugin_failed` or
    `plugin_timed_out`, naming the plugin.

    `needs` says what the text asks of its sender: `needs.mms` is true when the tool has `media`, `needs.pool` when its
    `sms_sender` asks for the platform's pool instead of the call's number.

    Example::

        from midcall import Sender, hookimpl


        @hookimpl
        def midcall_resolve_sender(destination, needs):
            if destination.country == "CA" and not needs.pool:
                return [Sender(number="+14165550101", account="canada")]
    """


@hookspec
def midcall_render_content(
    call: Call, tool: Tool, sender: Sender, arguments: Mapping[str, Any]
) -> Content | None:
    """What does the text say?

    Asked: every plugin in order. Combined: the first answer that is not None. Core's own renderer is asked last: static
    text, a template, or the model's `message` argument. An error or a missed deadline (500 ms) refuses the text; raise
    `midcall.ContentRefused` to refuse it with a reason of your own.

    `arguments` holds what the model gave the tool, by name, already checked against the tool's schema: `message` (text) when
    the content is inferred, `to` (text) when the tool trusts an argument, `resend` (true or false) when it allows that; one
    that was not given is missing or None. `sender` is the candidate the text would leave from; when the next one is tried,
    the question is asked again.

    Example::

        from midcall import Content, ContentRefused, Reason, hookimpl


        @hookimpl
        async def midcall_render_content(call, tool):
            if tool.name == "send_invoice":
                invoice = call.variables.get("invoice")
                if not invoice:
                    raise ContentRefused(Reason.POLICY_DENIED, "the call has no invoice")
                return Content(text=f"Your invoice: https://example.com/invoices/{invoice}")
    """


@hookspec
def midcall_transform_content(draft: Draft) -> Content | None:
    """Change a rendered text: shorten links, add a signature, transliterate.

    Asked: every plugin in order. Combined: each sees the last one's content; None leaves it as it is. An error or a missed
    deadline (500 ms each) refuses the text.

    Example::

        from dataclasses import replace

        from midcall import hookimpl


        @hookimpl
        def midcall_transform_content(draft):
            return replace(draft.content, text=draft.content.text + " Reply STOP to opt out.")
    """


@hookspec
def midcall_check_eligibility(draft: Draft) -> Verdict | None:
    """May this draft be sent?

    Asked: everyone at once, with a deadline. Combined: any denial denies; None abstains; all verdicts are kept with the
    message. An error or a missed deadline (500 ms) is a denial: a consent check must not fail open. A denial `of_sender` lets
    the next candidate be tried.

    Example::

        from datetime import datetime
        from zoneinfo import ZoneInfo

        from midcall import Reason, Verdict, hookimpl


        @hookimpl
        def midcall_check_eligibility(draft):
            if datetime.now(ZoneInfo("America/New_York")).hour >= 21:
                return Verdict.deny(Reason.POLICY_DENIED, "quiet hours")
    """


@hookspec
def midcall_send_message(message: OutboundMessage) -> SendResult | None:
    """Hand the text to its carrier, once.

    Asked: only the plugin of the sender's account. Combined: its one answer. An error, a missed deadline (15 s) or a None is
    `Unknown`: it may have been sent, and is not sent again. Carriers implement `Carrier.send` instead; the host's adapter
    implements this hook for them. A policy is never asked.

    Example::

        from midcall import Accepted, Capabilities, Carrier


        class Tray(Carrier):  # keeps texts instead of sending them, for tests of your own
            name = "tray"
            capabilities = Capabilities(sms=True)
            texts = []

            async def send(self, message):
                self.texts.append(message)
                return Accepted(message.client_ref)
    """


@hookspec
def midcall_message_changed(message: Message, event: MessageEvent) -> None:
    """A message's state moved. For metrics, logs, a CRM.

    Asked: everyone, once the change is in the ledger. Combined: nothing. An error or a missed deadline (5 s) is logged with
    the plugin's name, and never raised.

    Example::

        from collections import Counter

        from midcall import hookimpl

        states = Counter()


        @hookimpl
        def midcall_message_changed(message, event):
            states[message.account, event.state] += 1
    """


@hookspec
def midcall_message_received(message: InboundMessage) -> None:
    """A text was received. Not called in this version, which receives none.

    Asked: everyone. Combined: nothing. An error or a missed deadline (5 s) is logged, and never raised.

    Example::

        from collections import Counter

        from midcall import hookimpl

        received = Counter()


        @hookimpl
        def midcall_message_received(message):
            received[message.account, message.recipient] += 1
    """
