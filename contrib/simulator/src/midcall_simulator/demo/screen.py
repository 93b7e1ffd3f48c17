"""The timeline on a terminal, or plain where the output is a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as Words

from midcall_simulator.demo.checks import Report, SceneReport
from midcall_simulator.demo.timeline import Event, Form, Tone, Who

_ALL_HERE = (
    "The real server, a simulated Twilio and a simulated Retell, all on this machine. No text leaves it. "
    "The server's settings:"
)
_WIDEST = 110
_BUBBLE = 44
_COLOURS = {
    Who.RETELL: "magenta",
    Who.AGENT: "cyan",
    Who.MIDCALL: "bold blue",
    Who.TWILIO: "yellow",
    Who.PHONE: "green",
    Who.STRANGER: "red",
    Who.MACHINE: "red",
}
_TONES = {Tone.PLAIN: "", Tone.GOOD: "green", Tone.BAD: "red"}


class RichScreen:
    """Writes to `file`, or to standard output; what cannot be encoded there becomes a question mark."""

    def __init__(self, file: TextIO | None = None) -> None:
        file = file or sys.stdout
        if isinstance(file, io.TextIOWrapper):
            file.reconfigure(errors="replace")
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._console.width = min(self._console.width, _WIDEST)

    def opening(self, settings: str) -> None:
        """What this is, and the settings the server runs with."""
        self._console.print(
            Words.assemble(
                ("Midcall: a call, its texts, and what can go wrong\n", "bold"),
                (_ALL_HERE, "dim"),
            )
        )
        panel = Panel(Words(settings.strip(), style="dim"), title="midcall.toml", title_align="left")
        self._console.print(Padding(panel, (1, 0, 0, 0)))

    def scene(self, number: int, title: str, about: str) -> None:
        """A heading."""
        self._console.print()
        self._console.print(Rule(Words(f"{number}  {title}", style="bold"), align="left", style="dim"))
        self._console.print(Words(about, style="dim"))

    def event(self, event: Event, *, ms: float) -> None:
        """One line; the caller's text as it looks on their phone."""
        shown: RenderableType = Words(event.words, style=_TONES[event.tone])
        if event.form is Form.SPEECH:
            shown = Words(f"“{event.words}”", style="italic")
        elif event.form is Form.TEXT:
            wide = min(_BUBBLE, self._console.width - 24)
            shown = Panel(
                Words(event.words),
                title=str(event.facts["to"]),
                title_align="left",
                style="green",
                width=wide,
            )
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=9, justify="right", style="dim", no_wrap=True)
        grid.add_column(width=8, style=_COLOURS[event.who], no_wrap=True)
        grid.add_column(ratio=1, overflow="fold")
        grid.add_row(f"{ms:,.0f} ms", event.who.value, shown)
        self._console.print(grid)

    def closing(self, report: Report) -> None:
        """The table and the verdict."""
        self._console.print()
        self._console.print(Rule(Words("What the carrier saw", style="bold"), align="left", style="dim"))
        self._console.print(_table(report.scenes))
        if report.ok:
            self._console.print(Words(f"✓ {report.verdict}", style="bold green"))
            return
        self._console.print(Words("✗ It did not go as it should:", style="bold red"))
        for problem in report.problems:
            self._console.print(Padding(Words(problem, style="red"), (0, 0, 0, 2)))

    def server_log(self, lines: Sequence[str]) -> None:
        """The end of what the server wrote, for whoever looks for the cause."""
        self._console.print(Words("\nThe server's log:", style="bold"))
        self._console.print(Words("\n".join(lines) or "(empty)", style="dim"), soft_wrap=True)


def _table(scenes: Sequence[SceneReport]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    played = [scene for scene in scenes if scene.played]
    table.add_column("", justify="right", style="dim")
    table.add_column("scene", footer="all")
    for heading, total in (
        ("requests", sum(scene.requests_seen for scene in played)),
        ("expected", sum(scene.requests_expected for scene in played)),
        ("texts", sum(scene.texts_seen for scene in played)),
        ("expected", sum(scene.texts_expected for scene in played)),
    ):
        dim = "dim" if heading == "expected" else ""
        table.add_column(heading, footer=str(total), justify="right", style=dim, footer_style=dim)
    table.add_column("")
    for number, scene in enumerate(scenes, 1):
        counts = (scene.requests_seen, scene.requests_expected, scene.texts_seen, scene.texts_expected)
        mark = Words("✓", style="green") if scene.ok else Words("✗", style="bold red")
        cells = (
            [str(count) for count in counts] if scene.played else ["-", str(counts[1]), "-", str(counts[3])]
        )
        table.add_row(str(number), scene.title, *cells, mark)
    return table
