"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

STYLE_OF = {
    "delivered": "green",
    "accepted": "green",
    "sent": "green",
    "ready": "green",
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
}


def print_json(value: Any) -> None:
    """One JSON document, readable."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, styled: str | None = None
) -> None:
    """A table, or the sentence `empty`. The column named `styled` is coloured by state."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column in ("id", "at", "to", "from"), overflow="fold")
    for row in rows:
        cells = [
            Text(cell, style=STYLE_OF.get(cell, "") if column == styled else "")
            for column, cell in zip(columns, row, strict=True)
        ]
        table.add_row(*cells)
    _console(Console).print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(value, style=STYLE_OF.get(value, "")))
    _console(Console).print(table)


def _console(kind: Any) -> Any:
    """As wide as the terminal; when the output goes to a file, wide enough not to cut anything."""
    console = kind()
    return console if console.is_terminal else kind(width=200)
