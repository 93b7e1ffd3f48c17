"""`midcall send`."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midcall.cli.exits import Exit
from midcall.cli.options import HELP, config_option, json_option, phone_number, settings_from
from midcall.cli.output import print_facts, print_json, print_verdicts, say, styled

if TYPE_CHECKING:
    from midcall.contract.calls import Call
    from midcall.contract.outcomes import Outcome
    from midcall.sending import Preview
    from midcall.settings import Settings

PLATFORM = "cli"
"""The platform instance under which texts sent from the command line stand in the ledger."""


@click.command("send", context_settings=HELP)
@click.argument("tool")
@click.option(
    "--from",
    "sender",
    type=phone_number,
    metavar="NUMBER",
    required=True,
    help="The agent's number on the call, which the text leaves from.",
)
@click.option("--to", type=phone_number, metavar="NUMBER", required=True, help="The caller's number.")
@click.option("--message", help="The text, for a tool whose content the model writes.")
@click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE", help="A dynamic variable; may be repeated."
)
@click.option("--id", "tool_call_id", help="Id of the tool call: the same id never sends twice.")
@click.option("--call", "call_id", help="Id of the call it belongs to; a new one if not given.")
@click.option("--yes", is_flag=True, help="Send it. Without this, only show what would be sent.")
@config_option
@json_option
def command(
    tool: str,
    sender: str,
    to: str,
    message: str | None,
    variables: tuple[str, ...],
    tool_call_id: str | None,
    call_id: str | None,
    yes: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show what TOOL would send, from where, at what cost, and what every plugin says to it.

    Nothing leaves without --yes. Exits with 0 when it was (or would be) sent, 1 when it is rejected, 3 when the outcome is
    unknown: then do not run it again, look at `midcall messages`.
    """
    from midcall.contract.calls import Call, Direction

    settings = settings_from(config)
    _check_tool(settings, tool)
    call = Call(
        platform=PLATFORM,
        # What is the same text is told by call and id together, so the same id has to mean the same call.
        id=call_id or f"cli-{tool_call_id or uuid.uuid4()}",
        direction=Direction.INBOUND,
        user_number=to,
        agent_number=sender,
        variables=_variables(variables),
    )
    arguments = {"message": message} if message is not None else {}
    if yes:
        outcome = asyncio.run(_send(settings, call, tool, arguments, tool_call_id))
        _print_outcome(outcome, as_json=as_json)
        raise click.exceptions.Exit(_exit_of(outcome))
    preview = asyncio.run(_preview(settings, call, tool, arguments))
    _print_preview(preview, as_json=as_json)
    raise click.exceptions.Exit(Exit.REJECTED if preview.refusal else Exit.OK)


def _check_tool(settings: Settings, tool: str) -> None:
    from midcall.settings.near import did_you_mean

    if tool not in settings.tools:
        there = ", ".join(sorted(settings.tools)) or "none"
        raise click.BadParameter(
            f"no tool {tool!r} is configured.{did_you_mean(tool, settings.tools)} There is: {there}.",
            param_hint="TOOL",
        )


def _variables(written: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for item in written:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{item!r} is not NAME=VALUE", param_hint="'--var'")
        found[name.strip()] = value
    return found


async def _send(
    settings: Settings, call: Call, tool: str, arguments: dict[str, Any], tool_call_id: str | None
) -> Outcome:
    from midcall.app import Midcall

    async with Midcall(settings) as midcall:
        return await midcall.send(call, tool, arguments, tool_call_id=tool_call_id or str(uuid.uuid4()))


async def _preview(settings: Settings, call: Call, tool: str, arguments: dict[str, Any]) -> Preview:
    from midcall.app import Midcall

    async with Midcall(settings) as midcall:
        return await midcall.preview(call, tool, arguments)


def _exit_of(outcome: Outcome) -> Exit:
    from midcall.contract.outcomes import Status

    return {Status.REJECTED: Exit.REJECTED, Status.UNKNOWN: Exit.UNKNOWN}.get(outcome.status, Exit.OK)


def _print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.as_json())
        return
    facts = [
        ("status", outcome.status.value),
        ("agent says", outcome.say),
        *_why(outcome),
        ("message", outcome.message_id or ""),
        ("segments", str(outcome.segments or "")),
        ("duplicate", "yes: this had been answered before" if outcome.duplicate else ""),
    ]
    print_facts([(name, value) for name, value in facts if value])


def _print_preview(preview: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json(_preview_json(preview))
        return
    draft, counted, refusal = preview.draft, preview.counted, preview.refusal
    facts = [("tool", preview.tool)]
    if draft is not None:
        facts += [
            ("from", f"{draft.sender.number} (account {draft.sender.account})"),
            ("to", f"{draft.destination.number} ({draft.destination.country or 'no country'})"),
            ("text", draft.content.text),
        ]
        facts += [("media", url) for url in draft.content.media]
    if counted is not None:
        facts.append(("costs", f"{counted.segments} segment(s) in {counted.encoding}"))
    print_facts(facts)
    print_verdicts(preview.verdicts)
    say()
    if refusal is None:
        say(styled("It would be sent.", "green") + " Nothing was: add --yes to send it.")
        return
    say(styled("It would be rejected.", "red"))
    print_facts([("agent says", refusal.say), *_why(refusal)])


def _why(outcome: Outcome) -> list[tuple[str, str]]:
    """Reason and who gave it; the plugin's own words if it has any, else what the reason means."""
    reason = outcome.reason
    words = outcome.detail or (reason.meaning if reason else "")
    facts = [("reason", ": ".join(part for part in (reason.value if reason else "", words) if part))]
    facts.append(("said by", outcome.plugin))
    return [(name, value) for name, value in facts if value]


def _preview_json(preview: Preview) -> dict[str, Any]:
    draft, counted = preview.draft, preview.counted
    return {
        "tool": preview.tool,
        "from": draft.sender.number if draft else None,
        "account": draft.sender.account if draft else None,
        "to": preview.destination.number if preview.destination else None,
        "text": draft.content.text if draft else None,
        "media": list(draft.content.media) if draft else [],
        "encoding": counted.encoding if counted else None,
        "segments": counted.segments if counted else None,
        "verdicts": [
            {
                "plugin": verdict.plugin,
                "allowed": verdict.allowed,
                "reason": verdict.reason,
                "detail": verdict.detail,
            }
            for verdict in preview.verdicts
        ],
        "would_send": preview.refusal is None,
        "refusal": preview.refusal.as_json() if preview.refusal else None,
    }
