"""`midcall optouts`."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from midcall.cli.exits import Exit
from midcall.cli.options import HELP, config_option, json_option, ledger_is_there, phone_number, settings_from
from midcall.cli.output import Column, print_json, print_table, say

if TYPE_CHECKING:
    from midcall.ledger import Ledger, OptOut
    from midcall.settings import Settings

T = TypeVar("T")


@click.group("optouts", context_settings=HELP, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, add, remove and import numbers that want no texts.

    An opt-out holds for the whole deployment and every account.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list", context_settings=HELP)
@click.option("--all", "lifted", is_flag=True, help="Also those that were lifted.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@config_option
@json_option
def list_(lifted: bool, limit: int, config: Path | None, as_json: bool) -> None:
    """List numbers that want no texts, newest first."""
    settings = settings_from(config)
    found: tuple[OptOut, ...] = ()
    if ledger_is_there(settings):
        found = _with_ledger(settings, lambda ledger: ledger.opt_outs(lifted=lifted, limit=limit))
    if as_json:
        print_json([_as_json(opt_out) for opt_out in found])
        return
    columns = [Column("number", whole=True), Column("since (UTC)", whole=True), Column("source")]
    columns += [Column("evidence"), *([Column("lifted (UTC)", whole=True)] if lifted else [])]
    print_table(
        columns,
        [
            (
                each.number,
                f"{each.at:%Y-%m-%d %H:%M}",
                each.source,
                each.evidence,
                *([f"{each.lifted_at:%Y-%m-%d %H:%M}" if each.lifted_at else ""] if lifted else []),
            )
            for each in found
        ],
        empty="Nobody has opted out.",
    )


@command.command("add", context_settings=HELP)
@click.argument("number", type=phone_number, metavar="NUMBER")
@click.option("--evidence", default="", help="What they said, or where it is written.")
@config_option
@json_option
def add(number: str, evidence: str, config: Path | None, as_json: bool) -> None:
    """Record that NUMBER wants no texts."""
    settings = settings_from(config)
    opt_out = _with_ledger(
        settings, lambda ledger: ledger.opt_out(number, source="person", evidence=evidence)
    )
    if as_json:
        print_json(_as_json(opt_out))
    else:
        say(f"{opt_out.number} gets no texts, since {opt_out.at:%Y-%m-%d %H:%M} UTC ({opt_out.source}).")


@command.command("remove", context_settings=HELP)
@click.argument("number", type=phone_number, metavar="NUMBER")
@config_option
@json_option
def remove(number: str, config: Path | None, as_json: bool) -> None:
    """Lift the opt-out of NUMBER. Only with the person's consent: carriers keep lists of their own."""
    held = _with_ledger(settings_from(config), lambda ledger: ledger.lift_opt_out(number))
    if as_json:
        print_json({"number": number, "lifted": held})
    else:
        say(f"{number} may be texted again." if held else f"{number} had not opted out.")
    if not held:
        raise click.exceptions.Exit(Exit.REJECTED)


@command.command("import", context_settings=HELP)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@config_option
@json_option
def import_(file: Path, config: Path | None, as_json: bool) -> None:
    """Import opt-outs from FILE: one number a line, or CSV whose first column holds it. All or none."""
    from midcall.ledger import OptOut

    settings = settings_from(config)
    now, source = datetime.now(UTC), "standard input" if str(file) == "-" else file.name
    wanted = [
        OptOut(number=number, source="import", at=now, evidence=f"{source} line {line}")
        for line, number in _numbers_in(file)
    ]
    counts = _with_ledger(settings, lambda ledger: ledger.import_opt_outs(wanted))
    if as_json:
        print_json({"added": counts.added, "already": counts.already})
    else:
        say(f"{counts.added} added, {counts.already} had opted out already.")


def _numbers_in(file: Path) -> list[tuple[int, str]]:
    """Line and number of each entry. Every bad line is named; nothing is imported if there is one."""
    from midcall.numbers import NumberError, parse_number

    found, bad = [], []
    for line, row in _rows(_text_of(file), file):
        cell = row[0].strip() if row else ""
        is_header = line == 1 and not any(character.isdigit() for character in cell)
        if not cell or cell.startswith("#") or is_header:
            continue
        try:
            found.append((line, parse_number(cell).e164))
        except NumberError:
            bad.append(line)
    if bad:
        lines = ", ".join(map(str, bad[:10])) + (f" and {len(bad) - 10} more" if len(bad) > 10 else "")
        raise click.ClickException(
            f"{file}: no phone number in line {lines}; write each in full, such as +12025550142. Nothing was imported."
        )
    return found


def _text_of(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text; save it as UTF-8") from None


def _rows(text: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its line. Spreadsheets of some countries write semicolons, some programs tabs."""
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in ";\t" if mark in first), ",")
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise click.ClickException(
            f"{file}: line {reader.line_num} is not CSV ({error}). Nothing was imported."
        ) from None


def _with_ledger(settings: Settings, work: Callable[[Ledger], Awaitable[T]]) -> T:
    from midcall.ledger import Ledger

    async def run() -> T:
        ledger = await Ledger.open(settings.ledger_url)
        try:
            return await work(ledger)
        finally:
            await ledger.aclose()

    return asyncio.run(run())


def _as_json(opt_out: OptOut) -> dict[str, str | None]:
    return {
        "number": opt_out.number,
        "scope": opt_out.scope,
        "source": opt_out.source,
        "evidence": opt_out.evidence,
        "at": opt_out.at.isoformat(),
        "lifted_at": opt_out.lifted_at.isoformat() if opt_out.lifted_at else None,
    }
