"""`midcall plugins`."""

from __future__ import annotations

from pathlib import Path

import click

from midcall.cli.exits import Exit
from midcall.cli.options import HELP, config_option, json_option, settings_from
from midcall.cli.output import Column, print_json, print_table

_COLUMNS = (
    Column("name", whole=True),
    Column("kind", whole=True),
    Column("from"),
    Column("state", whole=True, styled=True),
    Column("note"),
)


@click.command("plugins", context_settings=HELP)
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List the plugins that are installed, and what became of each.

    Exits with 1 when something is wrong with one, with 2 when that keeps Midcall from starting.
    """
    import logging

    from midcall.assembly import plugin_host
    from midcall.contract.errors import ConfigError
    from midcall.plugins import PluginReport, PluginState

    # What it logs of a plugin stands in the table; without a handler Python would print it above as well.
    logging.getLogger("midcall.plugins").addHandler(logging.NullHandler())
    host = plugin_host(settings_from(config))
    problems: tuple[str, ...] = ()
    try:
        host.load()
    except ConfigError as error:
        problems = error.problems
    reports = host.report()

    def row(report: PluginReport) -> tuple[str, ...]:
        # What stops the start is said below the table in full, once.
        note = "see below" if report.problem in problems else report.problem
        serves = f"serves {', '.join(report.instances)}" if report.instances else ""
        source = f"{report.distribution} {report.version}".strip()
        return report.name, report.kind, source, report.state, note or serves

    if as_json:
        print_json([report.as_json() for report in reports])
    else:
        print_table(
            _COLUMNS,
            [row(report) for report in reports],
            empty="No plugin is installed. Try: pip install midcall-twilio midcall-retell",
        )
    if problems:
        raise ConfigError(*problems)
    # One that is ready has a problem when it is core's own and was to be switched off.
    wrong = (PluginState.BROKEN, PluginState.REFUSED)
    if any(
        report.state in wrong or (report.problem and report.state is PluginState.READY) for report in reports
    ):
        raise click.exceptions.Exit(Exit.REJECTED)
