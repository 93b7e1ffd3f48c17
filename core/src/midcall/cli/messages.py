"""`midcall messages`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midcall.cli.options import config_option, e164, json_option, settings_from
from midcall.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from midcall.contract.messages import Message, MessageEvent
    from midcall.ledger import Attempt

_STATES = (
    "waiting",
    "sending",
    "unknown",
    "parked",
    "accepted",
    "sent",
    "delivered",
    "undelivered",
    "rejected",
    "expired",
)


@click.command("messages")
@click.argument("message_id", required=False)
@click.option("--state", type=click.Choice(_STATES), help="Only these.")
@click.option("--call", help="Only this call's (the platform's call id).")
@click.option("--to", help="Only to this number.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many.")
@config_option
@json_option
def command(
    message_id: str | None,
    state: str | None,
    call: str | None,
    to: str | None,
    limit: int,
    config: Path | None,
    as_json: bool,
) -> None:
    """List texts, newest first; or show one with its attempts and timeline.

    MESSAGE_ID may be shortened to its first characters.
    """
    url = settings_from(config).ledger_url
    if message_id is not None:
        asyncio.run(_show(url, message_id, as_json=as_json))
    else:
        asyncio.run(
            _list(url, state=state, call=call, to=e164(to) if to else None, limit=limit, as_json=as_json)
        )


async def _list(
    url: str, *, state: str | None, call: str | None, to: str | None, limit: int, as_json: bool
) -> None:
    from midcall.contract.messages import MessageState
    from midcall.ledger import Ledger, message_json

    ledger = await Ledger.open(url)
    try:
        found = await ledger.messages(
            state=MessageState(state) if state else None, call_id=call, destination=to, limit=limit
        )
    finally:
        await ledger.aclose()
    if as_json:
        print_json([message_json(message) for message in found])
        return
    print_table(
        ("id", "at", "state", "reason", "from", "to", "segments", "text"),
        [_row(message) for message in found],
        empty="No texts yet." if not (state or call or to) else "No text matches.",
        styled="state",
    )


def _row(message: Message) -> tuple[str, ...]:
    from midcall.numbers import mask

    text = " ".join(message.text.split())
    return (
        message.id,
        f"{message.created_at:%Y-%m-%d %H:%M:%S}",
        message.state.value,
        message.reason.value if message.reason else "",
        mask(message.sender) if message.sender else "",
        mask(message.destination) if message.destination else "",
        str(message.segments),
        text if len(text) <= 40 else f"{text[:39]}…",
    )


async def _show(url: str, prefix: str, *, as_json: bool) -> None:
    from midcall.ledger import Ledger, attempt_json, event_json, message_json

    ledger = await Ledger.open(url)
    try:
        found = await ledger.find_message(prefix, limit=2)
        if not found:
            raise click.ClickException(
                f"no text has an id that begins with {prefix!r}; see `midcall messages`"
            )
        if len(found) > 1:
            raise click.ClickException(
                f"several texts have an id that begins with {prefix!r}; write more of it"
            )
        message = found[0]
        attempts, events = await ledger.attempts(message.id), await ledger.events(message.id)
    finally:
        await ledger.aclose()
    if as_json:
        body: dict[str, Any] = message_json(message)
        body["attempts_made"] = [attempt_json(attempt) for attempt in attempts]
        body["events"] = [event_json(event) for event in events]
        print_json(body)
        return
    _print_message(message, attempts, events)


def _print_message(message: Message, attempts: tuple[Attempt, ...], events: tuple[MessageEvent, ...]) -> None:
    facts = [
        ("id", message.id),
        ("state", message.state.value),
        ("reason", message.reason.value if message.reason else ""),
        ("because", message.detail),
        ("said by", message.plugin),
        ("call", f"{message.call_id} ({message.platform}), tool {message.tool}"),
        ("from", f"{message.sender or '-'} (account {message.account or '-'})"),
        ("to", message.destination or "-"),
        ("text", message.text),
        ("media", "\n".join(message.media)),
        ("costs", f"{message.segments} segments in {message.encoding}" if message.segments else ""),
        ("carrier's id", message.carrier_id or ""),
        ("carrier's code", message.carrier_code or ""),
    ]
    print_facts([(name, value) for name, value in facts if value])
    for verdict in message.verdicts:
        said = "allows" if verdict.allowed else f"denies ({verdict.reason})"
        click.echo(f"  {verdict.plugin} {said}{': ' + verdict.detail if verdict.detail else ''}")
    click.echo()
    began = events[0].at if events else message.created_at
    print_table(
        ("after", "what", "state", "with"),
        [
            (
                f"{(event.at - began).total_seconds() * 1000:.0f} ms",
                event.kind,
                event.state.value,
                ", ".join(
                    f"{key}={value}" for key, value in event.data.items() if value not in (None, "", {})
                ),
            )
            for event in events
        ],
        empty="No timeline.",
        styled="state",
    )
    click.echo(f"\n{len(attempts)} attempt(s); --json shows the exact requests and answers.")
