"""`midcall messages`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midcall.cli.options import HELP, config_option, json_option, ledger_is_there, phone_number, settings_from
from midcall.cli.output import Column, is_narrow, print_facts, print_json, print_table, print_verdicts, say
from midcall.contract.messages import MessageState

if TYPE_CHECKING:
    from datetime import datetime

    from midcall.contract.messages import Message, MessageEvent
    from midcall.ledger import Attempt
    from midcall.settings import Settings

_ROOM = 160
"""Columns that a list with whole ids takes."""
_SHORTEST = 8
"""Characters of an id that are always shown."""


@click.command("messages", context_settings=HELP)
@click.argument("message_id", required=False)
@click.option(
    "--state",
    type=click.Choice([state.value for state in MessageState]),
    metavar="STATE",
    help="Only those in this state.",
)
@click.option("--call", help="Only this call's (the platform's call id).")
@click.option("--to", type=phone_number, metavar="NUMBER", help="Only to this number.")
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

    MESSAGE_ID may be shortened to its first characters. The states are waiting, sending, unknown, parked, accepted, sent,
    delivered, undelivered, rejected and expired.
    """
    settings = settings_from(config)
    if message_id is not None:
        if state or call or to:
            raise click.UsageError("MESSAGE_ID names one text: leave out --state, --call and --to")
        asyncio.run(_show(settings, message_id, as_json=as_json))
        return
    found = asyncio.run(_found(settings, state=state, call=call, to=to, limit=limit))
    if as_json:
        from midcall.ledger import message_json

        print_json([message_json(message) for message in found])
    else:
        _print_list(found, empty="No text matches." if state or call or to else "No texts yet.")


async def _found(
    settings: Settings, *, state: str | None, call: str | None, to: str | None, limit: int
) -> tuple[Message, ...]:
    from midcall.ledger import Ledger

    if not ledger_is_there(settings):
        return ()
    ledger = await Ledger.open(settings.ledger_url)
    try:
        return await ledger.messages(
            state=MessageState(state) if state else None, call_id=call, destination=to, limit=limit
        )
    finally:
        await ledger.aclose()


def _print_list(found: Sequence[Message], *, empty: str) -> None:
    """As much as there is room for: on a narrow terminal ids are as short as they may be, and some columns stay away."""
    if is_narrow(_ROOM):
        columns = [Column("id", whole=True), Column("at (UTC)", whole=True)]
        columns += [Column("state", whole=True, styled=True), Column("to", whole=True)]
        columns.append(Column("reason, text", cut=True))
        ids = _shortened([message.id for message in found])
        rows = [_short_row(message, short) for message, short in zip(found, ids, strict=True)]
    else:
        columns = [Column("id", whole=True), Column("at (UTC)", whole=True)]
        columns += [Column("state", whole=True, styled=True), Column("reason", whole=True)]
        columns += [Column("from", whole=True), Column("to", whole=True), Column("segments", whole=True)]
        columns.append(Column("text", cut=True))
        rows = [_row(message) for message in found]
    print_table(columns, rows, empty=empty)


def _row(message: Message) -> list[str]:
    return [
        message.id,
        f"{message.created_at:%Y-%m-%d %H:%M:%S}",
        message.state.value,
        message.reason.value if message.reason else "",
        _masked(message.sender),
        _masked(message.destination),
        str(message.segments),
        " ".join(message.text.split()),
    ]


def _short_row(message: Message, short_id: str) -> list[str]:
    why = f"{message.reason.value}: " if message.reason else ""
    return [
        short_id,
        f"{message.created_at:%m-%d %H:%M}",
        message.state.value,
        _masked(message.destination),
        (why + " ".join(message.text.split())).removesuffix(": "),
    ]


def _masked(number: str | None) -> str:
    from midcall.numbers import mask

    return mask(number) if number else ""


def _shortened(ids: Sequence[str]) -> list[str]:
    """Each id as short as it may be to name one of these; the same length for all, so that they align."""
    length = _SHORTEST
    while len({each[:length] for each in ids}) < len(ids):
        length += 1
    return [each[:length].rstrip("-") for each in ids]


async def _show(settings: Settings, prefix: str, *, as_json: bool) -> None:
    from midcall.ledger import Ledger, attempt_json, event_json, message_json

    none = click.ClickException(f"no text has an id that begins with {prefix!r}; see `midcall messages`")
    if not ledger_is_there(settings):
        raise none
    ledger = await Ledger.open(settings.ledger_url)
    try:
        found = await ledger.find_message(prefix, limit=2)
        if not found:
            raise none
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
        ("at", f"{message.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("call", f"{message.call_id} ({message.platform}), tool {message.tool}"),
        ("from", f"{message.sender or '-'} (account {message.account or '-'})"),
        ("to", message.destination or "-"),
        ("text", message.text),
        ("media", "\n".join(message.media)),
        ("costs", f"{message.segments} segment(s) in {message.encoding}" if message.segments else ""),
        ("carrier's id", message.carrier_id or ""),
        ("carrier's code", message.carrier_code or ""),
    ]
    print_facts([(name, value) for name, value in facts if value])
    print_verdicts(message.verdicts)
    say()
    began = events[0].at if events else message.created_at
    columns = [
        Column("after", whole=True),
        Column("what", whole=True),
        Column("state", whole=True, styled=True),
        Column("with"),
    ]
    print_table(
        columns,
        [(_after(began, event.at), event.kind, event.state.value, _with(event.data)) for event in events],
        empty="No timeline.",
    )
    many = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    say(f"\n{many}; --json shows the exact requests and answers.")


def _after(began: datetime, at: datetime) -> str:
    seconds = (at - began).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:,.0f} s"


def _with(data: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in data.items() if value not in (None, "", {}, []))
