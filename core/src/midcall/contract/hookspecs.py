"""The hooks, in the order of a text's life. This file is the manual for policy authors.

A policy is a module (or class instance) of functions marked `@hookimpl`, named in an entry point of group `midcall`. Every
hook may be `async def`; a plain function runs in a bounded thread pool with the context copied, never on the event loop.
Take only the arguments you need, by name. Answer small frozen records; have no side effects. Order: sorted by plugin name,
then `tryfirst` / `trylast`, then `order` in the settings.

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
    passes the question on. An error or a missed deadline refuses the text with `plugin_failed` or `plugin_timed_out`, naming
    the plugin.

    Example::

        @hookimpl
        def midcall_resolve_sender(call, destination):
            if destination.country == "GB":
                return [Sender(number="+442079460101", account="eu")]
    """


@hookspec
def midcall_render_content(
    call: Call, tool: Tool, sender: Sender, arguments: Mapping[str, Any]
) -> Content | None:
    """What does the text say?

    Asked: every plugin in order. Combined: the first answer that is not None. Core's own renderer is asked last: static
    text, a template, or the model's `message` argument. An error or a missed deadline refuses the text; raise
    `midcall.ContentRefused` to refuse it with a reason of your own.

    Example::

        @hookimpl
        async def midcall_render_content(call, tool):
            if tool.name == "send_invoice":
                return Content(text=await invoice_link(call.user_number))
    """


@hookspec
def midcall_transform_content(draft: Draft) -> Content | None:
    """Change a rendered text: shorten links, add a signature, transliterate.

    Asked: every plugin in order. Combined: each sees the last one's content; None leaves it as it is. An error or a missed
    deadline refuses the text.

    Example::

        @hookimpl
        def midcall_transform_content(draft):
            return replace(draft.content, text=draft.content.text + " Reply STOP to opt out.")
    """


@hookspec
def midcall_check_eligibility(draft: Draft) -> Verdict | None:
    """May this draft be sent?

    Asked: everyone at once, with a deadline. Combined: any denial denies; None abstains; all verdicts are kept with the
    message. An error or a missed deadline is a denial: a consent check must not fail open. A denial `of_sender` lets the next
    candidate be tried.

    Example::

        @hookimpl
        def midcall_check_eligibility(draft):
            if datetime.now(ZoneInfo("America/New_York")).hour >= 21:
                return Verdict.deny(Reason.POLICY_DENIED, "quiet hours")
    """


@hookspec
def midcall_send_message(message: OutboundMessage) -> SendResult | None:
    """Hand the text to its carrier, once.

    Asked: only the plugin of the sender's account. Combined: its one answer. An error, a missed deadline or a None is
    `Unknown`: it may have been sent, and is not sent again. Carriers implement `Carrier.send` instead; the host's adapter
    implements this hook for them.
    """


@hookspec
def midcall_message_changed(message: Message, event: MessageEvent) -> None:
    """A message's state moved. For metrics, logs, a CRM.

    Asked: everyone. Combined: nothing. An error is logged with the plugin's name, and never raised.

    Example::

        @hookimpl
        def midcall_message_changed(message, event):
            states.labels(message.account, event.state).inc()
    """


@hookspec
def midcall_message_received(message: InboundMessage) -> None:
    """A text was received. Asked: everyone. Combined: nothing. An error is logged, and never raised."""
