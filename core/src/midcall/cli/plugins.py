"""`midcall plugins`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from midcall.cli.exits import Exit
from midcall.cli.options import config_option, json_option, settings_from
from midcall.cli.output import print_json, print_table


@click.command("plugins")
@config_option
@json_option
def command(config: Path | None, as_json: bool) -> None:
    """List the plugins that are installed, and what became of each.

    Exits with 1 when one is broken or refused, with 2 when that keeps Midcall from starting.
    """
    from midcall.assembly import plugin_host
    from midcall.contract.errors import ConfigError
    from midcall.plugins import PluginState

    host = plugin_host(settings_from(config))
    problems: tuple[str, ...] = ()
    try:
        host.load()
    except ConfigError as error:
        problems = error.problems
    reports = host.report()
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        print_table(
            ("name", "kind", "from", "state", "note"),
            [
                (r.name, r.kind or "", f"{r.distribution} {r.version}".strip(), r.state, r.problem or "")
                for r in reports
            ],
            empty="No plugin is installed. Try: pip install midcall-twilio midcall-retell",
            styled="state",
        )
    if problems:
        raise ConfigError(*problems)
    if any(report.state in (PluginState.BROKEN, PluginState.REFUSED) for report in reports):
        raise click.exceptions.Exit(Exit.REJECTED)
