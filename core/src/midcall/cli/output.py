"""Tables for people, JSON for programs."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from midcall.contract.messages import Verdict

STYLE_OF = {
    "delivered": "green",
    "accepted": "green",
    "sent": "green",
    "ready": "green",
    "allows": "green",
    "unknown": "yellow",
    "parked": "yellow",
    "sending": "cyan",
    "waiting": "cyan",
    "pending": "cyan",
    "rejected": "red",
    "undelivered": "red",
    "expired": "red",
    "broken": "red",
    "refused": "red",
    "denies": "red",
}

_UNBOUNDED = 100_000
"""Columns of what is not a terminal: nothing is cut or folded for a file or a pipe."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `whole` is never folded or cut; `cut` ends in an ellipsis where the terminal does; else folded."""

    name: str
    whole: bool = False
    cut: bool = False
    styled: bool = False
    """Coloured by its value, as a state."""


def say(text: str = "") -> None:
    """One or more lines to standard output. Quiet when nobody reads any more, as after `| head -1`: what was done is done."""
    try:
        click.echo(text, color=_is_coloured() and None)
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(value: Any) -> None:
    """One JSON document, readable. Where the output cannot hold every character, the others are escaped."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    say(json.dumps(value, ensure_ascii=encoding != "utf8", indent=2))


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table, or the sentence `empty`."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        longest = max(cell_len(cell) for cell in (column.name, *(row[place] for row in rows)))
        table.add_column(
            column.name,
            no_wrap=column.whole or column.cut,
            min_width=longest if column.whole else None,
            overflow="ellipsis" if column.cut else "fold",
        )
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(
            *(Text(cell, style=STYLE_OF.get(cell, "") if column.styled else "") for column, cell in cells)
        )
    _show(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(value, style=STYLE_OF.get(value, "")))
    _show(table)


def print_verdicts(verdicts: Iterable[Verdict]) -> None:
    """Who said what; nothing when nobody was asked."""
    rows = [
        (
            verdict.plugin,
            "allows" if verdict.allowed else "denies",
            ": ".join(part for part in (verdict.reason or "", verdict.detail) if part),
        )
        for verdict in verdicts
    ]
    if rows:
        say()
        print_table(
            (Column("plugin", whole=True), Column("says", whole=True, styled=True), Column("because")),
            rows,
            empty="",
        )


def styled(text: str, style: str) -> str:
    """`text` in a colour, where there are colours."""
    return click.style(text, fg=style)


def is_narrow(columns: int) -> bool:
    """Whether the output is a terminal with fewer than `columns` columns."""
    return sys.stdout.isatty() and _width() < columns


def _show(table: RenderableType) -> None:
    console = _console()
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    say("\n".join(line.rstrip() for line in console.file.getvalue().splitlines()))


def _console() -> Console:
    """Writes into memory: what reaches the terminal goes through `say`, with one rule for colours and for broken pipes."""
    from rich.console import Console

    coloured = sys.stdout.isatty() and _is_coloured()
    return Console(
        file=io.StringIO(),
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        width=_width() if sys.stdout.isatty() else _UNBOUNDED,
        highlight=False,
        emoji=False,
        markup=False,
    )


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _is_coloured() -> bool:
    """Unless the person wants none (no-color.org), or the terminal knows none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
