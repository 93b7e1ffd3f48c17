"""`midcall optouts`."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from midcall.cli.exits import Exit
from midcall.cli.options import config_option, e164, json_option, settings_from
from midcall.cli.output import print_json, print_table

if TYPE_CHECKING:
    from midcall.ledger import Ledger, OptOut

T = TypeVar("T")


@click.group("optouts")
def command() -> None:
    """List, add, remove and import numbers that want no texts.

    An opt-out holds for the whole deployment and every account.
    """


@command.command("list")
@click.option("--all", "lifted", is_flag=True, help="Also those that were lifted.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@config_option
@json_option
def list_(lifted: bool, limit: int, config: Path | None, as_json: bool) -> None:
    """List numbers that want no texts, newest first."""
    found = _with_ledger(config, lambda ledger: ledger.opt_outs(lifted=lifted, limit=limit))
    if as_json:
        print_json([_as_json(opt_out) for opt_out in found])
        return
    print_table(
        ("number", "since", "source", "evidence", "lifted"),
        [
            (
                each.number,
                f"{each.at:%Y-%m-%d %H:%M}",
                each.source,
                each.evidence,
                f"{each.lifted_at:%Y-%m-%d %H:%M}" if each.lifted_at else "",
            )
            for each in found
        ],
        empty="Nobody has opted out.",
    )


@command.command("add")
@click.argument("number")
@click.option("--evidence", default="", help="What they said, or where it is written.")
@config_option
@json_option
def add(number: str, evidence: str, config: Path | None, as_json: bool) -> None:
    """Record that NUMBER wants no texts."""
    wanted = e164(number)
    opt_out = _with_ledger(config, lambda ledger: ledger.opt_out(wanted, source="person", evidence=evidence))
    if as_json:
        print_json(_as_json(opt_out))
    else:
        click.echo(
            f"{opt_out.number} gets no texts, since {opt_out.at:%Y-%m-%d %H:%M} UTC ({opt_out.source})."
        )


@command.command("remove")
@click.argument("number")
@config_option
@json_option
def remove(number: str, config: Path | None, as_json: bool) -> None:
    """Lift the opt-out of NUMBER. Only with the person's consent: carriers keep lists of their own."""
    wanted = e164(number)
    held = _with_ledger(config, lambda ledger: ledger.lift_opt_out(wanted))
    if as_json:
        print_json({"number": wanted, "lifted": held})
    else:
        click.echo(f"{wanted} may be texted again." if held else f"{wanted} had not opted out.")
    if not held:
        raise click.exceptions.Exit(Exit.REJECTED)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@config_option
@json_option
def import_(file: Path, config: Path | None, as_json: bool) -> None:
    """Import opt-outs from FILE: one number a line, or CSV whose first column holds it. All or none."""
    from midcall.ledger import OptOut

    now = datetime.now(UTC)
    wanted = [
        OptOut(number=number, source="import", at=now, evidence=f"{file.name} line {line}")
        for line, number in _numbers_in(file)
    ]
    counts = _with_ledger(config, lambda ledger: ledger.import_opt_outs(wanted))
    if as_json:
        print_json({"added": counts.added, "already": counts.already})
    else:
        click.echo(f"{counts.added} added, {counts.already} had opted out already.")


def _numbers_in(file: Path) -> list[tuple[int, str]]:
    """Line and number of each entry. Every bad line is named; nothing is imported if there is one."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text; save it as UTF-8") from None
    found, bad = [], []
    for line, row in enumerate(csv.reader(text.splitlines()), start=1):
        cell = row[0].strip() if row else ""
        header = line == 1 and not any(character.isdigit() for character in cell)
        if not cell or cell.startswith("#") or header:
            continue
        try:
            found.append((line, e164(cell)))
        except click.BadParameter:
            bad.append(line)
    if bad:
        lines = ", ".join(map(str, bad[:10])) + (" and more" if len(bad) > 10 else "")
        raise click.ClickException(
            f"{file}: no phone number in line {lines}; write each in full, such as +12025550142. Nothing was imported."
        )
    return found


def _with_ledger(config: Path | None, work: Callable[[Ledger], Awaitable[T]]) -> T:
    from midcall.ledger import Ledger

    url = settings_from(config).ledger_url

    async def run() -> T:
        ledger = await Ledger.open(url)
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
